//! `condensenet train`.

use condensenet::NetworkConfig;
use serde_json::Value;

use crate::support::*;

#[test]
fn a_network_is_trained_evaluated_and_resumed() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let output = train(&directory);
    let (trained, progress) = (stdout(&output), stderr(&output));
    let lines: Vec<&str> = trained.lines().collect();
    assert_eq!(
        lines[0],
        "60 images to train on, 20 to validate on; 2 epochs in batches of 20"
    );
    let sizes = |name: &str| -> Vec<&str> {
        let line = lines.iter().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).collect()
    };
    let epochs = progress.lines().filter(|line| line.starts_with("epoch "));
    assert_eq!(epochs.count(), 2, "{progress}");
    assert_eq!(progress.lines().count(), 2, "{progress}");

    // What was trained is what is evaluated, in both forms.
    let table = lines
        .iter()
        .position(|line| line.contains("error    parameters"))
        .unwrap();
    let error = |row: &str| -> f64 { row.split_whitespace().nth(1).unwrap().parse().unwrap() };
    for (form, row) in [
        ("training", lines[table + 1]),
        ("converted", lines[table + 2]),
    ] {
        assert!(
            row.starts_with(form) && row.ends_with(sizes(form)[1]),
            "{trained}"
        );
        let mut arguments = vec![
            "evaluate",
            path(&directory),
            "--checkpoint=latest",
            "--json",
        ];
        arguments.extend((form == "converted").then_some("--converted"));
        let evaluation = json(&run(arguments));
        assert_eq!(evaluation["form"], form);
        assert_eq!(evaluation["epoch"], 2);
        assert_eq!(evaluation["images"], 20);
        assert_eq!(evaluation["top1_error"], error(row), "{trained}");
    }
    let best = run(["evaluate", path(&directory)]);
    assert_done(&best);
    assert!(stdout(&best).contains("top-1 error  "), "{}", stdout(&best));
    let moved = run(["evaluate", path(&directory), "--data", path(root.path())]);
    assert_refused(&moved, USAGE, &["built-in images"]);

    // A finished run has nothing left to train; it ends with the same table.
    let resumed = run([
        "train",
        "--resume",
        path(&directory),
        "-j",
        "0",
        "--no-report",
    ]);
    assert_done(&resumed);
    let resumed = stdout(&resumed);
    assert!(resumed.contains("2 of 2 epochs done"), "{resumed}");
    let end = lines[table..].join("\n");
    assert!(resumed.trim_end().ends_with(&end), "{resumed}");

    // Nor is it overwritten.
    let again = run(TINY.into_iter().chain(["--run", path(&directory)]));
    assert_refused(&again, FAILED, &["already holds a run"]);
}

#[test]
fn runs_without_a_name_are_numbered() {
    let root = tempfile::tempdir().unwrap();
    for directory in ["runs/synthetic", "runs/synthetic-2"] {
        let output = program().args(TINY).current_dir(&root).output().unwrap();
        assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));
        assert!(stdout(&output).contains(&format!("run      {directory}\n")));
        assert!(root.path().join(directory).join("run.json").exists());
    }
}

#[test]
fn the_originals_spellings_describe_the_same_run() {
    let root = tempfile::tempdir().unwrap();
    let [ours, originals] = ["ours", "originals"].map(|name| root.path().join(name));
    let common = [
        "train",
        "-q",
        "--stages",
        "1-1",
        "--growth",
        "4-8",
        "--epochs",
        "1",
        "--train-images",
        "8",
        "--valid-images",
        "8",
    ];
    let output = run(common.into_iter().chain([
        "--batch-size",
        "8",
        "--lr",
        "0.05",
        "--schedule",
        "multistep",
        "--seed",
        "3",
        "--groups-1x1",
        "2",
        "--groups-3x3",
        "1",
        "--condensation-factor",
        "2",
        "--dropout",
        "0.1",
        "--group-lasso",
        "1e-5",
        "--weight-decay",
        "0",
        "--workers",
        "1",
        "--run",
        path(&ours),
    ]));
    assert_done(&output);
    let output = run(common.into_iter().chain([
        "-b",
        "8",
        "--learning-rate",
        "0.05",
        "--lr-type",
        "multistep",
        "--manual-seed",
        "3",
        "--group-1x1",
        "2",
        "--group-3x3",
        "1",
        "--condense-factor",
        "2",
        "--dropout-rate",
        "0.1",
        "--group-lasso-lambda",
        "1e-5",
        "--wd",
        "0",
        "-j",
        "1",
        "--savedir",
        path(&originals),
    ]));
    assert_done(&output);
    let [ours, originals] = [ours, originals]
        .map(|directory| std::fs::read_to_string(directory.join("run.json")).unwrap());
    assert_eq!(ours, originals);
    let described: Value = serde_json::from_str(&ours).unwrap();
    assert_eq!(described["network"]["condensation_factor"], 2);
    assert_eq!(described["recipe"]["seed"], 3);
}

#[test]
fn quiet_training_says_nothing_but_its_results_and_those_are_json_on_request() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let results = json(&run(TINY.into_iter().chain([
        "-q",
        "--json",
        "--run",
        path(&directory),
    ])));
    assert_eq!(results["run"], path(&directory));
    assert_eq!(results["training"]["images"], 20);
    assert_eq!(
        results["training"]["top1_error"],
        results["converted"]["top1_error"]
    );
    assert!(results["best"]["epoch"].as_u64().unwrap() > 0);
}

#[test]
fn every_kind_of_network_is_trained_converted_and_exported() {
    let root = tempfile::tempdir().unwrap();
    for (model, kind) in [
        ("densenet", "densenet"),
        ("densenet_LGC", "light_condensenet"),
        ("condensenet_light", "light_condensenet"),
    ] {
        let [directory, converted, exported] =
            ["run", "converted", "exported.onnx"].map(|name| root.path().join(model).join(name));
        let common = [
            "--stages=2-1",
            "--growth=8",
            "--train-images=40",
            "--valid-images=20",
        ];
        let more = [
            "-q",
            "--epochs=1",
            "-b20",
            "--model",
            model,
            "--run",
            path(&directory),
        ];
        let output = run(["train"].into_iter().chain(common).chain(more));
        assert_done(&output);
        let described = std::fs::read_to_string(directory.join("run.json")).unwrap();
        let described: Value = serde_json::from_str(&described).unwrap();
        let network: NetworkConfig = serde_json::from_value(described["network"].clone()).unwrap();
        assert_eq!(network.kind(), kind);
        assert_eq!(network.growth_rates, [8, 8]);
        assert_done(&run(["convert", path(&directory), "-o", path(&converted)]));
        assert_done(&run(["export", path(&converted), "-o", path(&exported)]));
        let loss = |arguments: &[&str]| {
            let arguments = ["evaluate", "--json"].iter().chain(arguments);
            json(&run(arguments))["loss"].as_f64().unwrap()
        };
        let on = |network| loss(&[network, "synthetic"]);
        let difference = on(path(&directory)) - on(path(&converted));
        assert!(difference.abs() < 1e-5, "{model}: {difference}");
    }
}

#[test]
fn the_whole_recipe_reaches_the_run_and_its_average_is_evaluated() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let more = [
        "--run",
        path(&directory),
        "--label-smoothing=0.1",
        "--warm-up=2steps",
        "--accumulation=2",
        "--clipping=value=0.5",
        "--average-decay=0.5",
        "--precision=bf16",
        "--gradient-checkpointing",
        "--keep-checkpoints=1",
        "--checkpoint-minutes=0",
        "--json",
        "-q",
    ];
    let results = json(&run(TINY.into_iter().chain(more)));
    assert_eq!(results["ending"], "finished");
    let averages = &results["average"]["training"];
    assert!(averages["loss"].is_number() && averages["loss"] != results["training"]["loss"]);
    let described = std::fs::read_to_string(directory.join("run.json")).unwrap();
    let recipe = &serde_json::from_str::<Value>(&described).unwrap()["recipe"];
    assert_eq!(recipe["warm_up"], serde_json::json!({ "steps": 2 }));
    assert_eq!(recipe["clipping"], serde_json::json!({ "value": 0.5 }));
    assert_eq!(recipe["accumulation"], 2);
    let precision = &serde_json::from_str::<Value>(&described).unwrap()["precision"];
    assert_eq!(precision, "bf16");
    let average = json(&run([
        "evaluate",
        path(&directory),
        "--average",
        "--checkpoint=latest",
        "--json",
    ]));
    assert_eq!(average["top1_error"], averages["top1_error"]);
    assert!(!directory.join("evaluation.json").exists());

    let plain = root.path().join("plain");
    train(&plain);
    let output = run(["evaluate", path(&plain), "--average"]);
    assert_refused(&output, FAILED, &["no moving average"]);
}
