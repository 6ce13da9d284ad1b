//! The figures of a report, each drawn from its numbers.
//!
//! A figure is drawn once, narrow enough to be legible on a phone. Colors are classes of a stylesheet, so that a picture
//! follows the reader's choice of light or dark, in the page and as a file.

mod axis;
mod class_errors;
mod curves;
mod heat_map;
mod line_chart;
mod masks;
pub(super) mod palette;
mod picture;
mod trade_off;

use super::{RunReport, RunsReport};
use picture::Picture;

/// The width of figures in pixels: a little more than a phone's page, half of a wide one.
const WIDTH: f64 = 400.0;

/// A picture with the words that belong to it.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// The stem of its file's name.
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) title: String,
    /// What there is to see, for those who do not see it; with units.
    pub(super) description: String,
    /// How to read it; nothing that the picture says itself.
    pub(super) caption: String,
    pub(super) picture: Picture,
}

impl Figure {
    /// Returns whether the picture is too wide to be legible if it were scaled to a phone's page.
    pub(super) fn scrolls(&self) -> bool {
        self.picture.width > 1.2 * WIDTH
    }
}

/// The figures of a run; those without anything to show are left out.
#[derive(Debug, Clone)]
pub(super) struct RunFigures {
    pub(super) curves: Vec<Figure>,
    pub(super) connections: Vec<Figure>,
    pub(super) class_errors: Option<Figure>,
}

impl RunFigures {
    pub(super) fn draw(report: &RunReport) -> Self {
        let curves = [
            curves::errors(report),
            curves::losses(report),
            curves::learning_rate(report),
            curves::kept(report),
        ];
        let connections = report.connections.iter();
        Self {
            curves: curves.into_iter().flatten().collect(),
            connections: connections
                .flat_map(|connections| {
                    let reactivations = connections.of_reactivations();
                    let reactivations = reactivations.as_ref().map(heat_map::draw_reactivations);
                    let read = heat_map::draw(connections);
                    let kept = masks::draw(connections);
                    [Some(read), reactivations, Some(kept)]
                })
                .flatten()
                .collect(),
            class_errors: report.per_class().map(class_errors::draw),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Figure> {
        let figures = self.curves.iter().chain(&self.connections);
        figures.chain(&self.class_errors)
    }
}

/// Draws the figures of several runs.
pub(super) fn of_runs(report: &RunsReport) -> Vec<Figure> {
    let figures = [trade_off::draw(report), curves::of_runs(report)];
    figures.into_iter().flatten().collect()
}
