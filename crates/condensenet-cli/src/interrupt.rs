//! What Ctrl-C does.

use std::{
    io::Write,
    process,
    sync::{Mutex, PoisonError},
};

use condensenet::train::Interrupt;

/// The exit code of a program that was interrupted, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// The run that is to be asked first.
static RUN: Mutex<Option<Interrupt>> = Mutex::new(None);

/// Ends the program with 130 at an interrupt or a request to terminate.
///
/// A run that goes on is asked to finish its step and write a checkpoint first; a second interrupt ends it at once. Every
/// file of a run is written under another name and renamed, so that this loses no more than what came after the last
/// checkpoint.
pub(crate) fn end_with_130() {
    // A handler that can't be set leaves the system's own, which ends the program too.
    ctrlc::set_handler(|| {
        // It is asked once.
        match RUN.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(run) => {
                run.request();
                let text = "finishing the step and writing a checkpoint; once more ends at once";
                writeln!(std::io::stderr(), "\n{text}").ok();
            }
            None => process::exit(INTERRUPTED.into()),
        }
    })
    .ok();
}

/// Lets an interrupt ask this run to stop, as long as `work` goes on.
pub(crate) fn asks<T>(run: &Interrupt, work: impl FnOnce() -> T) -> T {
    let set = |run| *RUN.lock().unwrap_or_else(PoisonError::into_inner) = run;
    set(Some(run.clone()));
    let done = work();
    set(None);
    done
}
