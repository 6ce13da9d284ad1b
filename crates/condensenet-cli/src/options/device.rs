//! Where to compute.

use anyhow::Result;
use clap::Args;
use condensenet::{
    burn::tensor::Device,
    device::{self, DeviceError},
};

use crate::{failure::usage, trial::Trial};

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
        // Burn stops at a value that it can't read, also where the device is named here.
        let environment = device::family_of_environment()?;
        let default = environment.or_else(|| device::compiled_in().first().copied());
        let names = self.device.as_deref().or(default).unwrap_or_default();
        let found = device::all_by_name(names).map_err(|error| match error {
            DeviceError::Malformed { .. } => usage(error),
            error => error.into(),
        })?;
        check_that_they_compute(names)?;
        Ok(found)
    }
}

/// Tries out what is not the processor: a GPU whose driver is in pieces would end this process with it, or panic in a thread.
fn check_that_they_compute(names: &str) -> Result<()> {
    let (family, indices) = names.split_once(':').unwrap_or((names, "0"));
    if device::is_processor(family) {
        return Ok(());
    }
    for index in indices.split(',') {
        Trial::elsewhere(&format!("{family}:{}", index.trim())).require()?;
    }
    Ok(())
}
