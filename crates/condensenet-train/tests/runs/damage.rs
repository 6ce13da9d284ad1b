//! Checkpoints that a disk or a hand has spoilt.

use std::fs;

use burn::tensor::Device;
use condensenet_train::{CheckpointDirectory, TrainError};

use crate::support::{
    alone, assert_names, assert_same, config, edit, epochs, files, finish, latest, recipe, resume,
    train, trained, weights, with_more_epochs,
};

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_serves() {
    let _alone = alone();
    type Damage = fn(&mut Vec<u8>);
    let flip: Damage = |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    };
    let cut: Damage = |bytes| bytes.truncate(bytes.len() - 1);
    let empty: Damage = Vec::clear;
    for (name, damage, says) in [
        ("model.bpk", Some(flip), "checksum"),
        ("optimizer.bpk", Some(flip), "checksum"),
        ("model.bpk", Some(cut), "were written"),
        ("optimizer.bpk", Some(empty), "0 bytes"),
        ("model.bpk", None, "model.bpk"),
        ("state.json", Some(empty), "corrupt"),
        ("state.json", None, "state.json"),
    ] {
        let (_root, run) = trained(3);
        let checkpoint = latest(&run);
        let file = checkpoint.path.join(name);
        match damage {
            Some(damage) => {
                let mut bytes = fs::read(&file).unwrap();
                damage(&mut bytes);
                fs::write(&file, bytes).unwrap();
            }
            None => fs::remove_file(&file).unwrap(),
        }
        edit(&run.directory().join("run.json"), |json| {
            json["recipe"]["epochs"] = 4.into();
        });

        // It is said, and nothing is touched, before anybody trains.
        let before = files(run.directory());
        let run = resume(&run).unwrap();
        assert_eq!(run.epochs_done(), 2, "{name}");
        let [damaged] = run.damaged() else {
            panic!("{name}: {:?}", run.damaged());
        };
        assert_eq!(damaged.path, checkpoint.path);
        for part in [says, &*file.to_string_lossy()] {
            assert!(damaged.reason.contains(part), "{}", damaged.reason);
        }
        assert_eq!(before, files(run.directory()));

        train(&run).unwrap();
        assert_eq!(resume(&run).unwrap().damaged(), []);
        assert_eq!(resume(&run).unwrap().epochs_done(), 4);
        let aside = format!("{}.damaged", checkpoint.path.display());
        assert!(fs::exists(aside).unwrap(), "{name}: it was not set aside");
    }
}

#[test]
fn a_run_whose_latest_checkpoint_is_damaged_ends_as_if_nothing_had_happened() {
    let _alone = alone();
    let (_undisturbed, _, expected) = finish(config(recipe(3)));
    let (_root, run, _) = finish(config(recipe(3)));
    let file = latest(&run).path.join("model.bpk");
    let mut bytes = fs::read(&file).unwrap();
    bytes[7] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_same(&weights(&expected), &weights(&train(&run).unwrap()));
    assert_eq!(epochs(&run).last(), Some(&3));
}

#[test]
fn a_run_never_begins_anew_where_all_its_checkpoints_are_damaged() {
    let _alone = alone();
    let (_root, run) = trained(2);
    for checkpoint in run.checkpoints().list().unwrap() {
        fs::write(checkpoint.path.join("model.bpk"), b"no burnpack").unwrap();
    }
    let file = latest(&run).path.join("model.bpk");
    let before = files(&run.directory().join("checkpoints"));
    for error in [resume(&run).unwrap_err(), train(&run).unwrap_err()] {
        let is_damage = matches!(error, TrainError::DamagedCheckpoint { .. });
        assert!(is_damage, "{error:?}");
        assert_names(&error, &file, &["were written"]);
    }
    assert_eq!(before, files(&run.directory().join("checkpoints")));
    let error = run
        .load_network(&latest(&run), &Device::flex())
        .unwrap_err();
    assert_names(&error, &file, &["were written"]);
}

#[test]
fn a_state_that_is_another_checkpoints_is_damage_and_one_of_a_later_program_is_not() {
    let _alone = alone();
    let (_root, run) = trained(2);
    let checkpoint = latest(&run);
    let file = checkpoint.path.join("state.json");
    let whole = fs::read(&file).unwrap();
    let damage = || {
        let run = resume(&run).unwrap();
        assert_eq!(run.epochs_done(), 1);
        run.damaged()[0].reason.clone()
    };

    edit(&file, |json| json["epoch"] = 7.into());
    assert!(damage().contains("says epoch-0007"), "{}", damage());
    fs::write(&file, &whole).unwrap();
    edit(&file, |json| json["files"] = serde_json::json!([]));
    assert!(damage().contains("names no files"), "{}", damage());
    fs::write(&file, &whole).unwrap();

    // What a newer program has written is no damage: going back behind it would lose it.
    edit(&file, |json| json["format"] = 99.into());
    let error = resume(&run).unwrap_err();
    assert_names(&error, &file, &["format 99"]);
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
