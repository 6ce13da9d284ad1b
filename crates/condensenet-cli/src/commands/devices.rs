//! `condensenet devices`: what is compiled in, and what is there.

use std::io::Write;

use anyhow::Result;
use condensenet::device;

/// Lists the families that are compiled in with their devices on this machine.
pub(crate) fn run(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "family   devices")?;
    for (family, count) in device::available() {
        let names: Vec<String> = (0..count)
            .map(|index| format!("{family}:{index}"))
            .collect();
        let names = if names.is_empty() {
            "none on this machine".to_owned()
        } else {
            names.join(" ")
        };
        writeln!(out, "{family:8} {names}")?;
    }
    Ok(())
}
