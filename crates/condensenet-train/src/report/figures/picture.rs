//! A drawing as plotters writes it, made fit for a page: classes in the place of colors, and few bytes.

use std::fmt::Write;

use super::palette::{self, Ink};
use crate::report::page::escape;

/// The empty space around a picture that stands alone, in pixels; a page has its own.
const MARGIN: u32 = 12;

/// A picture as SVG, without its outermost tag.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    width: u32,
    height: u32,
    body: String,
}

/// An element of plotters' SVG: all of them stand on a line of their own.
struct Element<'a> {
    tag: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

/// A path that grows while elements of one look follow each other.
#[derive(Default)]
struct Run {
    look: String,
    data: String,
    at: (i32, i32),
}

impl Picture {
    /// Takes over what plotters has drawn, of ten units a pixel.
    pub(super) fn from_plotters(svg: &str, width: u32, height: u32) -> Self {
        let (mut body, mut run) = (String::new(), Run::default());
        for line in svg.lines().filter(|line| !line.is_empty()) {
            match Element::parse(line) {
                Some(element) if element.tag == "svg" => {}
                Some(element) if run.takes(&element, &mut body) => {}
                Some(element) => {
                    run.end(&mut body);
                    element.write(line.ends_with("/>"), &mut body);
                }
                None if line == "</svg>" => {}
                None if line.starts_with("</") => {
                    body.push_str(line);
                    body.push('\n');
                }
                // The content of a text, which plotters has escaped.
                None => body.push_str(line),
            }
        }
        run.end(&mut body);
        Self {
            width,
            height,
            body,
        }
    }

    /// Writes the picture as part of a page, which has the stylesheet.
    pub(crate) fn inline(&self, class: &str, label: &str) -> String {
        format!(
            "<svg class=\"figure {class}\" {} role=\"img\" aria-label=\"{}\">\n{}</svg>",
            self.view(),
            escape(label),
            self.body
        )
    }

    /// Writes the picture as a file of its own.
    pub(crate) fn standalone(&self, title: &str, description: &str) -> String {
        let (width, height) = (self.width + 2 * MARGIN, self.height + 2 * MARGIN);
        let (from, wide, high) = (MARGIN * 10, width * 10, height * 10);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"-{from} -{from} {wide} {high}\" role=\"img\" \
             aria-labelledby=\"title description\">\n<title id=\"title\">{}</title>\n\
             <desc id=\"description\">{}</desc>\n<style>\n{}</style>\n\
             <rect class=\"f-surface\" x=\"-{from}\" y=\"-{from}\" width=\"{wide}\" height=\"{high}\"/>\n{}</svg>\n",
            escape(title),
            escape(description),
            palette::stylesheet(),
            self.body
        )
    }

    fn view(&self) -> String {
        let (width, height) = (self.width, self.height);
        format!("width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width}0 {height}0\"")
    }
}

impl<'a> Element<'a> {
    /// Reads an opening tag; plotters has escaped whatever else could look like one.
    fn parse(line: &'a str) -> Option<Self> {
        let inner = line.strip_prefix('<')?;
        let inner = inner.strip_suffix("/>").or(inner.strip_suffix('>'))?;
        let (tag, mut rest) = inner.split_once(' ')?;
        let mut attributes = Vec::new();
        while let Some((name, value)) = rest.split_once("=\"") {
            let (value, after) = value.split_once('"')?;
            attributes.push((name.trim_start(), value));
            rest = after;
        }
        Some(Self { tag, attributes })
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.attributes.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| *value)
    }

    fn number(&self, name: &str) -> Option<i32> {
        self.get(name)?.parse().ok()
    }

    fn is_opaque(&self) -> bool {
        self.get("opacity").is_none_or(|opacity| opacity == "1")
    }

    /// The classes that colors stand for.
    fn classes(&self) -> String {
        let class = |attribute, prefix: &str| {
            let class = self.get(attribute).and_then(Ink::class);
            class.map(|class| format!("{prefix}-{class}"))
        };
        let classes = [class("fill", "f"), class("stroke", "s")];
        classes.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn write(&self, closed: bool, body: &mut String) {
        write!(body, "<{} class=\"{}\"", self.tag, self.classes()).ok();
        for (name, value) in &self.attributes {
            let is_default = match *name {
                "opacity" => *value == "1",
                "stroke-width" => self.get("stroke").is_none_or(|stroke| stroke == "none"),
                "fill" | "stroke" | "font-family" => true,
                _ => false,
            };
            if is_default {
                continue;
            }
            let value = match *name {
                "font-size" => rounded(value),
                _ => value.trim_end().to_owned(),
            };
            write!(body, " {name}=\"{value}\"").ok();
        }
        body.push_str(if closed { "/>\n" } else { ">" });
    }
}

impl Run {
    /// Adds filled rectangles and level lines to the path, if the element is one.
    fn takes(&mut self, element: &Element<'_>, body: &mut String) -> bool {
        if !element.is_opaque() {
            return false;
        }
        let Some((look, from, data)) = filled_rectangle(element).or_else(|| level_line(element))
        else {
            return false;
        };
        if look != self.look {
            self.end(body);
            self.look = look;
        }
        let to = if self.data.is_empty() {
            write!(self.data, "M{} {}", from.0, from.1)
        } else {
            write!(self.data, "m{} {}", from.0 - self.at.0, from.1 - self.at.1)
        };
        to.ok();
        self.data.push_str(&data);
        // A rectangle is closed where it began; a line ends where it leads to.
        let length = data
            .strip_prefix('h')
            .and_then(|length| length.parse().ok());
        self.at = (from.0 + length.unwrap_or(0), from.1);
        true
    }

    /// Writes the path, if there is one.
    fn end(&mut self, body: &mut String) {
        if !self.data.is_empty() {
            writeln!(body, "<path {} d=\"{}\"/>", self.look, self.data).ok();
        }
        *self = Self::default();
    }
}

type Piece = (String, (i32, i32), String);

fn filled_rectangle(element: &Element<'_>) -> Option<Piece> {
    if element.tag != "rect" || element.get("stroke") != Some("none") {
        return None;
    }
    let (width, height) = (element.number("width")?, element.number("height")?);
    let look = format!("class=\"{}\"", element.classes());
    let from = (element.number("x")?, element.number("y")?);
    Some((look, from, format!("h{width}v{height}h-{width}z")))
}

fn level_line(element: &Element<'_>) -> Option<Piece> {
    let points = element
        .get("points")
        .filter(|_| element.tag == "polyline")?;
    let mut points = points.split_whitespace().map(|point| {
        let (x, y) = point.split_once(',')?;
        Some((x.parse::<i32>().ok()?, y.parse::<i32>().ok()?))
    });
    let (from, to) = (points.next()??, points.next()??);
    if points.next().is_some() || from.1 != to.1 || to.0 < from.0 {
        return None;
    }
    let look = format!(
        "class=\"stroke {}\" stroke-width=\"{}\"",
        element.classes(),
        element.get("stroke-width")?
    );
    Some((look, from, format!("h{}", to.0 - from.0)))
}

fn rounded(number: &str) -> String {
    number.parse::<f64>().map_or_else(
        |_| number.to_owned(),
        |number| format!("{}", number.round()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_become_classes_and_neighbors_one_path() {
        let svg = "<svg width=\"100\" height=\"50\" viewBox=\"0 0 100 50\">\n\
            <rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" opacity=\"1\" fill=\"#AB0902\" stroke=\"none\"/>\n\
            <rect x=\"11\" y=\"2\" width=\"3\" height=\"4\" opacity=\"1\" fill=\"#AB0902\" stroke=\"none\"/>\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#AB0801\" stroke-width=\"15\" points=\"1,2 3,4 5,6 \"/>\n\
            <text x=\"7\" y=\"8\" dy=\"0.5ex\" text-anchor=\"end\" font-family=\"sans-serif\" \
            font-size=\"120.00001\" opacity=\"1\" fill=\"#AB0200\">\na &lt; b\n</text>\n</svg>\n";
        let picture = Picture::from_plotters(svg, 10, 5);
        assert_eq!(
            picture.body,
            "<path class=\"f-level2\" d=\"M1 2h3v4h-3zm10 0h3v4h-3z\"/>\n\
             <polyline class=\"s-series1\" stroke-width=\"15\" points=\"1,2 3,4 5,6\"/>\n\
             <text class=\"f-muted\" x=\"7\" y=\"8\" dy=\"0.5ex\" text-anchor=\"end\" font-size=\"120\">a &lt; b</text>\n"
        );
    }

    #[test]
    fn level_lines_follow_each_other_by_their_distance() {
        let line = |points| {
            format!(
                "<polyline fill=\"none\" opacity=\"1\" stroke=\"#AB0800\" stroke-width=\"4\" points=\"{points}\"/>\n"
            )
        };
        let svg = line("10,5 14,5 ") + &line("20,5 21,5 ");
        let picture = Picture::from_plotters(&svg, 10, 5);
        assert_eq!(
            picture.body,
            "<path class=\"stroke s-series0\" stroke-width=\"4\" d=\"M10 5h4m6 0h1\"/>\n"
        );
    }
}
