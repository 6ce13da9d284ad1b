//! `condensenet download`: a data set, because somebody asks for it.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use condensenet::train::data::{Download, Fetched, progress_bar};
use serde_json::json;

use crate::options::{DATA_DIRECTORY, Verbosity};

/// The options of `condensenet download`.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing else in this program ever downloads. A transfer that broke goes on where it stopped. On a \
    machine without a network, put the archive into DIR yourself and run the command to have it checked and unpacked."
)]
pub(crate) struct Fetch {
    /// cifar10 (170 MB) or cifar100 (169 MB), the binary files of their authors
    #[arg(value_enum, value_name = "DATASET", hide_possible_values = true)]
    dataset: Downloadable,
    /// Directory to put it in
    #[arg(long, alias = "output", value_name = "DIR", default_value = DATA_DIRECTORY)]
    data: PathBuf,
    /// Fetch it from here instead, for a mirror; the checksum stays
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Downloadable {
    Cifar10,
    Cifar100,
}

impl Fetch {
    /// Fetches, checks and unpacks the data set.
    pub(crate) fn run(&self, verbosity: Verbosity, out: &mut dyn Write) -> Result<()> {
        let mut download = match self.dataset {
            Downloadable::Cifar10 => Download::cifar10(),
            Downloadable::Cifar100 => Download::cifar100(),
        };
        if let Some(url) = &self.url {
            download.url.clone_from(url);
        }
        let fetched = if verbosity.is_quiet() {
            download.fetch(&self.data, |_| {})?
        } else {
            download.fetch(&self.data, progress_bar(download.archive_name()))?
        };
        let directory = fetched.directory().display();
        let was_there = matches!(fetched, Fetched::AlreadyThere(_));
        if self.json {
            let json = json!({ "directory": directory.to_string(), "already_there": was_there });
            writeln!(out, "{json:#}")?;
        } else if was_there {
            writeln!(out, "{directory} is there already")?;
        } else {
            writeln!(out, "{directory}")?;
        }
        Ok(())
    }
}
