//! The paper's figure of what accuracy costs: error over multiply-adds, a point for each run.

use super::{
    Figure, WIDTH, axis,
    palette::Ink,
    picture::{Anchor, HALF_TEXT, Picture, text_width},
};
use crate::report::{ComparedRun, RunsReport, words};

const LEFT: f64 = 40.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 30.0;
const HEIGHT: f64 = 340.0;
const BOTTOM: f64 = 44.0;
/// Half the height of a label.
const HALF: f64 = 8.0;

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
                ink: Ink::Series(index),
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
        picture: draw_points(&points),
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

fn draw_points(points: &[Point]) -> Picture {
    let across = Scale::of(points.iter().map(|point| point.multiply_adds), true);
    let up = Scale::of(points.iter().map(|point| point.error), false);
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let x = |value| LEFT + across.at(value) * (right - LEFT);
    let y = |value| bottom - up.at(value) * (bottom - TOP);
    let mut picture = Picture::new(WIDTH, HEIGHT);
    let errors = up.ticks(5);
    for &error in &errors {
        picture.line(Ink::Grid, 1.0, [(LEFT, y(error)), (right, y(error))]);
        let at = (LEFT - 6.0, y(error) + HALF_TEXT);
        picture.text(Ink::Muted, Anchor::End, at, axis::label(error, &errors));
    }
    picture.line(Ink::Axis, 1.0, [(LEFT, bottom), (right, bottom)]);
    let mut free_from = 0.0;
    for tick in across.ticks(4) {
        let label = words::short(tick.round() as u64);
        let (at, half) = (x(tick), text_width(&label) / 2.0);
        if at - half < free_from || at + half > WIDTH {
            continue;
        }
        free_from = at + half + 6.0;
        picture.line(Ink::Axis, 1.0, [(at, bottom), (at, bottom + 4.0)]);
        picture.text(Ink::Muted, Anchor::Middle, (at, bottom + 17.0), label);
    }
    let costs = "multiply-adds for an image, converted";
    picture.text(Ink::Muted, Anchor::End, (right, HEIGHT - 6.0), costs);
    let errors = "best top-1 error on validation images, %";
    picture.text(Ink::Text, Anchor::Start, (0.0, 13.0), errors);

    let at = |point: &Point| (x(point.multiply_adds), y(point.error));
    let mut labels = Labels {
        taken: points.iter().map(at).map(Labels::around).collect(),
    };
    for point in points {
        picture.dot(point.ink, at(point), 5.0);
        labels.draw(&mut picture, point, at(point));
    }
    picture
}

/// Finds room for labels beside their points.
struct Labels {
    /// Left, top, right and bottom of what is drawn.
    taken: Vec<[f64; 4]>,
}

impl Labels {
    fn around((x, y): (f64, f64)) -> [f64; 4] {
        [x - 6.0, y - 6.0, x + 6.0, y + 6.0]
    }

    /// Writes a label close to its point where it is free and inside; if that is nowhere, the number alone.
    fn draw(&mut self, picture: &mut Picture, point: &Point, at: (f64, f64)) {
        let whole = self.place(&point.label, at, 2);
        let (text, place) = match whole {
            Some(place) => (&point.label, place),
            None => {
                let place = self.place(&point.number, at, 6);
                let beside = Self::beside(&point.number, at, 0)[0];
                (&point.number, place.unwrap_or(beside))
            }
        };
        self.taken.push(place);
        let at = (place[0], place[1] + HALF + HALF_TEXT);
        picture.text(Ink::Text, Anchor::Start, at, text);
    }

    /// The places to the right and to the left of a point, as many lines up or down.
    fn beside(text: &str, (x, y): (f64, f64), away: usize) -> [[f64; 4]; 4] {
        let (width, away) = (text_width(text), 2.0 * HALF * away as f64);
        let place = |left, middle| [left, middle - HALF, left + width, middle + HALF];
        let (right, left) = (x + 10.0, x - 10.0 - width);
        [
            place(right, y - away),
            place(left, y - away),
            place(right, y + away),
            place(left, y + away),
        ]
    }

    /// Finds a place that is free and inside, at most so many lines away.
    fn place(&self, text: &str, at: (f64, f64), reach: usize) -> Option<[f64; 4]> {
        let mut places = (0..reach).flat_map(|away| Self::beside(text, at, away));
        places.find(|place| {
            let inside = place[0] >= LEFT && place[2] <= WIDTH && place[1] >= TOP;
            let overlaps = |other: &[f64; 4]| {
                place[0] < other[2]
                    && other[0] < place[2]
                    && place[1] < other[3]
                    && other[1] < place[3]
            };
            inside && !self.taken.iter().any(overlaps)
        })
    }
}
