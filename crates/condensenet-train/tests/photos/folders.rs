use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use condensenet_train::data::{DataError, PhotoFolder};

use crate::{listed, photos, write_photo};

/// Writes so many photos of each class below a directory.
fn write_classes(directory: &Path, classes: [&str; 2], count: usize) {
    for class in classes {
        for photo in 0..count {
            write_photo(
                &directory.join(class).join(format!("{photo}.jpg")),
                photo as u8,
            );
        }
    }
}

/// Opens the parts of a directory, and returns how many photos they have.
fn counts(directory: &Path) -> [usize; 2] {
    let splits = PhotoFolder::open_splits(directory).expect("the photos can be listed");
    splits.map(|folder| folder.len())
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
fn nothing_is_written_beside_photos() {
    let directory = photos();
    let names = || {
        let mut names: Vec<_> = fs::read_dir(directory.path().join("train"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = names();
    PhotoFolder::open_splits(directory.path()).unwrap();
    assert_eq!(names(), before);
}

#[test]
fn hidden_files_and_what_systems_leave_behind_are_no_data() {
    let directory = tempfile::tempdir().unwrap();
    for part in ["train", "val"] {
        write_classes(&directory.path().join(part), ["cat", "dog"], 3);
        for left in [
            ".ipynb_checkpoints/0-checkpoint.jpg",
            "__MACOSX/cat/0.jpg",
            "cat/@eaDir/0.jpg",
            "cat/.hidden/0.jpg",
        ] {
            write_photo(&directory.path().join(part).join(left), 0);
        }
        for left in ["cat/._0.jpg", "dog/Thumbs.db", ".DS_Store"] {
            fs::write(directory.path().join(part).join(left), b"no photo").unwrap();
        }
    }
    let [train, valid] = PhotoFolder::open_splits(directory.path()).unwrap();
    assert_eq!(train.class_names(), ["cat", "dog"]);
    assert_eq!((train.len(), valid.len()), (6, 6));
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_end_and_photos_count_once() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    write_classes(directory.path(), ["cat", "dog"], 6);
    let cat = directory.path().join("cat");
    symlink(".", cat.join("loop0")).unwrap();
    symlink(".", cat.join("loop1")).unwrap();
    symlink("..", cat.join("up")).unwrap();
    symlink("nowhere", cat.join("nowhere.jpg")).unwrap();
    symlink("itself.jpg", cat.join("itself.jpg")).unwrap();
    symlink("cat", directory.path().join("also cat")).unwrap();
    fs::create_dir(cat.join("below")).unwrap();
    symlink("below", cat.join("also below")).unwrap();
    write_photo(&cat.join("below/7.jpg"), 7);
    let folder = PhotoFolder::open(directory.path()).unwrap();
    assert_eq!(folder.class_names(), ["cat", "dog"]);
    assert_eq!(folder.len(), 13, "{:?}", listed(&folder));
}

#[cfg(unix)]
#[test]
fn a_socket_is_no_photo_and_names_need_not_be_unicode() {
    use std::os::unix::{ffi::OsStringExt, net::UnixListener};
    let directory = tempfile::tempdir().unwrap();
    write_classes(directory.path(), ["cat", "dog"], 2);
    let socket = UnixListener::bind(directory.path().join("cat/x.jpg")).unwrap();
    let name = std::ffi::OsString::from_vec(b"caf\xE9.png".to_vec());
    fs::copy(
        directory.path().join("dog/0.jpg"),
        directory.path().join("dog").join(&name),
    )
    .unwrap();
    let folder = PhotoFolder::open(directory.path()).unwrap();
    assert_eq!(folder.len(), 5);
    assert!((0..5).any(|photo| folder.path(photo).file_name() == Some(&name)));
    drop(socket);
}

#[test]
fn the_photos_to_validate_on_have_several_names() {
    for name in ["val", "valid", "validation", "test"] {
        let directory = tempfile::tempdir().unwrap();
        write_classes(&directory.path().join("train"), ["cat", "dog"], 6);
        write_classes(&directory.path().join(name), ["cat", "dog"], 4);
        assert_eq!(counts(directory.path()), [12, 8], "{name}");
    }
}

#[test]
fn a_tenth_of_each_class_is_kept_for_validation_where_nothing_else_is() {
    for below in ["", "train"] {
        let directory = tempfile::tempdir().unwrap();
        write_classes(&directory.path().join(below), ["cat", "dog"], 10);
        write_photo(&directory.path().join(below).join("dog/more/10.jpg"), 10);
        let open = || PhotoFolder::open_splits(directory.path()).unwrap();
        let splits = open();
        assert_eq!(splits.each_ref().map(PhotoFolder::len), [19, 2]);
        assert_eq!(splits[1].class_names(), ["cat", "dog"]);
        let both: HashSet<_> = splits.iter().flat_map(listed).collect();
        assert_eq!(both.len(), 21);
        let labels: Vec<u32> = (0..2).map(|photo| splits[1].label(photo)).collect();
        assert_eq!(labels, [0, 1]);
        assert_eq!(open().each_ref().map(listed), splits.each_ref().map(listed));
    }
}

#[test]
fn a_split_is_stratified_and_comes_from_its_seed() {
    let directory = tempfile::tempdir().unwrap();
    write_classes(directory.path(), ["cat", "dog"], 40);
    let valid = |part, seed| {
        let folder = PhotoFolder::open(directory.path()).unwrap();
        folder.split(part, seed).map(|[_, valid]| valid)
    };
    let quarter = listed(&valid(0.25, 1).unwrap());
    assert_eq!(quarter.iter().filter(|(_, label)| *label == 0).count(), 10);
    assert_eq!(quarter.len(), 20);
    assert_ne!(quarter, listed(&valid(0.25, 2).unwrap()));
    assert_eq!(valid(1e-9, 1).unwrap().len(), 2);
    assert_eq!(valid(0.999, 1).unwrap().len(), 78);
    for part in [0.0, 1.0, f64::NAN, -1.0] {
        let error = valid(part, 1).unwrap_err();
        assert!(matches!(error, DataError::ValidationPart { .. }), "{error}");
    }
    write_photo(&directory.path().join("emu/1.png"), 1);
    let error = valid(0.5, 1).unwrap_err().to_string();
    assert!(error.contains("one photo of emu"), "{error}");
}

#[test]
fn names_that_are_written_with_composed_and_loose_accents_are_one_class() {
    let directory = tempfile::tempdir().unwrap();
    write_classes(&directory.path().join("train"), ["caf\u{e9}", "tea"], 2);
    write_classes(&directory.path().join("val"), ["cafe\u{301}", "tea"], 1);
    let [train, valid] = PhotoFolder::open_splits(directory.path()).unwrap();
    assert_eq!(train.class_names(), ["caf\u{e9}", "tea"]);
    assert_eq!(valid.class_names(), train.class_names());
    assert!(valid.path(0).exists());
}

#[test]
fn classes_that_are_all_numbers_are_sorted_as_numbers() {
    for (names, expected) in [(["10", "9"], ["9", "10"]), (["10", "9a"], ["10", "9a"])] {
        let directory = tempfile::tempdir().unwrap();
        write_classes(directory.path(), names, 1);
        let folder = PhotoFolder::open(directory.path()).unwrap();
        assert_eq!(folder.class_names(), expected);
        assert!(
            folder
                .path(0)
                .starts_with(directory.path().join(expected[0]))
        );
    }
}

#[test]
fn photos_without_folders_get_the_sentence_that_helps() {
    let directory = photos();
    let flat = directory.path().join("val");
    fs::remove_dir_all(&flat).unwrap();
    for photo in 0..3 {
        write_photo(&flat.join(format!("ILSVRC2012_val_{photo}.JPEG")), photo);
    }
    let error = PhotoFolder::open_splits(directory.path()).unwrap_err();
    assert!(
        matches!(error, DataError::NoClassFolders { photos: 3, .. }),
        "{error:?}"
    );
    let error = error.to_string();
    assert!(
        error.contains("sort them into a folder for each class"),
        "{error}"
    );
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
