//! Times a network on request, so that a benchmark can alternate between this library and others.
//!
//!     BURN_DEVICE=cuda cargo bench --bench on_request --features cuda -- --model cifar_86 --form step --batch-size 64
//!
//! Prints `ready` after warm-up calls, which compile kernels and choose among them. Then, for every line on standard input, it
//! repeats the call for `--seconds`, synchronizing the device after each, and prints the median in milliseconds.
//! `benches/peers/gpu.py` runs it alongside PyTorch.
#![allow(clippy::print_stderr, clippy::print_stdout)] // a program that talks

use std::{
    io::stdin,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use condensenet::{
    AnyNetwork, InitNetwork, Preset,
    burn::{
        nn::loss::CrossEntropyLossConfig,
        optim::GradientsParams,
        tensor::{Device, Distribution, Int, Tensor, TensorData},
    },
    device,
    train::Recipe,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Untimed calls at the start.
const WARM_UP: usize = 5;

/// Times a network on request
#[derive(Parser)]
struct Arguments {
    /// Preset
    #[arg(long, default_value = "cifar_86")]
    model: Preset,
    /// What is timed
    #[arg(long, value_enum, default_value_t = Form::Step)]
    form: Form,
    /// Images in a batch
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// Minimum time per request
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// What `cargo bench` passes
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// Forward, backward and optimizer
    Step,
    /// The forward pass before conversion, condensed
    Training,
    /// The forward pass after conversion
    Converted,
}

type Call = Box<dyn FnMut() -> Result<()>>;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let device = device::from_environment()?;
    let start = Instant::now();
    let mut call = prepare(&arguments, &device)?;
    for _ in 0..WARM_UP {
        call()?;
    }
    eprintln!("ready after {:.1} s", start.elapsed().as_secs_f64());
    println!("ready");
    let least = Duration::from_secs_f64(arguments.seconds);
    for line in stdin().lines() {
        line?;
        let (mut milliseconds, start) = (Vec::new(), Instant::now());
        while milliseconds.len() < 3 || start.elapsed() < least {
            let start = Instant::now();
            call()?;
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        }
        milliseconds.sort_by(f64::total_cmp);
        println!("{}", milliseconds[milliseconds.len() / 2]);
    }
    Ok(())
}

/// Returns a call that runs on random images and synchronizes the device.
fn prepare(arguments: &Arguments, device: &Device) -> Result<Call> {
    let config = arguments.model.config();
    let side = if arguments.model.name().starts_with("cifar") {
        32
    } else {
        224
    };
    let shape = [arguments.batch_size, 3, side, side];
    let images =
        |device: &Device| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), device);
    let waits = device.clone();
    Ok(match arguments.form {
        Form::Step => {
            let device = device.clone().autodiff();
            let images = images(&device);
            let labels: Vec<i64> = (0..arguments.batch_size)
                .map(|image| (image % config.num_classes) as i64)
                .collect();
            let labels = TensorData::new(labels, [arguments.batch_size]);
            let labels = Tensor::<1, Int>::from_data(labels, &device);
            let loss = CrossEntropyLossConfig::new().init(&device);
            let recipe = Recipe::new();
            let mut optimizer = recipe.optimizer();
            let mut network = Some(config.init::<AnyNetwork>(&device)?);
            Box::new(move || {
                let trained = network.take().context("an earlier step failed")?;
                let loss = loss.forward(trained.forward(images.clone()), labels.clone());
                let gradients = GradientsParams::from_grads(loss.backward(), &trained);
                network = Some(optimizer.step(recipe.learning_rate, trained, gradients));
                waits.sync().context("the device failed")
            })
        }
        Form::Training => {
            let mut network: AnyNetwork = config.init(device)?;
            network.condense_to(network.schedule().last_stage());
            let images = images(device);
            Box::new(move || {
                let logits = network.forward(images.clone());
                waits.sync().context("the device failed")?;
                drop(logits);
                Ok(())
            })
        }
        Form::Converted => {
            let network = AnyNetwork::init_converted(&config, None, device)?;
            let images = images(device);
            Box::new(move || {
                let logits = network.forward(images.clone());
                waits.sync().context("the device failed")?;
                drop(logits);
                Ok(())
            })
        }
    })
}
