//! What the libraries want to be said, on standard error.

use std::io::Write;

use clap::builder::styling::AnsiColor;
use env_logger::{Builder, Env, Target};
use log::Level;

use crate::{options::Verbosity, style};

/// Sends log messages to standard error: warnings as they are, more or fewer by `-v` and `-q`, anything by `RUST_LOG`.
pub(crate) fn to_standard_error(verbosity: Verbosity) {
    Builder::from_env(Env::default().default_filter_or(verbosity.filter()))
        .target(Target::Stderr)
        .format(|out, record| {
            let (word, color) = match record.level() {
                Level::Error => ("error", AnsiColor::Red),
                Level::Warn => ("warning", AnsiColor::Yellow),
                Level::Info => ("info", AnsiColor::Green),
                Level::Debug => ("debug", AnsiColor::Blue),
                Level::Trace => ("trace", AnsiColor::Cyan),
            };
            let word = style::on_stderr(word, color);
            writeln!(out, "{word}: {}", record.args())
        })
        .init();
}
