//! The paper's heat map: how strongly each layer reads each earlier one.

use plotters::style::text_anchor::{HPos, VPos};

use super::{
    Figure, PHONE,
    canvas::{self, Canvas, DrawError, LABEL, UNITS, text_style},
    palette::{Ink, LEVELS},
    picture::Picture,
};
use crate::report::{Connections, Source};

/// Where things are, in pixels, but for the cells: those are whole numbers of units, so that all are alike.
struct Layout {
    left: i32,
    top: i32,
    /// The side of a cell in units.
    cell: i32,
    /// The distance of the classifier's column from the others, in pixels.
    gap: i32,
}

const TOP: i32 = 38;
const BOTTOM: i32 = 22;
const GAP: i32 = 6;

pub(super) fn draw(connections: &Connections) -> Figure {
    let description = format!(
        "Heat map of the mean absolute weight from each source layer to each target layer, after epoch {}: {} sources, \
         {} dense layers and the classifier. Largest mean between layers: {:.4}; of the classifier: {:.4}.",
        connections.epoch,
        connections.sources.len(),
        connections.targets.len() - 1,
        connections.largest_between_layers(),
        connections.largest_of_classifier(),
    );
    Figure {
        name: "heat_map",
        title: "What each layer reads".to_owned(),
        description,
        caption: format!(
            "A column reads, a row is read: the darker a cell (in the dark: the brighter), the larger the mean |weight| of the \
             connections between the two layers. Dropped connections count as 0. Lines border the blocks. The classifier's \
             weights are of another kind: its column has a scale of its own, up to {:.3}. Weights after epoch {}.",
            connections.largest_of_classifier(),
            connections.epoch
        ),
        wide: draw_in(connections, 640, 64),
        narrow: Some(draw_in(connections, PHONE, 46)),
    }
}

fn draw_in(connections: &Connections, width: u32, left: i32) -> Picture {
    let columns = connections.targets.len() as i32;
    let rows = connections.sources.len() as i32;
    let cell = (width as i32 - left - GAP - 1) * UNITS / columns.max(1);
    let layout = Layout {
        left,
        top: TOP,
        cell: cell.min(40 * UNITS),
        gap: GAP,
    };
    let height = TOP + rows * layout.cell / UNITS + BOTTOM;
    canvas::draw(width, height as u32, |canvas| {
        draw_cells(canvas, connections, &layout)?;
        draw_borders(canvas, connections, &layout)?;
        draw_labels(canvas, connections, &layout)?;
        draw_scale(canvas, connections, &layout)
    })
}

/// Returns the step of the colors for a mean: 0 for nothing at all, then equal steps up to the largest.
pub(super) fn level(mean: f64, largest: f64) -> u8 {
    if mean <= 0.0 || largest <= 0.0 {
        return 0;
    }
    let step = (mean / largest * LEVELS as f64).ceil();
    step.clamp(1.0, LEVELS as f64) as u8
}

impl Layout {
    /// The left end of a target's column, in units.
    fn x(&self, connections: &Connections, target: usize) -> i32 {
        let is_classifier = connections.targets[target].block.is_none();
        let gap = if is_classifier { self.gap } else { 0 };
        (self.left + gap) * UNITS + target as i32 * self.cell
    }

    /// The upper end of a source's row, in units.
    fn y(&self, source: usize) -> i32 {
        self.top * UNITS + source as i32 * self.cell
    }
}

/// Fills the cells, those of one color after each other, which keeps the picture small.
fn draw_cells(
    canvas: &Canvas<'_>,
    connections: &Connections,
    layout: &Layout,
) -> Result<(), DrawError> {
    let between_layers = connections.largest_between_layers();
    let of_classifier = connections.largest_of_classifier();
    for wanted in 0..=LEVELS as u8 {
        for (index, target) in connections.targets.iter().enumerate() {
            let largest = match target.block {
                Some(_) => between_layers,
                None => of_classifier,
            };
            for (source, &mean) in target.mean_weights.iter().enumerate() {
                if level(mean, largest) == wanted {
                    let (x, y) = (layout.x(connections, index), layout.y(source));
                    let corners = [(x, y), (x + layout.cell, y + layout.cell)];
                    canvas.fill(corners, Ink::Level(wanted))?;
                }
            }
        }
    }
    Ok(())
}

/// The blocks' first rows (stem left out) and how many there are.
fn blocks(sources: &[Source]) -> Vec<(usize, usize)> {
    let mut blocks: Vec<(usize, usize)> = Vec::new();
    for (row, source) in sources.iter().enumerate() {
        match source.block {
            Some(_) if source.layer == 0 => blocks.push((row, 1)),
            Some(_) => {
                if let Some((_, count)) = blocks.last_mut() {
                    *count += 1;
                }
            }
            None => {}
        }
    }
    blocks
}

/// Draws where blocks begin, as far as there are cells.
fn draw_borders(
    canvas: &Canvas<'_>,
    connections: &Connections,
    layout: &Layout,
) -> Result<(), DrawError> {
    let rows = connections.sources.len();
    let last_column = connections.targets.len() - 1;
    let right = layout.x(connections, last_column) - layout.gap * UNITS;
    let classifier = layout.x(connections, last_column);
    for (first, _) in blocks(&connections.sources) {
        // Targets are counted without the stem, which no layer is.
        let x = layout.x(connections, first - 1);
        let y = layout.y(first);
        canvas.line(vec![(x, layout.y(0)), (x, layout.y(first))], Ink::Axis, 1.0)?;
        canvas.line(vec![(x, y), (right, y)], Ink::Axis, 1.0)?;
        canvas.line(
            vec![(classifier, y), (classifier + layout.cell, y)],
            Ink::Axis,
            1.0,
        )?;
    }
    canvas.line(
        vec![(right, layout.y(0)), (right, layout.y(rows - 1))],
        Ink::Axis,
        1.0,
    )?;
    let top = layout.y(0);
    canvas.line(
        vec![(layout.left * UNITS, top), (right, top)],
        Ink::Axis,
        1.0,
    )
}

fn draw_labels(
    canvas: &Canvas<'_>,
    connections: &Connections,
    layout: &Layout,
) -> Result<(), DrawError> {
    let narrow = canvas.width <= PHONE as i32;
    let block_name = |index: usize| {
        if narrow {
            format!("{}", index + 1)
        } else {
            format!("block {}", index + 1)
        }
    };
    let title = |horizontal| text_style(Ink::Text, LABEL, horizontal, VPos::Top);
    let muted = |horizontal, vertical| text_style(Ink::Muted, LABEL, horizontal, vertical);
    canvas.text(
        "read by layers of block \u{2192}",
        (layout.left, 2),
        title(HPos::Left),
    )?;
    for (index, (first, count)) in blocks(&connections.sources).into_iter().enumerate() {
        let x = layout.x(connections, first - 1) + count as i32 * layout.cell / 2;
        let y = layout.y(first) + count as i32 * layout.cell / 2;
        let (x, y) = (x / UNITS, y / UNITS);
        canvas.text(
            &block_name(index),
            (x, layout.top - 4),
            muted(HPos::Center, VPos::Bottom),
        )?;
        canvas.text(
            &block_name(index),
            (layout.left - 6, y),
            muted(HPos::Right, VPos::Center),
        )?;
    }
    let stem = (layout.y(0) + layout.cell / 2) / UNITS;
    let stem_style = muted(HPos::Right, VPos::Center);
    canvas.text(
        "stem",
        (layout.left - 6, stem.max(layout.top + 6)),
        stem_style,
    )?;
    let last = connections.targets.len() - 1;
    let right = (layout.x(connections, last) + layout.cell) / UNITS;
    canvas.text(
        "classifier",
        (right, layout.top - 4),
        muted(HPos::Right, VPos::Bottom),
    )?;
    canvas.text("from \u{2193}", (0, 2), title(HPos::Left))
}

/// Draws what the colors mean into the corner that has no cells.
fn draw_scale(
    canvas: &Canvas<'_>,
    connections: &Connections,
    layout: &Layout,
) -> Result<(), DrawError> {
    let bottom = canvas.height - BOTTOM;
    let side = connections.sources.len() as i32 * layout.cell / UNITS;
    let width = (side * 2 / 5).clamp(110, 220);
    let step = width * UNITS / (LEVELS as i32 + 1);
    let (x, y) = (layout.left * UNITS + 4 * UNITS, (bottom - 22) * UNITS);
    for level in 0..=LEVELS as i32 {
        let corners = [
            (x + level * step, y),
            (x + (level + 1) * step, y + 10 * UNITS),
        ];
        canvas.fill(corners, Ink::Level(level as u8))?;
    }
    let style = |horizontal, vertical| text_style(Ink::Muted, LABEL - 1.0, horizontal, vertical);
    let (left, right) = (x / UNITS, (x + step * (LEVELS as i32 + 1)) / UNITS);
    let below = y / UNITS + 14;
    canvas.text(
        "mean |weight|",
        (left, y / UNITS - 4),
        style(HPos::Left, VPos::Bottom),
    )?;
    canvas.text("0", (left, below), style(HPos::Left, VPos::Top))?;
    let largest = format!("{:.3}", connections.largest_between_layers());
    canvas.text(&largest, (right, below), style(HPos::Right, VPos::Top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_has_the_level_of_nothing() {
        assert_eq!(level(0.0, 1.0), 0);
        assert_eq!(level(1e-12, 1.0), 1);
        assert_eq!(level(0.5, 1.0), 8);
        assert_eq!(level(1.0, 1.0), LEVELS as u8);
        assert_eq!(level(0.0, 0.0), 0);
    }
}
