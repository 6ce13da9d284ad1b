//! Which inputs each group kept: a row for each group of each learned convolution, a column for each channel.
//!
//! In a network that is densely connected throughout, a channel keeps its number from the layer that makes it to the
//! classifier, so that the rows line up: a column that is dark all the way down is a feature that every layer reads.

use super::{
    Figure,
    palette::Ink,
    picture::{Anchor, Picture, text_width},
};
use crate::report::{Connections, words};

const WIDTH: f64 = 1080.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 26.0;
const BETWEEN_LAYERS: f64 = 2.0;
const BETWEEN_BLOCKS: f64 = 8.0;
/// Neighboring groups are told apart by two alternating inks.
const INKS: [Ink; 2] = [Ink::Series(0), Ink::Level(9)];

pub(super) fn draw(connections: &Connections) -> Figure {
    let unused: usize = connections
        .masks
        .iter()
        .map(|mask| mask.unused_inputs)
        .sum();
    let inputs: usize = connections.masks.iter().map(|mask| mask.channels_in).sum();
    let description = format!(
        "Picture of the masks of {} learned convolutions after epoch {}: a row for each group, a column for each input \
         channel, dark where the input is kept. Of {inputs} inputs, summed over the layers, {unused} are kept by no group.",
        connections.masks.len(),
        connections.epoch,
    );
    Figure {
        name: "kept_inputs",
        title: "Which inputs each group kept".to_owned(),
        description,
        caption: format!(
            "A band for each learned convolution, first to last, in it a row for each group (two alternating colors); a column for \
             each channel, in the order in which they are made. Colored: kept. A column that stays colored downwards is a \
             feature that is used throughout. Of {} inputs, summed over the layers, {} are kept by no group at all.",
            words::grouped(inputs as u64),
            words::grouped(unused as u64)
        ),
        picture: draw_masks(connections),
    }
}

fn draw_masks(connections: &Connections) -> Picture {
    let channels = connections.sources.iter();
    let channels = channels.map(|source| source.channels).sum::<usize>();
    let rows: usize = connections.masks.iter().map(|mask| mask.groups.len()).sum();
    // In tenths of a pixel, so that all columns and all rows are alike; a few large rows or many small ones.
    let tenths = |pixels: f64| (pixels * 10.0).floor() / 10.0;
    let column = tenths((WIDTH - LEFT) / channels.max(1) as f64).max(0.1);
    let row = tenths(900.0 / rows.max(1) as f64).clamp(2.0, 5.0);
    let x = |channel: usize| LEFT + channel as f64 * column;

    let mut picture = Picture::new(WIDTH, 0.0);
    let mut kept = [Vec::new(), Vec::new()];
    let mut dropped = Vec::new();
    let mut y = TOP;
    for (index, mask) in connections.masks.iter().enumerate() {
        if mask.layer == 0 {
            y += if index > 0 {
                BETWEEN_BLOCKS - BETWEEN_LAYERS
            } else {
                0.0
            };
            let name = format!("block {}", mask.block + 1);
            picture.text(Ink::Muted, Anchor::End, (LEFT - 6.0, y + 10.0), name);
        }
        let height = mask.groups.len() as f64 * row;
        dropped.push([LEFT, y, mask.channels_in as f64 * column, height]);
        for (group, digits) in mask.groups.iter().enumerate() {
            let top = y + group as f64 * row;
            let stretches = runs(digits).into_iter();
            let areas = stretches.map(|(from, to)| [x(from), top, x(to) - x(from), row]);
            kept[group % 2].extend(areas);
        }
        y += height + BETWEEN_LAYERS;
    }
    picture.height = y + BOTTOM;
    picture.areas(Ink::Dropped, dropped);
    for (ink, areas) in INKS.into_iter().zip(kept) {
        picture.areas(ink, areas);
    }
    draw_sources(&mut picture, connections, x, y);
    picture
}

/// Marks which block made the channels, from top to bottom.
fn draw_sources(
    picture: &mut Picture,
    connections: &Connections,
    x: impl Fn(usize) -> f64,
    bottom: f64,
) {
    picture.text(
        Ink::Text,
        Anchor::Start,
        (LEFT, 13.0),
        "channels made by \u{2192}",
    );
    let mut free_from = 0.0;
    for source in connections
        .sources
        .iter()
        .filter(|source| source.layer == 0)
    {
        let from = x(source.first_channel);
        let (name, indent) = match source.block {
            Some(block) => (format!("block {}", block + 1), 5.0),
            None => ("stem".to_owned(), 0.0),
        };
        if source.block.is_some() {
            picture.line(Ink::Axis, 1.0, [(from, TOP - 16.0), (from, bottom)]);
        }
        if from >= free_from {
            free_from = from + text_width(&name);
            picture.text(Ink::Muted, Anchor::Start, (from + indent, TOP - 6.0), name);
        }
    }
}

/// The stretches of kept inputs: from the first of each to the one after its last.
fn runs(digits: &str) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut from = None;
    for (index, digit) in digits.bytes().chain([b'0']).enumerate() {
        match (digit, from) {
            (b'1', None) => from = Some(index),
            (b'0', Some(first)) => {
                runs.push((first, index));
                from = None;
            }
            _ => {}
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_kept_inputs_are_found() {
        assert_eq!(runs("0110100"), [(1, 3), (4, 5)]);
        assert_eq!(runs("11"), [(0, 2)]);
        assert!(runs("000").is_empty());
    }
}
