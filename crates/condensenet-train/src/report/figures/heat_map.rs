//! The paper's heat map: how strongly each layer reads each earlier one, and how strongly it adds to it.

use super::{
    Figure, WIDTH,
    palette::{Ink, LEVELS},
    picture::{Anchor, HALF_TEXT, Picture},
};
use crate::report::{Connections, Source};

const LEFT: f64 = 52.0;
const TOP: f64 = 38.0;
/// The distance of the classifier's column from the others.
const GAP: f64 = 6.0;

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
        picture: draw_map(connections),
    }
}

/// Draws what the reactivations of a CondenseNetV2 add to, which stand in the place of what layers read.
pub(super) fn draw_reactivations(connections: &Connections) -> Figure {
    let (epoch, layers) = (connections.epoch, connections.targets.len());
    let largest = connections.largest_between_layers();
    Figure {
        name: "reactivation",
        title: "What each layer reactivates".to_owned(),
        description: format!(
            "Heat map of the mean absolute weight by which each of {layers} dense layers adds to the channels of each earlier \
             source, after epoch {epoch}. Largest mean: {largest:.4}."
        ),
        caption: format!(
            "A column adds, a row is added to: the darker a cell (in the dark: the brighter), the larger the mean |weight| by \
             which the new channels of the one layer change those of the other. Dropped connections count as 0. Weights after \
             epoch {epoch}."
        ),
        picture: draw_map(connections),
    }
}

/// Where cells are, in pixels.
struct Layout<'a> {
    connections: &'a Connections,
    /// The side of a cell.
    cell: f64,
}

impl Layout<'_> {
    /// The left end of a target's column.
    fn x(&self, target: usize) -> f64 {
        let targets = &self.connections.targets;
        let is_classifier = targets
            .get(target)
            .is_some_and(|target| target.block.is_none());
        LEFT + if is_classifier { GAP } else { 0.0 } + target as f64 * self.cell
    }

    /// The number of the classifier's column, if there is one: the last.
    fn classifier(&self) -> Option<usize> {
        let targets = &self.connections.targets;
        targets.iter().position(|target| target.block.is_none())
    }

    /// The right end of the layers' columns.
    fn right(&self) -> f64 {
        let layers = self.classifier().unwrap_or(self.connections.targets.len());
        LEFT + layers as f64 * self.cell
    }

    /// The upper end of a source's row.
    fn y(&self, source: usize) -> f64 {
        TOP + source as f64 * self.cell
    }
}

fn draw_map(connections: &Connections) -> Picture {
    let [columns, rows] = [connections.targets.len(), connections.sources.len()];
    // A whole number of tenths of a pixel, so that all cells are alike.
    let cell = (WIDTH - LEFT - GAP - 1.0) / columns.max(1) as f64;
    let layout = Layout {
        connections,
        cell: ((cell * 10.0).floor() / 10.0).min(40.0),
    };
    let mut picture = Picture::new(WIDTH, layout.y(rows) + 4.0);
    draw_cells(&mut picture, &layout);
    draw_borders(&mut picture, &layout);
    draw_labels(&mut picture, &layout);
    draw_scale(&mut picture, &layout);
    picture
}

/// Returns the step of the colors for a mean: 0 for nothing at all, then equal steps up to the largest.
fn level(mean: f64, largest: f64) -> usize {
    if mean <= 0.0 || largest <= 0.0 {
        return 0;
    }
    let step = (mean / largest * LEVELS as f64).ceil();
    step.clamp(1.0, LEVELS as f64) as usize
}

/// Fills the cells, those of one color in one path, which keeps the picture small.
fn draw_cells(picture: &mut Picture, layout: &Layout<'_>) {
    let between_layers = layout.connections.largest_between_layers();
    let of_classifier = layout.connections.largest_of_classifier();
    let mut cells = vec![Vec::new(); LEVELS + 1];
    for (index, target) in layout.connections.targets.iter().enumerate() {
        let largest = match target.block {
            Some(_) => between_layers,
            None => of_classifier,
        };
        for (source, &mean) in target.mean_weights.iter().enumerate() {
            let cell = [layout.x(index), layout.y(source), layout.cell, layout.cell];
            cells[level(mean, largest)].push(cell);
        }
    }
    for (level, cells) in cells.into_iter().enumerate() {
        picture.areas(Ink::Level(level), cells);
    }
}

/// The blocks' first rows (stem left out) and how many there are.
fn blocks(sources: &[Source]) -> Vec<(usize, usize)> {
    let mut blocks: Vec<(usize, usize)> = Vec::new();
    for (row, source) in sources
        .iter()
        .enumerate()
        .filter(|(_, it)| it.block.is_some())
    {
        match blocks.last_mut() {
            Some((_, count)) if source.layer > 0 => *count += 1,
            _ => blocks.push((row, 1)),
        }
    }
    blocks
}

/// Draws where blocks begin, as far as there are cells.
fn draw_borders(picture: &mut Picture, layout: &Layout<'_>) {
    let rows = layout.connections.sources.len();
    let classifier = layout.classifier().map(|column| layout.x(column));
    let (top, right) = (layout.y(0), layout.right());
    let mut border = |from, to| picture.line(Ink::Axis, 1.0, [from, to]);
    for (first, _) in blocks(&layout.connections.sources) {
        // Targets are counted without the stem, which reads no layer.
        let (x, y) = (layout.x(first - 1), layout.y(first));
        border((x, top), (x, y));
        border((x, y), (right, y));
        if let Some(classifier) = classifier {
            border((classifier, y), (classifier + layout.cell, y));
        }
    }
    border((right, top), (right, layout.y(rows - 1)));
    border((LEFT, top), (right, top));
}

fn draw_labels(picture: &mut Picture, layout: &Layout<'_>) {
    let mut title = |x, text| picture.text(Ink::Text, Anchor::Start, (x, 13.0), text);
    title(0.0, "from \u{2193}");
    let head = match layout.classifier() {
        Some(_) => "read by layers of \u{2192}",
        None => "added to by layers of \u{2192}",
    };
    title(LEFT, head);
    let above = TOP - 6.0;
    let row_end = LEFT - 6.0;
    for (index, (first, count)) in blocks(&layout.connections.sources).into_iter().enumerate() {
        let name = format!("block {}", index + 1);
        let half = count as f64 * layout.cell / 2.0;
        let (x, y) = (layout.x(first - 1) + half, layout.y(first) + half);
        picture.text(Ink::Muted, Anchor::Middle, (x, above), &name);
        picture.text(Ink::Muted, Anchor::End, (row_end, y + HALF_TEXT), &name);
    }
    let stem = (layout.y(0) + layout.cell / 2.0).max(TOP + 6.0);
    picture.text(Ink::Muted, Anchor::End, (row_end, stem + HALF_TEXT), "stem");
    if let Some(classifier) = layout.classifier() {
        let right = layout.x(classifier) + layout.cell;
        let name = "classifier \u{2193}";
        picture.text(Ink::Muted, Anchor::End, (right, 13.0), name);
    }
}

/// Draws what the colors mean into the corner that has no cells.
fn draw_scale(picture: &mut Picture, layout: &Layout<'_>) {
    let side = layout.connections.sources.len() as f64 * layout.cell;
    let step = (side * 0.4).clamp(80.0, 140.0) / (LEVELS + 1) as f64;
    let (x, y) = (LEFT + 4.0, picture.height - 34.0);
    for level in 0..=LEVELS {
        picture.areas(
            Ink::Level(level),
            [[x + level as f64 * step, y, step, 10.0]],
        );
    }
    let right = x + step * (LEVELS + 1) as f64;
    let largest = format!("{:.3}", layout.connections.largest_between_layers());
    picture.text(Ink::Muted, Anchor::Start, (x, y - 6.0), "mean |weight|");
    picture.text(Ink::Muted, Anchor::Start, (x, y + 23.0), "0");
    picture.text(Ink::Muted, Anchor::End, (right, y + 23.0), largest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_has_the_level_of_nothing() {
        assert_eq!(level(0.0, 1.0), 0);
        assert_eq!(level(1e-12, 1.0), 1);
        assert_eq!(level(0.5, 1.0), 8);
        assert_eq!(level(1.0, 1.0), LEVELS);
        assert_eq!(level(0.0, 0.0), 0);
    }
}
