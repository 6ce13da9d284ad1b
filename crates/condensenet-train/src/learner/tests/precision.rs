//! Steps of bf16 against steps of f32.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{DType, Device, Int, Tensor},
};
use condensenet_core::{LearnedGroupConv, mask::importance};
use condensenet_models::{CondenseNetConfig, InitNetwork, NetworkConfig, Stem};

use super::{CondensingLearner, Network, StepPlan, batch, numbers};
use crate::{data::ImageBatch, learner::StepResult, precision::Precision, recipe::Recipe};

fn fresh(config: &NetworkConfig) -> Network {
    let device = Device::flex().autodiff();
    device.seed(3);
    let network: Network = config.init(&device).unwrap();
    network.materialize().fork(&device)
}

fn learner(network: &Network, precision: Precision) -> CondensingLearner {
    let recipe = Recipe::new().with_epochs(1).with_group_lasso(1e-4);
    let plan = StepPlan::new(&recipe, 20, Vec::new()).with_precision(precision);
    CondensingLearner::new(network.valid().train(), plan, 0)
}

/// How far each parameter's gradient is from another: the length of the difference, and its own.
struct Distances<'a> {
    found: &'a GradientsParams,
    expected: &'a GradientsParams,
    all: Vec<(Vec<usize>, [f64; 2])>,
}

impl ModuleVisitor for Distances<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(expected) = self.expected.get::<D>(param.id) else {
            return;
        };
        let found = self.found.get::<D>(param.id).expect("the same parameters");
        assert_eq!(
            (found.dtype(), param.val().dtype()),
            (DType::F32, DType::F32)
        );
        let shape = found.dims().to_vec();
        let values = |tensor: Tensor<D>| -> Vec<f64> { tensor.into_data().iter().collect() };
        let (found, expected) = (values(found), values(expected));
        let norm = |values: &mut dyn Iterator<Item = f64>| {
            values.map(|value| value * value).sum::<f64>().sqrt()
        };
        let difference = norm(&mut found.iter().zip(&expected).map(|(a, b)| a - b));
        let length = norm(&mut expected.iter().copied());
        self.all.push((shape, [difference, length]));
    }
}

fn distances(
    network: &Network,
    found: &StepResult,
    expected: &StepResult,
) -> Vec<(Vec<usize>, f64)> {
    let mut distances = Distances {
        found: &found.gradients,
        expected: &expected.gradients,
        all: Vec::new(),
    };
    network.visit(&mut distances);
    let lengths = distances.all.iter().map(|(_, [_, length])| *length);
    // A scale in front of the next norm has no gradient at all, but for rounding.
    let least = 0.1 * lengths.fold(0.0, f64::max);
    let relative =
        |(shape, [difference, length]): (_, [f64; 2])| (shape, difference / length.max(least));
    distances.all.into_iter().map(relative).collect()
}

/// Makes weights numbers that bf16 has.
struct Round;

impl ModuleMapper for Round {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(rounded)
    }
}

fn rounded<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let narrow = tensor.inner().cast(DType::BF16).cast(DType::F32);
    Tensor::from_inner(narrow).require_grad()
}

/// Noise with a pattern for each class, so that gradients do not cancel each other out.
fn telling_batch(images: usize) -> ImageBatch {
    let device = Device::flex().autodiff();
    let mut state = 7_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let labels: Vec<i64> = (0..images as i64).map(|image| image * 7 % 10).collect();
    let pixels: Vec<f32> = labels
        .iter()
        .flat_map(|&label| (0..3 * 16 * 20).map(move |at| (label, at)))
        .map(|(label, at)| ((label + 1) as f32 * at as f32 * 0.13).sin() + 0.3 * noise())
        .collect();
    ImageBatch {
        images: Tensor::<1>::from_floats(&pixels[..], &device).reshape([images, 3, 16, 20]),
        labels: Tensor::<1, Int>::from_data(&labels[..], &device),
    }
}

#[test]
fn gradients_in_bf16_differ_from_those_in_f32_by_rounding() {
    let small = || CondenseNetConfig::new(vec![2, 1], vec![4, 8]);
    let mut far = Vec::new();
    for (name, config) in [
        ("condensenet", small()),
        ("with ImageNet's stem", small().with_stem(Stem::Imagenet)),
        (
            "densenet with a pooled stem",
            NetworkConfig::densenet(vec![2, 1], 8).with_stem(Stem::ImagenetPooled),
        ),
    ] {
        let network = fresh(&config);
        let step = |network: &Network, precision| {
            learner(network, precision).learn_from(telling_batch(32))
        };
        let [whole, mixed] = Precision::ALL.map(|precision| step(&network, precision));
        let difference = (mixed.objective - whole.objective).abs();
        if !(difference > 0.0 && difference < 0.01 * whole.objective) {
            far.push(format!(
                "{name}, the loss: {difference} of {}",
                whole.objective
            ));
        }
        // How much rounding means here is what it changes in f32 to round the weights, once.
        let round = step(&network.clone().map(&mut Round), Precision::F32);
        let once = distances(&network, &round, &whole);
        for ((shape, mixed), (_, once)) in distances(&network, &mixed, &whole).iter().zip(once) {
            if !(*mixed > 0.0 && *mixed < 0.02 + 5.0 * once) {
                far.push(format!(
                    "{name}, {shape:?}: {mixed}, by rounding once {once}"
                ));
            }
        }
    }
    assert!(far.is_empty(), "{far:#?}");
}

#[test]
fn maps_are_bf16_and_everything_that_stays_is_f32() {
    let network = fresh(&CondenseNetConfig::new(vec![1, 1], vec![4, 8]));
    let narrow = Precision::Bf16.of_images(batch(4, 1).images);
    let Network::CondenseNet(inner) = &network else {
        panic!("it is a CondenseNet");
    };
    for map in inner.maps(narrow.clone()) {
        assert_eq!(map.dtype(), DType::BF16);
    }
    assert_eq!(network.forward(narrow).dtype(), DType::F32);

    let mut learner = learner(&network, Precision::Bf16);
    let mut optimizer = Recipe::new().optimizer();
    let mut losses = Vec::new();
    for _ in 0..20 {
        learner.condense_for_step();
        let result = learner.learn_from(telling_batch(20));
        losses.push(result.objective);
        learner.update(&mut optimizer, 0.05, result.gradients);
    }
    assert!(losses[19] < 0.7 * losses[0], "{losses:?}");
    let trained = learner.network.valid();
    assert_eq!(trained.stage(), 3);
    // A step that is smaller than bf16 can tell is not lost.
    let is_narrow = |&value: &f32| value.to_bits().trailing_zeros() >= 16;
    let numbers = numbers(&trained, None);
    let narrow = numbers.iter().filter(|value| is_narrow(value)).count();
    assert!(narrow * 2 < numbers.len(), "{narrow} of {}", numbers.len());
}

#[test]
fn masks_are_chosen_by_weights_of_f32() {
    let network = fresh(&CondenseNetConfig::new(vec![2, 1], vec![4, 8]));
    let mut learner = learner(&network, Precision::Bf16);
    let mut optimizer = Recipe::new().optimizer();
    // Of 20 steps, stage 1 begins with the fifth.
    for step in 0..4 {
        learner.condense_for_step();
        let result = learner.learn_from(batch(16, step));
        learner.update(&mut optimizer, 0.05, result.gradients);
    }
    let expected: Vec<_> = learner
        .network
        .learned_convs()
        .map(|conv| {
            let weight: Vec<f32> = conv.weight.val().into_data().iter().collect();
            let mask = conv.mask();
            let kept = conv.schedule().kept_channels(mask.channels_in(), 1);
            let importance = importance(&weight, mask.channels_in(), conv.groups);
            mask.condensed(&importance, kept)
        })
        .collect();
    learner.condense_for_step();
    assert_eq!(learner.condensation().stage, 1);
    let masks: Vec<_> = learner
        .network
        .learned_convs()
        .map(LearnedGroupConv::mask)
        .collect();
    assert_eq!(masks, expected);
}
