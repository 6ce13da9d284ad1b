//! Ctrl-C.

use std::{process::Stdio, thread, time::Duration};

use crate::support::*;

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_with_130_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let mut training = program();
    training
        .args([
            "train",
            "--stages=1-1",
            "--growth=4-8",
            "--train-images=60",
            "--valid-images=20",
            "-b20",
        ])
        .args(["--epochs=100000", "--run", path(&directory)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut training = training.spawn().unwrap();
    let metrics = directory.join("metrics.jsonl");
    while std::fs::read_to_string(&metrics)
        .unwrap_or_default()
        .lines()
        .count()
        < 2
    {
        thread::sleep(Duration::from_millis(50));
        assert!(training.try_wait().unwrap().is_none(), "it ended by itself");
    }
    let pid = training.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(killed.unwrap().success());
    let output = training.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(INTERRUPTED));
    let said = stderr(&output);
    assert!(said.contains("finishing the step"), "{said}");
    let last = said.lines().last().unwrap();
    let resume = format!("`condensenet train --resume {}` goes on", path(&directory));
    assert!(
        last.starts_with("interrupted: after ") && last.contains(&resume),
        "{said}"
    );
    // Nothing after the last epoch is lost: a run without time makes one more step, of three an epoch.
    let goes_on = run([
        "train",
        "--resume",
        path(&directory),
        "--max-minutes=0",
        "--json",
        "-q",
    ]);
    let state = json(&goes_on);
    assert_eq!(state["ending"], "out_of_time");
    let numbers = last.split(' ').filter_map(|word| word.parse().ok());
    let numbers: Vec<u64> = numbers.take(2).collect();
    let done = |key: &str| state[key].as_u64().unwrap();
    assert_eq!(
        3 * done("epochs_done") + done("steps_done"),
        3 * numbers[0] + numbers[1] + 1,
        "{said} {state}"
    );
    assert_done(&run(["evaluate", path(&directory), "--checkpoint=latest"]));
}
