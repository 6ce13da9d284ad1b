//! Which inputs each group kept: a row for each group of each learned convolution, a column for each channel.
//!
//! In a network that is densely connected throughout, a channel keeps its number from the layer that makes it to the
//! classifier, so that the rows line up: a column that is dark all the way down is a feature that every layer reads.

use plotters::style::text_anchor::{HPos, VPos};

use super::{
    Figure,
    canvas::{self, Canvas, DrawError, LABEL, UNITS, text_style},
    palette::Ink,
    picture::Picture,
};
use crate::report::{Connections, words};

const WIDTH: i32 = 1080;
const LEFT: i32 = 64;
const TOP: i32 = 40;
const BOTTOM: i32 = 26;
/// The distance of two layers' rows, in pixels.
const BETWEEN_LAYERS: i32 = 2;
/// The distance of two blocks' rows, in pixels.
const BETWEEN_BLOCKS: i32 = 8;

struct Layout {
    /// The width of a channel in units.
    channel: i32,
    /// The height of a group's row in units.
    row: i32,
}

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
            "A band for each learned convolution, first to last, in it a row for each group (two colors in turns); a column for \
             each channel, in the order in which they are made. Colored: kept. A column that stays colored downwards is a \
             feature that is used throughout. Of {} inputs, summed over the layers, {} are kept by no group at all.",
            words::grouped(inputs as u64),
            words::grouped(unused as u64)
        ),
        wide: draw_all(connections),
        narrow: None,
    }
}

fn draw_all(connections: &Connections) -> Picture {
    let channels = connections.sources.iter();
    let channels = channels.map(|source| source.channels as i32).sum::<i32>();
    let rows: usize = connections.masks.iter().map(|mask| mask.groups.len()).sum();
    let layout = Layout {
        channel: ((WIDTH - LEFT) * UNITS / channels.max(1)).max(1),
        // A few large rows or many small ones.
        row: (9000 / rows.max(1) as i32).clamp(2 * UNITS, 5 * UNITS),
    };
    let height = (TOP + BOTTOM) * UNITS + layout.height(connections);
    canvas::draw(WIDTH as u32, (height / UNITS) as u32, |canvas| {
        draw_sources(canvas, connections, &layout)?;
        draw_rows(canvas, connections, &layout)
    })
}

impl Layout {
    fn x(&self, channel: usize) -> i32 {
        LEFT * UNITS + channel as i32 * self.channel
    }

    /// Each layer's upper end, in units from the first.
    fn offsets(&self, connections: &Connections) -> Vec<i32> {
        let mut y = 0;
        let mut place = Vec::new();
        for (index, mask) in connections.masks.iter().enumerate() {
            if mask.layer == 0 && index > 0 {
                y += (BETWEEN_BLOCKS - BETWEEN_LAYERS) * UNITS;
            }
            place.push(y);
            y += mask.groups.len() as i32 * self.row + BETWEEN_LAYERS * UNITS;
        }
        place.push(y);
        place
    }

    fn height(&self, connections: &Connections) -> i32 {
        self.offsets(connections).last().copied().unwrap_or(0)
    }
}

/// Marks which block made the channels, from top to bottom.
fn draw_sources(
    canvas: &Canvas<'_>,
    connections: &Connections,
    layout: &Layout,
) -> Result<(), DrawError> {
    let title = text_style(Ink::Text, LABEL, HPos::Left, VPos::Top);
    canvas.text("channels made by \u{2192}", (LEFT, 2), title)?;
    let bottom = TOP * UNITS + layout.height(connections);
    let mut begins: Vec<(String, usize, usize)> = vec![("stem".to_owned(), 0, 0)];
    for source in &connections.sources {
        if let Some(block) = source.block.filter(|_| source.layer == 0) {
            begins.push((format!("block {}", block + 1), source.first_channel, 0));
        }
        if let Some((_, _, end)) = begins.last_mut() {
            *end = source.first_channel + source.channels;
        }
    }
    let mut free_from = 0;
    for (name, first, end) in begins {
        let x = layout.x(first);
        if first > 0 {
            canvas.line(vec![(x, (TOP - 16) * UNITS), (x, bottom)], Ink::Axis, 1.0)?;
        }
        let (from, to) = (x / UNITS, layout.x(end) / UNITS);
        let width = canvas::text_width(&name, LABEL);
        if to - from >= width.min(30) && from >= free_from {
            free_from = from + width;
            let style = text_style(Ink::Muted, LABEL, HPos::Left, VPos::Bottom);
            canvas.text(
                &name,
                (from + if first > 0 { 5 } else { 0 }, TOP - 4),
                style,
            )?;
        }
    }
    Ok(())
}

fn draw_rows(
    canvas: &Canvas<'_>,
    connections: &Connections,
    layout: &Layout,
) -> Result<(), DrawError> {
    let offsets = layout.offsets(connections);
    for (mask, offset) in connections.masks.iter().zip(&offsets) {
        let y = TOP * UNITS + offset;
        let corners = [
            (layout.x(0), y),
            (
                layout.x(mask.channels_in),
                y + mask.groups.len() as i32 * layout.row,
            ),
        ];
        canvas.fill(corners, Ink::Dropped)?;
    }
    let row_width = f64::from(layout.row) / f64::from(UNITS);
    for (mask, offset) in connections.masks.iter().zip(&offsets) {
        for (group, digits) in mask.groups.iter().enumerate() {
            let y = TOP * UNITS + offset + group as i32 * layout.row + layout.row / 2;
            // Neighboring groups are told apart by two inks in turns.
            let ink = if group % 2 == 0 {
                Ink::Series(0)
            } else {
                Ink::Level(LEVEL_OF_ODD_GROUPS)
            };
            for (from, to) in runs(digits) {
                let ends = vec![(layout.x(from), y), (layout.x(to), y)];
                canvas.line(ends, ink, row_width)?;
            }
        }
        if mask.layer == 0 {
            let style = text_style(Ink::Muted, LABEL, HPos::Right, VPos::Top);
            let at = (LEFT - 6, TOP + offset / UNITS);
            canvas.text(&format!("block {}", mask.block + 1), at, style)?;
        }
    }
    Ok(())
}

const LEVEL_OF_ODD_GROUPS: u8 = 9;

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
