//! Trains a CondenseNet, condenses it on the way, converts it, and shows what both forms cost and get wrong.
//!
//! Without arguments it needs no data and no network: it trains a small CondenseNet on the built-in images. With
//! `-- --data DIR` it trains on CIFAR-10 from the official binary files.
#![allow(clippy::print_stdout)] // a program that talks

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use clap::Parser;
use condensenet::{
    Complexity, CondenseNetConfig, ConfigError, Convention, Form, Variant, device,
    train::{
        DataSource, Evaluation, Recipe, RunConfig, RunOptions, TrainingRun,
        data::ImageLoaderConfig, evaluate, largest_logit_difference,
    },
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
    model: Option<Variant>,
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
    /// Use the first N training images of CIFAR-10 only
    #[arg(long, value_name = "N", requires = "data")]
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
        None => TrainingRun::create(free_directory(&arguments.run), describe(&arguments))?,
    };
    let (network_config, recipe) = (&run.config().network, &run.config().recipe);
    let data = run.config().data.load()?;
    println!(
        "{} images to train on, {} to validate on; {} epochs in batches of {}",
        data.train.len(),
        data.valid.len(),
        recipe.epochs,
        recipe.batch_size,
    );

    let network = run.train(&data, &RunOptions::new(device.clone()))?;
    let converted = network.convert()?;

    let images = ImageLoaderConfig::new(100, data.normalisation)
        .init_evaluation(Arc::clone(&data.valid), &device);
    let training_form = evaluate(|images| network.forward(images), &images)?;
    let converted_form = evaluate(|images| converted.forward(images), &images)?;
    let difference = largest_logit_difference(
        |images| network.forward(images),
        |images| converted.forward(images),
        &images,
    )?;

    let size = [data.valid.height(), data.valid.width()];
    println!();
    println!("form       error    parameters  multiply-adds");
    print_row(
        "training",
        network_config,
        Form::Training,
        size,
        &training_form,
    )?;
    print_row(
        "converted",
        network_config,
        Form::CONVERTED,
        size,
        &converted_form,
    )?;
    println!("largest difference between their logits: {difference:.1e}");
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
            let data = DataSource::Synthetic {
                train_images: 5000,
                valid_images: 1000,
                seed: 0,
            };
            (arguments.model.map_or(small, Variant::config), 6, data)
        }
        Some(directory) => {
            let model = arguments.model.unwrap_or(Variant::Cifar86);
            let data = DataSource::Cifar10 {
                directory: directory.clone(),
                train_images: arguments.train_images,
            };
            (model.config(), model.published_recipe().epochs, data)
        }
    };
    let recipe = Recipe::new()
        .with_epochs(arguments.epochs.unwrap_or(epochs))
        .with_batch_size(arguments.batch_size)
        .with_learning_rate(arguments.learning_rate)
        .with_seed(arguments.seed);
    RunConfig::new(network, recipe, data)
}

/// The first of `runs/cifar10`, `runs/cifar10-2`, `runs/cifar10-3`, ... that is not there yet.
fn free_directory(wanted: &Path) -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("{}-{number}", wanted.display())));
    std::iter::once(wanted.to_path_buf())
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| wanted.to_path_buf())
}

fn print_row(
    name: &str,
    network: &CondenseNetConfig,
    form: Form,
    size: [usize; 2],
    evaluation: &Evaluation,
) -> Result<(), ConfigError> {
    let complexity = Complexity::of(network, form, size)?;
    println!(
        "{name:9} {:5.2} % {:12} {:14}",
        evaluation.top1_error,
        complexity.stored_params(),
        complexity.flops(Convention::MultiplyAdds),
    );
    Ok(())
}
