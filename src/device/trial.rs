//! A device is what computes: the smallest computation that shows it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use burn::tensor::{Device, Tensor};

use super::{DeviceError, by_name, hardware};

/// What a device said about itself when it was tried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The name of the part, as its driver has it; none for the CPU backends.
    pub name: Option<String>,
    /// Its memory in bytes, where the driver tells.
    pub memory: Option<u64>,
    /// Its driver with the version, where that can be found out.
    pub driver: Option<String>,
}

/// Finds a device as [`by_name`] does, and computes something small on it.
///
/// What panics on the way, in a driver or in a backend, is caught, although Rust may write the panic's message to standard
/// error. A driver that ends the process can't be held back here: where that has to be survived, call this in a process of
/// its own, as `condensenet devices` does. The first computation on a GPU may take some seconds, for kernels are compiled.
///
/// # Errors
/// Fails as [`by_name`] does, or with [`DeviceError::Unusable`] if the device does not compute, or computes something else.
///
/// # Example
/// ```
/// assert!(condensenet::device::try_out("flex").is_ok());
/// ```
pub fn try_out(name: &str) -> Result<DeviceInfo, DeviceError> {
    let device = by_name(name)?;
    let unusable = |reason: String| DeviceError::Unusable {
        name: name.to_owned(),
        reason,
    };
    // On a thread of its own, which nothing else on this one depends on if a backend leaves it in pieces.
    let trial = thread::Builder::new()
        .name("device trial".to_owned())
        .spawn(move || catch_unwind(AssertUnwindSafe(|| compute(&device))))
        .map_err(|error| unusable(error.to_string()))?;
    match trial.join() {
        Ok(Ok(outcome)) => outcome.map_err(unusable),
        Ok(Err(panic)) | Err(panic) => Err(unusable(message(&*panic))),
    }
}

/// Adds and multiplies some numbers, and looks at the result.
fn compute(device: &Device) -> Result<DeviceInfo, String> {
    let numbers = Tensor::<1>::from_floats([1.0, -2.0, 3.5, 0.0, 8.0], device);
    let result = (numbers * 2.0 + 1.0).into_data();
    let result: Vec<f32> = result.iter().collect();
    if result != [3.0, -3.0, 8.0, 1.0, 17.0] {
        return Err(format!(
            "it made {result:?} of a multiplication and an addition"
        ));
    }
    Ok(hardware::describe(device))
}

/// What a panic says, on one line.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("it panicked without a message");
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
