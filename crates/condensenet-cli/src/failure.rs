//! How the program ends when it can't do what it was asked for.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Error;
use clap::builder::styling::AnsiColor;

use crate::{interrupt::INTERRUPTED, style};

/// The options of a command line do not go together.
#[derive(Debug)]
struct Usage(String);

impl Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A run was interrupted, and can go on.
#[derive(Debug)]
struct Interrupted(String);

impl Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Makes the end of a run that was interrupted, with a sentence on how it goes on.
pub(crate) fn interrupted(how_to_resume: impl Display) -> Error {
    Error::new(Interrupted(how_to_resume.to_string()))
}

/// Makes the error of options that do not go together.
pub(crate) fn usage(reason: impl Display) -> Error {
    Error::new(Usage(reason.to_string()))
}

/// Says what went wrong, in one sentence, and returns the program's exit code.
pub(crate) fn report(error: &Error) -> ExitCode {
    if reader_is_gone(error) {
        return ExitCode::SUCCESS;
    }
    if error.is::<Interrupted>() {
        let word = style::on_stderr("interrupted", AnsiColor::Yellow);
        writeln!(io::stderr(), "{word}: {error}").ok();
        return ExitCode::from(INTERRUPTED);
    }
    // The library's messages carry their cause, so that the chain would say everything twice.
    // Nobody is left to tell when standard error is closed as well.
    let word = style::on_stderr("error", AnsiColor::Red);
    writeln!(io::stderr(), "{word}: {error}").ok();
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// Says whether standard output was closed, as `condensenet summary cifar_86 | head` does.
fn reader_is_gone(error: &Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
