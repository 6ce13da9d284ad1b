//! What a stroke or an area means, and the colors that say so on a light and on a dark page.
//!
//! The series are those of Okabe and Ito, made for people who tell few colors apart, darkened or lightened until they
//! stand out from their page; lines differ in dashes too, and points in their labels.

use std::fmt::{self, Display, Formatter, Write};

/// The meaning of a stroke or an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Text that matters.
    Text,
    /// Labels of axes.
    Muted,
    /// Lines to read values off.
    Grid,
    /// The line at zero, and borders of blocks.
    Axis,
    /// Where a condensing stage begins.
    Boundary,
    /// The page behind.
    Surface,
    /// Where an input was dropped.
    Dropped,
    /// One of several lines, bars or points.
    Series(usize),
    /// How strong a connection is, 0 for none at all, up to [`LEVELS`].
    Level(usize),
}

/// The most lines that a figure tells apart.
pub(crate) const SERIES: usize = 2 * HUES;

/// The colors of lines; each comes twice, in other dashes.
const HUES: usize = 8;

/// The steps of the heat map's colors, the one for nothing not counted.
pub(crate) const LEVELS: usize = 15;

/// Light and dark, by [`Ink`].
const PLAIN: [(Ink, &str, &str); 7] = [
    (Ink::Text, "#16191d", "#eceff3"),
    (Ink::Muted, "#565e69", "#a7b0bc"),
    (Ink::Grid, "#e3e6ea", "#2c323a"),
    (Ink::Axis, "#7d8692", "#8a94a1"),
    (Ink::Boundary, "#8b5e00", "#d9a93f"),
    (Ink::Surface, "#ffffff", "#15181d"),
    (Ink::Dropped, "#eef0f3", "#23282f"),
];

const SERIES_COLORS: [(&str, &str); HUES] = [
    ("#0067a8", "#5cb8ee"),
    ("#c24e00", "#f0a24a"),
    ("#00795a", "#2fc79d"),
    ("#a2457f", "#e08fc0"),
    ("#7a6a00", "#e6d84c"),
    ("#5a4fb5", "#a9a2f2"),
    ("#00808a", "#56d3dc"),
    ("#444b55", "#c3cad3"),
];

/// Dashes of the series' lines in pixels; the first two are those of most figures.
const DASHES: [&str; SERIES] = [
    "",
    "5 3",
    "",
    "5 3",
    "1.5 3",
    "8 3 1.5 3",
    "",
    "5 3", // and once more
    "5 3",
    "",
    "1.5 3",
    "",
    "5 3",
    "",
    "1.5 3",
    "1.5 3",
];

/// From almost the page to far from it, at equal steps of lightness, by way of green and blue.
const LEVEL_COLORS: [(&str, &str); LEVELS + 1] = [
    ("#f4f5f7", "#1d2127"),
    ("#e4f0dd", "#1f2b33"),
    ("#d3e9d0", "#20343e"),
    ("#c0e2c6", "#203e4a"),
    ("#abd9bf", "#1f4957"),
    ("#95cfba", "#1d5464"),
    ("#7fc4b7", "#1b5f70"),
    ("#69b8b4", "#1a6b7b"),
    ("#55abb1", "#1e7885"),
    ("#439dad", "#2a858d"),
    ("#358ea8", "#3b9393"),
    ("#2c7fa1", "#52a197"),
    ("#286f97", "#6db09a"),
    ("#275f8a", "#8cbf9d"),
    ("#274e7a", "#b0cea4"),
    ("#253e67", "#d8e0b2"),
];

impl Display for Ink {
    /// Writes the name of the ink's class.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Muted => f.write_str("muted"),
            Self::Grid => f.write_str("grid"),
            Self::Axis => f.write_str("axis"),
            Self::Boundary => f.write_str("boundary"),
            Self::Surface => f.write_str("surface"),
            Self::Dropped => f.write_str("dropped"),
            Self::Series(number) => write!(f, "series{}", number % SERIES),
            Self::Level(number) => write!(f, "level{}", number.min(&LEVELS)),
        }
    }
}

/// Returns the rules of all classes, in light and in dark.
///
/// An ink is a value of `color`, from which lines take their stroke and everything else its fill. The values stand in the
/// rules and not in variables, which many readers of SVG do not know.
pub(crate) fn stylesheet() -> String {
    let mut css = String::from(
        ".figure{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;\
         font-variant-numeric:tabular-nums;fill:currentColor}\
         .figure path{shape-rendering:crispEdges}\
         .figure polyline{fill:none;stroke:currentColor;stroke-linejoin:round}\
         .figure polyline.boundary{stroke-dasharray:3 3}\n",
    );
    for (index, dashes) in DASHES.iter().enumerate().filter(|(_, it)| !it.is_empty()) {
        writeln!(
            css,
            ".figure polyline.series{index}{{stroke-dasharray:{dashes}}}"
        )
        .ok();
    }
    let [light, dark] = [colors(|(light, _)| light), colors(|(_, dark)| dark)];
    write!(
        css,
        "{light}@media (prefers-color-scheme:dark){{\n{dark}}}\n@media print{{\n{light}}}\n"
    )
    .ok();
    css
}

fn colors(choose: fn((&'static str, &'static str)) -> &'static str) -> String {
    let plain = PLAIN.map(|(ink, light, dark)| (ink, (light, dark)));
    let series = (0..SERIES).map(|number| (Ink::Series(number), SERIES_COLORS[number % HUES]));
    let levels = (0..).zip(LEVEL_COLORS);
    let levels = levels.map(|(number, colors)| (Ink::Level(number), colors));
    let inks = plain.into_iter().chain(series).chain(levels);
    let rules = inks.map(|(ink, colors)| format!(".figure .{ink}{{color:{}}}\n", choose(colors)));
    rules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of a color, as WCAG 2 defines it.
    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&color[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_and_lines_stand_out_from_their_page() {
        let [.., (_, light_page, dark_page), _] = PLAIN;
        let mut pale = Vec::new();
        for (name, least, (light, dark)) in PLAIN[..2]
            .iter()
            .map(|&(ink, light, dark)| (format!("{ink:?}"), 4.5, (light, dark)))
            .chain(
                (0..)
                    .zip(SERIES_COLORS)
                    .map(|(n, colors): (usize, _)| (format!("series {n}"), 3.0, colors)),
            )
        {
            for (color, page) in [(light, light_page), (dark, dark_page)] {
                let contrast = contrast(color, page);
                if contrast < least {
                    pale.push(format!("{name} {color}: {contrast:.2}"));
                }
            }
        }
        assert!(pale.is_empty(), "{pale:?}");
    }

    #[test]
    fn no_two_series_look_the_same() {
        let looks = (0..SERIES).map(|series| (SERIES_COLORS[series % HUES], DASHES[series]));
        let looks: std::collections::BTreeSet<_> = looks.collect();
        assert_eq!(looks.len(), SERIES);
    }

    #[test]
    fn levels_go_away_from_the_page_step_by_step() {
        let light: Vec<f64> = LEVEL_COLORS.iter().map(|(c, _)| luminance(c)).collect();
        let dark: Vec<f64> = LEVEL_COLORS.iter().map(|(_, c)| luminance(c)).collect();
        assert!(light.is_sorted_by(|a, b| a > b), "{light:?}");
        assert!(dark.is_sorted_by(|a, b| a < b), "{dark:?}");
    }
}
