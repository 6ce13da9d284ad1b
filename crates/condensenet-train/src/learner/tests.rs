//! Steps against steps: cut into parts, shared by devices, in another precision, and by hand.

mod precision;

use burn::{
    module::{Flag, Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, Int, Tensor},
};
use condensenet_core::LearnedGroupConv;
use condensenet_models::{AnyNetwork, CondenseNetConfig, InitNetwork};

use super::{CondensingLearner, Network, StepPlan, cross_entropy};
use crate::{data::ImageBatch, recipe::Recipe};

/// Keeps the norms at what they have learned: as batch statistics depend on who shares a batch with whom, they are the one
/// thing that parts of a batch do not add up to.
struct FreezeNorms;

impl ModuleMapper for FreezeNorms {
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        flag.with_value(false)
    }
}

fn network() -> Network {
    let device = Device::flex().autodiff();
    device.seed(3);
    let network = CondenseNetConfig::new(vec![2, 1], vec![4, 8]);
    let network = network.init::<AnyNetwork>(&device);
    let network = network.unwrap().materialize().fork(&device);
    network.map(&mut FreezeNorms)
}

fn batch(images: usize, seed: usize) -> ImageBatch {
    let device = Device::flex().autodiff();
    let at = |position: usize| ((position * 37 + seed * 101) as f32 * 0.61).sin();
    let pixels: Vec<f32> = (0..images * 3 * 10 * 12).map(at).collect();
    let labels: Vec<i64> = (0..images)
        .map(|image| ((image * 7 + seed) % 10) as i64)
        .collect();
    ImageBatch {
        images: Tensor::<1>::from_floats(&pixels[..], &device).reshape([images, 3, 10, 12]),
        labels: Tensor::<1, Int>::from_data(&labels[..], &device),
    }
}

fn learner(network: &Network, recipe: &Recipe, devices: usize) -> CondensingLearner {
    let others = vec![Device::flex().autodiff(); devices - 1];
    let plan = StepPlan::new(recipe, 20, others);
    let network = network.valid().train();
    CondensingLearner::new(network, plan, 0)
}

/// All numbers of a module, or of its gradients.
struct Numbers<'a>(Option<&'a GradientsParams>, Vec<f32>);

impl ModuleVisitor for Numbers<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = match self.0 {
            Some(gradients) => gradients.get::<D>(param.id),
            None => Some(param.val()),
        };
        if let Some(tensor) = tensor {
            self.1.extend(tensor.into_data().iter::<f32>());
        }
    }
}

fn numbers(network: &Network, gradients: Option<&GradientsParams>) -> Vec<f32> {
    let mut numbers = Numbers(gradients, Vec::new());
    network.visit(&mut numbers);
    numbers.1
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    assert!(largest > 1e-3, "there is nothing to compare");
    let deviation = found
        .iter()
        .zip(expected)
        .fold(0.0_f32, |deviation, (a, b)| deviation.max((a - b).abs()));
    assert!(deviation < tolerance, "{deviation} of {largest}");
}

#[test]
fn accumulation_of_four_parts_of_16_equals_a_batch_of_64() {
    let network = network();
    let recipe = Recipe::new()
        .with_epochs(1)
        .with_group_lasso(1e-3)
        .with_label_smoothing(Some(0.1));
    let whole = learner(&network, &recipe, 1);
    for (parts, images) in [(4, 64), (4, 62), (7, 64), (3, 2)] {
        let expected = whole.learn_from(batch(images, 1));
        let accumulation = recipe.clone().with_accumulation(Some(parts));
        let found = learner(&network, &accumulation, 1).learn_from(batch(images, 1));
        assert_close(
            &numbers(&network, Some(&found.gradients)),
            &numbers(&network, Some(&expected.gradients)),
            1e-5,
        );
        assert_eq!(found.tally.images, images);
        assert_eq!(found.tally.top1_errors, expected.tally.top1_errors);
        assert_eq!(found.tally.top5_errors, expected.tally.top5_errors);
        let difference = (found.objective - expected.objective).abs();
        assert!(difference < 1e-5, "{difference}");
    }
}

#[test]
fn two_devices_equal_one_at_twice_the_batch_after_20_steps_with_the_same_masks() {
    let network = network();
    // 20 steps in all, so that the network condenses on the way: with steps 4, 7 and 10.
    let recipe = Recipe::new().with_epochs(1).with_group_lasso(1e-4);
    let [one, two, mixed] = [(1, 1), (2, 1), (2, 2)].map(|(devices, parts)| {
        let recipe = recipe.clone().with_accumulation(Some(parts));
        let mut learner = learner(&network, &recipe, devices);
        let mut optimizer = recipe.optimizer();
        for step in 0..20 {
            learner.condense_for_step();
            for replica in learner.replicas() {
                let masks = |network: &Network| -> Vec<_> {
                    network
                        .learned_convs()
                        .map(LearnedGroupConv::mask)
                        .collect()
                };
                assert_eq!(masks(&replica), masks(&learner.network));
            }
            let result = learner.learn_from(batch(16, step));
            learner.update(&mut optimizer, 0.05, result.gradients);
        }
        learner.network.valid()
    });
    assert_eq!(one.stage(), 3);
    for other in [two, mixed] {
        assert_close(&numbers(&other, None), &numbers(&one, None), 1e-4);
        for (a, b) in other.learned_convs().zip(one.learned_convs()) {
            assert_eq!(a.mask(), b.mask());
        }
    }
}

#[test]
fn the_running_statistics_are_those_of_the_networks_own_share() {
    let device = Device::flex().autodiff();
    let fresh = CondenseNetConfig::new(vec![1, 1], vec![4, 8]);
    let fresh = fresh.init::<AnyNetwork>(&device);
    let fresh = fresh.unwrap().materialize().fork(&device);
    let recipe = Recipe::new().with_epochs(1);
    let both = learner(&fresh, &recipe, 2);
    both.learn_from(batch(16, 5));
    let own = learner(&fresh, &recipe, 1);
    let ImageBatch { images, labels } = batch(16, 5);
    own.learn_from(ImageBatch {
        images: images.narrow(0, 0, 8),
        labels: labels.narrow(0, 0, 8),
    });
    let statistics = |learner: &CondensingLearner| numbers(&learner.network.valid(), None);
    assert_eq!(statistics(&both), statistics(&own));
    assert_ne!(statistics(&own), numbers(&fresh.valid(), None));
}

#[test]
fn a_smoothed_label_is_shared_out_among_all_classes() {
    let device = Device::flex();
    // Probabilities of a quarter and three quarters.
    let logits = Tensor::<2>::from_floats([[0.0, 3.0_f32.ln()]], &device);
    let labels = Tensor::<1, Int>::from_ints([1], &device);
    let loss = |smoothing| cross_entropy(&logits, &labels, smoothing).into_scalar::<f32>();
    // A fifth is shared out among two classes: 0.1 and 0.9; -(0.1 ln 0.25 + 0.9 ln 0.75).
    assert!((loss(Some(0.2)) - 0.397_543_3).abs() < 1e-6);
    // -ln 0.75
    assert!((loss(None) - 0.287_682_07).abs() < 1e-6);
}
