//! Where figures are drawn: plotters' SVG backend, in tenths of a pixel, so that its whole numbers are fine enough.

use plotters::{
    coord::Shift,
    element::{PathElement, Rectangle, Text},
    prelude::{
        Color, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, IntoFont, IntoTextStyle,
        SVGBackend, TextStyle,
    },
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{palette::Ink, picture::Picture};

/// Units of a drawing in a pixel of the page.
pub(crate) const UNITS: i32 = 10;

/// The size of labels in pixels.
pub(crate) const LABEL: f64 = 12.0;

/// What plotters calls an error of drawing; there is none in memory.
pub(crate) type DrawError = DrawingAreaErrorKind<std::io::Error>;

/// Where a figure is drawn, and its size in pixels.
pub(crate) struct Canvas<'a> {
    pub(crate) area: DrawingArea<SVGBackend<'a>, Shift>,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

/// Draws a picture of `width` by `height` pixels.
pub(crate) fn draw(
    width: u32,
    height: u32,
    figure: impl FnOnce(&Canvas<'_>) -> Result<(), DrawError>,
) -> Picture {
    let mut svg = String::new();
    {
        let size = (width * UNITS as u32, height * UNITS as u32);
        let canvas = Canvas {
            area: SVGBackend::with_string(&mut svg, size).into_drawing_area(),
            width: width as i32,
            height: height as i32,
        };
        figure(&canvas)
            .and_then(|()| canvas.area.present())
            .expect("a drawing in memory has nothing to fail on");
    }
    Picture::from_plotters(&svg, width, height)
}

/// The style of a text, anchored as `horizontal` and `vertical` say.
pub(crate) fn text_style(
    ink: Ink,
    size: f64,
    horizontal: HPos,
    vertical: VPos,
) -> TextStyle<'static> {
    // plotters writes 1 / 1.24 of the size that it is given.
    ("sans-serif", size * 1.24 * f64::from(UNITS))
        .into_font()
        .color(&ink.placeholder())
        .into_text_style(&(0, 0))
        .pos(Pos::new(horizontal, vertical))
}

/// Estimates how wide a text is, in pixels; generously, since fonts differ.
pub(crate) fn text_width(text: &str, size: f64) -> i32 {
    (text.chars().count() as f64 * size * 0.56).ceil() as i32
}

impl Canvas<'_> {
    /// Writes a text; everything here is in pixels.
    pub(crate) fn text(
        &self,
        text: &str,
        (x, y): (i32, i32),
        style: TextStyle<'static>,
    ) -> Result<(), DrawError> {
        let at = (x * UNITS, y * UNITS);
        self.area.draw(&Text::new(text.to_owned(), at, style))
    }

    /// Draws a line between points, in units of the drawing.
    pub(crate) fn line(
        &self,
        points: Vec<(i32, i32)>,
        ink: Ink,
        width: f64,
    ) -> Result<(), DrawError> {
        let style = ink
            .placeholder()
            .stroke_width((width * f64::from(UNITS)).round() as u32);
        self.area.draw(&PathElement::new(points, style))
    }

    /// Fills a rectangle between two corners, in units of the drawing.
    pub(crate) fn fill(&self, corners: [(i32, i32); 2], ink: Ink) -> Result<(), DrawError> {
        self.area
            .draw(&Rectangle::new(corners, ink.placeholder().filled()))
    }
}
