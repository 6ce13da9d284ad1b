//! `condensenet presets`: the published networks.

use std::io::Write;

use anyhow::Result;
use condensenet::{
    Variant,
    variants::{Benchmark, PublishedResult},
};

/// Lists the published networks with the sizes and errors that were printed beside them.
pub(crate) fn run(out: &mut dyn Write) -> Result<()> {
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
    let (benchmark, digits) = match result.benchmark {
        Benchmark::Cifar10 => ("CIFAR-10", 2),
        Benchmark::Cifar100 => ("CIFAR-100", 2),
        Benchmark::Imagenet => ("ImageNet", 1),
    };
    let top1 = format!("{benchmark} {:.digits$} %", result.top1_error);
    match result.top5_error {
        Some(top5) => format!("{top1} (top-5 {top5:.digits$} %)"),
        None => top1,
    }
}
