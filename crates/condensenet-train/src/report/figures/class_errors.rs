//! The error on the images of each class, largest first.

use plotters::style::text_anchor::{HPos, VPos};

use super::{
    Figure, PHONE, axis,
    canvas::{self, Canvas, DrawError, LABEL, UNITS, text_style, text_width},
    palette::Ink,
    picture::Picture,
};
use crate::report::{StoredEvaluation, words};

/// The most classes that are drawn; a table has all of them.
pub(crate) const MOST_CLASSES: usize = 40;

const ROW: i32 = 22;
const TOP: i32 = 24;
const BOTTOM: i32 = 22;
/// The longest name that is written out, in characters.
const LONGEST_NAME: usize = 18;

/// The classes' names and errors in percent, largest error first, by name where errors are equal.
pub(crate) fn largest_first(evaluation: &StoredEvaluation) -> Vec<(&str, f64)> {
    let classes = evaluation.classes();
    let mut classes: Vec<(&str, f64)> = classes
        .filter_map(|(name, error)| Some((name, error?)))
        .collect();
    classes.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    classes
}

pub(super) fn draw(evaluation: &StoredEvaluation) -> Figure {
    let classes = largest_first(evaluation);
    let count = classes.len();
    let ends = match (classes.first(), classes.last()) {
        (Some((worst, most)), Some((best, least))) => format!(
            ", from {} for {worst} to {} for {best}",
            words::percent(Some(*most)),
            words::percent(Some(*least))
        ),
        _ => String::new(),
    };
    let description = format!(
        "Bar chart of the top-1 error by class in percent, {} form, {count} classes{ends}.",
        evaluation.form
    );
    let title = if count > MOST_CLASSES {
        format!("Error by class: the {MOST_CLASSES} hardest of {count}")
    } else {
        "Error by class".to_owned()
    };
    let drawn = &classes[..count.min(MOST_CLASSES)];
    Figure {
        name: "class_errors",
        title,
        description,
        caption: format!(
            "Top-1 error of the {} form by class, largest first.",
            evaluation.form
        ),
        wide: draw_in(drawn, 640),
        narrow: Some(draw_in(drawn, PHONE)),
    }
}

fn draw_in(classes: &[(&str, f64)], width: u32) -> Picture {
    let names: Vec<String> = classes.iter().map(|(name, _)| shortened(name)).collect();
    let left = names.iter().map(|name| text_width(name, LABEL)).max();
    let left = left.unwrap_or(0) + 8;
    let height = TOP + classes.len() as i32 * ROW + BOTTOM;
    canvas::draw(width, height as u32, |canvas| {
        let largest = classes.iter().map(|(_, error)| *error).fold(0.0, f64::max);
        let end = axis::round_end(largest, 4);
        let room = canvas.width - left - 60;
        let x = |error: f64| left * UNITS + (error / end * f64::from(room * UNITS)) as i32;
        draw_axis(canvas, end, x)?;
        for (row, (name, (_, error))) in (0..).zip(names.iter().zip(classes)) {
            let y = TOP + row * ROW + ROW / 2;
            let corners = [(x(0.0), (y - 7) * UNITS), (x(*error), (y + 7) * UNITS)];
            canvas.fill(corners, Ink::Series(0))?;
            let style = text_style(Ink::Text, LABEL, HPos::Right, VPos::Center);
            canvas.text(name, (left - 6, y), style)?;
            let style = text_style(Ink::Text, LABEL, HPos::Left, VPos::Center);
            let error = words::percent(Some(*error));
            canvas.text(&error, (x(classes[row as usize].1) / UNITS + 5, y), style)?;
        }
        Ok(())
    })
}

fn draw_axis(canvas: &Canvas<'_>, end: f64, x: impl Fn(f64) -> i32) -> Result<(), DrawError> {
    let bottom = canvas.height - BOTTOM;
    let ticks = axis::ticks(0.0, end, 4);
    for (index, &tick) in ticks.iter().enumerate() {
        let ink = if index == 0 { Ink::Axis } else { Ink::Grid };
        let ends = vec![(x(tick), TOP * UNITS), (x(tick), bottom * UNITS)];
        canvas.line(ends, ink, 1.0)?;
        let style = text_style(Ink::Muted, LABEL, HPos::Center, VPos::Top);
        let label = axis::label(tick, &ticks);
        canvas.text(&label, (x(tick) / UNITS, bottom + 5), style)?;
    }
    let style = text_style(Ink::Text, LABEL, HPos::Left, VPos::Top);
    canvas.text("top-1 error, % of the class's images", (0, 2), style)
}

fn shortened(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if name.chars().count() <= LONGEST_NAME {
        return name;
    }
    let kept: String = name.chars().take(LONGEST_NAME - 1).collect();
    format!("{kept}\u{2026}")
}
