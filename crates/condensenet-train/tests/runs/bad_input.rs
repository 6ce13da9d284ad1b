use std::{fs, sync::Arc};

use burn::tensor::Device;
use condensenet_models::{CondenseNet, CondenseNetConfig, ConfigError, InitNetwork};
use condensenet_train::{
    GradientClipping, LearningRateSchedule, Recipe, RunConfig, RunData, TrainError, TrainingRun,
    WarmUp, data::ImageSet,
};

use crate::support::{
    alone, assert_names, begin, config, data, edit, images, network, options, recipe, resume,
};

#[test]
fn a_directory_without_a_run_is_said_to_have_none() {
    let root = tempfile::tempdir().unwrap();
    for directory in [root.path().to_path_buf(), root.path().join("nowhere")] {
        let error = TrainingRun::resume(&directory).unwrap_err();
        assert!(matches!(error, TrainError::NoRun { .. }), "{error:?}");
        assert_names(&error, &directory, &["run.json"]);
    }
}

#[test]
fn a_corrupt_description_is_named() {
    let (_root, run) = begin(config(recipe(1)));
    let file = run.directory().join("run.json");
    for damage in [&b"{\"network\": {"[..], b"", b"[]", b"\xff\xfe", b"{}"] {
        fs::write(&file, damage).unwrap();
        let error = resume(&run).unwrap_err();
        assert_names(&error, &file, &["corrupt"]);
    }
}

#[test]
fn a_description_with_numbers_that_cannot_be_is_refused_by_field() {
    let (_root, run) = begin(config(recipe(1)));
    let file = run.directory().join("run.json");
    let whole = fs::read(&file).unwrap();
    for (part, field, value, says) in [
        ("recipe", "epochs", serde_json::json!(0), "epochs is 0"),
        (
            "recipe",
            "momentum",
            serde_json::json!(1.0),
            "momentum is 1",
        ),
        (
            "network",
            "growth_rates",
            serde_json::json!([4, 7]),
            "growth_rates[1]",
        ),
        (
            "network",
            "condensation_factor",
            serde_json::json!(0),
            "condensation_factor",
        ),
    ] {
        fs::write(&file, &whole).unwrap();
        edit(&file, |json| json[part][field] = value);
        let message = resume(&run).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
    // As many epochs as a number can say are no reason to panic.
    fs::write(&file, &whole).unwrap();
    edit(&file, |json| json["recipe"]["epochs"] = u64::MAX.into());
    let poisoned = RunData {
        normalization: condensenet_train::data::Normalization {
            mean: [f32::NAN; 3],
            standard_deviation: [1.0; 3],
        },
        ..data(run.config())
    };
    let error = resume(&run).unwrap().train(&poisoned, &options());
    assert!(matches!(error, Err(TrainError::NonFiniteLoss { .. })));
}

#[test]
fn wrong_numbers_in_a_recipe_are_refused_by_field_before_anything_is_written() {
    let multistep = |milestones: &[f64], factor| LearningRateSchedule::Multistep {
        milestones: milestones.to_vec(),
        factor,
    };
    let good = Recipe::new();
    let cases = [
        (good.clone().with_epochs(0), "epochs is 0"),
        (good.clone().with_batch_size(0), "batch_size is 0"),
        (good.clone().with_learning_rate(0.0), "learning_rate is 0"),
        (
            good.clone().with_learning_rate(f64::NAN),
            "learning_rate is NaN",
        ),
        (good.clone().with_momentum(-0.1), "momentum is -0.1"),
        (
            good.clone().with_weight_decay(f64::INFINITY),
            "weight_decay is inf",
        ),
        (good.clone().with_group_lasso(-1.0), "group_lasso is -1"),
        (
            good.clone().with_label_smoothing(Some(1.0)),
            "label_smoothing is 1",
        ),
        (
            good.clone().with_warm_up(Some(WarmUp::Epochs(300))),
            "warm_up is 300 epochs",
        ),
        (
            good.clone().with_warm_up(Some(WarmUp::Steps(0))),
            "warm_up's steps is 0",
        ),
        (
            good.clone().with_accumulation(Some(65)),
            "accumulation is 65",
        ),
        (
            good.clone()
                .with_clipping(Some(GradientClipping::Norm(0.0))),
            "clipping's norm is 0",
        ),
        (
            good.clone()
                .with_clipping(Some(GradientClipping::Value(f64::NAN))),
            "clipping's value is NaN",
        ),
        (
            good.clone().with_average_decay(Some(1.0)),
            "average_decay is 1",
        ),
        (good.clone().with_patience(Some(0)), "patience is 0"),
        (
            good.clone().with_schedule(multistep(&[0.5, 1.5], 0.1)),
            "milestones is [0.5, 1.5]",
        ),
        (
            good.clone().with_schedule(multistep(&[f64::NAN], 0.1)),
            "milestones is [NaN]",
        ),
        (
            good.with_schedule(multistep(&[0.5], f64::NAN)),
            "factor is NaN",
        ),
    ];
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    for (recipe, says) in cases {
        let error = TrainingRun::create(&directory, config(recipe)).unwrap_err();
        assert!(matches!(error, TrainError::Recipe { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!directory.exists());
    }
    let wrong = RunConfig::new(
        CondenseNetConfig::new(vec![1], vec![5]),
        recipe(1),
        images(8, 8),
    );
    let error = TrainingRun::create(&directory, wrong).unwrap_err();
    assert!(matches!(error, TrainError::Config(_)), "{error:?}");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, b"a file").unwrap();
    let error = TrainingRun::create(file.join("run"), config(recipe(1))).unwrap_err();
    assert!(matches!(error, TrainError::Io { .. }), "{error:?}");
    assert_names(&error, &file, &[]);
    let error = TrainingRun::resume(file.join("run")).unwrap_err();
    assert!(matches!(error, TrainError::NoRun { .. }), "{error:?}");
}

#[test]
fn images_that_do_not_go_with_the_network_are_refused() {
    let _alone = alone();
    let set = |count: usize, side: usize, classes: usize| {
        let names = (0..classes).map(|class| class.to_string()).collect();
        let labels = vec![0; count];
        Arc::new(
            ImageSet::new(vec![9; count * 3 * side * side], labels, names, side, side).unwrap(),
        )
    };
    let (_root, run) = begin(config(recipe(1)));
    let with = |train: &Arc<ImageSet>, valid: &Arc<ImageSet>| {
        let data = RunData {
            train: train.clone(),
            valid: valid.clone(),
            ..data(run.config())
        };
        run.train(&data, &options()).unwrap_err()
    };
    let good = set(8, 32, 10);

    let error = with(&good, &set(8, 32, 100));
    assert!(
        matches!(
            error,
            TrainError::ClassCount {
                network: 10,
                images: 100
            }
        ),
        "{error:?}"
    );
    let error = with(&set(8, 1, 10), &good);
    assert!(
        matches!(
            error,
            TrainError::Config(ConfigError::InputTooSmall {
                height: 1,
                min: 2,
                ..
            })
        ),
        "{error:?}"
    );
    assert!(matches!(
        with(&set(0, 32, 10), &good),
        TrainError::NoImages("training")
    ));
    assert!(matches!(
        with(&good, &set(0, 32, 10)),
        TrainError::NoImages("validation")
    ));
}

#[test]
fn a_network_that_is_not_condensed_says_which_layer_lacks_how_much() {
    let _alone = alone();
    let mut network: CondenseNet = network().init(&Device::flex()).unwrap();
    network.condense_to(1);
    network
        .features
        .learned_convs_mut()
        .next()
        .unwrap()
        .condense_to(3);
    let message = network.convert().unwrap_err().to_string();
    for part in ["layer 0 of block 1", "keeps 9 of 12 inputs", "needs 3"] {
        assert!(message.contains(part), "{message}");
    }
}
