//! One set of cases for every device: the same numbers everywhere, within stated tolerances.
//!
//! Each case computes on the CPU backend Flex and on the device under test, and the two are compared; the golden run is
//! compared with what the original PyTorch code wrote. Flex itself is tested as well: it has to repeat itself, and to agree with
//! the golden run.
//!
//! ```sh
//! cargo test --test conformance                               # on one device of each family that is compiled in
//! BURN_DEVICE=ndarray cargo test --features ndarray --test conformance
//! cargo test --features wgpu --test conformance -- golden     # the cases whose names contain "golden"
//! ```
//!
//! It has a `main` of its own, since its result is a table and not a list of names.
#![allow(clippy::print_stdout)] // a program that talks

mod cases;
mod comparison;
mod noise;
mod report;
mod suite;
mod tolerance;

use std::process::ExitCode;

use condensenet::device::{self, DeviceError};

use suite::{Case, Setting};

/// Burn computes with buffers that come and go, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // What begins with a dash is meant for the usual test harness, which this is not.
    let filters: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted =
        |case: &Case| filters.is_empty() || filters.iter().any(|filter| case.name.contains(filter));
    let cases: Vec<Case> = cases::all().into_iter().filter(wanted).collect();

    let names = match device_names() {
        Ok(names) => names,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    for name in names {
        match Setting::open(&name) {
            Ok(setting) => failed |= !report::run(&cases, &setting),
            Err(error) => {
                println!("{name}: {error}");
                failed = true;
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

/// The device that `BURN_DEVICE` names, or the first of each family that is compiled in and has one on this machine.
fn device_names() -> Result<Vec<String>, DeviceError> {
    if let Ok(name) = std::env::var("BURN_DEVICE") {
        return device::from_environment().map(|_| vec![name]);
    }
    let (there, missing): (Vec<_>, Vec<_>) = device::available()
        .into_iter()
        .partition(|(_, count)| *count > 0);
    for (family, _) in missing {
        println!("{family}: compiled in, but no device on this machine; not tested");
    }
    let names = there.into_iter().map(|(family, _)| family.to_owned());
    Ok(names.collect())
}
