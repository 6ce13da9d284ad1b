use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use condensenet_train::data::{DataError, IndexState, PhotoFolder};

use crate::{listed, photos, write_photo};

const INDEX: &str = ".condensenet-photos";

/// Makes a tree look as if nothing had changed in it for an hour.
fn settle(directory: &Path) {
    for entry in fs::read_dir(directory).expect("the temporary directory can be read and written") {
        let path = entry
            .expect("the temporary directory can be read and written")
            .path();
        if path.is_dir() {
            settle(&path);
        }
    }
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    File::open(directory)
        .expect("the temporary directory can be read and written")
        .set_modified(hour_ago)
        .expect("the temporary directory can be read and written");
}

fn open_twice(root: &Path) -> [PhotoFolder; 2] {
    [(), ()]
        .map(|()| PhotoFolder::open(root).expect("the temporary directory can be read and written"))
}

#[test]
fn classes_and_photos_come_in_the_order_of_torchvision() {
    let directory = photos();
    let root = directory.path().join("train");
    // torchvision looks below, goes by directory first, and compares names byte for byte.
    for name in [
        "cat/deep/er/c.png",
        "cat/deep-/d.png",
        "cat/Z.png",
        "dog/no photo.txt",
        "dog/noending",
    ] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    fs::write(root.join("beside.png"), b"").unwrap();
    let folder = PhotoFolder::open(&root).unwrap();
    assert_eq!(folder.class_names(), ["cat", "dog"]);
    let expected = [
        ("cat/Z.png", 0),
        ("cat/a.jpg", 0),
        ("cat/b.png", 0),
        ("cat/deep-/d.png", 0),
        ("cat/deep/er/c.png", 0),
        ("dog/0.jpeg", 1),
        ("dog/1.PNG", 1),
    ]
    .map(|(path, label)| (PathBuf::from(path), label));
    assert_eq!(listed(&folder), expected);
}

#[test]
fn the_list_is_kept_beside_the_photos_and_gives_the_same() {
    let directory = photos();
    let root = directory.path().join("train");
    settle(&root);
    let [looked, loaded] = open_twice(&root);
    assert_eq!(looked.index(), &IndexState::Written);
    assert_eq!(loaded.index(), &IndexState::Loaded);
    assert_eq!(listed(&looked), listed(&loaded));
    assert_eq!(looked.class_names(), loaded.class_names());
    let left: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

/// What is done to a folder.
type Change = fn(&Path);

#[test]
fn a_change_in_any_folder_makes_the_list_anew() {
    let changes: [(&str, Change); 5] = [
        ("a photo more", |root| {
            write_photo(&root.join("cat/new.png"), 1);
        }),
        ("a photo less", |root| {
            fs::remove_file(root.join("dog/1.PNG")).unwrap();
        }),
        ("a photo renamed", |root| {
            fs::rename(root.join("cat/a.jpg"), root.join("cat/c.jpg")).unwrap();
        }),
        ("a photo more below", |root| {
            write_photo(&root.join("cat/below/new.png"), 1);
        }),
        ("a class more", |root| {
            write_photo(&root.join("emu/new.png"), 1);
        }),
    ];
    for (name, change) in changes {
        let directory = photos();
        let root = directory.path().join("train");
        write_photo(&root.join("cat/below/old.png"), 1);
        settle(&root);
        assert_eq!(open_twice(&root)[1].index(), &IndexState::Loaded, "{name}");
        change(&root);
        let again = PhotoFolder::open(&root).unwrap();
        assert_ne!(again.index(), &IndexState::Loaded, "{name}");
        fs::remove_file(root.join(INDEX)).unwrap();
        assert_eq!(
            listed(&again),
            listed(&PhotoFolder::open(&root).unwrap()),
            "{name}"
        );
    }
}

#[test]
fn a_folder_that_has_just_changed_is_looked_through_again() {
    let directory = photos();
    let root = directory.path().join("train");
    // Its time can't tell a list of before from one of after.
    let [first, second] = open_twice(&root);
    assert_eq!(first.index(), &IndexState::Written);
    assert_eq!(second.index(), &IndexState::Written);
}

#[test]
fn a_damaged_list_is_made_anew() {
    let directory = photos();
    let root = directory.path().join("train");
    settle(&root);
    let expected = listed(&open_twice(&root)[0]);
    let whole = fs::read(root.join(INDEX)).unwrap();
    let mut faults = Vec::new();
    for at in 0..whole.len() {
        for damaged in [whole[..at].to_vec(), {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            flipped
        }] {
            fs::write(root.join(INDEX), damaged).unwrap();
            let folder = PhotoFolder::open(&root).unwrap();
            if listed(&folder) != expected {
                faults.push(at);
            }
        }
    }
    assert!(faults.is_empty(), "damage at {faults:?} was believed");
}

#[test]
fn a_list_that_cannot_be_kept_is_no_failure() {
    let directory = photos();
    let root = directory.path().join("train");
    // In the place of the file lies a folder: nobody can write there, not even the superuser.
    fs::create_dir(root.join(INDEX)).unwrap();
    fs::write(root.join(INDEX).join("0.png"), b"").unwrap();
    let folder = PhotoFolder::open(&root).unwrap();
    assert!(
        matches!(folder.index(), IndexState::NotKept(_)),
        "{folder:?}"
    );
    assert!(folder.len() >= 4);
}

#[test]
fn folders_that_cannot_be_learned_from_are_named() {
    let empty = tempfile::tempdir().unwrap();
    let error = |directory: &Path| PhotoFolder::open_splits(directory).unwrap_err();

    let missing = error(&empty.path().join("nowhere"));
    assert!(
        matches!(missing, DataError::NoPhotoDirectory { .. }),
        "{missing:?}"
    );
    assert!(missing.to_string().contains("nowhere"), "{missing}");

    let directory = photos();
    fs::remove_dir_all(directory.path().join("val")).unwrap();
    assert!(
        error(directory.path())
            .to_string()
            .contains("there is no directory")
    );

    fs::create_dir(directory.path().join("val")).unwrap();
    let none = error(directory.path());
    assert!(
        none.to_string().contains("has no folder, but needs"),
        "{none}"
    );
    write_photo(&directory.path().join("val/cat/1.png"), 1);
    let one = error(directory.path());
    assert!(
        one.to_string().contains("has one folder, cat, but needs"),
        "{one}"
    );

    let directory = photos();
    for class in 0..7 {
        fs::create_dir(directory.path().join(format!("val/empty{class}"))).unwrap();
    }
    let some = error(directory.path()).to_string();
    assert!(
        some.contains("empty0, empty1, empty2, empty3, empty4 and 2 more"),
        "{some}"
    );

    let directory = photos();
    fs::rename(
        directory.path().join("val/dog"),
        directory.path().join("val/emu"),
    )
    .unwrap();
    let differ = error(directory.path()).to_string();
    assert!(
        differ.contains("only the first has dog; only the second has emu"),
        "{differ}"
    );
    write_photo(&directory.path().join("train/emu/1.png"), 1);
    let differ = error(directory.path()).to_string();
    assert!(differ.contains("only the first has dog"), "{differ}");
    assert!(!differ.contains("second has"), "{differ}");
}
