//! How `condensenet train` ends before its time, and goes on.

use crate::support::*;

#[test]
fn a_run_out_of_time_says_so_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let output = run(TINY
        .into_iter()
        .chain(["--run", path(&directory), "--max-minutes=0", "-q"]));
    assert_done(&output);
    let said = stdout(&output);
    let resume = format!("`condensenet train --resume {}` goes on", path(&directory));
    assert!(
        said.contains("the time is over after 0 epochs and ") && said.contains(&resume),
        "{said}"
    );
    let output = run(["train", "--resume", path(&directory), "-q"]);
    assert_done(&output);
    assert!(stdout(&output).contains("largest difference between their logits"));
}

#[test]
fn a_run_that_gets_no_better_ends_early() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    // A rate of next to nothing teaches nothing.
    let more = [
        "--run",
        path(&directory),
        "--epochs=40",
        "--lr=1e-30",
        "--weight-decay=0",
        "--patience=2",
        "-q",
    ];
    let tiny = TINY
        .into_iter()
        .filter(|word| !["--epochs", "2"].contains(word));
    let output = run(tiny.chain(more));
    assert_done(&output);
    let said = stdout(&output);
    assert!(
        said.contains("ended early, after ") && said.contains("has not fallen for 2"),
        "{said}"
    );
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    train(&directory);
    let latest = directory.join("checkpoints/epoch-0002");
    let mut files: Vec<_> = std::fs::read_dir(&latest)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "bpk"));
    std::fs::write(&files[0], "eaten").unwrap();
    let output = run(["train", "--resume", path(&directory), "-q"]);
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));
    let output = run(["train", "--resume", path(&directory)]);
    assert_done(&output);
    std::fs::write(
        directory.join("checkpoints/epoch-0002/optimizer.bpk"),
        "eaten",
    )
    .unwrap();
    let output = run(["train", "--resume", path(&directory)]);
    assert!(
        stderr(&output).contains("epoch-0002 is passed over"),
        "{}",
        stderr(&output)
    );
    assert!(
        stdout(&output).contains("1 of 2 epochs done"),
        "{}",
        stdout(&output)
    );
}

#[cfg(unix)]
#[test]
fn a_run_directory_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let root = tempfile::tempdir().unwrap();
    let locked = root.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Permissions do not stop the superuser.
    if std::fs::write(locked.join("probe"), "").is_ok() {
        return;
    }
    let output = run(TINY.into_iter().chain(["--run", path(&locked.join("run"))]));
    assert_refused(&output, FAILED, &["locked/run"]);
}
