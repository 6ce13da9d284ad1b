//! `condensenet devices`: what is compiled in, and what is there.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use condensenet::device;

/// The options of `condensenet devices`.
#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Devices {
    /// Lists the families that are compiled in with their devices on this machine.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let families = device::available();
        if self.json {
            let json: serde_json::Map<_, _> = families
                .into_iter()
                .map(|(family, count)| (family.to_owned(), names(family, count).into()))
                .collect();
            writeln!(out, "{:#}", serde_json::Value::Object(json))?;
            return Ok(());
        }
        writeln!(out, "family   devices")?;
        for (family, count) in families {
            let names = match count {
                0 => "none on this machine".to_owned(),
                count => names(family, count).join(" "),
            };
            writeln!(out, "{family:8} {names}")?;
        }
        Ok(())
    }
}

fn names(family: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|index| format!("{family}:{index}"))
        .collect()
}
