use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::tensor::Device;
use condensenet_train::data::{
    Augmentation, DataError, ImageBatch, ImageLoader, ImageLoaderConfig, ImageSet, Normalization,
    Split, synthetic,
};

use crate::probe;

/// Pixels and labels of one batch.
pub(crate) type Batch = (Vec<f32>, Vec<i64>);

pub(crate) fn read(batch: ImageBatch) -> Batch {
    (
        batch.images.into_data().try_to_vec().expect("floats"),
        batch
            .labels
            .into_data()
            .convert::<i64>()
            .try_to_vec()
            .expect("labels"),
    )
}

/// The batches of the next epoch.
pub(crate) fn epoch(loader: &dyn DataLoader<ImageBatch>) -> Vec<Batch> {
    loader
        .iter()
        .map(|batch| read(batch.expect("nothing can fail")))
        .collect()
}

fn config() -> ImageLoaderConfig {
    ImageLoaderConfig::new(4, Normalization::CIFAR10)
        .with_augmentation(Augmentation {
            padding: 2,
            horizontal_flip: true,
        })
        .with_seed(11)
        .with_workers(0)
}

fn batches_of(batch_size: usize) -> ImageLoaderConfig {
    ImageLoaderConfig {
        batch_size,
        ..config()
    }
}

fn images() -> Arc<ImageSet> {
    Arc::new(probe(30, 5, 7))
}

fn training(config: &ImageLoaderConfig) -> ImageLoader {
    config.init_training(images(), &Device::flex())
}

/// Images whose every pixel is their number, so that a batch tells which images it holds.
pub(crate) fn numbered(count: usize) -> Arc<ImageSet> {
    let pixels = (0..count * 6).map(|at| (at / 6) as u8).collect();
    Arc::new(ImageSet::new(pixels, vec![0; count], vec!["only".into()], 1, 2).expect("consistent"))
}

pub(crate) const IDENTITY: Normalization = Normalization {
    mean: [0.0; 3],
    standard_deviation: [1.0 / 255.0; 3],
};

/// The numbers of the images in a batch of [`numbered`] ones.
pub(crate) fn numbers(batches: &[Batch]) -> Vec<usize> {
    batches
        .iter()
        .flat_map(|(pixels, _)| pixels.iter().step_by(6).map(|pixel| pixel.round() as usize))
        .collect()
}

#[test]
fn batches_are_the_same_for_any_number_of_workers() {
    let alone = training(&config());
    let expected: Vec<_> = (0..3).map(|_| epoch(&alone)).collect();
    for workers in [1, 2, 5, 50] {
        let loader = training(&config().with_workers(workers));
        for expected in &expected {
            assert_eq!(&epoch(&loader), expected, "{workers} workers");
        }
    }
}

#[test]
fn every_epoch_has_every_image_once_in_an_order_of_its_own() {
    for workers in [0, 3] {
        let config = ImageLoaderConfig::new(8, IDENTITY).with_workers(workers);
        let loader = config.init_training(numbered(201), &Device::flex());
        let orders: Vec<_> = (0..4).map(|_| numbers(&epoch(&loader))).collect();
        for (at, order) in orders.iter().enumerate() {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..201).collect::<Vec<_>>());
            assert!(orders[..at].iter().all(|other| other != order));
            assert_ne!(order, &sorted);
        }
    }
}

#[test]
fn the_whole_set_is_shuffled_and_not_parts_of_it() {
    let config = ImageLoaderConfig::new(50, IDENTITY).with_workers(2);
    let loader = config.init_training(numbered(200), &Device::flex());
    for batch in epoch(&loader) {
        let early = numbers(&[batch])
            .iter()
            .filter(|number| **number < 100)
            .count();
        assert!(
            (10..40).contains(&early),
            "{early} of 50 come from the first half"
        );
    }
}

#[test]
fn seeds_and_epochs_vary_the_images_too() {
    let one_image = Arc::new(probe(1, 5, 7));
    let variations = |seed| {
        let loader = config()
            .with_seed(seed)
            .init_training(Arc::clone(&one_image), &Device::flex());
        (0..20).flat_map(|_| epoch(&loader)).collect::<Vec<_>>()
    };
    let first = variations(1);
    assert!(first.iter().any(|batch| *batch != first[0]));
    assert_ne!(first, variations(2));
    assert_eq!(first, variations(1));
}

#[test]
fn a_resumed_loader_continues_where_the_uninterrupted_one_would_be() {
    let uninterrupted = training(&config());
    for starting_epoch in 0..4 {
        let resumed = training(&config().with_starting_epoch(starting_epoch).with_workers(2));
        assert_eq!(
            epoch(&resumed),
            epoch(&uninterrupted),
            "epoch {starting_epoch}"
        );
        assert_eq!(resumed.epochs_begun(), starting_epoch + 1);
    }
}

#[test]
fn batches_are_skipped_in_the_first_epoch_only() {
    let uninterrupted = training(&config().with_starting_epoch(2));
    let expected = [epoch(&uninterrupted), epoch(&uninterrupted)];
    for workers in [0, 1, 2, 5] {
        for skipped in [1, 3, 8, 100] {
            let resumed = training(
                &config()
                    .with_starting_epoch(2)
                    .with_skip_batches(skipped)
                    .with_workers(workers),
            );
            assert_eq!(
                epoch(&resumed),
                expected[0][skipped.min(8)..],
                "{skipped} skipped, {workers} workers"
            );
            assert_eq!(epoch(&resumed), expected[1]);
        }
    }
}

#[test]
fn the_last_partial_batch_is_kept_unless_told_otherwise() {
    let sizes = |loader: &ImageLoader| {
        epoch(loader)
            .iter()
            .map(|(_, labels)| labels.len())
            .collect::<Vec<_>>()
    };
    let kept = training(&config());
    assert_eq!(sizes(&kept), [4, 4, 4, 4, 4, 4, 4, 2]);
    assert_eq!((kept.num_items(), kept.num_batches()), (30, 8));
    let dropped = training(&config().with_drop_last(true).with_workers(2));
    assert_eq!(sizes(&dropped), [4; 7]);
    assert_eq!((dropped.num_items(), dropped.num_batches()), (28, 7));
    let ten_thousand = Arc::new(synthetic(Split::Test, 10_000, 0));
    let loader = ImageLoaderConfig::new(64, Normalization::SYNTHETIC)
        .init_training(ten_thousand, &Device::flex());
    assert_eq!(loader.num_batches(), 157);
}

#[test]
fn progress_counts_images_and_ends_complete() {
    for (drop_last, skipped, expected) in [
        (false, 0, vec![4, 8, 10]),
        (true, 0, vec![4, 8]),
        (false, 1, vec![8, 10]),
    ] {
        for workers in [0, 2] {
            let config = config()
                .with_drop_last(drop_last)
                .with_skip_batches(skipped)
                .with_workers(workers);
            let loader = config.init_training(Arc::new(probe(10, 5, 7)), &Device::flex());
            let mut iterator = loader.iter();
            let mut processed = Vec::new();
            while iterator.next().is_some() {
                processed.push(iterator.progress().items_processed);
            }
            assert_eq!(processed, expected);
            assert!(iterator.progress().is_completed());
            assert_eq!(iterator.progress().items_total, loader.num_items());
        }
    }
}

#[test]
fn evaluation_delivers_images_as_they_are_in_order() {
    let set = images();
    let config = config()
        .with_skip_batches(2)
        .with_drop_last(true)
        .with_starting_epoch(0);
    for workers in [0, 2] {
        let loader = config
            .clone()
            .with_workers(workers)
            .init_evaluation(Arc::clone(&set), &Device::flex());
        assert_eq!(loader.num_items(), 30);
        for _ in 0..2 {
            let batches = epoch(&loader);
            let labels: Vec<i64> = batches
                .iter()
                .flat_map(|(_, labels)| labels.clone())
                .collect();
            assert_eq!(
                labels,
                set.labels()
                    .iter()
                    .map(|&label| i64::from(label))
                    .collect::<Vec<_>>()
            );
            let mut expected = vec![0.0; set.image_size()];
            Normalization::CIFAR10.apply(set.image(5), &mut expected);
            assert_eq!(
                batches[1].0[set.image_size()..][..set.image_size()],
                expected
            );
        }
    }
}

#[test]
fn a_batch_is_height_before_width() {
    let loader = batches_of(16).init_evaluation(images(), &Device::flex());
    let batch = loader.iter().next().unwrap().unwrap();
    assert_eq!(batch.images.dims(), [16, 3, 5, 7]);
    assert_eq!(batch.labels.dims(), [16]);
    assert_eq!(batch.len(), 16);
}

#[test]
fn an_iterator_that_is_dropped_early_stops_its_workers() {
    let set = images();
    for workers in [1, 2, 5] {
        for taken in [0, 1, 3] {
            let loader = batches_of(1)
                .with_workers(workers)
                .init_training(Arc::clone(&set), &Device::flex());
            let mut iterator = loader.iter();
            for _ in 0..taken {
                assert!(iterator.next().is_some());
            }
            drop(iterator);
            drop(loader);
            // Every worker held the images: none is left.
            assert_eq!(
                Arc::strong_count(&set),
                1,
                "{workers} workers, {taken} batches taken"
            );
        }
    }
}

#[test]
fn an_empty_set_has_no_batch() {
    for workers in [0, 2] {
        let config = config().with_workers(workers);
        let loader = config.init_training(Arc::new(probe(0, 5, 7)), &Device::flex());
        assert!(loader.iter().next().is_none());
        assert_eq!(loader.num_batches(), 0);
    }
}

#[test]
fn batches_of_no_images_are_refused() {
    let error = batches_of(0).validate().unwrap_err();
    assert!(matches!(error, DataError::EmptyBatches));
    let panic = std::panic::catch_unwind(|| training(&batches_of(0))).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>(), Some(&error.to_string()));
}

#[test]
fn batches_land_on_a_device_that_differentiates() {
    let loader = training(&config());
    let moved = loader.to_device(&Device::flex().autodiff());
    assert!(
        moved
            .iter()
            .next()
            .unwrap()
            .unwrap()
            .images
            .device()
            .is_autodiff()
    );
}
