//! Lines over epochs, with the boundaries of the condensing stages.

use super::{
    Figure, WIDTH, axis,
    palette::Ink,
    picture::{Anchor, HALF_TEXT, Picture, text_width},
};
use crate::report::StageBoundary;

/// A line, or points, over epochs.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    /// Epochs and values; a line has a gap where a value is `None`.
    pub(crate) points: Vec<(f64, Option<f64>)>,
    /// In pixels.
    pub(crate) width: f64,
    pub(crate) mark: Mark,
}

/// How the values of a series are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Line,
    Points,
}

/// What a chart over epochs shows; drawn by [`figure`](Self::figure).
#[derive(Debug, Clone)]
pub(crate) struct LineChart {
    /// What the values are, with their unit.
    pub(crate) values: &'static str,
    pub(crate) series: Vec<Series>,
    /// Epochs that are planned.
    pub(crate) epochs: f64,
    pub(crate) stages: Vec<StageBoundary>,
    /// The value at which the axis ends, unless the values themselves say so.
    pub(crate) end: Option<f64>,
}

/// Where values are on a picture.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    epochs: f64,
    end: f64,
}

const VALUE_TICKS: usize = 5;
const RIGHT: f64 = 12.0;
const BOTTOM: f64 = 42.0;
/// The height of the lines' area.
const HEIGHT: f64 = 190.0;
/// The distance of two names in the legend.
const BETWEEN: f64 = 14.0;
/// The height of a line of text.
const LINE: f64 = 18.0;

impl Plot {
    fn x(&self, epoch: f64) -> f64 {
        self.left + epoch / self.epochs * (self.right - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - value / self.end * (self.bottom - self.top)
    }
}

impl Series {
    /// A line without a mark at its values; a single value has nothing to its left or right and gets one.
    pub(crate) fn line(name: impl Into<String>, ink: Ink, points: Vec<(f64, Option<f64>)>) -> Self {
        Self {
            name: name.into(),
            ink,
            points,
            width: 2.0,
            mark: Mark::Line,
        }
    }

    fn measured(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.measured().next().is_none()
    }

    fn draw(&self, picture: &mut Picture, plot: &Plot) {
        let radius = match self.mark {
            Mark::Points if self.points.len() > 60 => 1.5,
            _ => 3.0,
        };
        for piece in self.points.split(|(_, value)| value.is_none()) {
            let piece = piece
                .iter()
                .filter_map(|&(x, y)| Some((plot.x(x), plot.y(y?))));
            if self.mark == Mark::Points || piece.clone().nth(1).is_none() {
                piece.for_each(|at| picture.dot(self.ink, at, radius));
            } else {
                picture.line(self.ink, self.width, piece);
            }
        }
    }
}

impl LineChart {
    /// Draws the chart.
    pub(crate) fn figure(
        &self,
        name: &'static str,
        title: impl Into<String>,
        description: impl Into<String>,
    ) -> Figure {
        Figure {
            name,
            title: title.into(),
            description: description.into(),
            caption: match self.stages.len() {
                0 => String::new(),
                _ => "Dashed vertical lines: a condensing stage begins.".to_owned(),
            },
            picture: self.draw(),
        }
    }

    fn draw(&self) -> Picture {
        let largest = self.series.iter().flat_map(Series::measured);
        let largest = largest.fold(0.0, f64::max);
        let end = self
            .end
            .unwrap_or_else(|| axis::round_end(largest, VALUE_TICKS));
        let ticks = axis::ticks(0.0, end, VALUE_TICKS);
        let labels = ticks.iter().map(|&tick| axis::label(tick, &ticks));
        let labels: Vec<String> = labels.collect();
        let legend = self.legend();
        let legend_bottom = legend.last().map_or(LINE, |(_, y, _)| y + LINE);
        let top = legend_bottom + if self.stages.is_empty() { 10.0 } else { LINE };
        let plot = Plot {
            left: labels
                .iter()
                .map(|label| text_width(label))
                .fold(0.0, f64::max)
                + 8.0,
            right: WIDTH - RIGHT,
            top,
            bottom: top + HEIGHT,
            epochs: self.epochs.max(1.0),
            end,
        };
        let mut picture = Picture::new(WIDTH, plot.bottom + BOTTOM);
        self.draw_axes(&mut picture, &plot, &ticks, &labels);
        self.draw_stages(&mut picture, &plot);
        for series in &self.series {
            series.draw(&mut picture, &plot);
        }
        for (x, y, series) in legend {
            let middle = y + LINE / 2.0;
            match series.mark {
                Mark::Line => {
                    picture.line(series.ink, series.width, [(x, middle), (x + 22.0, middle)]);
                }
                Mark::Points => picture.dot(series.ink, (x + 11.0, middle), 3.0),
            }
            let at = (x + 28.0, middle + HALF_TEXT);
            picture.text(Ink::Text, Anchor::Start, at, &series.name);
        }
        picture
    }

    fn draw_axes(&self, picture: &mut Picture, plot: &Plot, ticks: &[f64], labels: &[String]) {
        for (index, (&tick, label)) in ticks.iter().zip(labels).enumerate() {
            let y = plot.y(tick);
            let ink = if index == 0 { Ink::Axis } else { Ink::Grid };
            picture.line(ink, 1.0, [(plot.left, y), (plot.right, y)]);
            picture.text(
                Ink::Muted,
                Anchor::End,
                (plot.left - 6.0, y + HALF_TEXT),
                label,
            );
        }
        for epoch in axis::whole_ticks(plot.epochs, 6) {
            let (x, y) = (plot.x(epoch), plot.bottom);
            picture.line(Ink::Axis, 1.0, [(x, y), (x, y + 4.0)]);
            picture.text(
                Ink::Muted,
                Anchor::Middle,
                (x, y + 17.0),
                format!("{epoch:.0}"),
            );
        }
        let at = (plot.right, picture.height - 6.0);
        picture.text(Ink::Muted, Anchor::End, at, "epochs");
        picture.text(Ink::Text, Anchor::Start, (0.0, 13.0), self.values);
    }

    /// Marks where stages begin, and names those for which there is room.
    fn draw_stages(&self, picture: &mut Picture, plot: &Plot) {
        let mut free_from = f64::NEG_INFINITY;
        for stage in &self.stages {
            let x = plot.x(stage.epoch);
            picture.line(Ink::Boundary, 1.0, [(x, plot.top), (x, plot.bottom)]);
            let label = match stage.stage {
                1 => "stage 1".to_owned(),
                stage => stage.to_string(),
            };
            let half = text_width(&label) / 2.0;
            if x - half > free_from {
                free_from = x + half + 4.0;
                picture.text(Ink::Boundary, Anchor::Middle, (x, plot.top - 5.0), label);
            }
        }
    }

    /// Places the names of the series: the upper left corner of each.
    fn legend(&self) -> Vec<(f64, f64, &Series)> {
        let (mut x, mut y) = (0.0, LINE);
        let mut places = Vec::new();
        for series in &self.series {
            let needed = 28.0 + text_width(&series.name);
            if x > 0.0 && x + needed > WIDTH {
                (x, y) = (0.0, y + LINE);
            }
            places.push((x, y, series));
            x += needed + BETWEEN;
        }
        places
    }
}
