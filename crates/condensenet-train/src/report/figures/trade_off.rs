//! The paper's figure of what accuracy costs: error over multiply-adds, a point for each run.

use plotters::{
    element::Circle,
    prelude::Color,
    style::text_anchor::{HPos, VPos},
};

use super::{
    Figure, PHONE, axis,
    canvas::{self, Canvas, DrawError, LABEL, UNITS, text_style, text_width},
    palette::{Ink, SERIES},
    picture::Picture,
};
use crate::report::{ComparedRun, RunsReport, words};

const LEFT: i32 = 40;
const RIGHT: i32 = 16;
const TOP: i32 = 30;
const BOTTOM: i32 = 44;
/// Half the height of a label.
const HALF: i32 = 8;

struct Point {
    number: String,
    label: String,
    ink: Ink,
    multiply_adds: f64,
    error: f64,
}

/// The number and the name of a run, by which figures and table know it.
pub(super) fn marked_name(index: usize, run: &ComparedRun) -> String {
    format!("{} {}", index + 1, run.name)
}

pub(super) fn draw(report: &RunsReport) -> Option<Figure> {
    let runs = report.runs.iter().enumerate();
    let points: Vec<Point> = runs
        .filter_map(|(index, run)| {
            Some(Point {
                number: (index + 1).to_string(),
                label: marked_name(index, run),
                ink: Ink::Series((index % SERIES) as u8),
                multiply_adds: run.converted.multiply_adds as f64,
                error: run.best_epoch.as_ref()?.valid_top1_error?,
            })
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let told = points.iter().map(|point| {
        let cost = words::short(point.multiply_adds as u64);
        let error = words::percent(Some(point.error));
        format!("{}: {error} at {cost} multiply-adds", point.label)
    });
    let description = format!(
        "Scatter chart of the best top-1 error on validation images in percent over the multiply-adds of the converted \
         network for an image. {}.",
        told.collect::<Vec<_>>().join("; ")
    );
    Some(Figure {
        name: "error_over_multiply_adds",
        title: "Error over multiply-adds".to_owned(),
        description,
        caption: "Down and to the left is better. Numbers are those of the table.".to_owned(),
        wide: draw_in(&points, 860, 460),
        narrow: Some(draw_in(&points, PHONE, 360)),
    })
}

/// An axis with room around its values: from, to, and whether in logarithms.
#[derive(Debug, Clone, Copy)]
struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// Spans values; over more than a factor of eight, if `may_be_logarithmic`, in logarithms.
    fn of(values: impl Iterator<Item = f64> + Clone, may_be_logarithmic: bool) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        if may_be_logarithmic && least > 0.0 && most / least > 8.0 {
            let (from, to) = (least / 1.4, most * 1.4);
            return Self {
                from,
                to,
                logarithmic: true,
            };
        }
        let spread = (most - least).max(0.1 * most).max(1e-9);
        Self {
            from: (least - 0.3 * spread).max(0.0),
            to: most + 0.3 * spread,
            logarithmic: false,
        }
    }

    /// Where a value is, 0 at the beginning and 1 at the end.
    fn at(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        }
    }

    fn ticks(&self, count: usize) -> Vec<f64> {
        if !self.logarithmic {
            return axis::ticks(self.from, self.to, count);
        }
        let powers = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
        let round = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|m| m * 10_f64.powi(power)));
        round
            .filter(|tick| (self.from..=self.to).contains(tick))
            .collect()
    }
}

fn draw_in(points: &[Point], width: u32, height: u32) -> Picture {
    let across = Scale::of(points.iter().map(|point| point.multiply_adds), true);
    let up = Scale::of(points.iter().map(|point| point.error), false);
    canvas::draw(width, height, |canvas| {
        let (wide, high) = (canvas.width - LEFT - RIGHT, canvas.height - TOP - BOTTOM);
        let x = |value| LEFT + (across.at(value) * f64::from(wide)).round() as i32;
        let y = |value| TOP + high - (up.at(value) * f64::from(high)).round() as i32;
        draw_axes(canvas, (&across, &x), (&up, &y))?;
        let mut labels = Labels::default();
        let dots: Vec<(i32, i32)> = points
            .iter()
            .map(|point| (x(point.multiply_adds), y(point.error)))
            .collect();
        for &dot in &dots {
            labels.block(dot);
        }
        for (point, &(x, y)) in points.iter().zip(&dots) {
            let style = point.ink.placeholder().filled();
            let at = (x * UNITS, y * UNITS);
            canvas.area.draw(&Circle::new(at, 5 * UNITS, style))?;
            labels.draw(canvas, point, (x, y))?;
        }
        Ok(())
    })
}

fn draw_axes(
    canvas: &Canvas<'_>,
    (across, x): (&Scale, &dyn Fn(f64) -> i32),
    (up, y): (&Scale, &dyn Fn(f64) -> i32),
) -> Result<(), DrawError> {
    let (bottom, right) = (canvas.height - BOTTOM, canvas.width - RIGHT);
    let errors = up.ticks(5);
    for &error in &errors {
        let ends = vec![
            (LEFT * UNITS, y(error) * UNITS),
            (right * UNITS, y(error) * UNITS),
        ];
        canvas.line(ends, Ink::Grid, 1.0)?;
        let style = text_style(Ink::Muted, LABEL, HPos::Right, VPos::Center);
        canvas.text(&axis::label(error, &errors), (LEFT - 6, y(error)), style)?;
    }
    let axis = vec![
        (LEFT * UNITS, bottom * UNITS),
        (right * UNITS, bottom * UNITS),
    ];
    canvas.line(axis, Ink::Axis, 1.0)?;
    let mut free_from = 0;
    for tick in across.ticks((canvas.width / 110) as usize) {
        let label = words::short(tick.round() as u64);
        let half = text_width(&label, LABEL) / 2;
        let at = x(tick);
        if at - half < free_from || at + half > canvas.width {
            continue;
        }
        free_from = at + half + 6;
        let ends = vec![
            (at * UNITS, bottom * UNITS),
            (at * UNITS, (bottom + 4) * UNITS),
        ];
        canvas.line(ends, Ink::Axis, 1.0)?;
        let style = text_style(Ink::Muted, LABEL, HPos::Center, VPos::Top);
        canvas.text(&label, (at, bottom + 7), style)?;
    }
    let style = text_style(Ink::Muted, LABEL, HPos::Right, VPos::Bottom);
    let costs = "multiply-adds for an image, converted";
    canvas.text(costs, (right, canvas.height - 3), style)?;
    let style = text_style(Ink::Text, LABEL, HPos::Left, VPos::Top);
    canvas.text("best top-1 error on validation images, %", (0, 2), style)
}

/// Finds room for labels beside their points.
#[derive(Default)]
struct Labels {
    taken: Vec<[i32; 4]>,
}

impl Labels {
    fn block(&mut self, (x, y): (i32, i32)) {
        self.taken.push([x - 6, y - 6, x + 6, y + 6]);
    }

    /// Writes a label close to its point where it is free and inside; if that is nowhere, the number alone.
    fn draw(
        &mut self,
        canvas: &Canvas<'_>,
        point: &Point,
        at: (i32, i32),
    ) -> Result<(), DrawError> {
        let whole = self.place(canvas, &point.label, at, 2);
        let (text, place) = match whole {
            Some(place) => (&point.label, place),
            None => {
                let place = self.place(canvas, &point.number, at, 6);
                let beside = Self::beside(&point.number, at, 0)[0];
                (&point.number, place.unwrap_or(beside))
            }
        };
        self.taken.push(place);
        let style = text_style(Ink::Text, LABEL, HPos::Left, VPos::Center);
        canvas.text(text, (place[0], place[1] + HALF), style)
    }

    /// The places to the right and to the left of a point, as many lines up or down.
    fn beside(text: &str, (x, y): (i32, i32), away: i32) -> [[i32; 4]; 4] {
        let width = text_width(text, LABEL);
        let (up, down) = (y - 2 * HALF * away, y + 2 * HALF * away);
        let place = |left, middle| [left, middle - HALF, left + width, middle + HALF];
        let (right, left) = (x + 10, x - 10 - width);
        [
            place(right, up),
            place(left, up),
            place(right, down),
            place(left, down),
        ]
    }

    /// Finds a place that is free and inside, at most so many lines away.
    fn place(
        &self,
        canvas: &Canvas<'_>,
        text: &str,
        at: (i32, i32),
        reach: i32,
    ) -> Option<[i32; 4]> {
        let mut places = (0..reach).flat_map(|away| Self::beside(text, at, away));
        places.find(|place| {
            let inside = place[0] >= LEFT && place[2] <= canvas.width && place[1] >= TOP;
            let overlaps = |other: &[i32; 4]| {
                place[0] < other[2]
                    && other[0] < place[2]
                    && place[1] < other[3]
                    && other[1] < place[3]
            };
            inside && !self.taken.iter().any(overlaps)
        })
    }
}
