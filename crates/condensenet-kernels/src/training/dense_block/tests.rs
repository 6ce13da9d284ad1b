//! The block against the oracle at every level of vectors, against slopes, and against itself on other numbers of threads.

use super::reference::{CASES, NAMES};
use super::*;
use crate::{simd::level, training::Connections};

fn distance(name: &str, fast: &[f32], naive: &[f64]) -> Option<String> {
    let largest = naive
        .iter()
        .fold(1e-3f64, |largest, value| largest.max(value.abs()));
    let wrong = |&(&fast, &naive): &(&f32, &f64)| {
        let error = (f64::from(fast) - naive).abs();
        error.is_nan() || error > 1e-4 * largest
    };
    let count = fast.iter().zip(naive).filter(wrong).count();
    let (&fast, &naive) = fast.iter().zip(naive).find(wrong)?;
    Some(format!(
        "{name}: {count} values differ, first {fast}, the oracle says {naive} (largest {largest})"
    ))
}

fn block_equals_the_oracle(at_level: u8) {
    let mut failures = Vec::new();
    for case in CASES.iter() {
        let (sizes, naive) = (case.sizes, &case.expected);
        for keep in [true, false] {
            let results = level::with(at_level, || case.kernels(keep));
            assert_eq!(results.len(), naive.len());
            for ((name, fast), naive) in results.iter().zip(naive) {
                assert_eq!(fast.len(), naive.len(), "{sizes:?}: {name}");
                let failure = distance(name, fast, naive);
                failures
                    .extend(failure.map(|failure| format!("{sizes:?}, kept {keep}: {failure}")));
            }
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
fn block_equals_a_naive_fold_over_layers_on_this_machine() {
    block_equals_the_oracle(0);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn block_equals_a_naive_fold_over_layers_with_avx2() {
    block_equals_the_oracle(1);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn block_equals_a_naive_fold_over_layers_without_vectors() {
    block_equals_the_oracle(2);
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads() {
    for case in CASES.iter() {
        let sizes = case.sizes;
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a thread pool");
            level::with(0, || pool.install(|| case.kernels(true)))
        };
        let bits = |results: Vec<(String, Vec<f32>)>| -> Vec<u32> {
            results
                .iter()
                .flat_map(|(_, values)| values)
                .map(|value| value.to_bits())
                .collect()
        };
        let one = bits(on(1));
        for threads in [2, 3] {
            assert!(
                one == bits(on(threads)),
                "{sizes:?} differs on {threads} threads"
            );
        }
    }
}

#[test]
fn recomputed_bottlenecks_change_no_bit() {
    for case in CASES.iter() {
        let sizes = case.sizes;
        let kept = level::with(0, || case.kernels(true));
        let recomputed = level::with(0, || case.kernels(false));
        assert!(kept == recomputed, "{sizes:?}");
    }
}

#[test]
fn gradients_are_the_slopes_of_the_whole_block_statistics_included() {
    for index in [7, 9, 11, 12] {
        let case = &CASES[index];
        let results = level::with(0, || case.kernels(true));
        let gradients = &results[results.len() - NAMES.len()..];
        let inputs = case.inputs.each_ref().map(|input| {
            input
                .iter()
                .map(|&value| f64::from(value))
                .collect::<Vec<_>>()
        });
        for (which, (name, gradients)) in gradients.iter().enumerate() {
            let largest = gradients
                .iter()
                .fold(1.0f32, |largest, value| largest.max(value.abs()));
            // Some of many: each slope costs two passes of naive loops.
            for element in (0..gradients.len()).step_by(gradients.len().div_ceil(25)) {
                let at = |step: f64| {
                    let mut inputs = inputs.clone();
                    inputs[which][element] += step;
                    case.loss(&inputs)
                };
                let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                let gradient = f64::from(gradients[element]);
                assert!(
                    (slope - gradient).abs() < 1e-3 * f64::from(largest),
                    "{:?}, {name}[{element}]: gradient {gradient}, slope {slope}, largest {largest}",
                    case.sizes
                );
            }
        }
    }
}

#[test]
#[should_panic(expected = "layer 1 has [6, 4] channels in and out, its connections [7, 4]")]
fn connections_of_another_size_are_refused() {
    let block = DenseBlock {
        batch_size: 1,
        channels_in: 4,
        height: 2,
        width: 2,
        bottleneck: 4,
        growth_rate: 2,
        groups_3x3: 1,
        layers: vec![Connections::dense(4, 4), Connections::dense(7, 4)],
    };
    block.check();
}
