//! Times the kernels for GPUs against compositions of Burn's operations, on the device that `BURN_DEVICE` names.
//!
//!     BURN_DEVICE=cuda cargo bench --bench kernels --features cuda
//!     BURN_DEVICE=wgpu cargo bench --bench kernels --features wgpu -- --batch-size 4 --rounds 9 condensed
//!
//! Kernel, composition, and the choice between them that networks run with, take turns in every round; the medians are printed
//! as a table in Markdown. `measured` is to be the smaller of the other two. Shapes are those of layers of `cifar_86` and
//! `imagenet_74_c8`; names are filters. On other devices the columns are the same computation.
#![allow(clippy::print_stdout)] // a program that talks

use std::{hint::black_box, time::Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use condensenet::{
    burn::tensor::{Device, Distribution, Int, Tensor, TensorData},
    device,
    kernels::{self, Algorithm},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    /// Images in a batch.
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// How often each computation is timed, after two that are not.
    #[arg(long, default_value_t = 25)]
    rounds: usize,
    /// Times what has one of these in its name; everything without.
    filters: Vec<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A dense layer: its name, the channels that enter it, its growth rate, the number of groups, and the side of its map.
const LAYERS: [(&str, usize, usize, usize, usize); 5] = [
    ("cifar_86, block 1", 64, 8, 4, 32),
    ("cifar_86, block 2", 240, 16, 4, 16),
    ("cifar_86, block 3", 576, 32, 4, 8),
    ("imagenet_74_c8, block 2", 96, 16, 8, 56),
    ("imagenet_74_c8, block 5", 1536, 128, 8, 7),
];

const BOTTLENECK: usize = 4;

const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::Kernel,
    Algorithm::Composition,
    Algorithm::Measured,
];

type Computation<'a> = Box<dyn Fn(Algorithm) + 'a>;

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(options.rounds > 0, "--rounds must be at least 1");
    let device = device::from_environment()?;
    println!("Milliseconds, medians of {}.\n", options.rounds);
    println!("| | Kernel | Composition | Measured | Composition / kernel |");
    println!("|---|---|---|---|---|");
    for (layer, channels, growth_rate, groups, side) in LAYERS {
        let bottleneck = BOTTLENECK * growth_rate;
        let map = |channels| [options.batch_size, channels, side, side];
        let (wide, narrow) = (map(channels), map(bottleneck));
        time("3x3, forward", layer, &options, &device, || {
            convolution(narrow, growth_rate, groups, &device)
        })?;
        let autodiff = device.clone().autodiff();
        time(
            "3x3, forward and backward",
            layer,
            &options,
            &device,
            || convolution(narrow, growth_rate, groups, &autodiff),
        )?;
        time("condensed 1x1, forward", layer, &options, &device, || {
            condensed(wide, bottleneck, groups, &device)
        })?;
    }
    Ok(())
}

/// Times a computation by every algorithm, in turns, and prints a line of the table.
fn time<'a>(
    kind: &str,
    layer: &str,
    options: &Options,
    device: &Device,
    prepare: impl FnOnce() -> Computation<'a>,
) -> Result<()> {
    let name = format!("{kind}: {layer}");
    let filters = &options.filters;
    if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
        return Ok(());
    }
    let compute = prepare();
    let mut milliseconds = ALGORITHMS.map(|_| Vec::with_capacity(options.rounds));
    for round in 0..options.rounds + 2 {
        for (algorithm, times) in ALGORITHMS.into_iter().zip(&mut milliseconds) {
            device.sync()?;
            let start = Instant::now();
            compute(algorithm);
            device.sync()?;
            // The first rounds compile, and choose.
            if round >= 2 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let [kernel, composition, measured] = milliseconds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    let ratio = composition / kernel;
    println!("| {name} | {kernel:.3} | {composition:.3} | {measured:.3} | {ratio:.2} |");
    Ok(())
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// A group convolution of 3x3, with the gradients of both inputs on a device that differentiates.
fn convolution(
    map: [usize; 4],
    channels_out: usize,
    groups: usize,
    device: &Device,
) -> Computation<'static> {
    let [batch_size, channels, height, width] = map;
    let differentiates = device.is_autodiff();
    let x = random(map, device).set_require_grad(differentiates);
    let weight = random([channels_out, channels / groups, 3, 3], device);
    let weight = weight.set_require_grad(differentiates);
    let probe = random([batch_size, channels_out, height, width], device);
    Box::new(move |algorithm| {
        let output = kernels::group_conv2d(x.clone(), weight.clone(), groups, algorithm);
        if differentiates {
            let gradients = (output * probe.clone()).sum().backward();
            black_box((x.grad(&gradients), weight.grad(&gradients)));
        } else {
            black_box(output);
        }
    })
}

/// A condensed layer that keeps a part of its inputs for each group, no input twice.
fn condensed(
    map: [usize; 4],
    channels_out: usize,
    groups: usize,
    device: &Device,
) -> Computation<'static> {
    let channels = map[1];
    let x = random(map, device);
    let kept: Vec<i64> = (0..channels)
        .map(|input| (input % (channels / groups) * groups + input / (channels / groups)) as i64)
        .collect();
    let index = Tensor::<1, Int>::from_data(TensorData::new(kept, [channels]), device);
    let [scale, shift] = [(); 2].map(|()| random([channels], device));
    let weight = random([channels_out, channels / groups, 1, 1], device);
    Box::new(move |algorithm| {
        black_box(kernels::condensed_conv2d(
            x.clone(),
            index.clone(),
            scale.clone(),
            shift.clone(),
            weight.clone(),
            groups,
            algorithm,
        ));
    })
}
