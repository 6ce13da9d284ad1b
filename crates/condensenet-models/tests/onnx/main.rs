//! ONNX models, read back without the code that writes them. That runtimes compute the same logits
//! from them is shown by `tests/python/check_exports.py` at the root of the workspace.

mod model;
mod shapes;
mod wire;

use std::{collections::BTreeSet, fs, path::PathBuf};

use burn::tensor::{Device, Int, Tensor};
use condensenet_core::channel_shuffle;
use condensenet_models::{
    AnyNetwork, CondenseNetConfig, InitNetwork, NetworkConfig, NetworkFile, Normalization,
    OnnxExport, Preset, Reactivation, Stem, StoredTensor,
};
use model::{Attribute, Model, ValueInfo, Values};
use serde_json::Value;
use tempfile::TempDir;

/// C differs from G, and no number of channels appears twice in a layer.
fn config() -> CondenseNetConfig {
    CondenseNetConfig::new(vec![2, 1], vec![4, 8])
        .with_num_classes(5)
        .with_groups_1x1(2)
        .with_groups_3x3(4)
        .with_condensation_factor(4)
        .with_dropout(0.1)
}

fn condensed(config: &NetworkConfig) -> AnyNetwork {
    let network = config.init::<AnyNetwork>(&Device::default());
    let mut network = network.expect("a valid configuration");
    network.condense_to(network.schedule().last_stage());
    network
}

/// A network in training form, in test-time form, and with half of the classifier.
fn forms(config: &NetworkConfig) -> [NetworkFile; 3] {
    let training = condensed(config);
    let converted = training.convert().expect("a condensed network");
    let half = converted.clone().condense_classifier(0.5);
    [
        NetworkFile::new(training),
        NetworkFile::new(converted),
        NetworkFile::new(half.expect("a fraction")),
    ]
}

fn somewhere() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("network.onnx");
    (directory, path)
}

fn exported(file: &NetworkFile) -> Model {
    let (_directory, path) = somewhere();
    OnnxExport::new(file).save(&path).expect("a model");
    Model::read(&path)
}

fn value_info(name: &str, shape: &[&str]) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        shape: shape.iter().map(|&extent| extent.to_owned()).collect(),
    }
}

#[test]
fn every_node_reads_what_was_made_before_it_and_fits() {
    let pooled = NetworkConfig::densenet(vec![2, 3], 8).with_stem(Stem::ImagenetPooled);
    let mut configs: Vec<NetworkConfig> = vec![
        config(),
        config().with_stem(Stem::Imagenet),
        config().with_groups_1x1(1).with_groups_3x3(1),
        NetworkConfig::light(vec![2, 1], vec![4, 8]),
        NetworkConfig::v2(vec![2, 1, 1, 1], vec![4, 8, 8, 16], 4, 9).with_reactivation(
            Reactivation {
                groups: 2,
                condensation_factor: 4,
            },
        ),
        pooled,
    ];
    configs.extend(Preset::ALL.map(Preset::config));
    for config in configs {
        let min = config.min_input_size();
        let (height, width) = (min + 3, 2 * min + 5);
        for file in forms(&config) {
            let model = exported(&file);
            let shapes = shapes::follow(&model, [7, 3, height, width]);
            assert_eq!(shapes["logits"], [7, config.num_classes], "{config:?}");

            let names: BTreeSet<_> = model.nodes.iter().map(|node| &node.name).collect();
            assert_eq!(names.len(), model.nodes.len(), "names of nodes are unique");
            let read: BTreeSet<_> = model.nodes.iter().flat_map(|node| &node.inputs).collect();
            let idle = shapes.keys().filter(|name| !read.contains(name));
            assert_eq!(idle.collect::<Vec<_>>(), ["logits"], "everything is read");
        }
    }
}

#[test]
fn weights_stand_under_their_keys_in_the_state_dict() {
    for file in forms(&config()) {
        let model = exported(&file);
        let state_dict = file.network.state_dict();
        for (key, tensor) in state_dict.iter() {
            let masked = ["_mask", "_stage", "_count"]
                .iter()
                .any(|end| key.ends_with(end));
            let Some(found) = model.initializer(key) else {
                assert!(masked, "{key} is missing");
                continue;
            };
            assert!(!masked, "{key}");
            assert_eq!(found.dims, tensor.shape(), "{key}");
            let mask = key
                .strip_suffix("conv.weight")
                .map(|path| format!("{path}_mask"));
            let mask = mask.and_then(|mask| state_dict.get(&mask));
            match &found.values {
                Values::Floats(values) => assert_eq!(*values, product(tensor, mask), "{key}"),
                Values::Integers(values) => {
                    assert_eq!(*values, tensor.to_i64(), "{key}");
                }
            }
        }
        let own = model.initializers.iter().map(|tensor| tensor.name.as_str());
        let own = own.filter(|name| !state_dict.contains_key(name));
        assert!(own.clone().all(|name| name.ends_with("conv_1.permutation")));
        let layers = config().dense_layers().count();
        let converted = file.network.form_name() == "converted";
        assert_eq!(own.count(), if converted { layers } else { 0 });
    }
}

fn product(tensor: &StoredTensor, mask: Option<&StoredTensor>) -> Vec<f32> {
    let mut values = tensor.to_f32();
    if let Some(mask) = mask {
        let kept = mask.to_f32();
        values.iter_mut().zip(kept).for_each(|(x, kept)| *x *= kept);
    }
    values
}

#[test]
fn a_shuffle_gathers_as_the_layer_does() {
    let [_, converted, _] = forms(&config());
    let model = exported(&converted);
    let mut shuffles = 0;
    for node in model
        .nodes
        .iter()
        .filter(|node| node.name.ends_with(".shuffle"))
    {
        let permutation = model.initializer(&node.inputs[1]).expect("a constant");
        let permutation = shapes::integers(permutation);
        let channels = permutation.len();
        let numbers = Tensor::<1, Int>::arange(0..channels as i64, &Device::default());
        let numbers = numbers.float().reshape([1, channels, 1, 1]);
        let shuffled = channel_shuffle(numbers, config().groups_1x1).into_data();
        let expected: Vec<i64> = shuffled.iter::<f32>().map(|x| x as i64).collect();
        assert_eq!(permutation, expected, "{}", node.name);
        shuffles += 1;
    }
    assert_eq!(shuffles, 3);
}

#[test]
fn each_form_has_the_operators_that_the_documentation_names() {
    let [training, converted, half] = forms(&config()).map(|file| exported(&file));
    // Stem, and for each of three layers a 1x1 and a 3x3; the last norm stands alone.
    let common = [
        ("AveragePool", 1),
        ("BatchNormalization", 7),
        ("Concat", 3),
        ("Conv", 7),
        ("Flatten", 1),
        ("Gemm", 1),
        ("GlobalAveragePool", 1),
        ("Relu", 7),
    ];
    let mut operators = common.into_iter().collect();
    assert_eq!(training.operators(), operators);
    operators.insert("Gather", 6);
    assert_eq!(converted.operators(), operators);
    operators.insert("Gather", 7);
    assert_eq!(half.operators(), operators);

    let groups = |model: &Model, end: &str| {
        let node = model.nodes.iter().find(|node| node.name.ends_with(end));
        node.expect("a convolution").int("group")
    };
    assert_eq!(groups(&training, "conv_1.conv"), 1);
    assert_eq!(groups(&converted, "conv_1.conv"), 2);
    assert_eq!(groups(&converted, "conv_2.conv"), 4);
    let norm = &training
        .nodes
        .iter()
        .find(|node| node.operator == "BatchNormalization");
    let epsilon = &norm.expect("a norm").attributes["epsilon"];
    assert_eq!(*epsilon, Attribute::Float(1e-5));
}

#[test]
fn sizes_are_open_unless_they_are_fixed() {
    let [_, file, _] = forms(&config());
    let logits = value_info("logits", &["batch", "5"]);
    let open = exported(&file);
    let input = value_info("input", &["batch", "3", "height", "width"]);
    assert_eq!(open.inputs, [input]);
    assert_eq!(open.outputs, [logits]);

    let (_directory, path) = somewhere();
    let export = OnnxExport::new(&file).with_input_size(9, 6);
    export.save(&path).expect("a model");
    let fixed = Model::read(&path);
    let input = value_info("input", &["batch", "3", "9", "6"]);
    assert_eq!(fixed.inputs, [input]);
    assert_eq!(fixed.outputs, open.outputs);
}

#[test]
fn the_model_says_what_is_known_about_the_network() {
    let [_, _, file] = forms(&config());
    let file = file
        .with_class_names(["bird", "cat", "deer", "dog", "frog"])
        .with_normalization(Normalization::CIFAR10)
        .with_provenance("not trained at all");
    let model = exported(&file);
    assert_eq!(model.ir_version, 8);
    assert_eq!(model.opsets, [(String::new(), 17)]);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(model.producer, ["condensenet", version]);

    assert_eq!(model.metadata.len(), 1);
    let text = &model.metadata["condensenet"];
    let mut known: serde_json::Map<String, Value> = serde_json::from_str(text).expect("JSON");
    let mut take = |key: &str| known.remove(key).unwrap_or_default();
    let described: NetworkConfig = serde_json::from_value(take("config")).expect("a description");
    assert_eq!(described, config());
    let names: Vec<String> = serde_json::from_value(take("class_names")).expect("names");
    assert_eq!(Some(names), file.class_names);
    let normalization = serde_json::from_value(take("normalization")).expect("numbers");
    assert_eq!(Some(normalization), file.normalization);
    assert_eq!(take("form"), "converted");
    // Two channels of the stem for each of the first growth rate, 2 * 4 and 1 * 8 more, halved.
    assert_eq!(take("classifier_kept"), 12);
    assert_eq!(take("provenance"), "not trained at all");
    assert_eq!(take("library_version"), version);
    assert_eq!(take("format_version"), 3);
    assert!(known.is_empty(), "{known:?}");
}

#[test]
fn the_same_network_gives_the_same_bytes_and_no_other_file() {
    let [_, file, _] = forms(&config());
    let (directory, path) = somewhere();
    let save = || {
        OnnxExport::new(&file).save(&path).expect("a model");
        fs::read(&path).expect("a model")
    };
    assert_eq!(save(), save());
    assert_eq!(
        fs::read_dir(directory.path()).expect("a directory").count(),
        1
    );
}

#[test]
fn what_cannot_be_written_is_an_error_with_the_path() {
    let [_, file, _] = forms(&config());
    let (directory, path) = somewhere();
    let place = path.display();

    let small = OnnxExport::new(&file).with_input_size(9, 1).save(&path);
    let names = file.clone().with_class_names(["cat", "dog"]);
    let names = OnnxExport::new(&names).save(&path);
    let nowhere = directory.path().join("nowhere").join("network.onnx");
    let missing = OnnxExport::new(&file).save(&nowhere);
    let messages = [small, names, missing].map(|result| result.unwrap_err().to_string());
    assert_eq!(
        messages[0],
        format!(
            "can't write {place}: the input is 9x1 (height x width), but this network needs at \
             least 2x2: it has 2 blocks and the stem `cifar`"
        )
    );
    assert_eq!(
        messages[1],
        format!("{place}, metadata `class_names`: 2 names for 5 classes")
    );
    let expected = format!("can't write {}: ", nowhere.display());
    assert!(messages[2].starts_with(&expected), "{}", messages[2]);
    assert_eq!(
        fs::read_dir(directory.path()).expect("a directory").count(),
        0
    );
}
