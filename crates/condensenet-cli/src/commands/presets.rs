//! `condensenet presets`: the published networks.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use condensenet::{
    Variant,
    variants::{Benchmark, PublishedResult},
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
            let presets: Vec<Value> = Variant::ALL.into_iter().map(to_json).collect();
            writeln!(out, "{:#}", Value::from(presets))?;
            return Ok(());
        }
        write_table(out)
    }
}

fn to_json(variant: Variant) -> Value {
    let published = variant.published();
    let results: Vec<Value> = published
        .results
        .iter()
        .map(|result| {
            json!({
                "benchmark": benchmark(result.benchmark).0,
                "top1_error": result.top1_error,
                "top5_error": result.top5_error,
            })
        })
        .collect();
    json!({
        "name": variant.name(),
        "network": variant.config(),
        "params_millions": published.params_millions,
        "flops_millions": published.flops_millions,
        "results": results,
        "source": published.source,
    })
}

fn write_table(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "preset          parameters     flops  published error")?;
    for variant in Variant::ALL {
        let published = variant.published();
        let errors: Vec<String> = published.results.iter().map(describe).collect();
        writeln!(
            out,
            "{:14} {:9} M {:7} M  {}",
            variant.name(),
            published.params_millions,
            published.flops_millions,
            errors.join(", "),
        )?;
    }
    writeln!(out)?;
    let forms = "training form for CIFAR, converted form with half a classifier for ImageNet";
    writeln!(out, "Sizes as published: {forms}")?;
    Ok(())
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
