//! Trains a CondenseNet, condenses it on the way, converts it, and shows what both forms cost and get wrong.
//!
//! Without arguments it needs no data and no network: it trains a small CondenseNet on the built-in images. With
//! `-- --data DIR` it trains on CIFAR-10 from the official binary files.
#![allow(clippy::print_stdout)] // a program that talks

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use condensenet::{
    CondenseNetConfig, Preset, device,
    train::{Comparison, DataSource, Recipe, RunConfig, RunOptions, TrainingRun},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains a CondenseNet, condenses it on the way, converts it, and compares both forms
#[derive(Parser)]
struct Arguments {
    /// Directory with the official binary files of CIFAR-10; without it the built-in images are used
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Preset, such as cifar_50 [default: cifar_86 on CIFAR-10, a smaller network on the built-in images]
    #[arg(long, value_name = "PRESET")]
    model: Option<Preset>,
    /// Number of epochs [default: 300 on CIFAR-10, 6 on the built-in images]
    #[arg(long)]
    epochs: Option<usize>,
    /// Images in a batch
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// Learning rate at the start
    #[arg(long, default_value_t = 0.1)]
    learning_rate: f64,
    /// Decides initial weights, order and variation of the images
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Device, such as flex or cuda:0 [default: BURN_DEVICE, or the first that is compiled in]
    #[arg(long)]
    device: Option<String>,
    /// Train on N images only, and of the built-in ones validate on a fifth as many
    #[arg(long, value_name = "N")]
    train_images: Option<usize>,
    /// Where the run is written; a number is added where one is already
    #[arg(long, value_name = "DIR", default_value = "runs/cifar10")]
    run: PathBuf,
    /// Go on with the run in DIR; everything else is read from there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["data", "model", "epochs", "seed", "train_images"])]
    resume: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let device = match &arguments.device {
        Some(name) => device::by_name(name)?,
        None => device::from_environment()?,
    };
    let run = match &arguments.resume {
        Some(directory) => TrainingRun::resume(directory)?,
        None => TrainingRun::create_numbered(&arguments.run, describe(&arguments))?,
    };
    let recipe = &run.config().recipe;
    let data = run.config().data.load()?;
    println!(
        "{} images to train on, {} to validate on; {} epochs in batches of {}",
        data.train.len(),
        data.valid.len(),
        recipe.epochs,
        recipe.batch_size,
    );

    let network = run.train(&data, &RunOptions::new(device.clone()))?.network;

    println!();
    println!("{}", Comparison::of(&network, &data, &device)?);
    println!();
    println!("run      {}", run.directory().display());
    println!("metrics  {}", run.metrics_path().display());
    if let Some(best) = run.checkpoints().best()? {
        let (path, error) = (best.path.display(), best.state.validation_error);
        println!(
            "best     {path} (epoch {}, error {error:.2} %)",
            best.state.epoch
        );
    }
    if matches!(run.config().data, DataSource::Synthetic { .. }) {
        println!();
        println!("The real CIFAR-10, with the paper's recipe:");
        println!("  cargo run --release --example cifar10 -- --data DIR --model cifar_86");
    }
    Ok(())
}

/// Network, recipe and data as the arguments ask for them.
fn describe(arguments: &Arguments) -> RunConfig {
    let (network, epochs, data) = match &arguments.data {
        None => {
            let small = CondenseNetConfig::new(vec![4, 4, 4], vec![8, 16, 32]);
            let train_images = arguments.train_images.unwrap_or(5000);
            let data = DataSource::Synthetic {
                train_images,
                valid_images: train_images.div_ceil(5),
                seed: 0,
            };
            (arguments.model.map_or(small, Preset::config), 6, data)
        }
        Some(directory) => {
            let model = arguments.model.unwrap_or(Preset::Cifar86);
            let data = DataSource::Cifar10 {
                directory: directory.clone(),
                train_images: arguments.train_images,
            };
            (
                model.config(),
                model.published_recipe().map_or(300, |recipe| recipe.epochs),
                data,
            )
        }
    };
    let recipe = Recipe::new()
        .with_epochs(arguments.epochs.unwrap_or(epochs))
        .with_batch_size(arguments.batch_size)
        .with_learning_rate(arguments.learning_rate)
        .with_seed(arguments.seed);
    RunConfig::new(network, recipe, data)
}
