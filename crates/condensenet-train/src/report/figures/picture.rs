//! Writes a picture as SVG: lines, areas, dots and text, whose colors are classes of the [stylesheet](palette::stylesheet).

use std::fmt::{Display, Write};

use super::palette::{self, Ink};
use crate::report::page::escape;

/// The size of text in pixels.
const TEXT: f64 = 12.0;

/// The distance from the middle of a line of text down to its baseline, in pixels.
pub(crate) const HALF_TEXT: f64 = 4.0;

/// The empty space around a picture that stands alone, in pixels; a page has its own.
const MARGIN: f64 = 12.0;

/// A picture; all coordinates are pixels from its upper left corner.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) width: f64,
    pub(crate) height: f64,
    body: String,
}

/// Which end of a text stands where the text is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Estimates how wide a text is, in pixels; generously, since fonts differ.
pub(crate) fn text_width(text: &str) -> f64 {
    (text.chars().count() as f64 * TEXT * 0.56).ceil()
}

impl Picture {
    pub(crate) const fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    /// Writes a text whose baseline is at `at`.
    pub(crate) fn text(
        &mut self,
        ink: Ink,
        anchor: Anchor,
        (x, y): (f64, f64),
        text: impl AsRef<str>,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.element(format_args!(
            "<text class=\"{ink}\" text-anchor=\"{anchor}\" x=\"{}\" y=\"{}\">{}</text>",
            tenths(x),
            tenths(y),
            escape(text.as_ref())
        ));
    }

    /// Draws a line from point to point.
    pub(crate) fn line(
        &mut self,
        ink: Ink,
        width: f64,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) {
        let mut data = String::new();
        for (x, y) in points {
            let separator = if data.is_empty() { "" } else { " " };
            write!(data, "{separator}{},{}", tenths(x), tenths(y)).ok();
        }
        self.element(format_args!(
            "<polyline class=\"{ink}\" stroke-width=\"{width}\" points=\"{data}\"/>"
        ));
    }

    /// Fills rectangles: x, y, width and height of each.
    pub(crate) fn areas(&mut self, ink: Ink, areas: impl IntoIterator<Item = [f64; 4]>) {
        let mut data = String::new();
        for area in areas {
            let [x, y, width, height] = area.map(tenths);
            write!(data, "M{x} {y}h{width}v{height}h-{width}z").ok();
        }
        if !data.is_empty() {
            self.element(format_args!("<path class=\"{ink}\" d=\"{data}\"/>"));
        }
    }

    /// Fills a circle.
    pub(crate) fn dot(&mut self, ink: Ink, (x, y): (f64, f64), radius: f64) {
        self.element(format_args!(
            "<circle class=\"{ink}\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>",
            tenths(x),
            tenths(y)
        ));
    }

    fn element(&mut self, element: impl Display) {
        writeln!(self.body, "{element}").ok();
    }

    /// Returns the picture as part of a page, which has the stylesheet.
    pub(crate) fn inline(&self, label: &str) -> String {
        format!(
            "<svg class=\"figure\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\">\n{3}</svg>",
            tenths(self.width),
            tenths(self.height),
            escape(label),
            self.body
        )
    }

    /// Returns the picture as a file of its own.
    pub(crate) fn standalone(&self, title: &str, description: &str) -> String {
        let [width, height] = [self.width, self.height].map(|side| tenths(side + 2.0 * MARGIN));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"-{MARGIN} -{MARGIN} {width} {height}\" role=\"img\" \
             aria-labelledby=\"title description\">\n<title id=\"title\">{}</title>\n\
             <desc id=\"description\">{}</desc>\n<style>\n{}</style>\n\
             <rect class=\"surface\" x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"{width}\" height=\"{height}\"/>\n{}</svg>\n",
            escape(title),
            escape(description),
            palette::stylesheet(),
            self.body
        )
    }
}

/// Rounds to tenths of a pixel, which is fine enough and keeps pictures small.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_the_class_of_their_ink_and_escaped_text() {
        let mut picture = Picture::new(10.0, 5.0);
        picture.areas(
            Ink::Level(2),
            [[1.0, 2.0, 3.0, 4.0], [11.04, 2.0, 3.0, 4.0]],
        );
        picture.areas(Ink::Level(3), []);
        picture.line(Ink::Series(1), 1.5, [(1.0, 2.0), (3.25, 4.0)]);
        picture.text(Ink::Muted, Anchor::End, (7.0, 8.0), "a < b\u{1}");
        assert_eq!(
            picture.body,
            "<path class=\"level2\" d=\"M1 2h3v4h-3zM11 2h3v4h-3z\"/>\n\
             <polyline class=\"series1\" stroke-width=\"1.5\" points=\"1,2 3.3,4\"/>\n\
             <text class=\"muted\" text-anchor=\"end\" x=\"7\" y=\"8\">a &lt; b </text>\n"
        );
    }
}
