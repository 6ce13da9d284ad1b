use std::fs;
use std::path::Path;

use condensenet_train::data::{DataError, Split, cifar10, cifar100};
use tempfile::TempDir;

/// One record: labels, then pixels that say which record and which place they are.
fn record(labels: &[u8], number: usize) -> Vec<u8> {
    let pixels = (0..3072).map(|place| (place / 32 + 7 * place + 101 * number) as u8);
    labels.iter().copied().chain(pixels).collect()
}

fn records(labels: &[&[u8]]) -> Vec<u8> {
    labels
        .iter()
        .enumerate()
        .flat_map(|(number, labels)| record(labels, number))
        .collect()
}

/// Five training files of 2, 3, 4, 5 and 6 records, and a test file of 2.
fn write_cifar10(directory: &Path) {
    for batch in 1..=5 {
        let labels: Vec<[u8; 1]> = (0..=batch).map(|number| [(batch + number) % 10]).collect();
        let labels: Vec<&[u8]> = labels.iter().map(<[u8; 1]>::as_slice).collect();
        fs::write(
            directory.join(format!("data_batch_{batch}.bin")),
            records(&labels),
        )
        .expect("written");
    }
    fs::write(directory.join("test_batch.bin"), records(&[&[9], &[0]])).expect("written");
}

fn cifar10_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write_cifar10(directory.path());
    directory
}

fn message<T: std::fmt::Debug>(result: Result<T, DataError>) -> String {
    result.expect_err("an error").to_string()
}

#[test]
fn cifar10_reads_five_training_files_in_order() {
    let directory = cifar10_directory();
    let set = cifar10(directory.path(), Split::Train).unwrap();
    assert_eq!(
        (set.len(), set.height(), set.width()),
        (2 + 3 + 4 + 5 + 6, 32, 32)
    );
    assert_eq!(set.labels()[..9], [1, 2, 2, 3, 4, 3, 4, 5, 6]);
    assert_eq!(set.image(4), &record(&[], 2));
    assert_eq!(set.class_names()[6], "frog");
}

#[test]
fn cifar10_reads_the_test_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("test_batch.bin"),
        records(&[&[9], &[0]]),
    )
    .unwrap();
    let set = cifar10(directory.path(), Split::Test).unwrap();
    assert_eq!(set.labels(), [9, 0]);
    assert_eq!(set.image(1), &record(&[], 1));
}

#[test]
fn cifar10_is_found_in_the_directory_that_the_archive_was_unpacked_in() {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("cifar-10-batches-bin");
    fs::create_dir(&inside).unwrap();
    write_cifar10(&inside);
    assert_eq!(
        cifar10(directory.path(), Split::Train).unwrap(),
        cifar10(inside, Split::Train).unwrap()
    );
}

#[test]
fn cifar100_keeps_the_fine_label_of_two() {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("cifar-100-binary");
    fs::create_dir(&inside).unwrap();
    fs::write(
        inside.join("train.bin"),
        records(&[&[11, 19], &[15, 29], &[4, 0]]),
    )
    .unwrap();
    fs::write(inside.join("test.bin"), records(&[&[10, 49]])).unwrap();
    let train = cifar100(directory.path(), Split::Train).unwrap();
    assert_eq!(train.labels(), [19, 29, 0]);
    assert_eq!(train.image(2), &record(&[], 2));
    let names = |label: u32| train.class_names()[label as usize].as_str();
    assert_eq!(
        [names(19), names(29), names(0), names(99)],
        ["cattle", "dinosaur", "apple", "worm"]
    );
    assert_eq!(cifar100(&inside, Split::Test).unwrap().labels(), [49]);
}

#[test]
fn built_in_names_of_cifar100_are_a_hundred_in_alphabetical_order() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("test.bin"), records(&[&[0, 0]])).unwrap();
    let set = cifar100(directory.path(), Split::Test).unwrap();
    assert_eq!(set.class_count(), 100);
    assert!(
        set.class_names()
            .windows(2)
            .all(|names| names[0] < names[1])
    );
}

#[test]
fn class_names_come_from_the_file_where_there_is_one() {
    let directory = cifar10_directory();
    let names = directory.path().join("batches.meta.txt");
    fs::write(&names, "a\r\nb\nc\nd\ne\nf\ng\nh\ni\nlorry\n\n").unwrap();
    assert_eq!(
        cifar10(directory.path(), Split::Test)
            .unwrap()
            .class_names()[9],
        "lorry"
    );
    fs::write(&names, "a\nb\n").unwrap();
    assert_eq!(
        message(cifar10(directory.path(), Split::Test)),
        format!("{} names 2 classes, expected 10", names.display())
    );
}

#[test]
fn a_missing_directory_says_what_to_fetch_and_where_to_put_it() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent");
    let message10 = message(cifar10(&absent, Split::Train));
    for part in [
        absent.to_str().unwrap(),
        "cifar-10-binary.tar.gz",
        "https://",
        "cifar-10-batches-bin",
        "`condensenet download`",
    ] {
        assert!(message10.contains(part), "{part:?} is not in {message10:?}");
    }
    let message100 = message(cifar100(&absent, Split::Train));
    assert!(
        message100.contains("cifar-100-binary.tar.gz")
            && message100.contains("the directory cifar-100-binary,")
    );
}

#[test]
fn a_missing_batch_is_an_error_and_not_a_smaller_set() {
    let directory = cifar10_directory();
    let absent = directory.path().join("data_batch_3.bin");
    fs::remove_file(&absent).unwrap();
    let error = cifar10(directory.path(), Split::Train).unwrap_err();
    assert!(
        matches!(&error, DataError::MissingFile { path, .. } if *path == absent),
        "{error}"
    );
}

#[test]
fn files_that_end_within_a_record_are_refused_with_both_sizes() {
    let directory = cifar10_directory();
    let path = directory.path().join("data_batch_2.bin");
    let whole = fs::read(&path).unwrap();
    for size in [0, 1, 3072, 3074, whole.len() - 1] {
        fs::write(&path, &whole[..size]).unwrap();
        let message = message(cifar10(directory.path(), Split::Train));
        let parts = [
            path.to_str().unwrap(),
            &format!("has {size} bytes"),
            "records of 3073 bytes",
            "30730000",
        ];
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}

#[test]
fn a_label_out_of_range_is_named_with_its_record() {
    let directory = cifar10_directory();
    let path = directory.path().join("test_batch.bin");
    fs::write(&path, records(&[&[9], &[3], &[10]])).unwrap();
    assert_eq!(
        message(cifar10(directory.path(), Split::Test)),
        format!(
            "record 2 of {} has the label 10, expected 0 to 9",
            path.display()
        )
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.bin");
    for (labels, expected) in [
        ([20, 0], "coarse label 20, expected 0 to 19"),
        ([0, 100], "fine label 100, expected 0 to 99"),
    ] {
        fs::write(&path, records(&[&[19, 99], &labels])).unwrap();
        let message = message(cifar100(directory.path(), Split::Test));
        assert!(
            message.contains(expected) && message.contains("record 1"),
            "{message}"
        );
    }
}
