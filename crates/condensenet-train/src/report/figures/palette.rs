//! What a stroke or an area means, and the colors that say so on a light and on a dark page.
//!
//! A figure is drawn in placeholder colors that name their meaning; [`Picture`](super::Picture) turns them into classes. The
//! series are those of Okabe and Ito, made for people who tell few colors apart, darkened or lightened until they
//! stand out from their page; lines differ in dashes too, and points in their labels.

use std::fmt::Write;

use plotters::style::RGBColor;

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
    Series(u8),
    /// How strong a connection is, 0 for none at all, up to [`LEVELS`].
    Level(u8),
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

impl Ink {
    /// Returns the placeholder that stands for the ink in a drawing.
    pub(crate) const fn placeholder(self) -> RGBColor {
        let (kind, number) = match self {
            Self::Text => (1, 0),
            Self::Muted => (2, 0),
            Self::Grid => (3, 0),
            Self::Axis => (4, 0),
            Self::Boundary => (5, 0),
            Self::Surface => (6, 0),
            Self::Dropped => (7, 0),
            Self::Series(number) => (8, number % SERIES as u8),
            Self::Level(number) => (
                9,
                if number > LEVELS as u8 {
                    LEVELS as u8
                } else {
                    number
                },
            ),
        };
        RGBColor(0xab, kind, number)
    }

    /// Returns the class that a placeholder as plotters writes it stands for: `#AB0802` for `series2`.
    pub(crate) fn class(placeholder: &str) -> Option<String> {
        let digits = placeholder.strip_prefix("#AB")?;
        let number = u8::from_str_radix(digits.get(2..4)?, 16).ok()?;
        let name = match u8::from_str_radix(digits.get(0..2)?, 16).ok()? {
            1 => "text",
            2 => "muted",
            3 => "grid",
            4 => "axis",
            5 => "boundary",
            6 => "surface",
            7 => "dropped",
            8 => return Some(format!("series{number}")),
            9 => return Some(format!("level{number}")),
            _ => return None,
        };
        Some(name.to_owned())
    }
}

/// Writes the rules of all classes: `f-` fills, `s-` strokes, each in light and in dark.
///
/// The values stand in the rules and not in variables, which many readers of SVG do not know.
pub(crate) fn stylesheet() -> String {
    let mut css = String::from(
        ".figure{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;\
         font-variant-numeric:tabular-nums}\
         .figure path[class^=f-]{shape-rendering:crispEdges}\
         .figure polyline,.figure line,.figure .stroke{fill:none;stroke-linejoin:round}\n",
    );
    write_rules(&mut css, |(light, _)| light);
    for (index, dashes) in DASHES.iter().enumerate() {
        if !dashes.is_empty() {
            // A drawing has ten units a pixel.
            let units: Vec<String> = dashes
                .split(' ')
                .filter_map(|pixels| pixels.parse::<f64>().ok())
                .map(|pixels| format!("{}", pixels * 10.0))
                .collect();
            writeln!(
                css,
                ".figure .s-series{index}{{stroke-dasharray:{}}}",
                units.join(" ")
            )
            .ok();
        }
    }
    css.push_str(".figure .s-boundary{stroke-dasharray:30 30}\n");
    css.push_str("@media (prefers-color-scheme:dark){\n");
    write_rules(&mut css, |(_, dark)| dark);
    css.push_str("}\n@media print{\n");
    write_rules(&mut css, |(light, _)| light);
    css.push_str("}\n");
    css
}

fn write_rules(css: &mut String, choose: fn((&'static str, &'static str)) -> &'static str) {
    let plain = PLAIN
        .iter()
        .map(|&(ink, light, dark)| (ink, choose((light, dark))));
    let series = (0..).zip([SERIES_COLORS; SERIES / HUES].concat());
    let series = series.map(|(number, colors)| (Ink::Series(number), choose(colors)));
    let levels = (0..).zip(LEVEL_COLORS);
    let levels = levels.map(|(number, colors)| (Ink::Level(number), choose(colors)));
    for (ink, color) in plain.chain(series).chain(levels) {
        let RGBColor(r, g, b) = ink.placeholder();
        let class = Ink::class(&format!("#{r:02X}{g:02X}{b:02X}")).unwrap_or_default();
        writeln!(
            css,
            ".figure .f-{class}{{fill:{color}}}.figure .s-{class}{{stroke:{color}}}"
        )
        .ok();
    }
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

    #[test]
    fn a_placeholder_names_its_ink() {
        let RGBColor(r, g, b) = Ink::Series(2).placeholder();
        let written = format!("#{r:02X}{g:02X}{b:02X}");
        assert_eq!(Ink::class(&written).as_deref(), Some("series2"));
        assert_eq!(Ink::class("#ABCDEF"), None);
        assert_eq!(Ink::class("none"), None);
    }
}
