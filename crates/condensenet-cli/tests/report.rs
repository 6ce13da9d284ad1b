//! `condensenet report` as its users meet it.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_condensenet"));
    program.env_remove("BURN_DEVICE").stdin(Stdio::null());
    program
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[track_caller]
fn done<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> String {
    let output = run(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).expect("text")
}

/// Trains a network that takes a second.
fn train(directory: &Path) -> String {
    let options = "train --stages 1-1 --growth 4-8 --train-images 40 --valid-images 20 --epochs 2 -b 20 --lr 0.05 \
                   --group-lasso 1e-5 --seed 3 --device=flex";
    let directory = directory.to_str().expect("text");
    done(options.split_whitespace().chain(["--run", directory]))
}

fn json(path: &Path) -> Value {
    let bytes = fs::read(path).expect("the file is there");
    serde_json::from_slice(&bytes).expect("it is JSON")
}

#[test]
fn the_command_of_a_report_trains_the_same_again() {
    let root = tempfile::tempdir().unwrap();
    let [first, again] = ["first", "again"].map(|name| root.path().join(name));
    train(&first);
    let said = done([OsStr::new("report"), first.as_os_str()]);
    assert!(
        said.contains("report.html") && said.contains("heat_map.svg"),
        "{said}"
    );

    let report = json(&first.join("report").join("report.json"));
    let command = report["command"].as_str().expect("there is a command");
    let words = command.split(' ').skip(1).map(OsStr::new);
    let output = Command::new(env!("CARGO_BIN_EXE_condensenet"))
        .args(words.chain([OsStr::new("--run"), again.as_os_str()]))
        .current_dir(first.join("report"))
        .env_remove("BURN_DEVICE")
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert!(first.join("report").join("train.toml").exists());
    assert_eq!(json(&again.join("run.json")), json(&first.join("run.json")));
}

#[test]
fn training_ends_with_the_report_that_the_command_writes() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let said = train(&directory);
    let page = directory.join("report").join("report.html");
    assert!(
        said.contains(&format!("report   {}\n", page.display())),
        "{said}"
    );
    let read = || {
        let files = ["report.html", "report.json", "heat_map.svg", "train.toml"];
        files.map(|file| fs::read(directory.join("report").join(file)).unwrap())
    };
    let written = read();
    done([OsStr::new("report"), directory.as_os_str()]);
    assert_eq!(read(), written);
    let report = json(&directory.join("report").join("report.json"));
    let forms = report["evaluations"].as_array().unwrap();
    assert_eq!(forms.len(), 2);
    assert_eq!(forms[1]["class_errors"].as_array().unwrap().len(), 10);
    assert!(report["command"].is_string() && report["missing"] == Value::Array(vec![]));

    // It may go; the run is done all the same, and makes it again.
    fs::remove_dir_all(directory.join("report")).unwrap();
    done([
        OsStr::new("train"),
        OsStr::new("--resume"),
        directory.as_os_str(),
        OsStr::new("--no-report"),
    ]);
    assert!(!page.exists());
    done([
        OsStr::new("train"),
        OsStr::new("--resume"),
        directory.as_os_str(),
    ]);
    assert_eq!(read(), written);
}

#[test]
fn a_report_that_cannot_be_written_is_a_warning() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    train(&directory);
    fs::remove_dir_all(directory.join("report")).unwrap();
    // A file stands where the directory is to be.
    fs::write(directory.join("report"), "").unwrap();
    let again = [
        OsStr::new("train"),
        OsStr::new("--resume"),
        directory.as_os_str(),
    ];
    let output = run(again);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(
        error.contains("warning: there is no report: ") && error.contains("run/report"),
        "{error}"
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said.contains("report   "), "{said}");
    let output = run(again
        .into_iter()
        .chain([OsStr::new("--json"), OsStr::new("-q")]));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(results["report"].is_null() && results["ending"] == "finished");
}

#[test]
fn several_runs_are_compared_only_when_asked() {
    let root = tempfile::tempdir().unwrap();
    let [first, second, output] = ["first", "second", "page"].map(|name| root.path().join(name));
    train(&first);
    train(&second);
    let runs = [OsStr::new("report"), first.as_os_str(), second.as_os_str()];
    let refused = run(runs);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--compare"));

    let compare = [
        OsStr::new("--compare"),
        OsStr::new("--output"),
        output.as_os_str(),
    ];
    done(runs.into_iter().chain(compare));
    let comparison = json(&output.join("comparison.json"));
    assert_eq!(comparison["runs"][1]["name"], "second");
    assert!(output.join("error_over_multiply_adds.svg").exists());
}

#[test]
fn a_directory_without_a_run_is_refused_with_its_name() {
    let root = tempfile::tempdir().unwrap();
    let refused = run([OsStr::new("report"), root.path().as_os_str()]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.contains("run.json"), "{error}");
    assert!(error.contains(root.path().to_str().unwrap()), "{error}");
}
