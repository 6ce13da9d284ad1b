//! What a JPEG says of itself before its first pixel.

use super::super::orientation::Orientation;
use super::super::{ImageError, Limits};
use super::FORMAT;

/// How samples are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    Baseline,
    Progressive,
}

/// One color plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Samples in a unit of coding, horizontally and vertically.
    pub(super) sampling: [usize; 2],
    pub(super) quantization: usize,
}

/// Reads the segments up to the first scan.
#[derive(Debug)]
pub(in super::super) struct Header<'a> {
    pub(super) bytes: &'a [u8],
    pub(in super::super) width: usize,
    pub(in super::super) height: usize,
    pub(in super::super) orientation: Orientation,
    pub(super) process: Process,
    pub(super) precision: u8,
    pub(super) components: Vec<Component>,
    /// The color transform of Adobe's marker: 0 none, 1 YCbCr, 2 YCCK.
    pub(super) adobe: Option<u8>,
    pub(super) jfif: bool,
    /// Where the first scan's own header begins, behind its length.
    pub(super) scan: usize,
    /// Tables: marker, and where their content lies.
    pub(super) tables: Vec<(u8, std::ops::Range<usize>)>,
}

const START_OF_SCAN: u8 = 0xDA;
pub(super) const QUANTIZATION: u8 = 0xDB;
pub(super) const HUFFMAN: u8 = 0xC4;
pub(super) const RESTART_INTERVAL: u8 = 0xDD;

impl<'a> Header<'a> {
    pub(super) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, ImageError> {
        let mut header = Self {
            bytes,
            width: 0,
            height: 0,
            orientation: Orientation::UPRIGHT,
            process: Process::Baseline,
            precision: 0,
            components: Vec::new(),
            adobe: None,
            jfif: false,
            scan: 0,
            tables: Vec::new(),
        };
        let mut at = 2;
        loop {
            let Some(marker) = next_marker(bytes, &mut at) else {
                return Err(truncated());
            };
            if matches!(marker, 0x01 | 0xD0..=0xD8) {
                continue; // stands alone
            }
            if marker == 0xD9 {
                return Err(ImageError::corrupt(FORMAT, "it ends before its pixels"));
            }
            let length = bytes
                .get(at..at + 2)
                .map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])))
                .ok_or_else(truncated)?;
            let content = bytes
                .get(at + 2..at + length.max(2))
                .ok_or_else(truncated)?;
            match marker {
                0xC0..=0xC2 => header.frame(marker, content, limits)?,
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    let kind = match marker {
                        0xC3 | 0xC7 | 0xCB | 0xCF => "it is coded losslessly",
                        0xC9..=0xCE => "it is coded arithmetically",
                        _ => "it is coded hierarchically",
                    };
                    return Err(ImageError::unsupported(FORMAT, kind));
                }
                0xE0 => header.jfif |= content.starts_with(b"JFIF\0"),
                0xE1 => {
                    if let Some(block) = content.strip_prefix(b"Exif\0\0") {
                        header.orientation = Orientation::of_exif(Some(block));
                    }
                }
                0xEE if content.starts_with(b"Adobe") => header.adobe = content.get(11).copied(),
                QUANTIZATION | HUFFMAN | RESTART_INTERVAL => {
                    header.tables.push((marker, at + 2..at + length.max(2)));
                }
                START_OF_SCAN => {
                    if header.components.is_empty() {
                        let reason = "its pixels come before their size";
                        return Err(ImageError::corrupt(FORMAT, reason));
                    }
                    header.scan = at + 2;
                    return Ok(header);
                }
                _ => {}
            }
            at += length.max(2);
        }
    }

    fn frame(&mut self, marker: u8, content: &[u8], limits: &Limits) -> Result<(), ImageError> {
        let &[precision, h0, h1, w0, w1, count, ref components @ ..] = content else {
            return Err(truncated());
        };
        if !self.components.is_empty() {
            return Err(ImageError::corrupt(FORMAT, "it states its size twice"));
        }
        (self.height, self.width) = (
            usize::from(u16::from_be_bytes([h0, h1])),
            usize::from(u16::from_be_bytes([w0, w1])),
        );
        if self.height == 0 || self.width == 0 {
            let reason = format!(
                "it claims to be {} x {} (width x height)",
                self.width, self.height
            );
            return Err(ImageError::corrupt(FORMAT, reason));
        }
        limits.check(self.width, self.height)?;
        self.precision = precision;
        if precision != 8 {
            let reason = format!("it has {precision} bits a color, and 8 are read");
            return Err(ImageError::unsupported(FORMAT, reason));
        }
        self.process = match marker {
            0xC2 => Process::Progressive,
            _ => Process::Baseline,
        };
        if !matches!(count, 1 | 3 | 4) {
            let reason = format!("it has {count} color planes, and 1, 3 or 4 are read");
            return Err(ImageError::unsupported(FORMAT, reason));
        }
        if components.len() < 3 * usize::from(count) {
            return Err(truncated());
        }
        self.components = components
            .chunks_exact(3)
            .take(usize::from(count))
            .map(|component| Component {
                id: component[0],
                sampling: [
                    usize::from(component[1] >> 4),
                    usize::from(component[1] & 15),
                ],
                quantization: usize::from(component[2]),
            })
            .collect();
        for component in &self.components {
            if component
                .sampling
                .iter()
                .any(|size| !(1..=4).contains(size))
            {
                let reason = format!("a color plane is sampled {:?}", component.sampling);
                return Err(ImageError::corrupt(FORMAT, reason));
            }
        }
        Ok(())
    }

    /// Says whether three planes are red, green and blue, by the rules of libjpeg.
    pub(super) fn is_rgb(&self) -> bool {
        let ids: Vec<u8> = self.components.iter().map(|one| one.id).collect();
        match self.adobe {
            _ if self.jfif => false,
            Some(transform) => transform == 0,
            None => ids == *b"RGB",
        }
    }

    /// Says whether the file ends as it should, after its pixels began.
    pub(in super::super) fn has_end(&self) -> bool {
        self.bytes[self.scan..]
            .windows(2)
            .rev()
            .any(|pair| pair == [0xFF, 0xD9])
    }
}

/// Returns the next marker and moves behind it; bytes that belong to none are skipped, as other readers do.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let rest = bytes.get(*at..)?;
        *at += rest.iter().position(|&byte| byte == 0xFF)? + 1;
        while *bytes.get(*at)? == 0xFF {
            *at += 1;
        }
        let marker = bytes[*at];
        *at += 1;
        if marker != 0 {
            return Some(marker);
        }
    }
}

fn truncated() -> ImageError {
    ImageError::corrupt(FORMAT, "it ends within its header")
}
