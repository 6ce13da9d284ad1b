//! `condensenet pretrained`: the weights that others published.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use condensenet::{Pretrained, WeightCache, presets::Benchmark};
use serde_json::{Value, json};

/// The options of `condensenet pretrained`.
#[derive(Debug, Args)]
#[command(
    after_help = "`condensenet download NAME` fetches weights, once; then NAME stands for a network wherever a command takes \
    one. They are kept in ~/.cache/condensenet; the variable CONDENSENET_CACHE names another directory. Nothing is ever \
    downloaded by another command."
)]
pub(crate) struct PretrainedWeights {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl PretrainedWeights {
    /// Lists the weights with their errors as published, and says which are here.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let cache = WeightCache::of_user()?;
        if self.json {
            let all = Pretrained::ALL.iter();
            let weights: Vec<Value> = all.map(|&weights| to_json(weights, &cache)).collect();
            writeln!(out, "{:#}", Value::from(weights))?;
            return Ok(());
        }
        let header = "weights                          parameters  published error                   publisher    license";
        writeln!(out, "{header}       here")?;
        for &weights in Pretrained::ALL {
            let source = weights.source();
            let params = format!("{:.2} M", weights.params() as f64 / 1e6);
            let here = if cache.path(weights).exists() {
                "yes"
            } else {
                ""
            };
            let (error, publisher, license) =
                (error(weights), source.publisher(), source.license());
            let line =
                format!("{weights:32} {params:>10}  {error:33} {publisher:12} {license:13} {here}");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn to_json(weights: Pretrained, cache: &WeightCache) -> Value {
    let (source, path) = (weights.source(), cache.path(weights));
    json!({
        "name": weights.name(),
        "benchmark": benchmark(weights.benchmark()),
        "params": weights.params(),
        "top1_error": weights.top1_error(),
        "top5_error": weights.top5_error(),
        "publisher": source.publisher(),
        "license": source.license(),
        "url": source.url(),
        "path": path.display().to_string(),
        "downloaded": path.exists(),
    })
}

/// The errors as published, of the test set that the network is for.
fn error(weights: Pretrained) -> String {
    let benchmark = benchmark(weights.benchmark());
    match (weights.top1_error(), weights.top5_error()) {
        (Some(top1), Some(top5)) => format!("{benchmark} {top1:.2} % (top-5 {top5:.2} %)"),
        (Some(top1), None) => format!("{benchmark} {top1:.2} %"),
        (None, Some(top5)) => format!("{benchmark} top-5 {top5:.2} %"),
        (None, None) => benchmark.to_owned(),
    }
}

const fn benchmark(benchmark: Benchmark) -> &'static str {
    match benchmark {
        Benchmark::Cifar10 => "CIFAR-10",
        Benchmark::Cifar100 => "CIFAR-100",
        Benchmark::Imagenet => "ImageNet",
    }
}
