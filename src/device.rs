//! Devices by name, as flags and environment variables give them.

use burn::tensor::{Device, DeviceType};
use thiserror::Error;

mod hardware;
mod trial;

pub use trial::{DeviceInfo, try_out};

/// A device that can't be had, with those that can.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// No backend of that name is compiled in.
    #[error(
        "there is no device family `{name}` in this program; compiled in: {}", .compiled_in.join(", ")
    )]
    NotCompiledIn {
        /// What was asked for.
        name: String,
        /// The families that are there.
        compiled_in: Vec<&'static str>,
    },
    /// The backend is compiled in, the device is not there.
    #[error(
        "there is no device `{name}` on this machine: {}; there are: {}",
        count_of(.family, *.count), .there.join(", ")
    )]
    NotThere {
        /// What was asked for.
        name: String,
        /// The family.
        family: &'static str,
        /// How many devices of the family there are.
        count: usize,
        /// The devices of every family that are there.
        there: Vec<String>,
    },
    /// The index is no number, or named twice.
    #[error(
        "`{name}` is no device: expected FAMILY, FAMILY:INDEX, or several different ones as in FAMILY:0,1, such as `flex` or `cuda:0`"
    )]
    Malformed {
        /// What was asked for.
        name: String,
    },
    /// `BURN_DEVICE` holds an index. Burn itself reads that variable, and stops at one.
    #[error(
        "BURN_DEVICE is `{name}`, but takes a family without an index, such as `flex` or `cuda`"
    )]
    IndexInEnvironment {
        /// What the variable holds.
        name: String,
    },
    /// The device is there and does not compute.
    #[error("the device `{name}` is there, but does not compute: {reason}")]
    Unusable {
        /// What was asked for.
        name: String,
        /// What it said.
        reason: String,
    },
}

fn count_of(family: &str, count: usize) -> String {
    match count {
        0 => format!("{family} sees none, which is a GPU or its driver that is missing"),
        1 => format!("{family} sees 1 device, {family}:0"),
        _ => format!(
            "{family} sees {count} devices, the last of them {family}:{}",
            count - 1
        ),
    }
}

/// Lists the device families that are compiled in, by the name of their cargo feature.
#[must_use]
pub fn compiled_in() -> Vec<&'static str> {
    families().into_iter().map(|(name, _)| name).collect()
}

/// Lists the device families that are compiled in, each with the number of its devices on this machine.
#[must_use]
pub fn available() -> Vec<(&'static str, usize)> {
    families()
        .into_iter()
        .map(|(name, device_type)| (name, hardware::devices(device_type).len()))
        .collect()
}

/// Finds a device by name: `flex`, `ndarray`, `wgpu`, `vulkan`, `metal`, `cuda`, `rocm`, with an index where there are several,
/// as in `cuda:1`. Nothing ever falls back to another device.
///
/// The devices of a family that has several kinds are counted from the most powerful kind: discrete GPUs, integrated ones,
/// others, and last the processor that plays the part of a GPU. The device is found here, but not opened; whether it
/// computes is what [`try_out`] says.
///
/// # Errors
/// Fails if the family is not compiled in, the device is not there, or the name can't be read.
///
/// # Example
/// ```
/// let device = condensenet::device::by_name("flex")?;
/// assert!(condensenet::device::by_name("abacus").is_err());
/// # Ok::<(), condensenet::device::DeviceError>(())
/// ```
pub fn by_name(name: &str) -> Result<Device, DeviceError> {
    let (family, index) = match name.split_once(':') {
        None => (name, 0),
        Some((family, index)) => {
            let malformed = |_| DeviceError::Malformed {
                name: name.to_owned(),
            };
            (family, index.parse().map_err(malformed)?)
        }
    };
    let found = families().into_iter().find(|(known, _)| *known == family);
    let Some((family, device_type)) = found else {
        return Err(DeviceError::NotCompiledIn {
            name: name.to_owned(),
            compiled_in: compiled_in(),
        });
    };
    let mut devices = hardware::devices(device_type);
    if index >= devices.len() {
        return Err(DeviceError::NotThere {
            name: name.to_owned(),
            family,
            count: devices.len(),
            there: all(),
        });
    }
    Ok(devices.swap_remove(index))
}

/// Finds several devices of one family by name, as in `cuda:0,1`; a single one as [`by_name`] does.
///
/// # Errors
/// Fails as [`by_name`] does, for the first that can't be had, and if a device is named twice.
///
/// # Example
/// ```
/// assert_eq!(condensenet::device::all_by_name("flex")?.len(), 1);
/// assert!(condensenet::device::all_by_name("flex:0,0").is_err());
/// # Ok::<(), condensenet::device::DeviceError>(())
/// ```
pub fn all_by_name(names: &str) -> Result<Vec<Device>, DeviceError> {
    let Some((family, indices)) = names.split_once(':') else {
        return by_name(names).map(|device| vec![device]);
    };
    let indices: Vec<&str> = indices.split(',').map(str::trim).collect();
    let is_repeated = |(at, index)| indices[..at].contains(index);
    if indices.iter().enumerate().any(is_repeated) {
        let name = names.to_owned();
        return Err(DeviceError::Malformed { name });
    }
    let devices = indices
        .iter()
        .map(|index| by_name(&format!("{family}:{index}")));
    devices.collect()
}

/// Names every device that is there.
fn all() -> Vec<String> {
    let families = available().into_iter();
    let names = families
        .flat_map(|(family, count)| (0..count).map(move |index| format!("{family}:{index}")));
    names.collect()
}

/// Finds the device of the family that the environment variable `BURN_DEVICE` names, or else the first family that is
/// compiled in: `flex`, where it is one of them.
///
/// Burn's own default is another one where the variable is not set: the first GPU family that is compiled in, whether there
/// is a GPU or not. A program that has found its device here does not ask for that default.
///
/// # Errors
/// Fails as [`by_name`] and [`family_of_environment`] do.
pub fn from_environment() -> Result<Device, DeviceError> {
    match family_of_environment()? {
        Some(family) => by_name(family),
        None => by_name(families().first().map_or("", |(name, _)| name)),
    }
}

/// Returns the family that the environment variable `BURN_DEVICE` names, if it is set, whether a device of it is there or
/// not.
///
/// Burn reads the variable as well, and panics at what it can't read. A program that is told its device elsewhere asks here
/// first.
///
/// # Errors
/// Fails if the family is not compiled in, or with [`DeviceError::IndexInEnvironment`].
pub fn family_of_environment() -> Result<Option<&'static str>, DeviceError> {
    let Ok(name) = std::env::var("BURN_DEVICE") else {
        return Ok(None);
    };
    if name.contains(':') {
        return Err(DeviceError::IndexInEnvironment { name });
    }
    let compiled_in = compiled_in();
    match compiled_in.iter().find(|family| **family == name) {
        Some(family) => Ok(Some(family)),
        None => Err(DeviceError::NotCompiledIn { name, compiled_in }),
    }
}

/// Says whether a family computes on the processor itself, with neither a driver to miss nor kernels to compile.
#[must_use]
pub fn is_processor(family: &str) -> bool {
    matches!(family, "flex" | "ndarray")
}

fn families() -> Vec<(&'static str, DeviceType)> {
    vec![
        #[cfg(feature = "flex")]
        ("flex", DeviceType::Flex),
        #[cfg(feature = "cuda")]
        ("cuda", DeviceType::Cuda),
        #[cfg(feature = "rocm")]
        ("rocm", DeviceType::Rocm),
        #[cfg(feature = "metal")]
        ("metal", DeviceType::Metal),
        #[cfg(feature = "vulkan")]
        ("vulkan", DeviceType::Vulkan),
        #[cfg(feature = "wgpu-untuned")]
        ("wgpu", DeviceType::Wgpu),
        #[cfg(feature = "ndarray")]
        ("ndarray", DeviceType::NdArray),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_that_is_compiled_in_is_known() {
        assert!(!compiled_in().is_empty());
        for family in compiled_in() {
            if is_processor(family) {
                assert!(by_name(family).is_ok(), "{family}");
            }
        }
    }

    #[test]
    fn every_device_that_is_listed_is_found() {
        let listed = available();
        assert_eq!(listed.len(), compiled_in().len());
        for (family, count) in listed {
            for index in 0..count {
                assert!(by_name(&format!("{family}:{index}")).is_ok(), "{family}");
            }
        }
    }

    #[test]
    fn errors_say_what_there_is() {
        let error = by_name("abacus").unwrap_err().to_string();
        assert!(
            error.contains("abacus") && error.contains("flex"),
            "{error}"
        );
        let error = by_name("flex:7").unwrap_err().to_string();
        assert!(error.contains("flex sees 1 device, flex:0"), "{error}");
        let error = by_name("flex:x").unwrap_err().to_string();
        assert!(error.contains("FAMILY:INDEX"), "{error}");
    }

    #[test]
    fn a_family_without_a_device_is_one_sentence() {
        for (family, count) in available() {
            if count == 0 {
                let error = by_name(family).unwrap_err().to_string();
                assert!(error.contains("sees none"), "{error}");
                assert_eq!(error.lines().count(), 1, "{error}");
                assert!(try_out(family).is_err(), "{family}");
            }
        }
    }
}
