//! Single-layer facts of the original PyTorch code: see `fixtures/README.md`.
//!
//! Where that code has a defect (`skip`, `zerocol`), the test asserts what is right and says so.

use burn::{
    module::{Module, Param},
    nn::Linear,
    tensor::{DType, Device, Tensor, TensorData},
};
use condensenet_core::{
    CondensedLinear, LearnedGroupConv, LearnedGroupConvConfig, Mask, channel_shuffle,
    channel_unshuffle, group_lasso,
};
use safetensors::{Dtype, SafeTensors};

use crate::{deviation, values};

const GROUPS: usize = 4;

fn fact(key: &str) -> TensorData {
    let bytes = include_bytes!("../fixtures/edge_cases.safetensors");
    let file = SafeTensors::deserialize(bytes).expect("a safetensors file");
    let view = file.tensor(key).unwrap_or_else(|e| panic!("{key}: {e}"));
    let dtype = match view.dtype() {
        Dtype::F32 => DType::F32,
        Dtype::I64 => DType::I64,
        other => panic!("{key}: {other:?} is not in the fixture"),
    };
    TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype)
}

fn tensor<const D: usize>(key: &str) -> Tensor<D> {
    Tensor::from_data(fact(key), &Device::default())
}

fn channels(key: &str) -> Vec<usize> {
    fact(key)
        .iter::<i64>()
        .map(|channel| channel as usize)
        .collect()
}

/// A mask that PyTorch holds once an output.
fn mask(key: &str) -> Mask {
    let data = fact(key);
    let channels_in = data.shape()[1];
    let entries: Vec<f32> = data.iter().collect();
    let mut rows = entries.chunks_exact(channels_in);
    let first: Vec<&[f32]> = rows.by_ref().take(GROUPS).collect();
    assert!(
        rows.enumerate()
            .all(|(output, row)| row == first[output % GROUPS])
    );
    let kept = first.concat().iter().map(|&entry| entry == 1.0).collect();
    Mask::from_rows(GROUPS, channels_in, kept)
}

/// A layer with C = G = 4 and the given weight.
fn layer(weight: Tensor<4>) -> LearnedGroupConv {
    let [channels_out, channels_in, _, _] = weight.dims();
    let config = LearnedGroupConvConfig::new(channels_in, channels_out).with_groups(GROUPS);
    let mut layer = config.init(&weight.device());
    layer.weight = Param::from_tensor(weight);
    layer
}

#[test]
fn of_equally_important_inputs_the_lower_go_first() {
    let mut layer = layer(Tensor::ones([8, 16, 1, 1], &Device::default()));
    for stage in 1..=3 {
        layer.condense_to(stage);
        assert_eq!(
            layer.mask(),
            mask(&format!("ties.mask{stage}")),
            "stage {stage}"
        );
    }
}

#[test]
fn drops_and_conversion_come_in_the_original_order() {
    let mut layer = layer(tensor("order.weight"));
    for stage in 1..=3 {
        layer.condense_to(stage);
        assert_eq!(
            layer.mask(),
            mask(&format!("order.mask{stage}")),
            "stage {stage}"
        );
    }
    let converted = layer.convert().unwrap();
    assert_eq!(
        converted.index.channels(),
        channels("order.converted_index")
    );
    let weight = tensor("order.converted_weight");
    assert_eq!(deviation(converted.conv.weight.val(), weight), 0.0);
}

/// Defect of the original: when the stage jumps from 0 to 3, it drops one quarter, counts three,
/// and converts what it takes for the surviving quarter. Ours drops three quarters.
#[test]
fn stages_that_were_skipped_are_made_up_for() {
    let x: Tensor<4> = tensor("skip.x");
    let mut layer = layer(tensor("skip.weight"));

    // One drop, which is what the original arrived at, agrees to the last output.
    layer.condense_to(1);
    assert_eq!(layer.mask(), mask("skip.mask"));
    let masked_out = tensor("skip.masked_out");
    assert!(deviation(layer.forward(x.clone()), masked_out) < 1e-6);
    // The original converts this mask all the same, and is wrong by more than 1.
    let wrong = deviation(tensor("skip.converted_out"), tensor::<4>("skip.masked_out"));
    assert!(wrong > 1.0, "{wrong}");
    assert!(layer.convert().is_err());

    layer.condense_to(3);
    for group in 0..GROUPS {
        assert_eq!(layer.mask().kept_count(group), 4);
    }
    let converted = layer.convert().unwrap();
    assert!(deviation(layer.forward(x.clone()), converted.forward(x)) < 1e-6);
}

/// Defect of the original: dropped inputs have importance 0 and are sorted along with the kept
/// ones, so a kept input without weight can take the place of one that was to go. Ours sorts
/// the kept ones only: each drop takes its count, inputs without weight first.
#[test]
fn kept_inputs_without_weight_go_first_and_shield_nobody() {
    for case in ["zerocol", "zerocol6"] {
        let mut layer = layer(tensor(&format!("{case}.weight")));
        let before = mask(&format!("{case}.mask_before"));
        layer.set_mask(&before);
        let importance = layer.importance();
        layer.condense_to(2);
        let (ours, theirs) = (layer.mask(), mask(&format!("{case}.mask_after")));
        for group in 0..GROUPS {
            assert_eq!(ours.kept_count(group), 8, "{case}");
            assert_eq!(theirs.kept_count(group), 9, "{case}: the defect");
            let mut expected = before.kept_channels(group);
            expected.sort_by(|&a, &b| {
                let row = &importance[group * 16..][..16];
                row[a].total_cmp(&row[b])
            });
            let mut expected = expected[4..].to_vec();
            expected.sort_unstable();
            assert_eq!(ours.kept_channels(group), expected, "{case}");
        }
        if case == "zerocol" {
            // Only input 0 has no weight; but for it, both drop the same.
            for group in 0..GROUPS {
                let mut theirs = theirs.kept_channels(group);
                assert_eq!(theirs.remove(0), 0);
                assert_eq!(ours.kept_channels(group), theirs);
            }
        }
    }
}

#[test]
fn the_group_lasso_has_the_original_value_and_gradient() {
    let device = Device::default().autodiff();
    let weight: Tensor<4> = Tensor::from_data(fact("lasso.weight"), &device);
    let mut layer = layer(weight);
    layer.set_mask(&mask("lasso.mask"));
    let lasso = layer.group_lasso();
    let same = group_lasso(layer.masked_weight(), GROUPS);
    assert_eq!(values(lasso.clone()), values(same));
    let theirs = values(tensor::<1>("lasso.value"));
    let ours = values(lasso.clone());
    assert!((ours[0] - theirs[0]).abs() < 1e-5, "{ours:?} {theirs:?}");

    let gradients = lasso.backward();
    let gradient = layer.weight.val().grad(&gradients).unwrap();
    let theirs = tensor("lasso.grad");
    assert!(deviation(gradient, theirs) < 1e-5);
}

#[test]
fn a_condensed_linear_layer_keeps_the_original_inputs_in_the_original_order() {
    let linear = Linear {
        weight: Param::from_tensor(tensor::<2>("lin.weight").transpose()),
        bias: Some(Param::from_tensor(tensor("lin.bias"))),
    };
    let condensed = CondensedLinear::from_linear(&linear, 0.5);
    assert_eq!(condensed.index.channels(), channels("lin.index"));
    let weight = condensed.linear.weight.val().transpose();
    assert_eq!(deviation(weight, tensor("lin.converted_weight")), 0.0);
    let bias = condensed.linear.bias.as_ref().unwrap().val();
    assert_eq!(deviation(bias, tensor("lin.bias")), 0.0);
}

#[test]
fn a_condensed_linear_layer_ignores_the_inputs_that_it_dropped() {
    let linear = Linear {
        weight: Param::from_tensor(tensor::<2>("lin.weight").transpose()),
        bias: Some(Param::from_tensor(tensor("lin.bias"))),
    };
    let condensed = CondensedLinear::from_linear(&linear, 0.5);
    let kept = condensed.index.channels();
    let entries = (0..22).map(|i| {
        if kept.contains(&(i % 11)) {
            i as f32
        } else {
            0.0
        }
    });
    let x = TensorData::new(entries.collect(), [2, 11]);
    let x = Tensor::from_data(x, &Device::default());
    assert!(deviation(condensed.forward(x.clone()), linear.forward(x)) < 1e-5);

    let whole = CondensedLinear::from_linear(&linear.valid(), 1.0);
    let x = crate::noise_tensor(40, [3, 11], &Device::default());
    assert!(deviation(whole.forward(x.clone()), linear.forward(x)) < 1e-5);
}

#[test]
fn the_shuffle_is_the_original() {
    for (key, groups) in [("shuffle.g3", 3), ("shuffle.g4", 4)] {
        let shuffled = channel_shuffle(tensor("shuffle.x"), groups);
        assert_eq!(deviation(shuffled.clone(), tensor(key)), 0.0, "{key}");
        let back = channel_unshuffle(shuffled, groups);
        assert_eq!(deviation(back, tensor("shuffle.x")), 0.0, "{key}");
    }
}
