use std::collections::BTreeSet;
use std::sync::Arc;

use burn::data::dataloader::{DataLoader, split::split_dataloader};
use burn::tensor::Device;
use condensenet_train::data::{ImageBatch, ImageLoaderConfig};

use crate::loader::{IDENTITY, epoch, numbered, numbers};

fn config() -> ImageLoaderConfig {
    ImageLoaderConfig::new(4, IDENTITY)
        .with_seed(5)
        .with_workers(2)
}

fn split(
    config: &ImageLoaderConfig,
    count: usize,
    devices: usize,
) -> Vec<Arc<dyn DataLoader<ImageBatch>>> {
    let loader: Arc<dyn DataLoader<ImageBatch>> =
        Arc::new(config.init_training(numbered(count), &Device::flex()));
    split_dataloader(loader, &vec![Device::flex(); devices])
}

#[test]
fn devices_share_out_every_epoch() {
    for devices in [2, 3] {
        let parts = split(&config(), 50, devices);
        assert_eq!(parts.iter().map(|part| part.num_items()).sum::<usize>(), 50);
        for _ in 0..3 {
            let mut seen: Vec<usize> = parts
                .iter()
                .flat_map(|part| numbers(&epoch(&**part)))
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..50).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_device_sees_the_whole_set_in_the_course_of_training() {
    let parts = split(&config(), 50, 2);
    let seen: BTreeSet<usize> = (0..20).flat_map(|_| numbers(&epoch(&*parts[0]))).collect();
    assert_eq!(seen.len(), 50);
}

#[test]
fn slices_are_resumed_like_the_whole() {
    let uninterrupted = split(&config(), 50, 2);
    let resumed = split(&config().with_starting_epoch(1).with_skip_batches(2), 50, 2);
    for (uninterrupted, resumed) in uninterrupted.iter().zip(&resumed) {
        epoch(&**uninterrupted);
        assert_eq!(epoch(&**resumed), epoch(&**uninterrupted)[2..]);
        assert_eq!(epoch(&**resumed), epoch(&**uninterrupted));
    }
}

#[test]
fn evaluation_slices_keep_the_order_and_nest() {
    let loader = config().init_evaluation(numbered(30), &Device::flex());
    assert_eq!(
        numbers(&epoch(&*loader.slice(5, 15))),
        (5..15).collect::<Vec<_>>()
    );
    assert_eq!(numbers(&epoch(&*loader.slice(5, 15).slice(2, 4))), [7, 8]);
    assert_eq!(loader.slice(30, 30).num_items(), 0);
}

#[test]
fn partial_batches_of_slices_are_dropped_when_asked() {
    let parts = split(&config().with_drop_last(true), 50, 3);
    for part in &parts {
        assert_eq!(part.num_items(), 16);
        assert!(epoch(&**part).iter().all(|(_, labels)| labels.len() == 4));
    }
}

#[test]
fn a_moved_loader_goes_on_counting_with_the_one_it_came_from() {
    let loader = config().init_training(numbered(30), &Device::flex());
    let expected = config().init_training(numbered(30), &Device::flex());
    let moved = loader.to_device(&Device::flex());
    assert_eq!(epoch(&*moved), epoch(&expected));
    assert_eq!(epoch(&loader), epoch(&expected));
    assert_eq!(epoch(&*moved), epoch(&expected));
    assert_eq!(loader.epochs_begun(), 3);
}

#[test]
#[should_panic(expected = "a slice lies within the loader's items")]
fn a_slice_beyond_the_items_panics() {
    config()
        .init_training(numbered(30), &Device::flex())
        .slice(0, 31);
}
