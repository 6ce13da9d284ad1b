//! Published weights: what is fetched from a server of our own, which does what servers do wrong, and what is kept.

mod faults;
mod server;
mod table;

use std::{fs, path::Path};

use condensenet_runtime::{
    FileForm, InferenceSession, NetworkConfig, NetworkFile, Normalization, PhotoCrop, Preset,
    Pretrained, PretrainedError, StateDict, StoredTensor, WeightCache,
    download::{Checksum, DownloadProgress},
    weights::{TensorKind, specs},
};

use server::{Manner, Server};

/// The smallest published network.
const SMALL: Pretrained = Pretrained::Cifar10DenseNetBc40;

/// A file as pytorchcv publishes it, of made weights: an archive with a checkpoint.
const SMALL_FILE: &[u8] = include_bytes!("../fixtures/published/densenet40_k12_bc_cifar10.pth.zip");

/// The checksum of the checkpoint, as the script beside the file prints it.
fn small_checksum() -> Checksum {
    Checksum::Sha1("d1e4c609a0316d2954dfb6eac5833f58f53e41ce".to_owned())
}

/// The tensors of a network, with weights that differ from one another.
fn tensors(config: &NetworkConfig, form: FileForm, kept: Option<usize>) -> StateDict {
    let specs = specs(config, form, kept);
    let specs = specs
        .into_iter()
        .filter(|spec| spec.kind != TensorKind::Counter);
    let filled = specs.map(|spec| {
        let count: usize = spec.shape.iter().product();
        let tensor = match spec.kind {
            TensorKind::Index { channels_in } => {
                // Other channels for every part of the list, each in ascending order.
                let channels = (0..count)
                    .map(|at| (at * (channels_in / count.min(channels_in)).max(1)) % channels_in);
                let channels: Vec<i64> = channels.map(|channel| channel as i64).collect();
                StoredTensor::from_i64(&spec.shape, &channels)
            }
            _ => {
                let scale = (count as f32 / spec.shape[0] as f32).sqrt();
                let values: Vec<f32> = (0..count)
                    .map(|at| (at * 7919 % 1009) as f32 / 1009.0 / scale)
                    .collect();
                StoredTensor::from_f32(&spec.shape, &values)
            }
        };
        (spec.key, tensor)
    });
    filled.collect()
}

/// A safetensors file with these tensors.
fn file(tensors: &StateDict) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("weights");
    tensors.save_safetensors(&path).expect("a file");
    fs::read(path).expect("the file")
}

fn sha256(content: &[u8]) -> Checksum {
    let digest: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(content).into();
    Checksum::Sha256(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn listing(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn weights_are_fetched_checked_and_converted_once() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path().join("cache"));
    let server = Server::new(SMALL_FILE.to_vec(), Manner::Proper);
    let mut heard: Vec<DownloadProgress> = Vec::new();
    let url = server.url("densenet.pth.zip");
    // The checksum is that of the checkpoint in the archive.
    let path = cache
        .download_from(SMALL, &url, &small_checksum(), |progress| {
            heard.push(progress);
        })
        .unwrap();
    assert_eq!(path, cache.path(SMALL));
    assert_eq!(
        listing(&root.path().join("cache")),
        ["densenet40_k12_bc_cifar10.safetensors"]
    );
    assert!(heard.is_sorted_by_key(|progress| progress.done));
    let last = heard.last().unwrap();
    assert_eq!(Some(last.done), last.total);

    let opened = cache.open(SMALL).unwrap();
    assert_eq!(opened, NetworkFile::load(&path).unwrap());
    let config = NetworkConfig::densenet(vec![6; 3], 12).with_num_classes(10);
    assert_eq!(opened.weights.config, config);
    assert_eq!(opened.normalization, Some(Normalization::PYTORCHCV_CIFAR));
    assert_eq!(
        opened.crop,
        Some(PhotoCrop {
            shorter_side: 32,
            size: 32
        })
    );
    assert_eq!(opened.class_names.as_ref().unwrap()[3], "cat");
    assert!(opened.provenance.as_ref().unwrap().contains(&url));

    let again = cache
        .download_from(SMALL, &url, &small_checksum(), |_| {})
        .unwrap();
    assert_eq!(again, path);
    assert_eq!(server.ranges(), [None]);
}

#[test]
fn the_authors_condensenet_comes_in_converted_form_and_knows_imagenet_s_classes() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path());
    let weights = Pretrained::ImageNet74C4;
    let config = Preset::Imagenet74C4.config();
    let kept = config.channels_after_last_block() / 2;
    let content = file(&tensors(&config, FileForm::Converted, Some(kept)));
    let server = Server::new(content.clone(), Manner::Proper);
    let url = server.url("weights.safetensors");
    cache
        .download_from(weights, &url, &sha256(&content), |_| {})
        .unwrap();
    let file = cache.open(weights).unwrap();
    assert_eq!(file.weights.config, config);
    assert_eq!(file.weights.form, FileForm::Converted);
    let names = file.class_names.as_ref().unwrap();
    assert_eq!((names.len(), names[281].as_str()), (1000, "tabby"));
    let preprocess = file.preprocess();
    assert_eq!((preprocess.shorter_side, preprocess.size), (256, 224));
    let session = InferenceSession::open(&file.weights).unwrap();
    let mut logits = vec![0.0; 1000];
    session
        .run(&[0.5; 3 * 64 * 64], 1, 64, 64, &mut logits)
        .unwrap();
    assert!(logits.iter().all(|logit| logit.is_finite()));
}

#[test]
fn nothing_is_downloaded_unasked() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path().join("cache"));
    let error = cache.open(Pretrained::ImageNet74C4).unwrap_err();
    assert!(
        matches!(error, PretrainedError::NotDownloaded { .. }),
        "{error}"
    );
    let text = error.to_string();
    for says in [
        "`condensenet download imagenet_74_c4`",
        "20 MB",
        "imagenet_74_c4.safetensors",
    ] {
        assert!(text.contains(says), "`{says}` is missing in: {text}");
    }
    assert!(!root.path().join("cache").exists());
}
