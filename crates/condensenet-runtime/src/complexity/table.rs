//! The count as text, for a terminal or a log.

use std::fmt;

use super::{Complexity, Convention, FeatureShape, LayerKind};

impl fmt::Display for FeatureShape {
    /// Writes channels, height and width: `16x32x32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Padded as a whole, so that columns line up.
        f.pad(&format!("{}x{}x{}", self.channels, self.height, self.width))
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Conv => "convolution",
            Self::LearnedGroupConv => "learned group convolution",
            Self::CondensedConv => "condensed convolution",
            Self::GroupConv => "group convolution",
            Self::SqueezeExcitation => "squeeze and excitation",
            Self::Reactivation => "reactivation",
            Self::CondensedReactivation => "condensed reactivation",
            Self::HiddenLinear => "linear, hard-swish",
            Self::MaxPool => "norm, relu, maximum pool",
            Self::AveragePool => "average pool",
            Self::NormRelu => "norm, relu",
            Self::GlobalAveragePool => "global average pool",
            Self::Linear => "linear",
            Self::CondensedLinear => "condensed linear",
        })
    }
}

/// A [`Complexity`] laid out in columns; made by [`Complexity::table`], shown with `Display`.
///
/// The columns are the layer, its kind, the shapes that enter and leave it as channels x height x
/// width, its counted and its stored parameters, and its operations under one convention.
#[derive(Debug, Clone, Copy)]
pub struct ComplexityTable<'a> {
    complexity: &'a Complexity,
    convention: Convention,
}

impl<'a> ComplexityTable<'a> {
    pub(super) fn new(complexity: &'a Complexity, convention: Convention) -> Self {
        Self {
            complexity,
            convention,
        }
    }
}

impl fmt::Display for ComplexityTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = [
            "layer", "kind", "input", "output", "params", "stored", "flops",
        ];
        let mut lines = vec![header.map(str::to_owned)];
        for row in self.complexity.rows() {
            lines.push([
                row.name.clone(),
                row.kind.to_string(),
                row.input.to_string(),
                row.output.to_string(),
                row.counted_params().to_string(),
                row.stored_params().to_string(),
                row.flops(self.convention).to_string(),
            ]);
        }
        lines.push([
            "total".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            self.complexity.counted_params().to_string(),
            self.complexity.stored_params().to_string(),
            self.complexity.flops(self.convention).to_string(),
        ]);
        write_columns(f, &lines)
    }
}

/// Text to the left, the last three columns, which are numbers, to the right.
fn write_columns(f: &mut fmt::Formatter<'_>, lines: &[[String; 7]]) -> fmt::Result {
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let width = lines.iter().map(|line| line[column].len()).max();
        width.unwrap_or_default()
    });
    for line in lines {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            match column {
                0 => write!(f, "{cell:<width$}")?,
                1..=3 => write!(f, "  {cell:<width$}")?,
                _ => write!(f, "  {cell:>width$}")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{Complexity, CondenseNetConfig, Convention, Form};

    #[test]
    fn the_table_lines_up_and_ends_with_the_totals() {
        let config = CondenseNetConfig::new(vec![1], vec![8]);
        let complexity = Complexity::of(&config, Form::Training, [4, 6]).unwrap();
        let text = complexity.table(Convention::Published).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{text}"
        );
        let last: Vec<&str> = lines[7].split_whitespace().collect();
        let totals = [
            complexity.counted_params(),
            complexity.stored_params(),
            complexity.flops(Convention::Published),
        ];
        assert_eq!(last[1..], totals.map(|total| total.to_string()), "{text}");
    }
}
