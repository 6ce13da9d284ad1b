//! Lines over epochs, with the boundaries of the condensing stages.

use plotters::{
    chart::{ChartBuilder, ChartContext, LabelAreaPosition},
    coord::{cartesian::Cartesian2d, types::RangedCoordf64},
    element::Circle,
    prelude::{Color, SVGBackend},
    series::LineSeries,
    style::text_anchor::{HPos, VPos},
};

use super::{
    Figure, PHONE, axis,
    canvas::{self, Canvas, DrawError, LABEL, UNITS, text_style, text_width},
    palette::Ink,
    picture::Picture,
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

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const VALUE_TICKS: usize = 5;
const RIGHT: i32 = 12;
const BOTTOM: i32 = 42;
/// The distance of two names in the legend.
const BETWEEN: i32 = 14;
/// The height of a line of text.
const LINE: i32 = 18;

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
}

impl LineChart {
    /// Draws the chart for a page and for a phone.
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
            wide: self.draw(560, 310),
            narrow: Some(self.draw(PHONE, 280)),
        }
    }

    /// Draws the chart in `width` by `height` pixels.
    pub(crate) fn draw(&self, width: u32, height: u32) -> Picture {
        let rows = self
            .legend(width as i32)
            .last()
            .map_or(0, |(_, row, _)| row + 1);
        let height = height + (rows.saturating_sub(1) * LINE) as u32;
        canvas::draw(width, height, |canvas| self.draw_on(canvas, rows))
    }

    fn draw_on(&self, canvas: &Canvas<'_>, legend_rows: i32) -> Result<(), DrawError> {
        let largest = self.series.iter().flat_map(Series::measured);
        let largest = largest.fold(0.0, f64::max);
        let end = self
            .end
            .unwrap_or_else(|| axis::round_end(largest, VALUE_TICKS));
        let ticks = axis::ticks(0.0, end, VALUE_TICKS);
        let labels: Vec<String> = ticks
            .iter()
            .map(|&tick| axis::label(tick, &ticks))
            .collect();
        let left = labels.iter().map(|label| text_width(label, LABEL)).max();
        let left = left.unwrap_or(0) + 8;
        let top = LINE + legend_rows * LINE + if self.stages.is_empty() { 10 } else { LINE };

        let mut chart = ChartBuilder::on(&canvas.area)
            .margin_top(top * UNITS)
            .margin_right(RIGHT * UNITS)
            .set_label_area_size(LabelAreaPosition::Left, left * UNITS)
            .set_label_area_size(LabelAreaPosition::Bottom, BOTTOM * UNITS)
            .build_cartesian_2d(0.0..self.epochs.max(1.0), 0.0..end)?;
        self.draw_axes(canvas, &chart, &ticks, &labels, left)?;
        self.draw_stages(canvas, &chart, end, top)?;
        for series in &self.series {
            draw_series(&mut chart, series)?;
        }
        self.draw_legend(canvas)
    }

    fn draw_axes(
        &self,
        canvas: &Canvas<'_>,
        chart: &Chart<'_>,
        ticks: &[f64],
        labels: &[String],
        left: i32,
    ) -> Result<(), DrawError> {
        let right = (canvas.width - RIGHT) * UNITS;
        for (index, (&tick, label)) in ticks.iter().zip(labels).enumerate() {
            let (x, y) = chart.backend_coord(&(0.0, tick));
            let ink = if index == 0 { Ink::Axis } else { Ink::Grid };
            canvas.line(vec![(x, y), (right, y)], ink, 1.0)?;
            let style = text_style(Ink::Muted, LABEL, HPos::Right, VPos::Center);
            canvas.text(label, (left - 6, y / UNITS), style)?;
        }
        let room = (canvas.width - left) as usize / 60;
        for epoch in axis::whole_ticks(self.epochs.max(1.0), room.clamp(3, 8)) {
            let (x, y) = chart.backend_coord(&(epoch, 0.0));
            canvas.line(vec![(x, y), (x, y + 4 * UNITS)], Ink::Axis, 1.0)?;
            let style = text_style(Ink::Muted, LABEL, HPos::Center, VPos::Top);
            canvas.text(&format!("{epoch:.0}"), (x / UNITS, y / UNITS + 7), style)?;
        }
        let style = text_style(Ink::Muted, LABEL, HPos::Right, VPos::Bottom);
        canvas.text("epochs", (canvas.width - RIGHT, canvas.height - 3), style)?;
        let style = text_style(Ink::Text, LABEL, HPos::Left, VPos::Top);
        canvas.text(self.values, (0, 2), style)
    }

    /// Marks where stages begin, and names those for which there is room.
    fn draw_stages(
        &self,
        canvas: &Canvas<'_>,
        chart: &Chart<'_>,
        end: f64,
        top: i32,
    ) -> Result<(), DrawError> {
        let mut free_from = i32::MIN;
        for stage in &self.stages {
            let (x, bottom) = chart.backend_coord(&(stage.epoch, 0.0));
            let (_, upper) = chart.backend_coord(&(stage.epoch, end));
            canvas.line(vec![(x, upper), (x, bottom)], Ink::Boundary, 1.0)?;
            let label = if stage.stage == 1 {
                "stage 1".to_owned()
            } else {
                stage.stage.to_string()
            };
            let half = text_width(&label, LABEL - 1.0) / 2;
            if x / UNITS - half > free_from {
                free_from = x / UNITS + half + 4;
                let style = text_style(Ink::Boundary, LABEL - 1.0, HPos::Center, VPos::Bottom);
                canvas.text(&label, (x / UNITS, top - 3), style)?;
            }
        }
        Ok(())
    }

    /// Places the names of the series: from the left, row and series.
    fn legend<'a>(&'a self, width: i32) -> Vec<(i32, i32, &'a Series)> {
        let (mut x, mut row) = (0, 0);
        let place = |series: &'a Series| {
            let needed = 28 + text_width(&series.name, LABEL) + BETWEEN;
            if x > 0 && x + needed - BETWEEN > width {
                (x, row) = (0, row + 1);
            }
            let at = (x, row, series);
            x += needed;
            at
        };
        self.series.iter().map(place).collect()
    }

    fn draw_legend(&self, canvas: &Canvas<'_>) -> Result<(), DrawError> {
        for (x, row, series) in self.legend(canvas.width) {
            let y = LINE + row * LINE + LINE / 2;
            match series.mark {
                Mark::Line => {
                    let ends = vec![(x * UNITS, y * UNITS), ((x + 22) * UNITS, y * UNITS)];
                    canvas.line(ends, series.ink, series.width)?;
                }
                Mark::Points => {
                    let style = series.ink.placeholder().filled();
                    let at = ((x + 11) * UNITS, y * UNITS);
                    canvas.area.draw(&Circle::new(at, 3 * UNITS, style))?;
                }
            }
            let style = text_style(Ink::Text, LABEL, HPos::Left, VPos::Center);
            canvas.text(&series.name, (x + 28, y), style)?;
        }
        Ok(())
    }
}

fn draw_series(chart: &mut Chart<'_>, series: &Series) -> Result<(), DrawError> {
    let color = series.ink.placeholder();
    let dots = |points: Vec<(f64, f64)>, radius: f64| {
        let radius = (radius * f64::from(UNITS)) as i32;
        points
            .into_iter()
            .map(move |at| Circle::new(at, radius, color.filled()))
    };
    if series.mark == Mark::Points {
        let points = series.points.iter();
        let points: Vec<_> = points.filter_map(|&(x, y)| Some((x, y?))).collect();
        let radius = if points.len() > 60 { 1.5 } else { 3.0 };
        chart.draw_series(dots(points, radius))?;
        return Ok(());
    }
    let width = (series.width * f64::from(UNITS)).round() as u32;
    for piece in series.points.split(|(_, value)| value.is_none()) {
        let piece: Vec<_> = piece.iter().filter_map(|&(x, y)| Some((x, y?))).collect();
        if piece.len() == 1 {
            chart.draw_series(dots(piece, 3.0))?;
        } else {
            chart.draw_series(LineSeries::new(piece, color.stroke_width(width)))?;
        }
    }
    Ok(())
}
