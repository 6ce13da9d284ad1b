//! Fine-tunes a network on a folder of photos, and saves a file that knows its classes.
//!
//! A network that has learned to tell some classes apart needs only a few epochs for others. Its file gives everything but
//! the classifier, which is drawn anew for the classes of the folder: one for each directory in `PHOTOS/train`, with the
//! photos to validate on in `PHOTOS/val`. Links are followed, so that some of a large folder's classes make another folder:
//!
//! ```sh
//! for class in goose dugong snail; do
//!     for split in train val; do
//!         mkdir -p some/$split && ln -s "$PWD/all/$split/$class" some/$split/
//!     done
//! done
//! cargo run --release --example fine_tune -- some --checkpoint network.safetensors
//! ```
//!
//! `--pretrained imagenet_74_c4` begins from weights that `condensenet download` has fetched; they are in converted form, and
//! the run brings them back to training form.
//!
//! With neither, a small CondenseNet is trained from scratch, which makes a checkpoint to begin with, and shows
//! what another was worth.
#![allow(clippy::print_stdout)] // a program that talks

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use clap::Parser;
use condensenet::{
    CondenseNetConfig, ImportOptions, InitNetwork, LoadPretrained, NetworkConfig, NetworkFile,
    PreprocessTensors, Pretrained, RgbImage, Stem, device, open_network, top_k,
    train::{
        DataSource, Display, Recipe, RunConfig, RunOptions, TrainingRun, check_initial_weights,
        data::{ImageLoaderConfig, PhotoFolder, PhotoTransform, Unreadable},
        evaluate,
    },
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Fine-tunes a network on a folder of photos
#[derive(Parser)]
struct Arguments {
    /// Directory with train/CLASS/*.jpg and val/CLASS/*.jpg
    photos: PathBuf,
    /// Network file, or PyTorch checkpoint, to begin from [default: a small network, from scratch]
    #[arg(long, value_name = "FILE", group = "beginning")]
    checkpoint: Option<PathBuf>,
    /// Published weights to begin from
    #[arg(long, value_name = "NAME", group = "beginning")]
    pretrained: Option<Pretrained>,
    /// Train the new classifier alone
    #[arg(long, requires = "beginning")]
    freeze: bool,
    /// Number of epochs
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Learning rate at the start; 0.1 suits a new classifier alone, and a training from scratch
    #[arg(long, default_value_t = 0.02)]
    learning_rate: f64,
    /// Height and width of the images that the network sees
    #[arg(long, value_name = "PIXELS", default_value_t = 64)]
    image_size: usize,
    /// Decides the new classifier's weights, and order and variation of the photos
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the run is written; a number is added where one is already
    #[arg(long, value_name = "DIR", default_value = "runs/fine_tune")]
    run: PathBuf,
    /// Where the network is written
    #[arg(long, value_name = "FILE", default_value = "fine_tuned.safetensors")]
    output: PathBuf,
    /// Photo to try the network on [default: the first one to validate on]
    #[arg(long, value_name = "PHOTO")]
    predict: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (device, size) = (device::from_environment()?, arguments.image_size);
    device.seed(arguments.seed);

    // Small photos are not cut as narrowly as those of ImageNet: there would be little left to see.
    let transform = PhotoTransform::new(size)
        .with_shorter_side(size)
        .with_scale([0.35, 1.0]);
    let photos = DataSource::Folder {
        directory: arguments.photos.clone(),
        transform,
        unreadable: Unreadable::Skip,
    };
    let data = photos.load()?;
    let classes = data.train.class_names().len();

    let network = match (&arguments.checkpoint, arguments.pretrained) {
        (Some(path), _) => {
            let opened = open_network(path, &ImportOptions::default(), &device)?;
            opened.file.network
        }
        (None, Some(weights)) => weights.load(&device)?.network,
        (None, None) => small_network().init(&device)?,
    };
    let start = NetworkFile::new(network.with_num_classes(classes, &device)?);

    let recipe = Recipe::new()
        .with_epochs(arguments.epochs)
        .with_learning_rate(arguments.learning_rate)
        .with_seed(arguments.seed);
    let mut config = RunConfig::new(start.network.config().clone(), recipe, photos);
    if arguments.freeze {
        config = config.with_frozen_features();
    }
    check_initial_weights(&config.network, &start)?;
    let run = TrainingRun::create_numbered(&arguments.run, config)?;
    run.begin_from(&start)?;

    let [learn, validate] = [&data.train, &data.valid].map(|photos| photos.len());
    println!("{classes} classes, {learn} photos to learn from, {validate} to validate on");
    let loader = ImageLoaderConfig::new(100, data.normalization)
        .init_evaluation(Arc::clone(&data.valid), &device);
    let before = evaluate(|images| start.network.forward(images), &loader)?;
    println!("before training: error {:.2} %", before.top1_error);

    let options = RunOptions {
        display: Display::Lines,
        ..RunOptions::new(device.clone())
    };
    run.train(&data, &options)?;

    let checkpoint = run.checkpoints().latest()?;
    let checkpoint = checkpoint.context("no epoch was trained")?;
    let file = run.network_file(&checkpoint, &device)?;
    file.save(&arguments.output)?;
    println!("saved {}", arguments.output.display());

    // From here on the file says everything: its classes, and how a photo is cut and normalized.
    let file = NetworkFile::load(&arguments.output, &device)?;
    let photo = match arguments.predict {
        Some(photo) => photo,
        None => PhotoFolder::open(arguments.photos.join("val"))?.path(0),
    };
    let image = file
        .preprocess()
        .tensor(&[RgbImage::open(&photo)?], &device);
    println!("\n{}", photo.display());
    let logits: Vec<f32> = file.network.forward(image).into_data().iter().collect();
    for prediction in top_k(&logits, 5, file.class_names.as_deref()) {
        println!("{prediction}");
    }
    Ok(())
}

/// A CondenseNet for photos of 64 pixels a side: the stem halves them, the blocks see 32, 16 and 8.
fn small_network() -> NetworkConfig {
    let network = CondenseNetConfig::new(vec![4, 4, 4], vec![8, 16, 32]);
    network.with_stem(Stem::Imagenet)
}
