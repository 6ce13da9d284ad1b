use std::fs;
use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::tensor::Device;
use condensenet_models::{Preprocess, PreprocessTensors, RgbImage};
use condensenet_train::data::{
    ImageBatch, ImageLoaderConfig, Normalization, PhotoFolder, PhotoSet, PhotoTransform, Unreadable,
};
use condensenet_train::{DataSource, Recipe, RunConfig};

use crate::{photos, write_photo};

const SIZE: usize = 32;

fn set(root: &std::path::Path, unreadable: Unreadable) -> Arc<PhotoSet> {
    let folder = Arc::new(PhotoFolder::open(root).expect("the photos are readable"));
    Arc::new(
        PhotoSet::new(folder, PhotoTransform::new(SIZE), unreadable)
            .expect("the photos are readable"),
    )
}

fn config(batch_size: usize, workers: usize) -> ImageLoaderConfig {
    ImageLoaderConfig::new(batch_size, Normalization::IMAGENET)
        .with_workers(workers)
        .with_seed(5)
}

type Batch = (Vec<f32>, Vec<i64>);

fn read(batch: ImageBatch) -> Batch {
    let labels = batch.labels.into_data().convert::<i64>();
    (
        batch
            .images
            .into_data()
            .try_to_vec()
            .expect("the photos are readable"),
        labels.try_to_vec().expect("the photos are readable"),
    )
}

fn epoch(loader: &dyn DataLoader<ImageBatch>) -> Vec<Batch> {
    loader
        .iter()
        .map(|batch| read(batch.expect("the photos are readable")))
        .collect()
}

#[test]
fn batches_of_photos_are_the_same_for_any_number_of_workers() {
    let directory = tempfile::tempdir().unwrap();
    for photo in 0..11 {
        let class = ["cat", "dog", "emu"][photo % 3];
        let name = format!("{class}/{photo}.{}", ["png", "jpg"][photo % 2]);
        write_photo(&directory.path().join(name), 20 * photo as u8);
    }
    let photos = set(directory.path(), Unreadable::Fail);
    let alone = config(4, 0).init_training(Arc::clone(&photos), &Device::flex());
    let expected: Vec<_> = (0..3).map(|_| epoch(&alone)).collect();
    assert_ne!(expected[0], expected[1]);
    for workers in [1, 2, 3, 7] {
        let loader = config(4, workers).init_training(Arc::clone(&photos), &Device::flex());
        for expected in &expected {
            assert_eq!(&epoch(&loader), expected, "{workers} workers");
        }
        let resumed = config(4, workers)
            .with_starting_epoch(1)
            .with_skip_batches(2)
            .init_training(Arc::clone(&photos), &Device::flex());
        assert_eq!(epoch(&resumed), expected[1][2..], "{workers} workers");
    }
}

#[test]
fn validation_sees_what_a_prediction_sees() {
    let directory = photos();
    let set = set(&directory.path().join("val"), Unreadable::Fail);
    let device = Device::flex();
    let loader = config(2, 2).init_evaluation(Arc::clone(&set), &device);
    let batches = epoch(&loader);
    let labels: Vec<i64> = batches
        .iter()
        .flat_map(|(_, labels)| labels.clone())
        .collect();
    assert_eq!(labels, [0, 1, 1]);
    let preprocess = Preprocess::new(37, SIZE, Normalization::IMAGENET);
    for index in 0..3 {
        let photo = RgbImage::open(set.photos().path(index)).unwrap();
        let alone = preprocess.tensor(&[photo], &device);
        let expected: Vec<f32> = alone.into_data().try_to_vec().unwrap();
        let size = expected.len();
        let found = &batches[index / 2].0[(index % 2) * size..][..size];
        assert!(found == expected, "photo {index}");
    }
}

#[test]
fn a_photo_that_cannot_be_read_ends_the_run_by_name() {
    let directory = photos();
    fs::write(directory.path().join("train/dog/1.PNG"), b"GIF89a").unwrap();
    let set = set(&directory.path().join("train"), Unreadable::Fail);
    for workers in [0, 2] {
        let loader = config(2, workers).init_training(Arc::clone(&set), &Device::flex());
        let errors: Vec<String> = loader
            .iter()
            .filter_map(Result::err)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].contains("1.PNG: the GIF is corrupt"),
            "{errors:?}"
        );
    }
}

#[test]
fn a_photo_that_cannot_be_read_is_left_out_and_named_on_request() {
    let directory = photos();
    let root = directory.path().join("train");
    fs::write(root.join("cat/a.jpg"), b"").unwrap();
    let set = set(&root, Unreadable::Skip);
    let device = Device::flex();
    for workers in [0, 1, 3] {
        let loader = config(3, workers).init_evaluation(Arc::clone(&set), &device);
        let sizes: Vec<usize> = epoch(&loader)
            .iter()
            .map(|(_, labels)| labels.len())
            .collect();
        assert_eq!(sizes, [2, 1]);
        // A batch of nothing but such a photo is none.
        let loader = config(1, workers).init_evaluation(Arc::clone(&set), &device);
        let batches = epoch(&loader);
        let labels: Vec<i64> = batches
            .iter()
            .flat_map(|(_, labels)| labels.clone())
            .collect();
        assert_eq!(labels, [0, 1, 1]);
        // What is left keeps its own pixels: the red of a flat photo is its number.
        let whole = config(4, workers).init_evaluation(Arc::clone(&set), &device);
        let together = &epoch(&whole)[0].0;
        let one_by_one: Vec<f32> = batches.into_iter().flat_map(|(pixels, _)| pixels).collect();
        assert_eq!(together, &one_by_one);
    }
    let left_out = set.left_out();
    assert_eq!(left_out.len(), 1);
    assert!(left_out[0].0.ends_with("cat/a.jpg"));
    assert!(left_out[0].1.contains("is empty"), "{left_out:?}");
}

#[test]
fn a_run_on_photos_is_described_by_its_file_alone() {
    let directory = photos();
    let source = DataSource::folder(directory.path(), SIZE);
    let network = condensenet_models::CondenseNetConfig::new(vec![2, 2], vec![4, 8]);
    let config = RunConfig::new(network, Recipe::new(), source);
    let json = serde_json::to_string(&config).unwrap();
    let read: RunConfig = serde_json::from_str(&json).unwrap();
    assert_eq!(read.data, config.data);
    let data = read.data.load().unwrap();
    assert_eq!((data.train.len(), data.valid.len()), (4, 3));
    assert_eq!((data.train.height(), data.train.width()), (SIZE, SIZE));
    assert_eq!(data.valid.class_count(), 2);
    assert_eq!(data.normalization, Normalization::IMAGENET);
}
