//! Times each kind of layer, forward and backward, on the device that `BURN_DEVICE` names.
//!
//!     cargo bench --bench layers
//!     RAYON_NUM_THREADS=1 cargo bench --bench layers -- learned_group_conv
//!     BURN_DEVICE=wgpu cargo bench --bench layers --features wgpu
//!
//! The shapes are those of layers of `cifar_86` (batches of 64, as in training) and of `imagenet_74_c8` (one image, as at
//! test time).

use std::hint::black_box;

use anyhow::Result;
use condensenet::{
    CondensedLinearConfig, GroupConvConfig, IndexLayer, LearnedGroupConvConfig,
    burn::tensor::{Device, Distribution, Tensor},
    channel_shuffle, device, kernels,
};
use criterion::{BatchSize, Criterion, Throughput};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A dense layer and the map that enters it.
struct Case {
    name: &'static str,
    batch_size: usize,
    channels_in: usize,
    growth_rate: usize,
    /// Groups G of both convolutions, and condensation factor C.
    groups: usize,
    pixels: usize,
}

const CASES: [Case; 4] = [
    Case {
        name: "cifar_86, block 1",
        batch_size: 64,
        channels_in: 64,
        growth_rate: 8,
        groups: 4,
        pixels: 32,
    },
    Case {
        name: "cifar_86, block 3",
        batch_size: 64,
        channels_in: 576,
        growth_rate: 32,
        groups: 4,
        pixels: 8,
    },
    Case {
        name: "imagenet_74_c8, block 2",
        batch_size: 1,
        channels_in: 96,
        growth_rate: 16,
        groups: 8,
        pixels: 56,
    },
    Case {
        name: "imagenet_74_c8, block 5",
        batch_size: 1,
        channels_in: 1536,
        growth_rate: 128,
        groups: 8,
        pixels: 7,
    },
];

const BOTTLENECK: usize = 4;

impl Case {
    fn map(&self, channels: usize, device: &Device) -> Tensor<4> {
        let shape = [self.batch_size, channels, self.pixels, self.pixels];
        Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
    }

    fn bottleneck_channels(&self) -> usize {
        BOTTLENECK * self.growth_rate
    }

    fn learned(&self) -> LearnedGroupConvConfig {
        LearnedGroupConvConfig::new(self.channels_in, self.bottleneck_channels())
            .with_groups(self.groups)
            .with_condensation_factor(self.groups)
    }

    fn group(&self) -> GroupConvConfig {
        GroupConvConfig::new(self.bottleneck_channels(), self.growth_rate).with_groups(self.groups)
    }
}

fn main() -> Result<()> {
    let device = device::from_environment()?;
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    forward(&mut criterion, &device);
    backward(&mut criterion, &device);
    criterion.final_summary();
    Ok(())
}

/// Waits for a result that may still be on its way.
fn wait<const D: usize>(device: &Device, result: Tensor<D>) {
    device.sync().expect("the device computes");
    black_box(result);
}

fn forward(criterion: &mut Criterion, device: &Device) {
    let mut time =
        |kind: &str, case: &Case, x: Tensor<4>, layer: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let mut group = criterion.benchmark_group(format!("{kind}, forward"));
            group.throughput(Throughput::Elements(case.batch_size as u64));
            group.bench_function(case.name, |bencher| {
                bencher.iter_batched(
                    || x.clone(),
                    |x| wait(device, layer(x)),
                    BatchSize::SmallInput,
                );
            });
        };
    for case in &CASES {
        let wide = case.map(case.channels_in, device);
        let narrow = case.map(case.bottleneck_channels(), device);
        let learned = case.learned().init(device);
        time("learned_group_conv", case, wide.clone(), &|x| {
            learned.forward(x)
        });
        let condensed = case.learned().init_condensed(device);
        time("condensed_conv", case, wide.clone(), &|x| {
            condensed.forward(x)
        });
        let group = case.group().init(device);
        time("group_conv", case, narrow.clone(), &|x| group.forward(x));
        let index: &IndexLayer = &condensed.index;
        time("index_layer", case, wide.clone(), &|x| index.forward(x));
        time("channel_shuffle", case, narrow, &|x| {
            channel_shuffle(x, case.groups)
        });
        time("average_pool", case, wide.clone(), &|x| {
            kernels::average_pool_2x2(x)
        });
        let classifier = CondensedLinearConfig::new(case.channels_in, 1000).init(device);
        time("condensed_linear", case, wide, &|x| {
            let means = x
                .mean_dim(3)
                .mean_dim(2)
                .reshape([case.batch_size, case.channels_in]);
            classifier
                .forward(means)
                .reshape([case.batch_size, 1000, 1, 1])
        });
    }
}

fn backward(criterion: &mut Criterion, device: &Device) {
    let device = device.clone().autodiff();
    let mut time =
        |kind: &str, case: &Case, x: Tensor<4>, layer: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let mut group = criterion.benchmark_group(format!("{kind}, forward and backward"));
            group.throughput(Throughput::Elements(case.batch_size as u64));
            group.bench_function(case.name, |bencher| {
                bencher.iter_batched(
                    || x.clone().require_grad(),
                    |x| {
                        black_box(layer(x).sum().backward());
                        device.sync().expect("the device computes");
                    },
                    BatchSize::SmallInput,
                );
            });
        };
    for case in CASES.iter().filter(|case| case.batch_size > 1) {
        let wide = case.map(case.channels_in, &device);
        let learned = case.learned().init(&device);
        time("learned_group_conv", case, wide, &|x| learned.forward(x));
        let narrow = case.map(case.bottleneck_channels(), &device);
        let group = case.group().init(&device);
        time("group_conv", case, narrow, &|x| group.forward(x));
    }
}
