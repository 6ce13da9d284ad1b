//! The error on the images of each class, largest first.

use super::{
    Figure, WIDTH, axis,
    palette::Ink,
    picture::{Anchor, HALF_TEXT, Picture, text_width},
};
use crate::report::{StoredEvaluation, words};

/// The most classes that are drawn; a table has all of them.
pub(crate) const MOST_CLASSES: usize = 40;

const ROW: f64 = 22.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 22.0;
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
        picture: draw_classes(drawn),
    }
}

fn draw_classes(classes: &[(&str, f64)]) -> Picture {
    let names: Vec<String> = classes.iter().map(|(name, _)| shortened(name)).collect();
    let left = names
        .iter()
        .map(|name| text_width(name))
        .fold(0.0, f64::max)
        + 8.0;
    let bottom = TOP + classes.len() as f64 * ROW;
    let largest = classes.iter().map(|(_, error)| *error).fold(0.0, f64::max);
    let end = axis::round_end(largest, 4);
    let x = |error: f64| left + error / end * (WIDTH - left - 60.0);
    let mut picture = Picture::new(WIDTH, bottom + BOTTOM);
    picture.text(
        Ink::Text,
        Anchor::Start,
        (0.0, 13.0),
        "top-1 error, % of the class's images",
    );
    let ticks = axis::ticks(0.0, end, 4);
    for (index, &tick) in ticks.iter().enumerate() {
        let ink = if index == 0 { Ink::Axis } else { Ink::Grid };
        picture.line(ink, 1.0, [(x(tick), TOP), (x(tick), bottom)]);
        let label = axis::label(tick, &ticks);
        picture.text(Ink::Muted, Anchor::Middle, (x(tick), bottom + 16.0), label);
    }
    for (row, (name, (_, error))) in names.iter().zip(classes).enumerate() {
        let y = TOP + row as f64 * ROW + ROW / 2.0;
        picture.areas(Ink::Series(0), [[left, y - 7.0, x(*error) - left, 14.0]]);
        picture.text(Ink::Text, Anchor::End, (left - 6.0, y + HALF_TEXT), name);
        let at = (x(*error) + 5.0, y + HALF_TEXT);
        picture.text(Ink::Text, Anchor::Start, at, words::percent(Some(*error)));
    }
    picture
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LONGEST_NAME - 1).collect();
    format!("{kept}\u{2026}")
}
