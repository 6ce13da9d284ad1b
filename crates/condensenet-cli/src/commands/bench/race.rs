//! The same cases on several devices, by turns.
//!
//! Machines differ from hour to hour, so figures are compared within one run: every device has its turn, again and again,
//! and what counts is the median of its calls.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use condensenet::{burn::tensor::Device, device};

use super::{
    Bench, Call,
    cases::{Case, prepare},
};
use crate::{failure::usage, trial::Trial};

/// How often every device has its turn.
const TURNS: u32 = 5;
/// Calls before the first that is timed: the first one compiles and chooses kernels.
const WARM_UP: usize = 2;

/// A device that was asked for.
#[derive(Debug)]
pub(super) struct Entrant {
    pub(super) name: String,
    pub(super) trial: Trial,
}

/// What came of one case on one device.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) case: Case,
    pub(super) device: String,
    /// The times of single calls, shortest first, or why there are none.
    pub(super) times: Result<Vec<Duration>, String>,
}

/// Finds the devices of a list such as `flex,cuda:1`, or every device that is there, and tries each of them out.
///
/// # Errors
/// Fails if a device of the list can't be had. One that is there and does not compute has no figures, and keeps its place.
pub(super) fn entrants(names: &str) -> Result<Vec<Entrant>> {
    let every = || {
        let families = device::available().into_iter();
        families.flat_map(|(family, count)| (0..count).map(move |at| format!("{family}:{at}")))
    };
    let names: Vec<String> = match names {
        "all" => every().collect(),
        names => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
    };
    for (at, name) in names.iter().enumerate() {
        device::by_name(name)?;
        if names[..at].contains(name) {
            return Err(usage(format!("--devices names {name} twice")));
        }
    }
    let entrants = names.into_iter().map(|name| Entrant {
        trial: Trial::elsewhere(&name),
        name,
    });
    Ok(entrants.collect())
}

/// Times every case on every device that computes.
///
/// # Errors
/// Fails if the network can't be had. A device that fails on the way is no error, but says so in its place.
pub(super) fn race(
    bench: &Bench,
    entrants: &[Entrant],
    size: [usize; 2],
    threads: usize,
) -> Result<Vec<Figures>> {
    // What is wrong with the network is wrong everywhere, and said before anything is timed.
    bench.load(super::Form::Training, &device::by_name(&entrants[0].name)?)?;
    let mut all = Vec::new();
    for &case in Case::ALL {
        let mut runners = Vec::new();
        for entrant in entrants {
            let family = entrant.name.split(':').next().unwrap_or_default();
            if case.is_for(family) && entrant.trial.works() {
                let device = device::by_name(&entrant.name)?;
                runners.push(Runner::new(
                    case,
                    bench,
                    size,
                    threads,
                    &entrant.name,
                    &device,
                ));
            }
        }
        take_turns(&mut runners, Duration::from_secs_f64(bench.seconds));
        all.extend(runners.into_iter().map(|runner| Figures {
            case,
            device: runner.name,
            times: match runner.call {
                Ok(_) => Ok(sorted(runner.times)),
                Err(reason) => Err(reason),
            },
        }));
    }
    Ok(all)
}

/// A device at one case, as long as it has not failed.
struct Runner {
    name: String,
    call: Result<Call, String>,
    times: Vec<Duration>,
}

impl Runner {
    fn new(
        case: Case,
        bench: &Bench,
        size: [usize; 2],
        threads: usize,
        name: &str,
        device: &Device,
    ) -> Self {
        let mut runner = Self {
            name: name.to_owned(),
            call: caught(|| prepare(case, bench, size, threads, device)),
            times: Vec::new(),
        };
        for _ in 0..WARM_UP {
            runner.run();
        }
        runner.times.clear();
        runner
    }

    /// Makes one call, and times it.
    fn run(&mut self) {
        let Ok(call) = &mut self.call else { return };
        let start = Instant::now();
        match caught(call) {
            Ok(()) => self.times.push(start.elapsed()),
            Err(reason) => self.call = Err(reason),
        }
    }
}

fn take_turns(runners: &mut [Runner], each: Duration) {
    for _ in 0..TURNS {
        for runner in &mut *runners {
            let start = Instant::now();
            runner.run();
            while runner.call.is_ok() && start.elapsed() < each / TURNS {
                runner.run();
            }
        }
    }
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

/// Makes an error, on one line, of a panic: a device that has not the memory for a case is no reason to end the others.
fn caught<T>(call: impl FnOnce() -> Result<T>) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(call));
    let done = done.unwrap_or_else(|panic| Err(anyhow!(message(&*panic))));
    done.map_err(|error| error.to_string().lines().collect::<Vec<_>>().join(" "))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked without a message").to_owned()
}
