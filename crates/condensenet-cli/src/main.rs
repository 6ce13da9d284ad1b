//! The `condensenet` program: trains, evaluates and counts CondenseNets from a command line.
//!
//! Results go to standard output, errors to standard error as one sentence. It ends with 0 if all is
//! done, with 1 if something failed, and with 2 if the command line makes no sense.

mod commands;
mod failure;
mod options;
mod sizes;

use std::{io, process::ExitCode};

use clap::Parser;

use commands::Command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains, evaluates and counts CondenseNets
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match command.run(&mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
