//! `condensenet devices`: what is compiled in, what is there, and whether it computes.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use condensenet::device;
use serde_json::{Map, Value, json};

use crate::trial::Trial;

/// The options of `condensenet devices`.
#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Try out one device and write what it says as a line of JSON
    #[arg(long, value_name = "NAME", hide = true)]
    try_out: Option<String>,
}

impl Devices {
    /// Lists the families that are compiled in with their devices on this machine, each of them tried out.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        if let Some(name) = &self.try_out {
            writeln!(out, "{}", serde_json::to_string(&Trial::here(name))?)?;
            return Ok(());
        }
        let mut families = Map::new();
        if !self.json {
            writeln!(out, "device      state")?;
        }
        for (family, count) in device::available() {
            if count == 0 && !self.json {
                writeln!(out, "{family:10}  compiled in; none on this machine")?;
            }
            let mut devices = Vec::new();
            for index in 0..count {
                let name = format!("{family}:{index}");
                let trial = Trial::elsewhere(&name);
                if !self.json {
                    writeln!(out, "{name:10}  {}", trial.describe())?;
                }
                devices.push(json!({ "name": name, "trial": trial }));
            }
            families.insert(family.to_owned(), devices.into());
        }
        if self.json {
            writeln!(out, "{:#}", Value::Object(families))?;
        }
        Ok(())
    }
}
