//! Which driver a GPU is driven by: what Burn does not keep, asked where it came from.

use burn::backend::CubeDevice;

/// Returns a device's driver and its version, where that can be found out; `name` is the device's own.
pub(super) fn of(device: &CubeDevice, name: &str) -> Option<String> {
    #[cfg(any(feature = "wgpu-untuned", feature = "vulkan", feature = "metal"))]
    if let CubeDevice::Wgpu(_) = device {
        return adapter(name);
    }
    let _ = (device, name);
    nvidia()
}

/// What WGPU says about the adapter of that name.
#[cfg(any(feature = "wgpu-untuned", feature = "vulkan", feature = "metal"))]
fn adapter(name: &str) -> Option<String> {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    let instance = wgpu::Instance::default();
    let adapters = pin!(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    // Outside of a browser the list is there at once.
    let Poll::Ready(adapters) = adapters.poll(&mut Context::from_waker(Waker::noop())) else {
        return None;
    };
    let mut infos = adapters.iter().map(wgpu::Adapter::get_info);
    let info = infos.find(|info| info.name == name)?;
    let driver = format!("{} {}", info.driver, info.driver_info);
    let driver = driver.trim();
    (!driver.is_empty()).then(|| driver.to_owned())
}

/// What NVIDIA's driver says about itself on Linux.
fn nvidia() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let line = text.lines().next()?.trim();
    Some(line.trim_start_matches("NVRM version: ").to_owned())
}
