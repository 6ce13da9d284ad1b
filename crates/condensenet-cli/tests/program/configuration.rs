//! `condensenet train --config FILE.toml`.

use crate::support::*;

/// A network and a recipe in which nothing is as by default.
const EVERYTHING: &str = r#"
[data]
dataset = "synthetic"
train_images = 70
valid_images = 30

[network]
model = "condensenet"
layers_per_block = [1, 2]
growth_rates = [6, 12]
num_classes = 10
bottleneck = 2
groups_1x1 = 3
groups_3x3 = 2
condensation_factor = 2
dropout = 0.25
stem = "imagenet"

[recipe]
epochs = 7
batch_size = 9
learning_rate = 0.03
momentum = 0.8
nesterov = false
weight_decay = 0.002
group_lasso = 1e-5
seed = 11
label_smoothing = 0.05
accumulation = 3
average_decay = 0.99
patience = 4
precision = "bf16"
[recipe.warm_up]
steps = 12
[recipe.clipping]
value = 0.5
[recipe.schedule.multistep]
milestones = [0.3, 0.6]
factor = 0.2
"#;

fn print(arguments: &[&str]) -> toml::Table {
    let output = run(["train", "--print-config"].iter().chain(arguments));
    assert_done(&output);
    stdout(&output).parse().expect("it is as the test has it")
}

#[test]
fn a_printed_configuration_describes_the_same_run() {
    let root = tempfile::tempdir().unwrap();
    let [first, second] = ["first.toml", "second.toml"].map(|name| root.path().join(name));
    std::fs::write(&first, EVERYTHING).unwrap();
    let printed = print(&["--config", path(&first)]);
    assert_eq!(printed, EVERYTHING.parse().unwrap());
    std::fs::write(&second, printed.to_string()).unwrap();
    assert_eq!(print(&["--config", path(&second)]), printed);
}

#[test]
fn every_kind_of_network_and_photos_are_printed_as_they_are_read() {
    let root = tempfile::tempdir().unwrap();
    let photos = photos(root.path(), 2);
    let file = root.path().join("train.toml");
    for (model, more) in [
        ("densenet", ["--reduction", "0.25"].as_slice()),
        ("densenet_LGC", &["--dropout", "0.1", "--reduction", "1"]),
        (
            "condensenet",
            &["--growth", "8-8", "--stem", "imagenet_pooled"],
        ),
    ] {
        let mut arguments = vec![path(&photos), "--model", model, "--stages", "2-1"];
        let growth = ["--growth", "8"];
        arguments.extend(growth.iter().filter(|_| model != "condensenet"));
        arguments.extend(more);
        arguments.extend([
            "--image-size",
            "40",
            "--crop-area",
            "0.5",
            "--unreadable=skip",
        ]);
        arguments.extend(["--color-jitter", "0.4,0.3,0.2,0.1", "--clipping", "2"]);
        let printed = print(&arguments);
        assert_eq!(printed["network"]["num_classes"].as_integer(), Some(2));
        assert_eq!(printed["data"]["image_size"].as_integer(), Some(40));
        assert_eq!(printed["data"]["resize"].as_integer(), Some(46));
        std::fs::write(&file, printed.to_string()).unwrap();
        assert_eq!(print(&["--config", path(&file)]), printed, "{model}");
        // Other blocks, of the same kind of network.
        let deeper = [
            "--config",
            path(&file),
            "--stages",
            "3-1",
            "--growth",
            "8-8",
        ];
        let deeper = print(&deeper);
        assert_eq!(deeper["network"]["model"], printed["network"]["model"]);
        assert_eq!(deeper["network"]["layers_per_block"].to_string(), "[3, 1]");
    }
}

#[test]
fn options_of_the_command_line_win() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("train.toml");
    std::fs::write(&file, EVERYTHING.replace("valid_images = 30", "")).unwrap();
    let config = ["--config", path(&file)];
    let printed = print(
        &[
            &config[..],
            &["--epochs=3", "--lr", "0.5", "cifar100", "--schedule=cosine"],
        ]
        .concat(),
    );
    assert_eq!(printed["recipe"]["epochs"].as_integer(), Some(3));
    assert_eq!(printed["recipe"]["learning_rate"].as_float(), Some(0.5));
    assert_eq!(printed["recipe"]["momentum"].as_float(), Some(0.8));
    assert_eq!(printed["recipe"]["schedule"].as_str(), Some("cosine"));
}

#[test]
fn a_preset_of_the_command_line_replaces_a_description_of_the_file() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("train.toml");
    std::fs::write(
        &file,
        "stages = [1, 1]\ngrowth = \"4-8\"\nepochs = 2\n[run]\njson = true\n",
    )
    .unwrap();
    let config = ["--config", path(&file)];
    let described = print(&config);
    assert_eq!(described["network"]["growth_rates"].to_string(), "[4, 8]");
    let preset = print(&[&config[..], &["--model=cifar_50"]].concat());
    assert_eq!(preset["network"]["growth_rates"].to_string(), "[8, 16, 32]");
    assert_eq!(preset["recipe"]["epochs"].as_integer(), Some(2));
}

#[test]
fn a_configuration_that_is_none_is_refused_with_its_key() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("train.toml");
    for (text, says) in [
        ("epoch = 3", "`epoch`"),
        ("[recipe]\nlearning_rat = 0.1", "`recipe.learning_rat`"),
        ("[recipes]\nepochs = 1", "`recipes`"),
        ("config = \"other.toml\"", "`config`"),
        ("resume = \"runs/x\"", "`resume`"),
        ("json = 1", "`json` must be true or false"),
        ("epochs = \"many\"", "--epochs"),
        ("epochs = = 3", "is not TOML"),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = run(["train", "--config", path(&file)]);
        assert_refused(&output, USAGE, &[says]);
    }
    std::fs::remove_file(&file).unwrap();
    let output = run(["train", "--config", path(&file)]);
    assert_refused(&output, FAILED, &["train.toml"]);
}
