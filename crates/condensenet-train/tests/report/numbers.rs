use std::path::PathBuf;

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, Complexity, CondenseNetConfig, Convention, Form, Stem};
use condensenet_train::{
    Comparison, DataSource, Display, Recipe, RunConfig, RunOptions, TrainingRun,
    report::{RunReport, RunsReport},
};
use serde_json::Value;

use crate::support::{HOSTILE, begun, line, read, store_classes, write_metrics};

fn close(value: &Value, expected: f64) -> bool {
    value
        .as_f64()
        .is_some_and(|value| (value - expected).abs() < 1e-9)
}

#[test]
fn the_numbers_are_those_of_a_hand_computed_run() {
    let (_root, run) = begun();
    let lines = [
        line(1, 2.0, 70.0),
        line(2, 1.5, 40.0),
        "{\"kind\":\"position\",\"epoch\":3,\"step\":17}\n".to_owned(),
        line(3, 1.25, 50.0),
        line(3, 1.0, 45.0),
    ];
    write_metrics(&run, &lines.concat());
    store_classes(&run);
    let report = read(run.directory());
    let json = serde_json::to_value(&report).unwrap();

    assert_eq!(json["name"], "a run");
    assert_eq!(json["progress"]["epochs_done"], 3);
    assert_eq!(json["progress"]["epochs_planned"], 6);
    assert!(close(&json["progress"]["seconds"], 4.5));
    assert_eq!(json["epochs"].as_array().unwrap().len(), 3);
    assert!(
        close(&json["epochs"][2]["train_loss"], 1.0),
        "the later of two counts"
    );
    assert_eq!(json["best_epoch"]["epoch"], 2);
    assert!(close(&json["best_epoch"]["valid_top5_error"], 4.0));
    assert!(close(&json["final_epoch"]["valid_top1_error"], 45.0));

    // C = 4: stages at 1/6, 2/6 and 3/6 of six epochs, a quarter of the connections each.
    let stages = json["stages"].as_array().unwrap();
    let expected = [(1, 1.0, 75.0), (2, 2.0, 50.0), (3, 3.0, 25.0)];
    assert_eq!(stages.len(), expected.len());
    for (found, (stage, epoch, kept)) in stages.iter().zip(expected) {
        assert_eq!(found["stage"], stage);
        assert!(close(&found["epoch"], epoch) && close(&found["kept_connections"], kept));
    }

    let classes: Vec<_> = report.per_class().unwrap().classes().collect();
    let expected = [
        ("plain", Some(25.0)),
        (HOSTILE, Some(62.5)),
        ("unseen", None),
    ];
    assert_eq!(classes, expected);
}

#[test]
fn sizes_are_those_of_a_hand_computed_network() {
    let (_root, run) = begun();
    let sizes = read(run.directory()).sizes;
    // Stem 3 -> 8; blocks of 1 layer at k = 4 and of 2 at k = 8; 3x3 of 4 groups; classifier 28 -> 10.
    let stem = 3 * 9 * 8;
    let norms: u64 = [8, 12, 20].iter().map(|inputs| 2 * inputs).sum::<u64>();
    let inner_norms: u64 = [16, 32, 32].iter().map(|inputs| 2 * inputs).sum::<u64>();
    let dense = 8 * 16 + 12 * 32 + 20 * 32;
    let spatial = (16 * 4 + 32 * 8 + 32 * 8) * 9 / 4;
    let rest = stem + norms + inner_norms + spatial + 2 * 28 + 28 * 10 + 10;
    assert_eq!(sizes.training.parameters, rest + dense);
    // A converted layer norms what it gathers: for each of G = 2 groups a quarter of the inputs, together a half.
    assert_eq!(sizes.converted.parameters, rest - norms / 2 + dense / 4);
    // 32x32 pixels in the first block, 16x16 in the second.
    let pixels = [32 * 32, 16 * 16];
    let stem_and_classifier = stem * pixels[0] + 28 * 10;
    let spatial = 16 * 4 * 9 / 4 * pixels[0] + 2 * (32 * 8 * 9 / 4) * pixels[1];
    let learned = 8 * 16 * pixels[0] + (12 * 32 + 20 * 32) * pixels[1];
    assert_eq!(
        sizes.training.multiply_adds,
        stem_and_classifier + spatial + learned
    );
    assert_eq!(
        sizes.converted.multiply_adds,
        stem_and_classifier + spatial + learned / 4
    );
    assert!(sizes.converted.bytes < sizes.training.bytes);
}

#[test]
fn sizes_are_counted_for_the_images_that_the_run_learns_from() {
    let root = tempfile::tempdir().unwrap();
    let network = CondenseNetConfig::new(vec![1, 2], vec![4, 8]).with_stem(Stem::Imagenet);
    let photos = DataSource::folder("nowhere", 40);
    let config = RunConfig::new(network.clone(), Recipe::new(), photos);
    let run = TrainingRun::create(root.path().join("run"), config).unwrap();
    let sizes = read(run.directory()).sizes;
    assert_eq!(sizes.input, [40, 40]);
    let counted = Complexity::of(&network, Form::Training, [40, 40]).unwrap();
    let multiply_adds = counted.flops(Convention::MultiplyAdds);
    assert_eq!(sizes.training.multiply_adds, multiply_adds);
}

#[test]
fn what_a_comparison_found_is_what_the_report_shows() {
    let (_root, run) = begun();
    let data = run.config().data.load().unwrap();
    let device = Device::flex();
    let options = RunOptions {
        display: Display::Silent,
        ..RunOptions::new(device.clone())
    };
    let outcome = run.train(&data, &options).unwrap();
    let comparison = Comparison::of(&outcome.network, &data, &device).unwrap();
    run.keep_comparison(&comparison, &data).unwrap();
    let report = run.report(&device).unwrap();
    for (form, row) in [
        ("training", &comparison.training),
        ("converted", &comparison.converted),
    ] {
        let stored = report.evaluation(form).unwrap();
        assert_eq!(stored.top1_error, row.evaluation.top1_error);
        assert_eq!(stored.epoch, Some(6));
        assert_eq!(stored.class_errors, row.evaluation.class_errors);
        assert_eq!(stored.class_names, data.valid.class_names());
    }
    let written = report.write(&run.report_path()).unwrap();
    assert_eq!(written.page, run.directory().join("report/report.html"));

    let (_root, empty) = begun();
    let error = empty.keep_comparison(&comparison, &data).unwrap_err();
    assert!(error.to_string().contains("no checkpoint"), "{error}");
}

#[test]
fn the_heat_map_is_that_of_a_naive_loop() {
    let (_root, run) = begun();
    let data = run.config().data.load().unwrap();
    let options = RunOptions {
        display: Display::Silent,
        ..RunOptions::new(Device::flex())
    };
    let outcome = run.train(&data, &options).unwrap();
    let AnyNetwork::CondenseNet(network) = outcome.network else {
        panic!("the run trains a CondenseNet");
    };
    let report = read(run.directory());
    let connections = report.connections.expect("there is a checkpoint");
    assert_eq!(connections.epoch, 6);

    // Channels by layer: the stem's 8, then 4, 8 and 8.
    let made = [0..8, 8..12, 12..20, 20..28];
    let mut weights: Vec<(usize, Vec<Vec<f32>>)> = Vec::new();
    for conv in network.learned_convs() {
        let weight: Vec<f32> = conv.weight.val().into_data().iter().collect();
        let mask = conv.mask();
        let inputs = mask.channels_in();
        let masked = |output: usize, input: usize| match mask.row(output % 2)[input] {
            true => weight[output * inputs + input],
            false => 0.0,
        };
        let outputs = weight.len() / inputs;
        let rows = (0..outputs).map(|o| (0..inputs).map(|i| masked(o, i)).collect());
        weights.push((inputs, rows.collect()));
    }
    let classifier: Vec<f32> = network
        .classifier
        .linear()
        .weight
        .val()
        .into_data()
        .iter()
        .collect();
    let rows = (0..10).map(|class| {
        (0..28)
            .map(|input| classifier[input * 10 + class])
            .collect()
    });
    weights.push((28, rows.collect()));

    assert_eq!(connections.targets.len(), weights.len());
    for (target, (inputs, rows)) in connections.targets.iter().zip(&weights) {
        let read = made.iter().filter(|channels| channels.end <= *inputs);
        let expected: Vec<f64> = read
            .map(|channels| {
                let (mut sum, mut count) = (0.0, 0.0);
                for row in rows {
                    for channel in channels.clone() {
                        sum += f64::from(row[channel].abs());
                        count += 1.0;
                    }
                }
                sum / count
            })
            .collect();
        assert_eq!(target.mean_weights.len(), expected.len());
        for (found, expected) in target.mean_weights.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
            assert!(*expected > 0.0);
        }
    }
    for (mask, conv) in connections.masks.iter().zip(network.learned_convs()) {
        let conv = conv.mask();
        for (group, digits) in mask.groups.iter().enumerate() {
            let kept: Vec<usize> = digits.match_indices('1').map(|(index, _)| index).collect();
            assert_eq!(kept, conv.kept_channels(group));
            assert_eq!(mask.kept_per_group[group], mask.channels_in / 4);
        }
        let nobody = |&input: &usize| {
            mask.groups
                .iter()
                .all(|digits| digits.as_bytes()[input] == b'0')
        };
        assert_eq!(
            mask.unused_inputs,
            (0..mask.channels_in).filter(nobody).count()
        );
    }
}

#[test]
fn runs_of_one_name_are_told_apart_and_have_a_point_each() {
    let (one, run) = begun();
    let (other, second) = begun();
    write_metrics(&run, &(line(1, 2.0, 70.0) + &line(2, 1.5, 40.0)));
    write_metrics(&second, &line(1, 2.0, 55.0));
    let directories: [PathBuf; 2] = [run.directory().into(), second.directory().into()];
    let report = RunsReport::read(&directories, &Device::flex()).unwrap();
    let errors: Vec<_> = report
        .runs
        .iter()
        .map(|run| run.best_epoch.as_ref().unwrap().valid_top1_error)
        .collect();
    assert_eq!(errors, [Some(40.0), Some(55.0)]);
    assert_ne!(report.runs[0].name, report.runs[1].name);
    let alone = RunReport::read(run.directory(), &Device::flex()).unwrap();
    assert_eq!(report.runs[0].converted, alone.sizes.converted);
    drop((one, other));
}
