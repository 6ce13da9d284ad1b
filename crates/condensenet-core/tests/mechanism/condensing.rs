//! Masks, stages and the schedule, on layers.

use burn::{module::Module, store::ModuleRecord, tensor::Device};
use condensenet_core::{CondensationSchedule, LearnedGroupConvConfig, Mask};

use crate::{deviation, layer, noise_tensor};

fn config() -> LearnedGroupConvConfig {
    LearnedGroupConvConfig::new(24, 12)
        .with_groups(4)
        .with_condensation_factor(8)
}

#[test]
fn each_stage_begins_exactly_at_its_fraction_of_the_first_half() {
    for factor in 2..=32 {
        let schedule = CondensationSchedule::new(factor);
        for stage in 1..factor {
            let begin = stage as f64 / (2 * (factor - 1)) as f64;
            assert_eq!(schedule.stage_at(begin), stage, "C {factor}");
            assert_eq!(
                schedule.stage_at(begin.next_down()),
                stage - 1,
                "C {factor}"
            );
            assert_eq!(schedule.progress_of(stage), begin, "C {factor}");
        }
    }
}

#[test]
fn a_stage_leaves_every_group_its_count_of_inputs() {
    let mut layer = layer(&config(), &Device::default());
    for stage in 0..8 {
        layer.condense_to(stage);
        let mask = layer.mask();
        for group in 0..4 {
            assert_eq!(mask.kept_count(group), 24 - 3 * stage, "stage {stage}");
        }
        assert_eq!(layer.stage(), stage);
    }
    layer.condense_to(99);
    assert_eq!(layer.stage(), 7);
}

#[test]
fn condensing_to_the_same_or_an_earlier_stage_changes_nothing() {
    let device = Device::default();
    let mut layer = layer(&config(), &device);
    layer.condense_to(3);
    let mask = layer.mask();
    // Other weights would now choose other inputs, if anything were chosen.
    let other = noise_tensor(77, layer.weight.dims(), &device);
    layer.weight = burn::module::Param::from_tensor(other);
    for stage in [3, 3, 2, 0] {
        layer.condense_to(stage);
        assert_eq!(layer.mask(), mask, "stage {stage}");
    }
}

#[test]
fn a_later_stage_keeps_a_part_of_what_an_earlier_one_kept() {
    let device = Device::default();
    let mut layer = layer(&config(), &device);
    layer.condense_to(2);
    let earlier = layer.mask();
    layer.weight = burn::module::Param::from_tensor(noise_tensor(78, layer.weight.dims(), &device));
    layer.condense_to(6);
    let later = layer.mask();
    let pairs = later.entries().iter().zip(earlier.entries());
    assert!(
        pairs
            .into_iter()
            .all(|(later, earlier)| *earlier || !*later)
    );
}

#[test]
fn skipping_stages_ends_where_going_through_them_ends() {
    let device = Device::default();
    let mut stepwise = layer(&config(), &device);
    let mut at_once = stepwise.clone();
    for stage in 1..=7 {
        stepwise.condense_to(stage);
    }
    at_once.condense_to(7);
    assert_eq!(at_once.mask(), stepwise.mask());
}

#[test]
fn condensing_changes_no_weight_and_a_dropped_input_no_output() {
    let device = Device::default();
    let mut layer = layer(&LearnedGroupConvConfig::new(8, 3).with_groups(1), &device);
    let weight = layer.weight.val();
    layer.condense_to(3);
    assert_eq!(deviation(layer.weight.val(), weight), 0.0);

    let x = noise_tensor(9, [2, 8, 3, 5], &device);
    let before = layer.forward(x.clone());
    let dropped = (0..8)
        .find(|&channel| !layer.mask().row(0)[channel])
        .unwrap();
    let changed = x.slice_assign(
        [0..2, dropped..dropped + 1, 0..3, 0..5],
        noise_tensor(10, [2, 1, 3, 5], &device),
    );
    assert_eq!(deviation(layer.forward(changed), before), 0.0);
}

#[test]
fn the_mask_comes_back_with_the_record() {
    let device = Device::default();
    for device in [device.clone(), device.autodiff()] {
        let mut trained = layer(&config(), &device);
        trained.condense_to(5);
        let bytes = trained.clone().into_record().into_bytes().unwrap();
        let record = ModuleRecord::from_bytes(bytes).unwrap();
        let fresh = config().init(&device);
        assert_ne!(fresh.mask(), trained.mask());
        let resumed = fresh.load_record(record);
        assert_eq!(resumed.mask(), trained.mask());
        assert_eq!(resumed.stage(), 5);
        let x = noise_tensor(11, [2, 24, 3, 4], &Device::default());
        let outputs = [&resumed, &trained].map(|layer| layer.valid().forward(x.clone()));
        let [resumed, trained] = outputs;
        assert!(deviation(resumed, trained) < 1e-6);
    }
}

#[test]
fn the_group_lasso_counts_dropped_columns_as_a_thousandth() {
    let mut layer = layer(&config(), &Device::default());
    let mut previous = f32::INFINITY;
    for stage in 0..=7 {
        layer.condense_to(stage);
        let lasso = layer.group_lasso().into_scalar::<f32>();
        assert!(
            lasso < previous,
            "stage {stage}: {lasso}, before {previous}"
        );
        previous = lasso;
    }
    let mask = layer.mask();
    layer.set_mask(&Mask::from_rows(
        mask.groups(),
        mask.channels_in(),
        vec![false; mask.entries().len()],
    ));
    let floor = mask.entries().len() as f32 * 1e-3;
    let lasso = layer.group_lasso().into_scalar::<f32>();
    assert!((lasso - floor).abs() < 1e-4, "{lasso}, expected {floor}");
}

#[test]
fn numbers_that_do_not_fit_are_named() {
    let faults = [
        (
            LearnedGroupConvConfig::new(10, 8),
            "channels_in (10) must be a positive multiple of condensation_factor (4)",
        ),
        (
            LearnedGroupConvConfig::new(8, 6),
            "channels_out (6) must be a positive multiple of groups (4)",
        ),
        (
            LearnedGroupConvConfig::new(8, 8).with_groups(0),
            "channels_out (8) must be a positive multiple of groups (0)",
        ),
    ];
    for (config, expected) in faults {
        assert_eq!(config.validate().unwrap_err().to_string(), expected);
    }
}

#[test]
#[should_panic(expected = "mask is [2, 8], layer needs [4, 8]")]
fn a_mask_of_another_shape_is_refused() {
    let mut layer = LearnedGroupConvConfig::new(8, 8).init(&Device::default());
    layer.set_mask(&condensenet_core::Mask::all_kept(2, 8));
}
