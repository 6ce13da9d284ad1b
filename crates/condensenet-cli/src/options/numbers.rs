//! Numbers as they are written on a command line.

use std::{ops::RangeInclusive, str::FromStr};

use clap::builder::RangedU64ValueParser;

/// Reads a count, and refuses those that nobody can mean.
pub(crate) fn count(range: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

/// Height and width of an image in pixels, written `32x48`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InputSize(pub(crate) [usize; 2]);

impl FromStr for InputSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.parse().ok().filter(|side| (1..=16_384).contains(side));
        let sides = text.split_once('x').map(|(h, w)| (side(h), side(w)));
        match sides {
            Some((Some(height), Some(width))) => Ok(Self([height, width])),
            _ => Err("expected height and width of 1 to 16384 pixels, such as 32x48".to_owned()),
        }
    }
}

/// One number for each dense block, written `14-14-14`.
#[derive(Debug, Clone)]
pub(crate) struct PerBlock(pub(crate) Vec<usize>);

impl FromStr for PerBlock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<_, _> = text.split('-').map(str::parse).collect();
        let expected = "expected a number for each dense block, such as 14-14-14";
        numbers.map(Self).map_err(|_| expected.to_owned())
    }
}
