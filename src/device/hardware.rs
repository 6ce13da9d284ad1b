//! What the machine says about its devices.

use std::panic::catch_unwind;

use burn::tensor::{Device, DeviceType};

use super::DeviceInfo;

#[cfg(any(
    feature = "wgpu-untuned",
    feature = "vulkan",
    feature = "metal",
    feature = "cuda",
    feature = "rocm"
))]
mod driver;

/// Lists the devices of a family, the most powerful kind first.
///
/// A driver that is not there is no devices, also where looking for it panics.
pub(super) fn devices(device_type: DeviceType) -> Vec<Device> {
    let look = move || Device::enumerate(device_type).into_iter().collect();
    let mut devices: Vec<Device> = catch_unwind(look).unwrap_or_default();
    devices.sort_by_key(weakness);
    devices
}

/// Orders the kinds of devices that WGPU knows; devices of other families are all of one kind.
fn weakness(device: &Device) -> usize {
    #[cfg(any(feature = "wgpu-untuned", feature = "vulkan", feature = "metal"))]
    {
        use burn::backend::{CubeDevice, DispatchDevice, WgpuDeviceKind};
        if let DispatchDevice::Cube(CubeDevice::Wgpu(device)) = device.as_dispatch() {
            return match device.kind {
                WgpuDeviceKind::DiscreteGpu(_) => 0,
                WgpuDeviceKind::IntegratedGpu(_) => 1,
                WgpuDeviceKind::Cpu => 3,
                _ => 2,
            };
        }
    }
    let _ = device;
    0
}

/// Returns what a device says about itself. Opens the device.
pub(super) fn describe(device: &Device) -> DeviceInfo {
    #[cfg(any(
        feature = "wgpu-untuned",
        feature = "vulkan",
        feature = "metal",
        feature = "cuda",
        feature = "rocm"
    ))]
    if let burn::backend::DispatchDevice::Cube(device) = device.as_dispatch() {
        let client = device.client();
        let properties = client.properties();
        let name = properties.identity.name.clone();
        return DeviceInfo {
            driver: driver::of(device, &name),
            name: Some(name),
            memory: properties.memory.max_memory(),
        };
    }
    let _ = device;
    DeviceInfo::default()
}
