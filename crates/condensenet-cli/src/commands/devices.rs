//! `condensenet devices`: what is compiled in, what is there, and whether it computes.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use condensenet::device;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The first computation on a GPU compiles kernels; a driver that is stuck says nothing ever.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// What came of trying a device out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trial {
    /// It computes.
    Works {
        part: Option<String>,
        memory_bytes: Option<u64>,
    },
    /// It does not, and why.
    Fails { reason: String },
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

impl Trial {
    /// Tries a device out in this process.
    fn here(name: &str) -> Self {
        match device::try_out(name) {
            Ok(info) => Self::Works {
                part: info.name,
                memory_bytes: info.memory,
            },
            Err(error) => Self::fails(&error),
        }
    }

    /// Tries a device out in a process of its own: a driver may end it, or never come back.
    fn elsewhere(name: &str) -> Self {
        match ask(name) {
            Ok(trial) => trial,
            Err(error) => Self::fails(&error),
        }
    }

    fn fails(reason: &impl ToString) -> Self {
        let reason = reason.to_string();
        Self::Fails { reason }
    }

    fn describe(&self) -> String {
        match self {
            Self::Fails { reason } => format!("does not work: {reason}"),
            Self::Works { part, memory_bytes } => {
                let part = part.as_deref().map(|part| format!(" on {part}"));
                let memory = memory_bytes.map(|bytes| format!(", {:.1} GiB", bytes as f64 / GIB));
                let (part, memory) = (part.unwrap_or_default(), memory.unwrap_or_default());
                format!("computes{part}{memory}")
            }
        }
    }
}

const GIB: f64 = (1 << 30) as f64;

/// Lets this program try a device out in a process of its own, and reads what it writes.
fn ask(name: &str) -> Result<Trial> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["devices", "--try-out", name])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null()) // what threads that panic there write is of no use here
        .spawn()?;
    if !wait(&mut child)? {
        child.kill()?;
        child.wait()?;
        let seconds = PATIENCE.as_secs();
        return Ok(Trial::fails(&format!("no answer in {seconds} seconds")));
    }
    let mut answer = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut answer)?;
    }
    let status = child.wait()?;
    Ok(serde_json::from_str(&answer).unwrap_or_else(|_| {
        Trial::fails(&format!(
            "its driver ended the process that tried it ({status})"
        ))
    }))
}

/// Waits for a process to end; says whether it did in time.
fn wait(child: &mut Child) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
}
