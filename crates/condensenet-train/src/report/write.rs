//! A report on disk: the page, its numbers, and its pictures.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    RunReport, RunsReport,
    figures::{self, Figure, RunFigures},
    page,
};
use crate::{checkpoint::write_atomically, error::TrainError};

/// The files of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenReport {
    /// The page.
    pub page: PathBuf,
    /// Its numbers.
    pub json: PathBuf,
    /// Its pictures.
    pub pictures: Vec<PathBuf>,
}

impl RunReport {
    /// Writes `report.html`, `report.json` and the pictures into a directory, which is created.
    ///
    /// # Errors
    /// Fails with [`TrainError::Io`], naming the file that can't be written.
    pub fn write(&self, directory: &Path) -> Result<WrittenReport, TrainError> {
        let figures = RunFigures::draw(self);
        let page = page::of_run(self, &figures);
        write(directory, "report", page, self, figures.all())
    }
}

impl RunsReport {
    /// Writes `comparison.html`, `comparison.json` and the pictures into a directory, which is created.
    ///
    /// # Errors
    /// Fails with [`TrainError::Io`], naming the file that can't be written.
    pub fn write(&self, directory: &Path) -> Result<WrittenReport, TrainError> {
        let figures = figures::of_runs(self);
        let page = page::of_runs(self, &figures);
        write(directory, "comparison", page, self, figures.iter())
    }
}

fn write<'a>(
    directory: &Path,
    stem: &str,
    page: Result<String, askama::Error>,
    numbers: &impl Serialize,
    figures: impl Iterator<Item = &'a Figure>,
) -> Result<WrittenReport, TrainError> {
    let file = |name: &str, extension: &str| directory.join(format!("{name}.{extension}"));
    let written = WrittenReport {
        page: file(stem, "html"),
        json: file(stem, "json"),
        pictures: Vec::new(),
    };
    let other = |path: &Path| {
        let path = path.to_path_buf();
        move |reason: String| TrainError::io(&path)(std::io::Error::other(reason))
    };
    let page = page.map_err(|error| other(&written.page)(error.to_string()))?;
    let numbers = serde_json::to_vec_pretty(numbers)
        .map_err(|error| other(&written.json)(error.to_string()))?;

    fs::create_dir_all(directory).map_err(TrainError::io(directory))?;
    write_atomically(&written.page, page.as_bytes())?;
    write_atomically(&written.json, &numbers)?;
    let mut pictures = Vec::new();
    for figure in figures {
        let path = file(figure.name, "svg");
        let svg = figure
            .picture
            .standalone(&figure.title, &figure.description);
        write_atomically(&path, svg.as_bytes())?;
        pictures.push(path);
    }
    Ok(WrittenReport {
        pictures,
        ..written
    })
}
