//! Training form and test-time form compute the same.

use burn::{module::Module, tensor::Device};
use condensenet_core::{ConversionError, LearnedGroupConvConfig, Mask};

use crate::{deviation, layer, noise_tensor};

/// C, G, inputs, outputs.
const TABLE: [(usize, usize, usize, usize); 14] = [
    (1, 1, 6, 4),
    (1, 4, 7, 8),
    (2, 1, 10, 3),
    (2, 4, 12, 8),
    (3, 5, 9, 10),
    (4, 1, 16, 5),
    (4, 2, 20, 6),
    (4, 4, 16, 8),
    (4, 8, 16, 24),
    (5, 1, 10, 7),
    (8, 4, 24, 20),
    (8, 8, 40, 16),
    (16, 3, 32, 9),
    // As many groups as outputs, and one kept input a group.
    (12, 6, 12, 6),
];

#[test]
fn converted_layer_equals_masked_layer() {
    let plain = Device::default();
    let mut failures = Vec::new();
    for (factor, groups, channels_in, channels_out) in TABLE {
        for device in [plain.clone(), plain.clone().autodiff()] {
            let mut masked = layer(
                &LearnedGroupConvConfig::new(channels_in, channels_out)
                    .with_groups(groups)
                    .with_condensation_factor(factor),
                &device,
            );
            masked.condense_to(usize::MAX);
            let converted = masked.convert().unwrap();
            let x = noise_tensor(6, [2, channels_in, 5, 3], &plain) * 2.0;
            let deviation = deviation(masked.valid().forward(x.clone()), converted.forward(x));
            if deviation > 1e-5 || deviation.is_nan() {
                failures.push(format!(
                    "C {factor}, G {groups}, {channels_in} -> {channels_out}: {deviation}"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn the_test_time_form_has_the_parts_that_its_configuration_makes() {
    for (factor, groups, channels_in, channels_out) in TABLE {
        let device = Device::default();
        let config = LearnedGroupConvConfig::new(channels_in, channels_out);
        let config = config.with_groups(groups).with_condensation_factor(factor);
        let mut masked = layer(&config, &device);
        masked.condense_to(usize::MAX);
        let converted = masked.convert().unwrap();
        let empty = config.init_condensed(&device);
        assert_eq!(converted.index.index.dims(), empty.index.index.dims());
        assert_eq!(converted.conv.weight.dims(), empty.conv.weight.dims());
        assert_eq!(
            converted.conv.norm.gamma.dims(),
            empty.conv.norm.gamma.dims()
        );
        assert_eq!(converted.conv.groups, groups);

        // A record carries one into the other.
        let filled = empty.load_record(converted.clone().into_record());
        let x = noise_tensor(7, [2, channels_in, 2, 5], &device);
        let (filled, converted) = (filled.forward(x.clone()), converted.forward(x));
        assert!(deviation(filled, converted) < 1e-6);
    }
}

#[test]
fn the_index_lists_the_kept_inputs_of_each_group_in_order() {
    let device = Device::default();
    let config = LearnedGroupConvConfig::new(6, 4).with_groups(2);
    let mut masked = layer(&config.with_condensation_factor(3), &device);
    let (kept, gone) = (true, false);
    let rows = vec![
        gone, gone, kept, gone, gone, kept, // group 0
        kept, gone, kept, gone, gone, gone, // group 1
    ];
    masked.set_mask(&Mask::from_rows(2, 6, rows));
    assert_eq!(masked.convert().unwrap().index.channels(), [2, 5, 0, 2]);
}

#[test]
fn a_layer_that_is_not_condensed_says_what_is_missing() {
    let config = LearnedGroupConvConfig::new(16, 8);
    let mut masked = layer(&config, &Device::default());
    masked.condense_to(1);
    let error = masked.convert().unwrap_err();
    let expected = ConversionError::NotCondensed {
        group: 0,
        kept: 12,
        channels: 16,
        side: "inputs",
        expected: 4,
        condensation_factor: 4,
        last_stage: 3,
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "not condensed yet: group 0 keeps 12 of 16 inputs, conversion needs 4 (condensation factor \
         4); train to the last condensing stage or call condense_to(3)"
    );
}

#[test]
fn one_group_that_keeps_too_few_inputs_is_found() {
    let mut masked = layer(&LearnedGroupConvConfig::new(8, 8), &Device::default());
    masked.condense_to(3);
    let mut rows = masked.mask().entries().to_vec();
    let last_kept = rows.iter().rposition(|&kept| kept).unwrap();
    rows[last_kept] = false;
    masked.set_mask(&Mask::from_rows(4, 8, rows));
    let ConversionError::NotCondensed { group, kept, .. } = masked.convert().unwrap_err();
    assert_eq!((group, kept), (3, 1));
}
