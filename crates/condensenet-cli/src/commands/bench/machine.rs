//! Where figures were measured, and with what: without it they say nothing to anybody else.

use std::{env, fs};

use serde_json::{Value, json};

/// The version of Burn that the workspace asks for.
const BURN: &str = "0.22.1";

/// What computes, besides the devices.
#[derive(Debug)]
pub(super) struct Machine {
    processor: Option<String>,
    threads: usize,
    memory_bytes: Option<u64>,
}

impl Machine {
    /// Looks at this machine, of which the benchmark uses so many threads.
    pub(super) fn here(threads: usize) -> Self {
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            threads,
            memory_bytes: field("/proc/meminfo", "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                .map(|kilobytes| kilobytes * 1024),
        }
    }

    /// Says it in a sentence.
    pub(super) fn describe(&self) -> String {
        let processor = self.processor.as_deref().unwrap_or("unknown processor");
        let (system, architecture, threads) = (env::consts::OS, env::consts::ARCH, self.threads);
        format!(
            "{processor}, {threads} threads, {system} on {architecture}; {}",
            versions()
                .map(|(name, version)| format!("{name} {version}"))
                .join(", ")
        )
    }

    /// Says it to a program.
    pub(super) fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "threads": self.threads,
            "memory_bytes": self.memory_bytes,
            "system": env::consts::OS,
            "architecture": env::consts::ARCH,
            "versions": versions().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        })
    }
}

fn versions() -> [(&'static str, &'static str); 3] {
    [
        ("condensenet", env!("CARGO_PKG_VERSION")),
        ("burn", BURN),
        ("rustc", env!("CONDENSENET_RUSTC")),
    ]
}

/// The first value of that name in one of Linux' lists; none elsewhere.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_burn_is_the_one_that_is_built() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        assert!(manifest.contains(&format!(r#"burn = {{ version = "={BURN}""#)));
    }
}
