//! Times training steps: forward, backward and optimizer, on random images.
//!
//!     cargo bench --bench training_step -- --model cifar_86 --batch-size 64 --steps 5
//!
//! Threads are `RAYON_NUM_THREADS`, the device is `BURN_DEVICE`. The last line is JSON. `benches/peers/training_step.py` runs
//! the same steps in PyTorch and in this program by turns.
#![allow(clippy::print_stdout)] // a program that talks

use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use condensenet::{
    AnyNetwork, InitNetwork, Preset,
    burn::{
        nn::loss::CrossEntropyLossConfig,
        optim::GradientsParams,
        tensor::{Distribution, Int, Tensor, TensorData},
    },
    device,
    train::Recipe,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times training steps on random images
#[derive(Parser)]
struct Arguments {
    /// Preset
    #[arg(long, default_value = "cifar_86")]
    model: Preset,
    /// Images in a batch
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// Steps to time, after one to warm up
    #[arg(long, default_value_t = 5)]
    steps: usize,
    /// Condensing stage of the masks
    #[arg(long, default_value_t = 0)]
    stage: usize,
    /// Condense fully
    #[arg(long, conflicts_with = "stage")]
    condensed: bool,
    /// Make the maps of dense blocks again for the backward pass instead of keeping them: less memory, more time
    #[arg(long)]
    gradient_checkpointing: bool,
    /// What `cargo bench` passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let device = device::from_environment()?.autodiff();
    let device = if arguments.gradient_checkpointing {
        device.gradient_checkpointing()
    } else {
        device
    };
    let config = arguments.model.config();
    let recipe = Recipe::new();
    let mut network: AnyNetwork = config.init(&device)?;
    let stage = if arguments.condensed {
        usize::MAX
    } else {
        arguments.stage
    };
    network.condense_to(stage);
    let mut optimizer = recipe.optimizer();

    let [height, width] = if arguments.model.name().starts_with("cifar") {
        [32, 32]
    } else {
        [224, 224]
    };
    let shape = [arguments.batch_size, 3, height, width];
    let images = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let labels: Vec<i64> = (0..arguments.batch_size)
        .map(|image| (image % config.num_classes) as i64)
        .collect();
    let labels = TensorData::new(labels, [arguments.batch_size]);
    let labels = Tensor::<1, Int>::from_data(labels, &device);

    let (mut seconds, mut cpu_seconds) = (Vec::new(), Vec::new());
    for step in 0..=arguments.steps {
        let (start, cpu_start) = (Instant::now(), cpu_time());
        let logits = network.forward(images.clone());
        let loss = CrossEntropyLossConfig::new()
            .init(&device)
            .forward(logits, labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(recipe.learning_rate, network, gradients);
        device.sync().context("the device failed")?;
        if step > 0 {
            seconds.push(start.elapsed().as_secs_f64());
            cpu_seconds.extend(cpu_time().zip(cpu_start).map(|(end, start)| end - start));
        }
    }

    let median = median(&mut seconds).context("no step was timed")?;
    let cpu = median_or_null(&mut cpu_seconds);
    println!(
        "{} at batch {}: {median:.3} s a step (median of {}), {cpu} s of CPU time, {:.1} images a second",
        arguments.model,
        arguments.batch_size,
        seconds.len(),
        arguments.batch_size as f64 / median,
    );
    println!(
        r#"{{"model":"{}","batch_size":{},"seconds_per_step":{median},"seconds_best":{},"cpu_seconds_per_step":{cpu},"peak_memory_mb":{}}}"#,
        arguments.model,
        arguments.batch_size,
        seconds[0],
        peak_memory_mb().map_or("null".to_owned(), |mb| format!("{mb:.0}")),
    );
    Ok(())
}

/// Sorts values and returns the one in the middle.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn median_or_null(values: &mut [f64]) -> String {
    median(values).map_or("null".to_owned(), |value| format!("{value:.3}"))
}

/// The CPU time of all threads of the process, where the system says (Linux).
fn cpu_time() -> Option<f64> {
    let nanoseconds = |thread: std::io::Result<std::fs::DirEntry>| -> Option<f64> {
        let statistics = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        statistics.split_whitespace().next()?.parse().ok()
    };
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    Some(threads.filter_map(nanoseconds).sum::<f64>() / 1e9)
}

/// The most memory that the process has held, where the system says (Linux).
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
