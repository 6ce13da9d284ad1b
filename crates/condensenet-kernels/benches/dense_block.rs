//! Times the dense blocks of CIFAR's CondenseNet-86, forward and backward.
//!
//!     cargo bench -p condensenet-kernels --bench dense_block -- [batch size] [rounds]
//!
//! Reports the best round in milliseconds of CPU time, of all threads together, and the rate of a thread in GFLOP/s, two for each
//! multiply-add that is done. Linux only, where CPU time can be read.
#![allow(clippy::print_stdout)] // a program that talks

use condensenet_kernels::training::{
    Buffer, Connections,
    dense_block::{DenseBlock, Gradients, Parameters, backward, forward},
};

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let batch_size = numbers.first().copied().unwrap_or(64);
    let rounds = numbers.get(1).copied().unwrap_or(3);
    println!(
        "batch {batch_size}, {} threads",
        rayon::current_num_threads()
    );
    for condensed in [false, true] {
        let mut total = [0.0; 3];
        for (channels_in, growth_rate, side) in [(16, 8, 32), (128, 16, 16), (352, 32, 8)] {
            let block = dense_block(batch_size, channels_in, growth_rate, side, condensed);
            let flops = flops(&block, condensed);
            let [forward, backward] = time(&block, rounds);
            println!(
                "{} {side:2}x{side:<2}: forward {:7.1} ms, {:5.1} GFLOP/s; backward {:7.1} ms, {:5.1} GFLOP/s",
                if condensed { "condensed" } else { "dense    " },
                forward * 1e3,
                flops / forward / 1e9,
                backward * 1e3,
                2.0 * flops / backward / 1e9,
            );
            total = [total[0] + forward, total[1] + backward, total[2] + flops];
        }
        let [forward, backward, flops] = total;
        println!(
            "all blocks: forward {:.1} ms, {:.1} GFLOP/s; backward {:.1} ms, {:.1} GFLOP/s; both {:.1} ms, {:.1} GFLOP/s",
            forward * 1e3,
            flops / forward / 1e9,
            backward * 1e3,
            2.0 * flops / backward / 1e9,
            (forward + backward) * 1e3,
            3.0 * flops / (forward + backward) / 1e9,
        );
    }
}

fn dense_block(
    batch_size: usize,
    channels_in: usize,
    growth_rate: usize,
    side: usize,
    condensed: bool,
) -> DenseBlock {
    let (bottleneck, groups, layers) = (4 * growth_rate, 4, 14);
    let connections = |layer: usize| {
        let inputs = channels_in + layer * growth_rate;
        // Each group keeps a quarter of its inputs, scattered, and not the same ones as the others.
        let kept = |index: usize| !condensed || (index % inputs * 7 + index / inputs * 5) % 16 < 4;
        let mask: Vec<bool> = (0..groups * inputs).map(kept).collect();
        Connections::learned(&mask, groups, bottleneck)
    };
    DenseBlock {
        batch_size,
        channels_in,
        height: side,
        width: side,
        bottleneck,
        growth_rate,
        groups_3x3: groups,
        layers: (0..layers).map(connections).collect(),
    }
}

/// Operations of a forward pass.
fn flops(block: &DenseBlock, condensed: bool) -> f64 {
    let pointwise = block.weight_1_len() as f64 / if condensed { 4.0 } else { 1.0 };
    let pixels = (block.batch_size * block.height * block.width) as f64;
    2.0 * pixels * (pointwise + block.weight_3_len() as f64)
}

fn time(block: &DenseBlock, rounds: usize) -> [f64; 2] {
    let values = |len: usize, scale: f32| -> Vec<f32> {
        (0..len)
            .map(|index| ((index * 7919 % 1013) as f32 / 1013.0 - 0.5) * scale)
            .collect()
    };
    let (x, ones, zeros) = (
        values(block.input_len(), 2.0),
        vec![1.0; block.norm_1_len()],
        vec![0.1; block.norm_1_len()],
    );
    let (ones_2, zeros_2) = (vec![1.0; block.norm_2_len()], vec![0.1; block.norm_2_len()]);
    let (weight_1, weight_3) = (
        values(block.weight_1_len(), 0.2),
        values(block.weight_3_len(), 0.2),
    );
    let parameters = Parameters {
        gamma_1: &ones,
        beta_1: &zeros,
        weight_1: &weight_1,
        gamma_2: &ones_2,
        beta_2: &zeros_2,
        weight_3: &weight_3,
        epsilon: 1e-5,
    };
    let mut gradients = [
        block.input_len(),
        block.norm_1_len(),
        block.norm_1_len(),
        block.weight_1_len(),
        block.norm_2_len(),
        block.norm_2_len(),
        block.weight_3_len(),
    ]
    .map(|len| vec![0.0; len]);
    let mut best = [f64::INFINITY; 2];
    for _ in 0..=rounds {
        let mut output = Buffer::take(block.output_len());
        let mut bottlenecks = Buffer::take(block.bottlenecks_len());
        let start = cpu_seconds();
        let statistics = forward(block, &parameters, &x, &mut output, Some(&mut bottlenecks));
        best[0] = best[0].min(cpu_seconds() - start);
        let mut grad_output = Buffer::take(block.output_len());
        grad_output.copy_from_slice(&output);
        let [grad_x, gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = &mut gradients;
        let into = Gradients {
            x: grad_x,
            gamma_1,
            beta_1,
            weight_1,
            gamma_2,
            beta_2,
            weight_3,
        };
        let start = cpu_seconds();
        backward(
            block,
            &parameters,
            &output,
            &statistics,
            Some(&bottlenecks),
            &mut grad_output,
            into,
        );
        best[1] = best[1].min(cpu_seconds() - start);
    }
    best
}

/// CPU time of all threads of this process.
fn cpu_seconds() -> f64 {
    let threads =
        std::fs::read_dir("/proc/self/task").expect("Linux lists the threads of a process");
    let nanoseconds = |thread: std::io::Result<std::fs::DirEntry>| -> Option<f64> {
        let statistics = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        statistics.split_whitespace().next()?.parse().ok()
    };
    threads.filter_map(nanoseconds).sum::<f64>() / 1e9
}
