//! The figures of several devices as Markdown and as JSON.

use std::{fmt::Write, time::Duration};

use serde_json::{Value, json};

use super::{
    Bench,
    cases::Case,
    machine::Machine,
    race::{Entrant, Figures},
};

/// Everything that somebody else needs to make sense of the figures.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) bench: &'a Bench,
    pub(super) size: [usize; 2],
    pub(super) machine: Machine,
    pub(super) entrants: Vec<Entrant>,
    pub(super) figures: Vec<Figures>,
}

impl Table<'_> {
    /// Writes it for people; a ratio is against the first device.
    pub(super) fn markdown(&self) -> String {
        let [height, width] = self.size;
        let (network, batch) = (&self.bench.network, self.bench.batch);
        let mut text = format!(
            "`{network}`, {batch} image(s) of {height}x{width} a call: {}.\n\n",
            self.machine.describe()
        );
        for entrant in &self.entrants {
            let (name, state) = (&entrant.name, entrant.trial.describe());
            let _ = writeln!(text, "- `{name}` {state}");
        }
        let names: Vec<&str> = self.entrants.iter().map(|it| it.name.as_str()).collect();
        let _ = writeln!(text, "\n| | `{}` |", names.join("` | `"));
        let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
        for &case in Case::ALL {
            let _ = write!(text, "| {} |", case.name());
            for name in &names {
                let _ = write!(text, " {} |", self.cell(case, name));
            }
            text.push('\n');
        }
        text.push_str(
            "\nMilliseconds a call, median (quartiles), and how many times the first device's; \
             the devices take turns.\n",
        );
        text
    }

    /// Writes it for programs.
    pub(super) fn json(&self) -> Value {
        let devices = self.entrants.iter();
        let devices = devices.map(|it| json!({ "name": it.name, "trial": it.trial }));
        let figures = self.figures.iter().map(|figures| match &figures.times {
            Ok(times) => json!({
                "case": figures.case.name(),
                "device": figures.device,
                "calls": times.len(),
                "ms": ms(at(times, 0.5)),
                "ms_quartiles": [ms(at(times, 0.25)), ms(at(times, 0.75))],
                "ms_best": ms(at(times, 0.0)),
                "images_per_second": 1e3 * self.bench.batch as f64 / ms(at(times, 0.5)),
            }),
            Err(reason) => json!({
                "case": figures.case.name(),
                "device": figures.device,
                "failed": reason,
            }),
        });
        json!({
            "network": self.bench.network.to_string(),
            "size": self.size,
            "batch": self.bench.batch,
            "machine": self.machine.json(),
            "devices": devices.collect::<Vec<_>>(),
            "figures": figures.collect::<Vec<_>>(),
        })
    }

    fn cell(&self, case: Case, device: &str) -> String {
        let times = |device: &str| {
            let mut figures = self.figures.iter();
            figures.find(|it| it.case == case && it.device == device)
        };
        let Some(found) = times(device) else {
            return String::new();
        };
        let own = match &found.times {
            Ok(times) => times,
            Err(reason) => return format!("failed: {}", reason.replace('|', "/")),
        };
        let [low, median, high] = [0.25, 0.5, 0.75].map(|part| ms(at(own, part)));
        let cell = format!("{median:.2} ({low:.2}-{high:.2})");
        let first = self.entrants.first().map(|it| it.name.as_str());
        match first.filter(|first| *first != device).and_then(times) {
            Some(Figures {
                times: Ok(first), ..
            }) => {
                format!("{cell}, {:.2} x", median / ms(at(first, 0.5)))
            }
            _ => cell,
        }
    }
}

/// The time that this part of the calls stays below.
fn at(times: &[Duration], part: f64) -> Duration {
    let last = times.len().saturating_sub(1);
    let index = (part * last as f64).round() as usize;
    times.get(index).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
