use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::{module::Module, tensor::Device};
use condensenet_models::{CondenseNetConfig, ConfigError};
use condensenet_train::{
    CheckpointDirectory, LearningRateSchedule, Recipe, RunConfig, RunData, TrainError, TrainingRun,
    data::ImageSet,
};

use crate::support::{
    alone, begin, config, data, files, finish, images, latest, network, options, recipe, resume,
    train,
};

fn trained(epochs: usize) -> (tempfile::TempDir, TrainingRun) {
    let (root, run, _) = finish(config(recipe(epochs)));
    (root, run)
}

/// Raises the number of epochs, so that there is something left to train.
fn with_more_epochs(run: &TrainingRun) -> TrainingRun {
    edit(&run.directory().join("run.json"), |json| {
        json["recipe"]["epochs"] = 9.into();
    });
    resume(run).expect("the run can be opened")
}

fn edit(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = fs::read(path).expect("the file is there");
    let mut json = serde_json::from_slice(&text).expect("the file is JSON");
    change(&mut json);
    fs::write(path, json.to_string()).expect("the file can be written");
}

/// Replaces files of the latest checkpoint, with a state that matches them.
fn forge(run: &TrainingRun, model: Option<Vec<u8>>, optimizer: Option<Vec<u8>>) -> PathBuf {
    let at = latest(run);
    let model = model.unwrap_or_else(|| at.read("model.bpk").expect("it is whole"));
    let optimizer = optimizer.unwrap_or_else(|| at.read("optimizer.bpk").expect("it is whole"));
    let files = [
        ("model.bpk", model.as_slice()),
        ("optimizer.bpk", optimizer.as_slice()),
    ];
    let written = run
        .checkpoints()
        .write(at.state.epoch, at.state.validation_error, &files);
    written.expect("the checkpoint can be written").path
}

#[track_caller]
fn assert_names(error: &TrainError, path: &Path, parts: &[&str]) {
    let message = error.to_string();
    assert!(message.contains(&*path.to_string_lossy()), "{message}");
    for part in parts {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

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
        normalisation: condensenet_train::data::Normalisation {
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
            train: Arc::clone(train),
            valid: Arc::clone(valid),
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
fn a_checkpoint_of_another_network_is_refused_by_file_and_parameter() {
    let _alone = alone();
    let (_root, run) = trained(1);
    let run = with_more_epochs(&run);
    let other = CondenseNetConfig::new(vec![1, 1], vec![4, 16])
        .init(&Device::flex())
        .unwrap();
    let other = other.into_record().into_bytes().unwrap().to_vec();
    let file = forge(&run, Some(other), None).join("model.bpk");

    let error = train(&run).unwrap_err();
    assert_names(&error, &file, &["blocks.1.layers.0.conv_1x1.weight"]);
    let error = run
        .load_network(&latest(&run), &Device::flex())
        .unwrap_err();
    assert_names(&error, &file, &["blocks.1.layers.0.conv_1x1.weight"]);
}

#[test]
fn a_description_of_another_network_is_refused_by_file_and_parameter() {
    let _alone = alone();
    let (_root, run) = trained(1);
    let run = with_more_epochs(&run);
    let description = run.directory().join("run.json");
    let whole = fs::read(&description).unwrap();
    let file = latest(&run).path.join("model.bpk");
    for (field, value, says) in [
        (
            "growth_rates",
            serde_json::json!([4, 16]),
            "blocks.1.layers.0.conv_1x1.weight",
        ),
        (
            "layers_per_block",
            serde_json::json!([1, 2]),
            "network.features.norm.gamma",
        ),
        (
            "groups_1x1",
            serde_json::json!(2),
            "blocks.0.layers.0.conv_1x1.mask",
        ),
    ] {
        fs::write(&description, &whole).unwrap();
        edit(&description, |json| json["network"][field] = value);
        let error = train(&resume(&run).unwrap()).unwrap_err();
        assert_names(&error, &file, &[says]);
    }
}

#[test]
fn an_optimizer_of_another_run_is_refused_by_file() {
    let _alone = alone();
    let (_root, run) = trained(1);
    let run = with_more_epochs(&run);
    let (_other_root, other) = trained(1);
    let foreign = latest(&other).read("optimizer.bpk").unwrap();
    // The network's own file is a burnpack as well, with identities that are known.
    let model = latest(&run).read("model.bpk").unwrap();
    let empty = burn_pack::Writer::new(Vec::new())
        .into_bytes()
        .unwrap()
        .to_vec();
    let whole = latest(&run).read("optimizer.bpk").unwrap();
    for (optimizer, says) in [
        (foreign, "belongs to no parameter"),
        (model, "belongs to no parameter"),
        (empty, "has no state"),
        (without_last_tensor(&whole), "has no state"),
        (with_wrong_shapes(&whole), "the parameter has"),
        (renamed(&whole), "are this optimizer's"),
        (b"no burnpack".to_vec(), "optimizer.bpk"),
    ] {
        let file = forge(&run, None, Some(optimizer)).join("optimizer.bpk");
        let error = train(&run).unwrap_err();
        assert_names(&error, &file, &[says]);
    }
    forge(&run, None, Some(whole));
    train(&run).unwrap();
}

type Change<'a> = &'a dyn Fn(&mut Vec<burn_pack::Tensor>);

fn rewritten(optimizer: &[u8], change: Change<'_>) -> Vec<u8> {
    let bytes = burn::tensor::Bytes::from_bytes_vec(optimizer.to_vec());
    let reader = burn_pack::Reader::from_bytes(bytes).expect("it is a burnpack");
    let (scalars, metadata) = (reader.scalars().clone(), reader.metadata().clone());
    let mut tensors = reader.into_tensors().expect("it has tensors");
    change(&mut tensors);
    let mut writer = burn_pack::Writer::new(tensors);
    for (key, value) in scalars {
        writer = writer.with_scalar(&key, value);
    }
    for (key, value) in metadata {
        writer = writer.with_metadata(&key, &value);
    }
    writer.into_bytes().expect("it can be written").to_vec()
}

fn without_last_tensor(optimizer: &[u8]) -> Vec<u8> {
    rewritten(optimizer, &|tensors| {
        tensors.pop();
    })
}

fn with_wrong_shapes(optimizer: &[u8]) -> Vec<u8> {
    rewritten(optimizer, &|tensors| {
        for tensor in tensors {
            let mut shape = tensor.shape.to_vec();
            shape.reverse();
            shape.push(1);
            tensor.shape = shape.into();
        }
    })
}

fn renamed(optimizer: &[u8]) -> Vec<u8> {
    rewritten(optimizer, &|tensors| {
        for tensor in tensors {
            tensor.name = tensor.name.replace("velocity", "speed");
        }
    })
}

#[test]
fn a_damaged_file_is_named_and_the_other_checkpoints_stay() {
    let _alone = alone();
    let (_root, run) = trained(2);
    let run = with_more_epochs(&run);
    let checkpoint = latest(&run);
    for name in ["model.bpk", "optimizer.bpk"] {
        let file = checkpoint.path.join(name);
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        for (damage, says) in [
            (Some(flipped), "checksum"),
            (Some(whole[..whole.len() - 1].to_vec()), "were written"),
            (Some(Vec::new()), "0 bytes"),
            (None, ""),
        ] {
            match damage {
                Some(damage) => fs::write(&file, damage).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let before = files(&run.directory().join("checkpoints"));
            let error = train(&run).unwrap_err();
            assert!(matches!(error, TrainError::Checkpoint { .. }), "{error:?}");
            assert_names(&error, &file, &[says]);
            assert_eq!(before, files(&run.directory().join("checkpoints")));
        }
        fs::write(&file, whole).unwrap();
    }
    run.load_network(&checkpoint, &Device::flex()).unwrap();
}

#[test]
fn a_checkpoint_without_a_readable_state_is_named() {
    let _alone = alone();
    let (_root, run) = trained(2);
    let checkpoint = latest(&run);
    let file = checkpoint.path.join("state.json");
    let whole = fs::read(&file).unwrap();
    let error_of_resume = || resume(&run).unwrap_err();

    edit(&file, |json| json["format"] = 99.into());
    assert_names(&error_of_resume(), &file, &["format 99"]);
    fs::write(&file, &whole).unwrap();
    edit(&file, |json| json["epoch"] = 7.into());
    assert_names(&error_of_resume(), &file, &["epoch 7"]);
    fs::write(&file, &whole).unwrap();
    edit(&file, |json| json["files"] = serde_json::json!([]));
    let error = train(&with_more_epochs(&run)).unwrap_err();
    assert_names(&error, &checkpoint.path, &["has no model.bpk"]);
    fs::write(&file, b"").unwrap();
    assert_names(&error_of_resume(), &file, &["corrupt"]);
    fs::remove_file(&file).unwrap();
    assert_names(&error_of_resume(), &file, &[]);

    // Without it the one before serves.
    fs::remove_dir_all(&checkpoint.path).unwrap();
    assert_eq!(resume(&run).unwrap().epochs_done(), 1);
}

#[test]
fn what_is_no_checkpoint_is_overlooked() {
    let _alone = alone();
    let (_root, run) = trained(1);
    let checkpoints = latest(&run).path.parent().unwrap().to_path_buf();
    fs::create_dir(checkpoints.join("epoch-0002.unfinished")).unwrap();
    fs::create_dir(checkpoints.join("epoch-0001 (copy)")).unwrap();
    fs::write(checkpoints.join("notes"), b"").unwrap();
    assert_eq!(
        CheckpointDirectory::new(checkpoints).list().unwrap().len(),
        1
    );
    train(&with_more_epochs(&run)).unwrap();
}

#[test]
fn a_network_that_is_not_condensed_says_which_layer_lacks_how_much() {
    let _alone = alone();
    let mut network = network().init(&Device::flex()).unwrap();
    network.condense_to(1);
    network.features.blocks[0].layers[0].conv_1x1.condense_to(3);
    let message = network.convert().unwrap_err().to_string();
    for part in ["layer 0 of block 1", "keeps 9 of 12 inputs", "needs 3"] {
        assert!(message.contains(part), "{message}");
    }
}
