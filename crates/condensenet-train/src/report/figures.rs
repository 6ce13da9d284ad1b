//! The figures of a report, each drawn from its numbers.
//!
//! A figure is drawn twice where text would not be legible otherwise: once for a wide page and once for a phone. Colors are
//! classes of a stylesheet and no values, so that a picture follows the reader's choice of light or dark, in the page and
//! as a file.

mod axis;
mod canvas;
mod class_errors;
mod error_history;
mod errors;
mod heat_map;
mod kept;
mod learning_rate;
mod line_chart;
mod losses;
mod masks;
pub(super) mod palette;
mod picture;
mod trade_off;

use super::{RunReport, RunsReport};
pub(super) use picture::Picture;

/// A figure in all of its drawings.
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
    /// As wide as a page; the one that becomes a file.
    pub(super) wide: Picture,
    /// As wide as a phone; where there is none, the wide one scrolls in its box.
    pub(super) narrow: Option<Picture>,
}

/// The width of a phone's page in pixels.
const PHONE: u32 = 342;

/// The figures of a run; those without anything to show are left out.
#[derive(Debug, Clone)]
pub(super) struct RunFigures {
    pub(super) losses: Option<Figure>,
    pub(super) errors: Option<Figure>,
    pub(super) learning_rate: Option<Figure>,
    pub(super) kept: Figure,
    pub(super) heat_map: Option<Figure>,
    pub(super) masks: Option<Figure>,
    pub(super) class_errors: Option<Figure>,
}

impl RunFigures {
    pub(super) fn draw(report: &RunReport) -> Self {
        let connections = report.connections.as_ref();
        Self {
            losses: losses::draw(report),
            errors: errors::draw(report),
            learning_rate: learning_rate::draw(report),
            kept: kept::draw(report),
            heat_map: connections.map(heat_map::draw),
            masks: connections.map(masks::draw),
            class_errors: report.per_class().map(class_errors::draw),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Figure> {
        let optional = [
            &self.losses,
            &self.errors,
            &self.learning_rate,
            &self.heat_map,
            &self.masks,
            &self.class_errors,
        ];
        optional
            .into_iter()
            .flatten()
            .chain(std::iter::once(&self.kept))
    }
}

/// The figures of several runs.
#[derive(Debug, Clone)]
pub(super) struct RunsFigures {
    pub(super) trade_off: Option<Figure>,
    pub(super) error_history: Option<Figure>,
}

impl RunsFigures {
    pub(super) fn draw(report: &RunsReport) -> Self {
        Self {
            trade_off: trade_off::draw(report),
            error_history: error_history::draw(report),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Figure> {
        [&self.trade_off, &self.error_history].into_iter().flatten()
    }
}
