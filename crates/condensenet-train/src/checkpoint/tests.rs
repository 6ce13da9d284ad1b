//! What survives which accident.

use std::fs;

use super::{state::STATE_FILE, *};
use crate::{error::TrainError, metrics::Sums};

fn directory() -> (tempfile::TempDir, CheckpointDirectory) {
    let root = tempfile::tempdir().unwrap();
    let directory = CheckpointDirectory::new(root.path().join("checkpoints"));
    (root, directory)
}

#[test]
fn what_was_written_is_read_back() {
    let (_root, directory) = directory();
    directory
        .write(CheckpointState::new(3, 41.5, 0), &[("model", b"weights")])
        .unwrap();
    let latest = directory.latest().unwrap().unwrap();
    assert_eq!(
        (latest.state.epoch, latest.state.validation_error),
        (3, 41.5)
    );
    assert_eq!(latest.read("model").unwrap(), b"weights");
}

#[test]
fn the_best_has_the_lowest_error_and_survives_pruning() {
    let (_root, directory) = directory();
    for (epoch, error) in [(1, 50.0), (2, 30.0), (3, 40.0), (4, 35.0), (5, 45.0)] {
        directory
            .write(CheckpointState::new(epoch, error, 0), &[("model", b"w")])
            .unwrap();
    }
    directory.prune(2).unwrap();
    let epochs: Vec<usize> = directory
        .list()
        .unwrap()
        .iter()
        .map(|c| c.state.epoch)
        .collect();
    assert_eq!(epochs, [2, 4, 5]);
    assert_eq!(directory.best().unwrap().unwrap().state.epoch, 2);
    assert_eq!(directory.latest().unwrap().unwrap().state.epoch, 5);
}

#[test]
fn an_unfinished_checkpoint_is_not_seen_and_is_replaced() {
    let (_root, directory) = directory();
    directory
        .write(CheckpointState::new(1, 50.0, 0), &[("model", b"one")])
        .unwrap();
    let unfinished = directory.path.join("epoch-0002.unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("model"), b"hal").unwrap();
    assert_eq!(directory.latest().unwrap().unwrap().state.epoch, 1);
    directory
        .write(CheckpointState::new(2, 40.0, 0), &[("model", b"two")])
        .unwrap();
    assert_eq!(
        directory.latest().unwrap().unwrap().read("model").unwrap(),
        b"two"
    );
    assert!(!unfinished.exists());
}

#[test]
fn a_checkpoint_is_replaced_by_another_of_its_epoch() {
    let (_root, directory) = directory();
    directory
        .write(CheckpointState::new(1, 50.0, 0), &[("model", b"one")])
        .unwrap();
    directory
        .write(CheckpointState::new(1, 40.0, 0), &[("model", b"two")])
        .unwrap();
    let latest = directory.latest().unwrap().unwrap();
    assert_eq!(latest.read("model").unwrap(), b"two");
    assert_eq!(directory.list().unwrap().len(), 1);
}

#[test]
fn what_a_kill_left_of_a_removed_checkpoint_is_cleared_away() {
    let (_root, directory) = directory();
    directory
        .write(CheckpointState::new(1, 50.0, 0), &[("model", b"one")])
        .unwrap();
    let leftover = directory.path.join("epoch-0001.removed");
    fs::rename(directory.path.join("epoch-0001"), &leftover).unwrap();
    assert!(directory.list().unwrap().is_empty());
    directory
        .write(CheckpointState::new(2, 40.0, 0), &[("model", b"two")])
        .unwrap();
    assert!(!leftover.exists());
}

#[test]
fn damage_is_named_with_the_file() {
    let (_root, directory) = directory();
    let saved = directory
        .write(CheckpointState::new(1, 50.0, 0), &[("model", b"weights")])
        .unwrap();
    let file = saved.path.join("model");
    for (damage, says) in [
        (b"weight".as_slice(), "6 bytes, 7 were written"),
        (b"weighty", "checksum"),
    ] {
        fs::write(&file, damage).unwrap();
        let error = saved.read("model").unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("model"), "{error}");
    }
    let (found, damaged) = (directory.latest_usable().unwrap_err(), "checksum");
    assert!(found.to_string().contains(damaged), "{found}");
    fs::write(saved.path.join(STATE_FILE), b"{").unwrap();
    let error = directory.latest_usable().unwrap_err().to_string();
    assert!(
        error.contains(STATE_FILE) && error.contains("corrupt"),
        "{error}"
    );
    assert!(directory.list().unwrap().is_empty());
}

#[test]
fn the_latest_that_is_whole_serves_and_the_damaged_ones_are_named() {
    let (_root, directory) = directory();
    let mut paths = Vec::new();
    for epoch in 1..=4 {
        let state = CheckpointState::new(epoch, 50.0, 0);
        paths.push(directory.write(state, &[("model", b"w")]).unwrap().path);
    }
    fs::write(paths[3].join("model"), b"x").unwrap();
    fs::remove_file(paths[2].join(STATE_FILE)).unwrap();
    let (usable, damaged) = directory.latest_usable().unwrap();
    assert_eq!(usable.unwrap().state.epoch, 2);
    let named: Vec<_> = damaged.iter().map(|one| one.path.clone()).collect();
    assert_eq!(named, [paths[3].clone(), paths[2].clone()]);
    assert!(damaged[0].reason.contains("checksum"), "{damaged:?}");
    for one in &damaged {
        directory.set_aside(one).unwrap();
    }
    assert_eq!(directory.latest_usable().unwrap().1, []);
    assert_eq!(directory.latest().unwrap().unwrap().state.epoch, 2);
}

#[test]
fn checkpoints_within_an_epoch_come_after_it_in_the_order_of_their_steps() {
    let (_root, directory) = directory();
    let at = |epoch, steps| {
        let sums = Sums {
            learning_rate: 0.1 + 0.2,
            ..Sums::default()
        };
        CheckpointState::new(epoch, 50.0, 1).within_epoch(PartialEpoch { steps, sums })
    };
    for state in [
        at(1, 12),
        CheckpointState::new(2, 20.0, 1),
        at(1, 9),
        CheckpointState::new(1, 10.0, 0),
        at(2, 1),
    ] {
        directory.write(state, &[("model", b"w")]).unwrap();
    }
    let list = directory.list().unwrap();
    let moments: Vec<_> = list
        .iter()
        .map(|one| {
            (
                one.state.epoch,
                one.state.steps(),
                one.state.is_whole_epoch(),
            )
        })
        .collect();
    assert_eq!(
        moments,
        [
            (1, 0, true),
            (1, 9, false),
            (1, 12, false),
            (2, 0, true),
            (2, 1, false)
        ]
    );
    // A sum comes back to the last bit, which JSON's numbers would not all do.
    assert_eq!(list[1].state.partial, at(1, 9).partial);
    // Of the epochs that were validated, the one that has condensed further is the best, though its error is higher.
    assert_eq!(directory.best().unwrap().unwrap().state.epoch, 2);
}

#[test]
fn a_state_of_the_first_format_is_read() {
    let (_root, directory) = directory();
    let saved = directory
        .write(CheckpointState::new(1, 41.5, 3), &[("model", b"w")])
        .unwrap();
    let file = saved.path.join(STATE_FILE);
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    json["format"] = 1.into();
    json.as_object_mut().unwrap().remove("stage");
    fs::write(&file, json.to_string()).unwrap();
    let (usable, damaged) = directory.latest_usable().unwrap();
    let state = usable.unwrap().state;
    assert_eq!(
        (state.epoch, state.validation_error, state.stage),
        (1, 41.5, 0)
    );
    assert!(damaged.is_empty());
    json["format"] = 3.into();
    fs::write(&file, json.to_string()).unwrap();
    let error = directory.latest_usable().unwrap_err().to_string();
    assert!(error.contains("format 3"), "{error}");
}

#[test]
fn a_disk_without_room_is_named_with_the_file() {
    // This device is a disk that is always full; other systems have none.
    let full = std::path::Path::new("/dev/full");
    if !full.exists() {
        println!("SKIPPED: there is no {}", full.display());
        return;
    }
    let error = super::atomic::write_flushed(full, b"weights").unwrap_err();
    let TrainError::Io { path, source } = error else {
        panic!("{error}");
    };
    assert_eq!(path, full);
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
}
