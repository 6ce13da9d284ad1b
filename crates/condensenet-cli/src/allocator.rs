//! The allocator, and how it is told to keep what a training step frees.
//!
//! A step frees a gigabyte of activations and asks for it again at once. By default the allocator gives it back to the system
//! in between and has it cleared anew: more than half of a step's time. It reads what it is to do from the environment, before
//! `main`; so a program that is about to train starts itself once more with the variable set.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the allocator calls its delay; -1 is never.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Starts the program anew, as the same process, with memory kept between steps, unless the environment has a say already.
///
/// Where that can't be done, training is slower, and the same.
#[cfg(unix)]
pub(crate) fn keep_memory_between_steps() {
    use std::{env, os::unix::process::CommandExt, process::Command};

    if env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut arguments = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    let error = again.args(arguments).env(PURGE_DELAY, "-1").exec();
    log::debug!("{PURGE_DELAY} is not set, and the program can't start anew: {error}");
}

/// Does nothing where a process can't be started anew in place: there the variable is to be set by hand.
#[cfg(not(unix))]
pub(crate) fn keep_memory_between_steps() {
    log::debug!("{PURGE_DELAY}=-1 in the environment would make training faster");
}
