//! Options that several commands share, and the groups of `condensenet train`.

mod data;
mod network;
mod recipe;

use std::{ops::RangeInclusive, str::FromStr};

use clap::{Args, builder::RangedU64ValueParser};
use condensenet::{
    burn::tensor::Device,
    device::{self, DeviceError},
};

pub(crate) use data::{DataOptions, Dataset};
pub(crate) use network::NetworkOptions;
pub(crate) use recipe::RecipeOptions;

/// Where to compute.
#[derive(Debug, Args)]
pub(crate) struct DeviceOption {
    /// Device, such as cuda:0 [default: BURN_DEVICE, or the first of `condensenet devices`]
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

impl DeviceOption {
    /// Finds the device.
    pub(crate) fn find(&self) -> Result<Device, DeviceError> {
        match &self.device {
            Some(name) => device::by_name(name),
            None => device::from_environment(),
        }
    }
}

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
