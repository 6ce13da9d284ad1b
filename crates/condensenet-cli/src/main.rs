//! The `condensenet` program: trains, evaluates, converts and runs CondenseNets from a command line.
//!
//! Results go to standard output; progress, warnings and errors to standard error. It ends with 0 if all is done, with
//! 1 if something failed, with 2 if the command line makes no sense, and with 130 if it was interrupted.

mod allocator;
mod commands;
mod config_file;
mod counted;
mod failure;
mod interrupt;
mod options;
mod sizes;
mod style;
mod trial;
mod warnings;

use std::{env, io, process::ExitCode};

use clap::Parser;

use commands::Command;
use options::Verbosity;

/// Trains, condenses, converts and runs CondenseNets
#[derive(Debug, Parser)]
#[command(
    name = "condensenet",
    version,
    arg_required_else_help = true,
    styles = style::STYLES,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    verbosity: Verbosity,
}

fn main() -> ExitCode {
    interrupt::end_with_130();
    let arguments = match config_file::expand(env::args_os().collect()) {
        Ok(arguments) => Arguments::parse_from(arguments),
        Err(error) => return failure::report(&error),
    };
    warnings::to_standard_error(arguments.verbosity);
    if arguments.command.trains() {
        allocator::keep_memory_between_steps();
    }
    match arguments
        .command
        .run(arguments.verbosity, &mut io::stdout())
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
