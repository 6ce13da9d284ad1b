//! Where to compute.

use anyhow::Result;
use clap::Args;
use condensenet::{
    burn::tensor::Device,
    device::{self, DeviceError},
};

use crate::failure::usage;

/// Where to compute.
#[derive(Debug, Args)]
pub(crate) struct DeviceOption {
    /// Device, such as cuda:1 [default: BURN_DEVICE, or the first of `condensenet devices`]
    ///
    /// flex, ndarray, wgpu, vulkan, metal, cuda or rocm, as far as they are compiled in; with an index
    /// where there are several. `train` takes several of one family, as in cuda:0,1, and gives each a part of every batch.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

impl DeviceOption {
    /// Finds the device of a command that computes on one.
    pub(crate) fn find(&self) -> Result<Device> {
        let devices = self.find_all()?;
        let count = devices.len();
        match <[Device; 1]>::try_from(devices) {
            Ok([device]) => Ok(device),
            Err(_) => Err(usage(format!(
                "{count} devices are named, but this command computes on one"
            ))),
        }
    }

    /// Finds every device that is named, as in `cuda:0,1`.
    pub(crate) fn find_all(&self) -> Result<Vec<Device>> {
        let found = match &self.device {
            Some(names) => device::all_by_name(names),
            None => device::from_environment().map(|device| vec![device]),
        };
        found.map_err(|error| match error {
            DeviceError::Malformed { .. } => usage(error),
            error => error.into(),
        })
    }
}
