//! A dense block as one operation against its layers one by one.

use burn::{
    module::Param,
    tensor::{DType, Device, Tensor},
};
use condensenet_core::{
    Activation, CondensedConv, Conv1x1Ref, DenseLayerRef, GroupConv, GroupConvConfig, IndexLayer,
    LearnedGroupConvConfig, ReactivationRef, SparseFeatureReactivationConfig,
    SqueezeExcitationConfig, dense_block, infer_dense_block,
};

use crate::{deviation, noise_tensor, unsettle};

fn conv(
    channels_in: usize,
    channels_out: usize,
    side: usize,
    groups: usize,
    device: &Device,
) -> GroupConv {
    let config = GroupConvConfig::new(channels_in, channels_out);
    let config = config.with_kernel_size(side).with_groups(groups);
    let mut conv = config.init(device);
    let shape = conv.weight.dims();
    conv.weight = Param::from_tensor(noise_tensor(7 + channels_in as u64, shape, device));
    unsettle(&mut conv.norm, device);
    conv
}

/// A condensed layer whose groups keep channels of no order, one of them twice.
fn condensed(
    channels_in: usize,
    channels_out: usize,
    groups: usize,
    device: &Device,
) -> CondensedConv {
    let config = LearnedGroupConvConfig::new(channels_in, channels_out).with_groups(groups);
    let kept = groups * config.kept_per_group();
    let mut layer = config.init_condensed(device);
    let mut channels: Vec<usize> = (0..kept).map(|i| (7 * i + 3) % channels_in).collect();
    channels[1] = channels[0];
    layer.index = IndexLayer::new(&channels, device);
    layer.conv = conv(kept, channels_out, 1, groups, device);
    layer
}

fn view<'a>((conv_1x1, conv_3x3): &'a (CondensedConv, GroupConv)) -> DenseLayerRef<'a> {
    DenseLayerRef::new(Some(Conv1x1Ref::Condensed(conv_1x1)), conv_3x3)
}

/// What layers do by themselves, one after the other.
fn one_by_one(x: Tensor<4>, layers: &[(CondensedConv, GroupConv)]) -> Tensor<4> {
    layers.iter().fold(x, |x, (first, second)| {
        let new = second.forward(first.forward(x.clone()));
        Tensor::cat(vec![x, new], 1)
    })
}

#[test]
fn a_block_of_condensed_layers_equals_its_layers_one_by_one() {
    let device = Device::flex();
    for (batch, channels, groups, growth, height, width) in [
        (1, 16, 4, 8, 9, 6),
        (5, 8, 2, 4, 7, 7),
        (3, 24, 8, 16, 16, 33),
        (40, 8, 4, 4, 3, 2),
    ] {
        let at = |layer: usize| channels + layer * growth;
        let layers: Vec<_> = (0..3)
            .map(|layer| {
                let first = condensed(at(layer), 4 * growth, groups, &device);
                (first, conv(4 * growth, growth, 3, groups, &device))
            })
            .collect();
        let borrowed: Vec<_> = layers.iter().map(view).collect();
        let x = noise_tensor(3, [batch, channels, height, width], &device) * 1.5;
        let expected = one_by_one(x.clone(), &layers);
        let largest: f32 = expected.clone().abs().max().into_scalar();
        let found = infer_dense_block(&x, &borrowed).expect("a kernel");
        let off = deviation(found, expected) / largest;
        assert!(
            off < 2e-5,
            "batch {batch}, {channels} channels: off by {off}"
        );
    }
}

#[test]
fn a_block_of_plain_layers_equals_its_layers_one_by_one() {
    let device = Device::flex();
    // One 1x1 with groups that are not shuffled, which has no kernel.
    for groups in [1, 2] {
        let layers = [
            (conv(6, 12, 1, groups, &device), conv(12, 4, 3, 1, &device)),
            (conv(10, 12, 1, 1, &device), conv(12, 4, 3, 2, &device)),
        ];
        let borrowed = layers.each_ref().map(|(conv_1x1, conv_3x3)| {
            DenseLayerRef::new(Some(Conv1x1Ref::Grouped(conv_1x1)), conv_3x3)
        });
        let x = noise_tensor(3, [2, 6, 11, 10], &device);
        let expected = layers.iter().fold(x.clone(), |x, (first, second)| {
            let new = second.forward(first.forward(x.clone()));
            Tensor::cat(vec![x, new], 1)
        });
        let largest: f32 = expected.clone().abs().max().into_scalar();
        assert_eq!(infer_dense_block(&x, &borrowed).is_some(), groups == 1);
        let off = deviation(dense_block(x, &borrowed), expected) / largest;
        assert!(off < 2e-5, "{groups} groups: off by {off}");
    }
}

/// In training the norms take the statistics of the batch, and gradients flow.
#[test]
fn a_block_in_training_is_its_layers_one_by_one() {
    let device = Device::flex().autodiff();
    let layers = || [(condensed(8, 16, 4, &device), conv(16, 4, 3, 4, &device))];
    let (layers, same) = (layers(), layers());
    let borrowed = layers.each_ref().map(view);
    let x = || noise_tensor::<4>(3, [2, 8, 5, 4], &device).require_grad();
    let (left, right) = (x(), x());
    let (found, expected) = (
        dense_block(left.clone(), &borrowed),
        one_by_one(right.clone(), &same),
    );
    assert_eq!(
        deviation(found.clone().inner(), expected.clone().inner()),
        0.0
    );
    let (found, expected) = (
        found.powf_scalar(2.0).sum().backward(),
        expected.powf_scalar(2.0).sum().backward(),
    );
    let gradients = (left.grad(&found).unwrap(), right.grad(&expected).unwrap());
    assert_eq!(deviation(gradients.0, gradients.1), 0.0);
}

#[test]
fn maps_of_bf16_stay_maps_of_bf16() {
    let device = Device::flex();
    let layer = (condensed(8, 16, 4, &device), conv(16, 4, 3, 4, &device));
    let x = noise_tensor::<4>(3, [2, 8, 5, 4], &device).cast(DType::BF16);
    let found = dense_block(x, &[view(&layer)]);
    assert_eq!((found.dtype(), found.dims()), (DType::BF16, [2, 12, 5, 4]));
}

/// Hard-swish, weighed channels and reactivations, as a CondenseNetV2 has them.
#[test]
fn a_block_that_reactivates_equals_its_layers_one_by_one() {
    let device = Device::flex();
    for (activation, groups, growth, batch, height, width) in [
        (Activation::Relu, 4, 8, 2, 9, 6),
        (Activation::HardSwish, 4, 8, 3, 5, 7),
        (Activation::HardSwish, 2, 4, 17, 3, 2),
        (Activation::HardSwish, 8, 8, 1, 21, 40),
    ] {
        let layers: Vec<_> = (0..3)
            .map(|layer| {
                let channels = 2 * growth + layer * growth;
                let mut first = condensed(channels, 4 * growth, groups, &device);
                first.conv.activation = activation;
                let second = conv(4 * growth, growth, 3, groups, &device);
                let config = SparseFeatureReactivationConfig::new(growth, channels);
                let config = config.with_groups(groups).with_condensation_factor(2);
                let mut third = config.init(&device).with_activation(activation);
                unsettle(&mut third.norm, &device);
                third.condense_to(1);
                let weighs = SqueezeExcitationConfig::new(growth).init(&device);
                let third = third.convert().expect("condensed");
                (first, second.with_activation(activation), weighs, third)
            })
            .collect();
        let borrowed: Vec<_> = layers
            .iter()
            .map(|(first, second, weighs, third)| DenseLayerRef {
                squeeze_excitation: Some(weighs),
                reactivation: Some(ReactivationRef::Condensed(third)),
                ..DenseLayerRef::new(Some(Conv1x1Ref::Condensed(first)), second)
            })
            .collect();
        let x = noise_tensor(3, [batch, 2 * growth, height, width], &device) * 1.5;
        let expected = borrowed.iter().fold(x.clone(), |x, layer| layer.forward(x));
        let largest: f32 = expected.clone().abs().max().into_scalar();
        let found = infer_dense_block(&x, &borrowed).expect("a kernel");
        let off = deviation(found, expected) / largest;
        assert!(off < 2e-5, "{activation:?}, {groups} groups: off by {off}");
    }
}
