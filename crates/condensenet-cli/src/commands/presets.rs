//! `condensenet presets`: the published networks.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use condensenet::{
    Preset,
    presets::{Benchmark, PublishedResult},
};
use serde_json::{Value, json};

/// The options of `condensenet presets`.
#[derive(Debug, Args)]
pub(crate) struct Presets {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Presets {
    /// Lists the published networks with the sizes and errors that were printed beside them.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        if self.json {
            let presets: Vec<Value> = Preset::ALL.into_iter().map(to_json).collect();
            writeln!(out, "{:#}", Value::from(presets))?;
            return Ok(());
        }
        write_table(out)
    }
}

fn to_json(preset: Preset) -> Value {
    let published = preset.published();
    let results = published.as_ref().map(|published| published.results.iter());
    let results: Vec<Value> = results
        .into_iter()
        .flatten()
        .map(|result| {
            json!({
                "benchmark": benchmark(result.benchmark).0,
                "top1_error": result.top1_error,
                "top5_error": result.top5_error,
            })
        })
        .collect();
    json!({
        "name": preset.name(),
        "network": preset.config(),
        "params_millions": published.as_ref().map(|published| published.params_millions),
        "flops_millions": published.as_ref().map(|published| published.flops_millions),
        "results": results,
        "source": published.as_ref().map(|published| published.source),
    })
}

fn write_table(out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "preset                 parameters         FLOPs  error"
    )?;
    for preset in Preset::ALL {
        let published = preset.published();
        let millions = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), in_millions);
        let params = millions(
            published
                .as_ref()
                .map(|published| published.params_millions),
        );
        let flops = millions(published.as_ref().map(|published| published.flops_millions));
        let results = published.iter().flat_map(|published| &published.results);
        let errors: Vec<String> = results.map(describe).collect();
        let line = format!(
            "{:21} {params:>11} {flops:>13}  {}",
            preset.name(),
            errors.join(", ")
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    let forms = "training form for CIFAR and DenseNets, converted form with half a classifier for ImageNet's CondenseNets";
    writeln!(out, "All as published: {forms}")?;
    writeln!(
        out,
        "`condensenet summary PRESET` counts what is stored and executed."
    )?;
    Ok(())
}

/// A number of millions with two or three digits that count.
fn in_millions(millions: f64) -> String {
    let decimals = match millions {
        ..1.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{millions:.decimals$} M")
}

fn describe(result: &PublishedResult) -> String {
    let (benchmark, digits) = benchmark(result.benchmark);
    let top1 = format!("{benchmark} {:.digits$} %", result.top1_error);
    match result.top5_error {
        Some(top5) => format!("{top1} (top-5 {top5:.digits$} %)"),
        None => top1,
    }
}

/// The name of a test set, and how many digits of a percentage were published on it.
const fn benchmark(benchmark: Benchmark) -> (&'static str, usize) {
    match benchmark {
        Benchmark::Cifar10 => ("CIFAR-10", 2),
        Benchmark::Cifar100 => ("CIFAR-100", 2),
        Benchmark::Imagenet => ("ImageNet", 1),
    }
}
