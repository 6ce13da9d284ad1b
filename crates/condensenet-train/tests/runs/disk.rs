//! Disks that are full, or that nobody may write to, and directories that somebody else is in.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use condensenet_train::{RunOptions, TrainError, TrainingRun};

use crate::{
    resume::{kill, train_elsewhere},
    support::{
        alone, assert_same, begin, config, data, files, finish, images, network, options, recipe,
        resume, train, train_with, weights,
    },
};

/// A small disk of its own, which Linux makes for whoever may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn new(kilobytes: usize) -> Option<Self> {
        let root = tempfile::tempdir().expect("there is room for a directory");
        let size = format!("size={kilobytes}k");
        let mount = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(root.path()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(root));
        }
        println!("SKIPPED: no small disk can be mounted here");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        let mut command = Command::new("mount");
        let status = command.args(["-o", &options]).arg(self.path()).status();
        assert!(status.expect("mount can be started").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(self.path()).status().ok();
    }
}

fn checkpoints(run: &TrainingRun) -> PathBuf {
    run.directory().join("checkpoints")
}

#[test]
fn a_disk_that_fills_up_costs_nothing_that_was_written() {
    let _alone = alone();
    let (_undisturbed, whole, expected) = finish(config(recipe(3)));
    let one = files(&checkpoints(&whole)).into_iter();
    let one: usize = one
        .filter(|(path, _)| path.starts_with(checkpoints(&whole).join("epoch-0003")))
        .map(|(_, bytes)| bytes.len())
        .sum();
    // Room for one checkpoint and the half of another.
    let Some(disk) = SmallDisk::new((one + one / 2) / 1024 + 24) else {
        return;
    };
    let run = TrainingRun::create(disk.path().join("run"), config(recipe(3))).unwrap();
    let error = train(&run).unwrap_err();
    let TrainError::Io { path, source } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull, "{error}");
    assert!(path.starts_with(checkpoints(&run)), "{error}");
    assert!(error.to_string().contains(&*path.to_string_lossy()));

    // The first checkpoint is whole, and nothing of the second takes up room.
    let run = resume(&run).unwrap();
    assert_eq!((run.epochs_done(), run.damaged()), (1, &[][..]));
    let left: Vec<_> = fs::read_dir(checkpoints(&run)).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    // With more room it goes on as if nothing had happened.
    disk.remount("size=64m");
    assert_same(&weights(&expected), &weights(&train(&run).unwrap()));
}

#[test]
fn a_disk_that_nobody_may_write_to_is_said_by_path() {
    let _alone = alone();
    let Some(disk) = SmallDisk::new(65_536) else {
        return;
    };
    let run = TrainingRun::create(disk.path().join("run"), config(recipe(2))).unwrap();
    let short = RunOptions {
        max_duration: Some(Duration::ZERO),
        ..options()
    };
    train_with(&run, &short).unwrap();
    disk.remount("ro");
    let before = files(run.directory());
    for error in [
        train(&run).unwrap_err(),
        TrainingRun::create(disk.path().join("other"), config(recipe(2))).unwrap_err(),
    ] {
        let TrainError::Io { path, source } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(source.kind(), io::ErrorKind::ReadOnlyFilesystem);
        assert!(path.starts_with(disk.path()), "{error}");
    }
    assert_eq!(before, files(run.directory()));
    // It can still be looked at, and go on later.
    assert_eq!(resume(&run).unwrap().steps_done(), 1);
    disk.remount("rw");
    train(&run).unwrap();
}

#[test]
fn two_runs_in_a_directory_are_refused_with_the_process_that_is_there() {
    let _alone = alone();
    let long = condensenet_train::RunConfig::new(network(), recipe(500), images(160, 20));
    let (_root, run) = begin(long);
    let process = train_elsewhere(run.directory());
    let pid = process.id();
    while resume(&run).unwrap().epochs_done() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    let error = run.train(&data(run.config()), &options()).unwrap_err();
    let TrainError::Locked {
        directory,
        pid: found,
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(directory, run.directory());
    let message = error.to_string();
    assert!(message.contains("is in use"), "{message}");
    if cfg!(unix) {
        assert_eq!(*found, Some(pid));
        assert!(message.contains(&format!("process {pid}")), "{message}");
    }

    // A kill gives the directory back.
    assert!(kill(process), "it was still there");
    let short = RunOptions {
        max_duration: Some(Duration::ZERO),
        ..options()
    };
    train_with(&run, &short).unwrap();
}
