//! Times whole networks in each of their forms, on the device that `BURN_DEVICE` names.
//!
//!     cargo bench --bench networks
//!     RAYON_NUM_THREADS=1 cargo bench --bench networks -- session
//!     BURN_DEVICE=wgpu cargo bench --bench networks --features wgpu
//!
//! `training form` and `converted form` are the networks as tensors, `session` the converted network compiled for the CPU,
//! which runs there whatever the device is. Training steps have a benchmark of their own, `training_step`.

use std::hint::black_box;

use anyhow::Result;
use condensenet::{
    AnyNetwork, InitNetwork, Preset,
    burn::tensor::{Device, Distribution, Tensor},
    device,
};
use criterion::{Criterion, Throughput};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The networks, and the sides of their images in pixels.
const NETWORKS: [(Preset, usize); 4] = [
    (Preset::Cifar86, 32),
    (Preset::Cifar182, 32),
    (Preset::Imagenet74C4, 224),
    (Preset::Imagenet74C8, 224),
];
const BATCH_SIZES: [usize; 2] = [1, 32];

fn main() -> Result<()> {
    let device = device::from_environment()?;
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for (variant, side) in NETWORKS {
        for batch_size in BATCH_SIZES {
            time(
                &mut criterion,
                variant,
                [batch_size, 3, side, side],
                &device,
            );
        }
    }
    criterion.final_summary();
    Ok(())
}

fn time(criterion: &mut Criterion, preset: Preset, shape: [usize; 4], device: &Device) {
    let images = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), device);
    let config = preset.config();
    let mut group = criterion.benchmark_group(format!("{preset}, batch {}", shape[0]));
    group.throughput(Throughput::Elements(shape[0] as u64));

    let mut training: AnyNetwork = config.init(device).expect("a preset is valid");
    training.condense_to(training.schedule().last_stage());
    group.bench_function("training form", |bencher| {
        bencher.iter(|| wait(device, training.forward(images.clone())));
    });
    drop(training);

    let converted = AnyNetwork::init_converted(&config, None, device).expect("a preset is valid");
    group.bench_function("converted form", |bencher| {
        bencher.iter(|| wait(device, converted.forward(images.clone())));
    });

    let session = converted.compile().expect("a preset is whole");
    let pixels: Vec<f32> = images.into_data().iter().collect();
    let mut logits = vec![0.0; shape[0] * config.num_classes];
    group.bench_function("session", |bencher| {
        bencher.iter(|| {
            let done = session.run(&pixels, shape[0], shape[2], shape[3], &mut logits);
            done.expect("the sizes fit");
            black_box(&logits);
        });
    });
    group.finish();
}

/// Waits for logits that may still be on their way.
fn wait(device: &Device, logits: Tensor<2>) {
    device.sync().expect("the device computes");
    black_box(logits);
}
