//! The program as its users meet it: what it prints, and how it ends.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;

/// A network and a set of images that train in a second.
const TINY: [&str; 14] = [
    "train",
    "--stages",
    "1-1",
    "--growth",
    "4-8",
    "--train-images",
    "60",
    "--valid-images",
    "20",
    "--epochs",
    "2",
    "-b",
    "20",
    "--device=flex",
];

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_condensenet"));
    program.env_remove("BURN_DEVICE");
    program
}

fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    let mut program = program();
    program.args(arguments).stdin(Stdio::null());
    program.output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// Asserts that the program ended as it should and said nothing on standard error.
fn assert_done(output: &Output) {
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(output));
    assert_eq!(stderr(output), "");
}

/// Asserts that the program refused, on standard error alone, with a sentence that says all of this.
fn assert_refused(output: &Output, code: i32, says: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(stdout(output), "");
    assert!(error.starts_with("error: "), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    for text in says {
        assert!(error.contains(text), "`{text}` is missing in: {error}");
    }
}

/// Trains the tiny network into a directory.
fn train(directory: &Path) -> Output {
    let output = run(TINY.into_iter().chain(["--run", path(directory)]));
    assert_done(&output);
    output
}

fn json(output: &Output) -> Value {
    assert_done(output);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    for (arguments, says) in [
        (vec!["train", "--colour", "red"], "--colour"),
        (vec!["train", "--stages", "4-4"], "--growth"),
        (
            vec!["train", "--stages", "4-x", "--growth", "8-16"],
            "14-14-14",
        ),
        (
            vec!["train", "--stages", "4", "--growth", "8-16"],
            "every dense block",
        ),
        (
            vec!["train", "--growth", "8", "--stages", "0"],
            "must be at least 1",
        ),
        (vec!["train", "--groups-1x1", "7"], "groups_1x1 = 7"),
        (
            vec!["train", "--condense-factor", "0"],
            "condensation_factor",
        ),
        (
            vec![
                "train", "--model", "cifar_50", "--stages", "1", "--growth", "8",
            ],
            "--model",
        ),
        (vec!["train", "--dataset", "cifar10"], "--data"),
        (
            vec!["train", "--dataset", "synthetic", "--data", "."],
            "no files",
        ),
        (vec!["train", "--dataset", "mnist"], "cifar100"),
        (
            vec!["train", "--data", ".", "--valid-images", "9"],
            "--valid-images",
        ),
        (vec!["train", "--train-images", "0"], "--train-images"),
        (vec!["train", "--epochs", "0"], "--epochs"),
        (vec!["train", "-b", "0"], "--batch-size"),
        (vec!["train", "--lr", "nan"], "learning_rate"),
        (vec!["train", "--lr-type", "linear"], "multistep"),
        (vec!["train", "--dropout-rate", "1.5"], "dropout"),
        (vec!["train", "--resume", ".", "--epochs", "9"], "--epochs"),
        (vec!["train", "--resume", ".", "--data", "."], "--data"),
        (
            vec!["train", "--resume", ".", "--model", "cifar_50"],
            "--model",
        ),
        (vec!["train", "--resume", ".", "--run", "x"], "--run"),
        (vec!["evaluate"], "<RUN>"),
        (vec!["evaluate", ".", "--checkpoint", "worst"], "latest"),
        (vec!["summary", "cifar_86", "--input", "32"], "32x48"),
        (
            vec!["summary", "cifar_86", "--input", "2x99"],
            "needs at least 4x4",
        ),
        (vec!["summary", "cifar_86", "--classes", "0"], "num_classes"),
        (vec!["bench", "cifar_50", "--seconds", "0"], "--seconds"),
        (vec!["bench", "cifar_50", "--threads", "0"], "--threads"),
        (vec!["bench", "cifar_50", "--form", "burnt"], "session"),
        (vec!["bench", "cifar_50", "--size", "3x9"], "at least 4x4"),
        (
            vec!["bench", "cifar_50", "--classifier", "2"],
            "kept_fraction",
        ),
        (
            vec![
                "bench",
                "cifar_50",
                "--classifier",
                "0.5",
                "--form",
                "training",
            ],
            "--classifier",
        ),
        (vec!["fly"], "fly"),
    ] {
        assert_refused(&run(arguments), USAGE, &[says]);
    }
}

#[test]
fn an_unknown_preset_is_answered_with_all_known_ones() {
    for arguments in [
        ["train", "--model=cifar_42"].as_slice(),
        &["summary", "cifar_42"],
    ] {
        let says = ["cifar_42", "cifar_50", "cifar_182", "imagenet_74_c8"];
        assert_refused(&run(arguments), USAGE, &says);
    }
}

#[test]
fn a_missing_data_directory_is_named_and_leaves_no_run() {
    let root = tempfile::tempdir().unwrap();
    let (data, directory) = (root.path().join("nowhere"), root.path().join("run"));
    let output = run(["train", "--data", path(&data), "--run", path(&directory)]);
    assert_refused(&output, FAILED, &["nowhere", "cifar-10-binary.tar.gz"]);
    assert!(!directory.exists());
}

#[test]
fn a_device_that_is_not_compiled_in_is_answered_with_those_that_are() {
    let output = run(["train", "--device", "abacus"]);
    assert_refused(&output, FAILED, &["abacus", "compiled in: ", "flex"]);
    let output = run(["evaluate", ".", "--device", "flex:7"]);
    assert_refused(&output, FAILED, &["flex:7", "1 device"]);
    let mut program = program();
    program.env("BURN_DEVICE", "abacus").arg("train");
    assert_refused(&program.output().unwrap(), FAILED, &["abacus"]);
}

#[test]
fn there_is_nothing_to_do_where_there_is_no_run() {
    let root = tempfile::tempdir().unwrap();
    for arguments in [
        ["train", "--resume"].as_slice(),
        &["evaluate"],
        &["summary"],
    ] {
        let output = run(arguments.iter().copied().chain([path(root.path())]));
        assert_refused(&output, FAILED, &[path(root.path()), "run.json"]);
    }
}

#[test]
fn a_network_is_trained_evaluated_and_resumed() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let trained = stdout(&train(&directory));
    let lines: Vec<&str> = trained.lines().collect();
    assert_eq!(
        lines[0],
        "60 images to train on, 20 to validate on; 2 epochs in batches of 20"
    );
    let sizes = |name: &str| -> Vec<&str> {
        let line = lines.iter().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).collect()
    };
    let epochs = lines
        .iter()
        .filter(|line| line.starts_with("epoch "))
        .count();
    assert_eq!(epochs, 2, "{trained}");

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
    let resumed = run(["train", "--resume", path(&directory), "-j", "0"]);
    assert_done(&resumed);
    let resumed = stdout(&resumed);
    assert!(resumed.contains("2 of 2 epochs are done"), "{resumed}");
    assert!(!resumed.contains("epoch 2/2"), "{resumed}");
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
        assert_done(&output);
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
fn a_summary_has_the_published_sizes() {
    // The original code's own count of its networks, before and after its conversion.
    for (preset, classes, training, converted) in [
        (
            "cifar_86",
            "10",
            [520_202_u64, 65_816_394_u64],
            [516_202_u64, 65_812_394_u64],
        ),
        (
            "CIFAR-86",
            "100",
            [592_292, 65_888_484],
            [552_292, 65_848_484],
        ),
        (
            "cifar_182",
            "10",
            [4_221_946, 512_671_594],
            [4_209_226, 512_658_874],
        ),
        (
            "imagenet_74_c4",
            "1000",
            [5_805_944, 530_360_264],
            [4_773_944, 529_328_264],
        ),
        (
            "imagenet_74_c8",
            "1000",
            [3_967_416, 275_265_480],
            [2_935_416, 274_233_480],
        ),
    ] {
        let summary = json(&run(["summary", preset, "--classes", classes, "--json"]));
        for (form, [params, flops]) in [("training", training), ("converted", converted)] {
            assert_eq!(summary[form]["params"], params, "{preset} {form}");
            assert_eq!(summary[form]["flops"], flops, "{preset} {form}");
        }
    }
    let summary = json(&run(["summary", "cifar_86", "--json"]));
    assert_eq!(summary["training"]["stored_params"], 1_451_594);
    assert_eq!(summary["converted"]["multiply_adds"], 62_377_888);
    assert_eq!(summary["converted_exact"]["stored_params"], 520_202);
    assert_eq!(summary["input"], serde_json::json!([32, 32]));
}

#[test]
fn a_summary_counts_a_run_and_any_image_size() {
    let root = tempfile::tempdir().unwrap();
    train(root.path());
    let summary = run(["summary", path(root.path())]);
    assert_done(&summary);
    let text = stdout(&summary);
    for says in [
        "blocks.1.layers.0.conv_1x1",
        "condensed convolution",
        "16x16",
        "multiply-adds",
    ] {
        assert!(text.contains(says), "`{says}` is missing in: {text}");
    }
    let count = |size: &str| {
        let summary = json(&run([
            "summary",
            path(root.path()),
            "--input",
            size,
            "--json",
        ]));
        summary["training"]["multiply_adds"].as_u64().unwrap()
    };
    let classifier = 20 * 10;
    assert_eq!(
        count("64x32") - classifier,
        2 * (count("32x32") - classifier)
    );
}

#[test]
fn every_form_of_a_network_is_timed() {
    let mut flops = Vec::new();
    for (form, device) in [
        ("session", "cpu"),
        ("forward", "Flex"),
        ("training", "Flex"),
    ] {
        let bench = run([
            "bench",
            "cifar_50",
            "--form",
            form,
            "--threads=2",
            "--batch=3",
            "--seconds=0.05",
            "--size=16x20",
            "--json",
        ]);
        let figures = json(&bench);
        assert_eq!(figures["form"], form);
        assert_eq!(figures["network"], "cifar_50");
        assert_eq!(figures["threads"], 2);
        assert_eq!(figures["batch"], 3);
        assert_eq!(figures["size"], serde_json::json!([16, 20]));
        let device_found = figures["device"].as_str().unwrap();
        assert!(device_found.contains(device), "{figures}");
        let number = |key: &str| figures[key].as_f64().unwrap();
        let (median, best) = (number("ms_per_image"), number("ms_best"));
        assert!(0.0 < best && best <= median, "{figures}");
        assert!((number("images_per_second") * median - 1e3).abs() < 1e-6);
        if cfg!(target_os = "linux") {
            assert!(number("peak_memory_mb") > 1.0, "{figures}");
        }
        flops.push(number("gflops") * median);
    }
    assert!((flops[0] - flops[1]).abs() < 1e-6 && flops[0] < flops[2]);
}

#[test]
fn a_run_is_timed_and_the_last_line_is_json() {
    let root = tempfile::tempdir().unwrap();
    train(root.path());
    let bench = run(["bench", path(root.path()), "--seconds=0.05"]);
    assert_done(&bench);
    let text = stdout(&bench);
    assert!(text.contains("form           session on cpu"), "{text}");
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["batch"], 1);
}

#[test]
fn devices_and_presets_are_listed() {
    let devices = run(["devices"]);
    assert_done(&devices);
    assert!(
        stdout(&devices).contains("flex:0      computes"),
        "{}",
        stdout(&devices)
    );
    let presets = run(["presets"]);
    assert_done(&presets);
    let presets = stdout(&presets);

    for says in [
        "cifar_86",
        "65.8 M",
        "CIFAR-100 23.64 %",
        "ImageNet 29.0 % (top-5 10.0 %)",
    ] {
        assert!(presets.contains(says), "`{says}` is missing in: {presets}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut summary = program();
    summary
        .args(["summary", "cifar_182"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut summary = summary.spawn().unwrap();
    drop(summary.stdout.take());
    let output = summary.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn every_command_explains_itself() {
    for command in [
        "train", "evaluate", "summary", "bench", "devices", "presets",
    ] {
        let help = run([command, "--help"]);
        assert_done(&help);
        assert!(stdout(&help).contains(&format!("Usage: condensenet {command}")));
    }
    for heading in ["Data:", "Network:", "Recipe:", "Run:"] {
        assert!(stdout(&run(["train", "-h"])).contains(heading), "{heading}");
    }
}
