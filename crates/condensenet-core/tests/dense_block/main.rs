//! A dense block trained as one operation against its layers one by one: output, gradients, running statistics.

use burn::{
    module::{Module, Param, RunningState},
    nn::BatchNorm,
    tensor::{DType, Device, Distribution, Tensor},
};
use condensenet_core::{
    Conv1x1Ref, DenseLayerRef, GroupConv, GroupConvConfig, LearnedGroupConv,
    LearnedGroupConvConfig, Mask, kernels, train_dense_block,
};

/// A layer whose 1x1 convolution is of either form.
#[derive(Module, Debug)]
struct Layer {
    learned: Option<LearnedGroupConv>,
    grouped: Option<GroupConv>,
    conv_3x3: GroupConv,
}

impl Layer {
    fn view(&self) -> DenseLayerRef<'_> {
        let conv_1x1 = match (&self.learned, &self.grouped) {
            (Some(conv), _) => Conv1x1Ref::Learned(conv),
            (None, conv) => Conv1x1Ref::Grouped(conv.as_ref().expect("one of two forms")),
        };
        DenseLayerRef::new(Some(conv_1x1), &self.conv_3x3)
    }

    /// The norm and the weight of the 1x1 convolution.
    fn first(&self) -> (&BatchNorm, &Param<Tensor<4>>) {
        match (&self.learned, &self.grouped) {
            (Some(conv), _) => (&conv.norm, &conv.weight),
            (None, conv) => {
                let conv = conv.as_ref().expect("one of two forms");
                (&conv.norm, &conv.weight)
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Grouped(usize),
    /// Groups, condensation factor, and the stage that layer `l` reaches, `l + 1` at most.
    Learned(usize, usize, usize),
}

#[derive(Clone, Copy, Debug)]
struct Case {
    shape: [usize; 4],
    growth_rate: usize,
    bottleneck: usize,
    groups_3x3: usize,
    layers: usize,
    form: Form,
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { shape: [3, 16, 8, 6], growth_rate: 8, bottleneck: 32, groups_3x3: 4, layers: 3, form: Form::Learned(4, 4, 0) },
    Case { shape: [3, 16, 8, 6], growth_rate: 8, bottleneck: 32, groups_3x3: 4, layers: 3, form: Form::Learned(4, 4, 3) },
    Case { shape: [2, 12, 7, 5], growth_rate: 6, bottleneck: 12, groups_3x3: 2, layers: 4, form: Form::Learned(2, 6, 2) },
    Case { shape: [5, 8, 5, 9], growth_rate: 4, bottleneck: 16, groups_3x3: 1, layers: 2, form: Form::Learned(8, 2, 1) },
    Case { shape: [4, 9, 6, 4], growth_rate: 3, bottleneck: 6, groups_3x3: 3, layers: 3, form: Form::Learned(1, 3, 1) },
    Case { shape: [3, 12, 8, 8], growth_rate: 12, bottleneck: 48, groups_3x3: 1, layers: 3, form: Form::Grouped(1) },
    Case { shape: [1, 8, 3, 11], growth_rate: 4, bottleneck: 8, groups_3x3: 2, layers: 1, form: Form::Grouped(4) },
];

fn block(case: Case, device: &Device) -> Vec<Layer> {
    let layer = |index: usize| {
        let channels_in = case.shape[1] + index * case.growth_rate;
        let (mut learned, mut grouped) = (None, None);
        match case.form {
            Form::Grouped(groups) => {
                let config = GroupConvConfig::new(channels_in, case.bottleneck);
                let config = config.with_kernel_size(1).with_groups(groups);
                grouped = Some(config.init(device));
            }
            Form::Learned(groups, condensation_factor, stage) => {
                let config = LearnedGroupConvConfig::new(channels_in, case.bottleneck)
                    .with_groups(groups)
                    .with_condensation_factor(condensation_factor);
                let mut conv = config.init(device);
                // Layers stand at different stages, and groups keep different inputs.
                conv.condense_to(stage.min(index + 1));
                learned = Some(conv);
            }
        }
        let conv_3x3 = GroupConvConfig::new(case.bottleneck, case.growth_rate);
        let mut layer = Layer {
            learned,
            grouped,
            conv_3x3: conv_3x3.with_groups(case.groups_3x3).init(device),
        };
        for norm in layer.norms_mut() {
            let noise = |center: f64| {
                let values = Tensor::random(
                    [norm.gamma.dims()[0]],
                    Distribution::Uniform(-0.4, 0.4),
                    device,
                );
                values + center
            };
            let (gamma, beta): (Tensor<1>, Tensor<1>) = (noise(0.9), noise(0.1));
            norm.gamma = norm.gamma.clone().map(|_| gamma.require_grad());
            norm.beta = norm.beta.clone().map(|_| beta.require_grad());
        }
        layer
    };
    (0..case.layers).map(layer).collect()
}

impl Layer {
    fn norms_mut(&mut self) -> Vec<&mut BatchNorm> {
        let mut norms = vec![&mut self.conv_3x3.norm];
        norms.extend(self.learned.as_mut().map(|conv| &mut conv.norm));
        norms.extend(self.grouped.as_mut().map(|conv| &mut conv.norm));
        norms
    }
}

/// Copies of layers whose running statistics are their own; those of a clone are shared.
fn twins(layers: &[Layer]) -> Vec<Layer> {
    let mut twins = layers.to_vec();
    for norm in twins.iter_mut().flat_map(Layer::norms_mut) {
        norm.running_mean = RunningState::new(norm.running_mean.value_sync());
        norm.running_var = RunningState::new(norm.running_var.value_sync());
    }
    twins
}

fn fold(x: Tensor<4>, layers: &[Layer]) -> Tensor<4> {
    layers.iter().fold(x, |x, layer| {
        let new = layer.view().new_channels(x.clone());
        kernels::append_channels(x, new)
    })
}

fn as_one(x: &Tensor<4>, layers: &[Layer]) -> Option<Tensor<4>> {
    let layers: Vec<_> = layers.iter().map(Layer::view).collect();
    train_dense_block(x, &layers)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

/// The output, the gradients of all inputs, and the running statistics, with names.
fn results(
    x: &Tensor<4>,
    layers: &[Layer],
    forward: impl Fn(&Tensor<4>, &[Layer]) -> Tensor<4>,
) -> Vec<(String, Vec<f32>)> {
    let x = x.clone().detach().require_grad();
    let output = forward(&x, layers);
    let probe = Tensor::<1, burn::tensor::Int>::arange(
        0..output.shape().num_elements() as i64,
        &x.device(),
    );
    let probe = (probe.float() * 0.37).sin().reshape(output.shape());
    let gradients = (output.clone() * probe).sum().backward();
    let mut results = vec![
        ("output".to_owned(), values(output)),
        (
            "grad x".to_owned(),
            values(x.grad(&gradients).expect("a gradient")),
        ),
    ];
    for (index, layer) in layers.iter().enumerate() {
        let (conv_3x3, (norm_1, weight_1)) = (&layer.conv_3x3, layer.first());
        for (name, weight) in [("1x1", weight_1), ("3x3", &conv_3x3.weight)] {
            let gradient = weight.val().grad(&gradients).expect("a gradient");
            results.push((
                format!("grad weight {name} of layer {index}"),
                values(gradient),
            ));
        }
        for (name, norm) in [("norm 1", norm_1), ("norm 2", &conv_3x3.norm)] {
            for (what, parameter) in [("gamma", &norm.gamma), ("beta", &norm.beta)] {
                let gradient = parameter.val().grad(&gradients).expect("a gradient");
                results.push((
                    format!("grad {what} of {name} of layer {index}"),
                    values(gradient),
                ));
            }
            let running = [
                ("mean", &norm.running_mean),
                ("variance", &norm.running_var),
            ];
            for (what, running) in running {
                results.push((
                    format!("running {what} of {name} of layer {index}"),
                    values(running.value_sync()),
                ));
            }
        }
    }
    results
}

fn differences(
    case: &str,
    found: &[(String, Vec<f32>)],
    expected: &[(String, Vec<f32>)],
) -> Vec<String> {
    assert_eq!(found.len(), expected.len());
    let mut differences = Vec::new();
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len(), "{case}: {name}");
        let largest = expected
            .iter()
            .fold(1e-2f32, |largest, value| largest.max(value.abs()));
        let error = (found.iter().zip(expected))
            .map(|(found, expected)| (found - expected).abs())
            .fold(0.0f32, |worst, error| {
                if error.is_nan() {
                    f32::INFINITY
                } else {
                    worst.max(error)
                }
            });
        if error > 2e-5 * largest {
            differences.push(format!("{case}: {name} is off by {error} of {largest}"));
        }
    }
    differences
}

fn input(case: Case, device: &Device) -> Tensor<4> {
    Tensor::random(case.shape, Distribution::Normal(0.3, 1.2), device)
}

#[test]
fn a_block_trained_as_one_is_its_layers_one_by_one() {
    let mut failures = Vec::new();
    for device in [
        Device::flex().autodiff(),
        Device::flex().autodiff().gradient_checkpointing(),
    ] {
        for &case in CASES {
            let (layers, x) = (block(case, &device), input(case, &device));
            let twins = twins(&layers);
            let found = results(&x, &layers, |x, layers| {
                as_one(x, layers).expect("a kernel")
            });
            let expected = results(&x, &twins, |x, layers| fold(x.clone(), layers));
            failures.extend(differences(&format!("{case:?}"), &found, &expected));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn dropped_weights_have_a_gradient_of_exactly_zero() {
    let device = Device::flex().autodiff();
    let case = CASES[1];
    let (layers, x) = (block(case, &device), input(case, &device));
    let gradients = as_one(&x, &layers).expect("a kernel").sum().backward();
    let mut zeros = 0;
    for layer in &layers {
        let conv = layer.learned.as_ref().expect("a learned convolution");
        let mask: Mask = conv.mask();
        let [channels_out, channels_in, ..] = conv.weight.dims();
        let gradient = values(conv.weight.val().grad(&gradients).expect("a gradient"));
        for (output, input) in
            (0..channels_out).flat_map(|output| (0..channels_in).map(move |input| (output, input)))
        {
            if !mask.entries()[output % conv.groups * channels_in + input] {
                assert_eq!(gradient[output * channels_in + input].to_bits(), 0);
                zeros += 1;
            }
        }
    }
    assert!(zeros > 0);
}

#[test]
fn a_second_use_of_the_output_adds_to_the_gradient() {
    let device = Device::flex().autodiff();
    let case = CASES[2];
    let (layers, x) = (block(case, &device), input(case, &device));
    let twins = twins(&layers);
    let twice = |y: Tensor<4>| y.clone().powi_scalar(2) + y;
    let found = results(&x, &layers, |x, layers| {
        twice(as_one(x, layers).expect("a kernel"))
    });
    let expected = results(&x, &twins, |x, layers| twice(fold(x.clone(), layers)));
    let failures = differences(&format!("{case:?}"), &found, &expected);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn blocks_without_a_kernel_are_left_to_their_layers() {
    let device = Device::flex().autodiff();
    let case = CASES[0];
    let (mut layers, x) = (block(case, &device), input(case, &device));
    assert!(as_one(&x, &layers).is_some());
    assert!(as_one(&x, &[]).is_none(), "no layers");
    assert!(
        as_one(&x.clone().cast(DType::BF16), &layers).is_none(),
        "bf16"
    );
    assert!(
        as_one(&input(case, &Device::flex()), &layers).is_none(),
        "no gradients"
    );
    let valid: Vec<Layer> = layers.iter().map(Module::valid).collect();
    assert!(as_one(&x, &valid).is_none(), "norms at test time");
    layers[2]
        .learned
        .as_mut()
        .expect("a learned convolution")
        .dropout
        .prob = 0.1;
    assert!(as_one(&x, &layers).is_none(), "dropout");
    assert!(
        as_one(&x, &layers[..2]).is_some(),
        "no dropout in the first layers"
    );
}
