//! `condensenet man`: the manual, from the same definitions as the help.

use std::{fs, io::Write, path::PathBuf};

use anyhow::{Result, anyhow};
use clap::{Args, CommandFactory};

use crate::Arguments;

/// The options of `condensenet man`.
#[derive(Debug, Args)]
#[command(after_help = "To read it: condensenet man | man -l -")]
pub(crate) struct Manual {
    /// Write a page for the program and for each command into DIR, instead of the program's to standard output
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Manual {
    /// Writes the page, or the pages.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let Some(directory) = &self.output else {
            clap_mangen::Man::new(Arguments::command()).render(out)?;
            return Ok(());
        };
        let written = fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(Arguments::command(), directory));
        written.map_err(|error| anyhow!("can't write to {}: {error}", directory.display()))?;
        writeln!(out, "{}", directory.join("condensenet.1").display())?;
        Ok(())
    }
}
