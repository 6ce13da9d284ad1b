//! The kernels against the oracles, at every level of vectors, and against themselves on other
//! numbers of threads.

use super::reference::{Case, SHAPES, for_each_product, shape, statistics};
use super::*;
use crate::{simd::level, training::test_numbers::numbers};

fn assert_close(case: &str, name: &str, fast: &[f32], naive: &[f64]) -> Result<(), String> {
    let largest = naive
        .iter()
        .fold(1e-3f64, |largest, value| largest.max(value.abs()));
    for (index, (&fast, &naive)) in fast.iter().zip(naive).enumerate() {
        let error = (f64::from(fast) - naive).abs();
        if error.is_nan() || error > 2e-5 * largest {
            return Err(format!(
                "{case}: {name}[{index}] is {fast}, the oracle says {naive} (largest {largest})"
            ));
        }
    }
    Ok(())
}

fn kernels_equal_the_oracle(at_level: u8) {
    let mut failures = Vec::new();
    for &sizes in SHAPES {
        let (case, results) = level::with(at_level, || {
            let case = Case::new(shape(sizes));
            let results = case.kernels();
            (case, results)
        });
        for (fast, (name, naive)) in results.iter().zip(case.naive()) {
            failures.extend(assert_close(&format!("{sizes:?}"), name, fast, &naive).err());
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn kernels_equal_naive_loops_on_this_machine() {
    kernels_equal_the_oracle(0);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn kernels_equal_naive_loops_with_avx2() {
    kernels_equal_the_oracle(1);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn kernels_equal_naive_loops_without_vectors() {
    kernels_equal_the_oracle(2);
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads() {
    for sizes in [
        [37, 24, 8, 8, 40, 1, 1],
        [5, 16, 32, 32, 32, 1, 1],
        [70, 16, 8, 8, 8, 3, 4],
        [9, 16, 16, 17, 8, 3, 2],
    ] {
        let case = Case::new(shape(sizes));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a thread pool");
            let bits = |values: &[f32]| {
                values
                    .iter()
                    .map(|value| value.to_bits())
                    .collect::<Vec<_>>()
            };
            level::with(0, || {
                pool.install(|| {
                    let statistics = statistics(&case.shape, &case.x);
                    let results = case.kernels();
                    results
                        .iter()
                        .chain([&statistics.mean, &statistics.variance])
                        .map(|values| bits(values))
                        .collect::<Vec<_>>()
                })
            })
        };
        let one = on(1);
        for threads in [2, 3, 7] {
            assert_eq!(one, on(threads), "{sizes:?} differs on {threads} threads");
        }
    }
}

/// The whole operation in `f64`, statistics included, as a function whose slope can be measured.
fn loss(case: &Case, x: &[f64], gamma: &[f64], beta: &[f64], weight: &[f64]) -> f64 {
    let (channels, pixels) = (case.shape.channels_in, case.shape.pixels());
    let channel_of = |index: usize| index / pixels % channels;
    let count = (case.shape.batch_size * pixels) as f64;
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    for (index, value) in x.iter().enumerate() {
        mean[channel_of(index)] += value / count;
    }
    for (index, value) in x.iter().enumerate() {
        variance[channel_of(index)] += (value - mean[channel_of(index)]).powi(2) / count;
    }
    let a: Vec<f64> = (0..x.len())
        .map(|i| {
            let channel = channel_of(i);
            let xhat = (x[i] - mean[channel]) / (variance[channel] + reference::EPSILON).sqrt();
            (gamma[channel] * xhat + beta[channel]).max(0.0)
        })
        .collect();
    let mut loss = 0.0;
    for_each_product(&case.shape, |output, input, index| {
        loss += f64::from(case.grad_y[output]) * a[input] * weight[index];
    });
    loss
}

#[test]
fn gradients_are_the_slopes_of_the_whole_operation_statistics_included() {
    for sizes in [[3, 6, 5, 4, 4, 1, 1], [2, 6, 4, 5, 4, 3, 2]] {
        let (case, results) = level::with(0, || {
            let case = Case::new(shape(sizes));
            let results = case.kernels();
            (case, results)
        });
        let [_, grad_x, grad_gamma, grad_beta, grad_weight, ..] = results;
        let wide = |values: &[f32]| {
            values
                .iter()
                .map(|&value| f64::from(value))
                .collect::<Vec<_>>()
        };
        let inputs = [
            wide(&case.x),
            wide(&case.gamma),
            wide(&case.beta),
            wide(&case.weight),
        ];
        let gradients = [grad_x, grad_gamma, grad_beta, grad_weight];
        for (which, gradients) in gradients.iter().enumerate() {
            for (index, &gradient) in gradients.iter().enumerate() {
                let at = |step: f64| {
                    let mut inputs = inputs.clone();
                    inputs[which][index] += step;
                    loss(&case, &inputs[0], &inputs[1], &inputs[2], &inputs[3])
                };
                let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!(
                    (slope - f64::from(gradient)).abs() < 1e-3 * slope.abs().max(1.0),
                    "{sizes:?}, input {which}, element {index}: gradient {gradient}, slope {slope}"
                );
            }
        }
    }
}

#[test]
fn statistics_keep_their_digits_beside_a_large_mean() {
    for (sizes, offset) in [
        ([17, 5, 8, 8], 0.0),
        ([3, 4, 7, 5], 1e4),
        ([64, 3, 32, 32], 1e4),
        ([5, 3, 1, 1], 100.0),
    ] {
        let [batch_size, channels, height, width] = sizes;
        let shape = shape([batch_size, channels, height, width, 1, 1, 1]);
        let mut x = numbers(6, shape.input_len());
        x.iter_mut().for_each(|x| *x += offset);
        let Statistics { mean, variance, .. } = level::with(0, || statistics(&shape, &x));
        for channel in 0..channels {
            let values = || {
                let planes = x.chunks(shape.pixels()).skip(channel).step_by(channels);
                planes.flatten().map(|&value| f64::from(value))
            };
            let count = (batch_size * shape.pixels()) as f64;
            let expected_mean = values().sum::<f64>() / count;
            let expected_variance = values()
                .map(|value| (value - expected_mean).powi(2))
                .sum::<f64>()
                / count;
            let mean_error = (f64::from(mean[channel]) - expected_mean).abs();
            let variance_error = (f64::from(variance[channel]) - expected_variance).abs();
            assert!(
                mean_error < 1e-6 * (1.0 + f64::from(offset)),
                "{sizes:?}: mean off by {mean_error}"
            );
            assert!(
                variance_error < 1e-5 * expected_variance,
                "{sizes:?}: variance off by {variance_error}"
            );
        }
    }
}
