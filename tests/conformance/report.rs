//! Runs the cases on a device and says how it went.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use crate::{
    comparison::{Output, deviation},
    suite::{Case, Setting},
    tolerance::{Depth, tolerance},
};

/// The comparisons of one depth.
#[derive(Default)]
struct Tally {
    comparisons: usize,
    worst: f64,
    worst_at: String,
}

/// Runs the cases, prints a table, and returns whether all of them agreed.
pub(crate) fn run(cases: &[Case], setting: &Setting) -> bool {
    let start = Instant::now();
    let mut tallies: BTreeMap<Depth, Tally> = BTreeMap::new();
    let mut failures = Vec::new();
    let verbose = std::env::var_os("CONFORMANCE_VERBOSE").is_some();
    for case in cases {
        let case_start = Instant::now();
        let before = failures.len();
        let mut worst: f64 = 0.0;
        match catch_unwind(AssertUnwindSafe(|| case.run(setting))) {
            Err(panic) => failures.push(format!("{}: panicked: {}", case.name, message(&*panic))),
            Ok(results) => {
                let (found, expected) = (results.found.0, results.expected.0);
                if found.len() != expected.len() || found.is_empty() {
                    let (found, expected) = (found.len(), expected.len());
                    failures.push(format!(
                        "{}: {found} results where {expected} were expected",
                        case.name
                    ));
                }
                for (found, expected) in found.iter().zip(&expected) {
                    let tally = tallies.entry(expected.depth).or_default();
                    match compare(case, setting, found, expected, tally) {
                        Ok(deviation) => worst = worst.max(deviation),
                        Err(failure) => failures.push(failure),
                    }
                }
            }
        }
        if verbose {
            let state = if failures.len() == before {
                "ok"
            } else {
                "FAILED"
            };
            let seconds = case_start.elapsed().as_secs_f64();
            println!("{:60} {state:6} {seconds:6.2} s  {worst:.1e}", case.name);
            for failure in &failures[before..] {
                println!("  {failure}");
            }
        }
    }

    let count = cases.len();
    let seconds = start.elapsed().as_secs_f64();
    println!("{}: {count} cases in {seconds:.0} s", setting.name);
    println!("  depth     comparisons  worst deviation  allowed  where");
    for depth in Depth::ALL {
        let Some(tally) = tallies.get(&depth) else {
            continue;
        };
        println!(
            "  {:8}  {:11}  {:15.1e}  {:7.0e}  {}",
            depth.name(),
            tally.comparisons,
            tally.worst,
            tolerance(setting.family(), depth),
            tally.worst_at,
        );
    }
    for failure in &failures {
        println!("  FAILED {failure}");
    }
    println!();
    failures.is_empty() && count > 0
}

/// Compares, and returns the deviation, which is one that is allowed.
fn compare(
    case: &Case,
    setting: &Setting,
    found: &Output,
    expected: &Output,
    tally: &mut Tally,
) -> Result<f64, String> {
    tally.comparisons += 1;
    let failed = |reason: String| format!("{}, {}: {reason}", case.name, expected.what);
    let deviation = deviation(found, expected).map_err(failed)?;
    if deviation > tally.worst {
        tally.worst = deviation;
        tally.worst_at = format!("{}, {}", case.name, expected.what);
    }
    let allowed = tolerance(setting.family(), expected.depth);
    if deviation > allowed {
        return Err(failed(format!(
            "deviates by {deviation:.1e}, allowed is {allowed:.0e}"
        )));
    }
    Ok(deviation)
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}
