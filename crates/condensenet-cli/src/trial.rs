//! Whether a device computes, found out where it can do no harm: in a process of its own.
//!
//! A backend that does not find its driver panics on a thread of its own, and a driver may end the process that asks it. Both
//! are told here as what they are, a sentence.

use std::{
    io::Read,
    panic,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use condensenet::device::{self, DeviceError};
use serde::{Deserialize, Serialize};

/// The first computation on a GPU compiles kernels; a driver that is stuck says nothing ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of trying a device out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trial {
    /// It computes.
    Works {
        part: Option<String>,
        memory_bytes: Option<u64>,
        driver: Option<String>,
    },
    /// It does not, and why.
    Fails { reason: String },
}

impl Trial {
    /// Tries a device out in this process, which does nothing else.
    pub(crate) fn here(name: &str) -> Self {
        // A backend panics on a thread of its own, and all that comes of it here is that nobody answers.
        let first: Arc<OnceLock<String>> = Arc::default();
        let said = Arc::clone(&first);
        panic::set_hook(Box::new(move |panic| {
            if let Some(text) = panic.payload_as_str() {
                said.get_or_init(|| text.lines().map(str::trim).collect::<Vec<_>>().join(" "));
            }
        }));
        match (device::try_out(name), first.get()) {
            (Ok(info), _) => Self::Works {
                part: info.name,
                memory_bytes: info.memory,
                driver: info.driver,
            },
            (Err(DeviceError::Unusable { name, .. }), Some(text)) => {
                let reason = text.clone();
                Self::fails(&DeviceError::Unusable { name, reason })
            }
            (Err(error), _) => Self::fails(&error),
        }
    }

    /// Tries a device out in a process of its own: a driver may end it, or never come back.
    pub(crate) fn elsewhere(name: &str) -> Self {
        match ask(name) {
            Ok(trial) => trial,
            Err(error) => Self::fails(&error),
        }
    }

    /// Says whether it computes.
    pub(crate) const fn works(&self) -> bool {
        matches!(self, Self::Works { .. })
    }

    /// Makes an error of a trial that failed.
    pub(crate) fn require(self) -> Result<()> {
        match self {
            Self::Works { .. } => Ok(()),
            Self::Fails { reason } => Err(anyhow!(reason)),
        }
    }

    fn fails(reason: &impl ToString) -> Self {
        let reason = reason.to_string();
        Self::Fails { reason }
    }

    /// Says it in a line.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Fails { reason } => format!("does not work: {reason}"),
            Self::Works {
                part,
                memory_bytes,
                driver,
            } => {
                let part = part.as_deref().map(|part| format!(" on {part}"));
                let memory = memory_bytes.map(|bytes| format!(", {:.1} GiB", bytes as f64 / GIB));
                let driver = driver.as_deref().map(|driver| format!(", {driver}"));
                let said = [part, memory, driver].into_iter().flatten();
                format!("computes{}", said.collect::<String>())
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
        return Ok(Trial::fails(&format!(
            "the device `{name}` gave no answer in {seconds} seconds"
        )));
    }
    let mut answer = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut answer)?;
    }
    let status = child.wait()?;
    Ok(serde_json::from_str(&answer).unwrap_or_else(|_| {
        Trial::fails(&format!(
            "the driver of `{name}` ended the process that tried it ({status})"
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
