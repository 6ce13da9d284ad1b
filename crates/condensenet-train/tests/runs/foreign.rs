//! Checkpoints that are whole, but of something else.

use std::{fs, path::PathBuf};

use burn::{module::Module, tensor::Device};
use condensenet_models::{AnyNetwork, CondenseNetConfig, InitNetwork};
use condensenet_train::TrainingRun;

use crate::support::{alone, assert_names, edit, latest, resume, train, trained, with_more_epochs};

/// Replaces files of the latest checkpoint, with a state that matches them.
fn forge(run: &TrainingRun, model: Option<Vec<u8>>, optimizer: Option<Vec<u8>>) -> PathBuf {
    let at = latest(run);
    let model = model.unwrap_or_else(|| at.read("model.bpk").expect("it is whole"));
    let optimizer = optimizer.unwrap_or_else(|| at.read("optimizer.bpk").expect("it is whole"));
    let files = [
        ("model.bpk", model.as_slice()),
        ("optimizer.bpk", optimizer.as_slice()),
    ];
    let written = run.checkpoints().write(at.state, &files);
    written.expect("the checkpoint can be written").path
}

#[test]
fn a_checkpoint_of_another_network_is_refused_by_file_and_parameter() {
    let _alone = alone();
    let (_root, run) = trained(1);
    let run = with_more_epochs(&run);
    let other = CondenseNetConfig::new(vec![1, 1], vec![4, 16])
        .init::<AnyNetwork>(&Device::flex())
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
            "features.norm.gamma",
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
