//! `condensenet download`: a data set or published weights, because somebody asks for them.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Args;
use condensenet::{
    Pretrained, WeightCache,
    download::{Checksum, DownloadProgress},
    train::data::{Download, Fetched, progress_bar},
};
use serde_json::json;

use crate::{
    failure::usage,
    options::{DATA_DIRECTORY, Verbosity},
};

/// The options of `condensenet download`.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing else in this program ever downloads. A transfer that broke goes on where it stopped. On a \
    machine without a network, put the file where the error says and run the command to have it checked and unpacked.\n\n\
    Weights are converted once and kept in ~/.cache/condensenet; the variable CONDENSENET_CACHE names another directory."
)]
pub(crate) struct Fetch {
    /// cifar10 (170 MB) or cifar100 (169 MB), the binary files of their authors; or weights that `condensenet pretrained` lists
    #[arg(value_name = "NAME", value_parser = parse)]
    name: Downloadable,
    /// Directory to put a data set in [default: data]
    #[arg(long, alias = "output", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fetch it from here instead, for a mirror; the checksum stays
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Of weights at --url: the checksum of the checkpoint there, sha256:HEX or sha1:HEX, instead of the published one
    #[arg(long, value_name = "CHECKSUM", requires = "url")]
    checksum: Option<Checksum>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
enum Downloadable {
    Cifar10,
    Cifar100,
    Weights(Pretrained),
}

fn parse(name: &str) -> Result<Downloadable, String> {
    match name.to_ascii_lowercase().as_str() {
        "cifar10" => Ok(Downloadable::Cifar10),
        "cifar100" => Ok(Downloadable::Cifar100),
        name => name.parse().map(Downloadable::Weights).map_err(|_| {
            let weights = Pretrained::ALL.iter().map(|weights| weights.name());
            let known: Vec<&str> = ["cifar10", "cifar100"].into_iter().chain(weights).collect();
            format!("the known ones are {}", known.join(", "))
        }),
    }
}

impl Fetch {
    /// Fetches and checks what is asked for.
    pub(crate) fn run(&self, verbosity: Verbosity, out: &mut dyn Write) -> Result<()> {
        match self.name {
            Downloadable::Cifar10 => self.fetch_data(Download::cifar10(), verbosity, out),
            Downloadable::Cifar100 => self.fetch_data(Download::cifar100(), verbosity, out),
            Downloadable::Weights(weights) => self.fetch_weights(weights, verbosity, out),
        }
    }

    fn fetch_data(
        &self,
        mut download: Download,
        verbosity: Verbosity,
        out: &mut dyn Write,
    ) -> Result<()> {
        if self.checksum.is_some() {
            return Err(usage("--checksum is for weights"));
        }
        if let Some(url) = &self.url {
            download.url.clone_from(url);
        }
        let data = self.data.as_deref().unwrap_or(Path::new(DATA_DIRECTORY));
        let fetched = download.fetch(data, progress(verbosity, download.archive_name()))?;
        let was_there = matches!(fetched, Fetched::AlreadyThere(_));
        self.write("directory", fetched.directory(), was_there, out)
    }

    fn fetch_weights(
        &self,
        weights: Pretrained,
        verbosity: Verbosity,
        out: &mut dyn Write,
    ) -> Result<()> {
        let cache = WeightCache::of_user()?;
        let path = cache.path(weights);
        if self.data.is_some() {
            let reason = format!(
                "--data is for data sets; weights are kept at {}, unless CONDENSENET_CACHE names another directory",
                path.display()
            );
            return Err(usage(reason));
        }
        let was_there = path.exists();
        let source = weights.source();
        let url = self.url.clone().unwrap_or_else(|| source.url());
        let checksum = self.checksum.clone().unwrap_or_else(|| source.checksum());
        let progress = progress(verbosity, weights.name());
        let path = cache.download_from(weights, &url, &checksum, progress)?;
        self.write("file", &path, was_there, out)
    }

    fn write(&self, what: &str, path: &Path, was_there: bool, out: &mut dyn Write) -> Result<()> {
        let path = path.display();
        if self.json {
            let json = json!({ what: path.to_string(), "already_there": was_there });
            writeln!(out, "{json:#}")?;
        } else if was_there {
            writeln!(out, "{path} is there already")?;
        } else {
            writeln!(out, "{path}")?;
        }
        Ok(())
    }
}

/// Draws a bar, unless nothing is to be said.
fn progress(verbosity: Verbosity, name: &str) -> Box<dyn FnMut(DownloadProgress) + '_> {
    match verbosity.is_quiet() {
        true => Box::new(|_| {}),
        false => Box::new(progress_bar(name)),
    }
}
