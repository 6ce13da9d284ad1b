//! `condensenet bench`: how fast a network runs on this machine.

mod cases;
mod machine;
mod race;
mod table;

use std::{
    fmt,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use condensenet::{
    AnyNetwork, Convention, FileForm, ImportOptions, InferenceSession, InitNetwork, NetworkConfig,
    SessionNetwork,
    burn::tensor::{Device, Distribution, Tensor},
    open_network,
    train::TrainingRun,
};
use serde_json::json;

use machine::Machine;
use table::Table;

use crate::{
    commands::summary::Network,
    failure::usage,
    options::{DeviceOption, InputSize, count},
};

/// Calls before the first that is timed.
const WARM_UP: usize = 5;

/// The options of `condensenet bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Preset, such as cifar_86, with random weights, file with a network, or directory of a run
    #[arg(value_name = "PRESET|FILE|RUN")]
    network: Network,
    /// File with the preset's weights, of this program or of PyTorch
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// What runs: session, compiled for the CPU; forward, the converted network as tensors; training, before conversion
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        hide_possible_values = true,
        default_value_t
    )]
    form: Form,
    /// Part of the classifier's inputs that conversion keeps [default: all; published for ImageNet: 0.5]
    #[arg(long, value_name = "F")]
    classifier: Option<f64>,
    /// Threads [default: as many as the machine runs at once]
    #[arg(long, value_name = "N", value_parser = count(1..=1024))]
    threads: Option<usize>,
    /// Images of a call
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count(1..=4096))]
    batch: usize,
    /// Least time to measure, in seconds
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Height and width of an image in pixels [default: 224x224 for ImageNet's presets, else 32x32]
    #[arg(long, alias = "input", value_name = "HxW")]
    size: Option<InputSize>,
    #[command(flatten)]
    device: DeviceOption,
    /// Time both forms, a training step and data loading on several devices by turns: all, or a list such as flex,cuda:1
    #[arg(long, value_name = "NAMES|all", conflicts_with_all = ["device", "form"])]
    devices: Option<String>,
    /// Also write what --devices found as Markdown into FILE, and as JSON beside it
    #[arg(short, long, value_name = "FILE", requires = "devices")]
    output: Option<PathBuf>,
    /// Write JSON only
    #[arg(long)]
    json: bool,
}

/// What is timed.
#[derive(Debug, Clone, Copy, Default, PartialEq, ValueEnum)]
enum Form {
    #[default]
    Session,
    Forward,
    Training,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session => "session",
            Self::Forward => "forward",
            Self::Training => "training",
        })
    }
}

/// One call of the network, on images that stay the same.
type Call = Box<dyn FnMut() -> Result<()>>;

impl Bench {
    /// Times calls of the network after a warm-up.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        if !(self.seconds > 0.0 && self.seconds <= 3600.0) {
            return Err(usage("--seconds must be above 0 and at most 3600"));
        }
        if self.form == Form::Training && self.classifier.is_some() {
            return Err(usage(
                "--classifier is given, but the training form has no conversion",
            ));
        }
        let (_, size) = self.network.describe()?;
        let size = self.size.map_or(size, |size| size.0);
        if let Some(names) = &self.devices {
            return self.race(out, names, size);
        }
        let device = self.device.find()?;
        let threads = self.start_threads()?;
        let network = self.load(self.form, &device)?;
        let counted = network.complexity(size).map_err(usage)?;
        let (mut call, device) = self.prepare(network, size, threads, &device)?;
        let times = measure(&mut call, Duration::from_secs_f64(self.seconds))?;

        let ms = |time: &Duration| time.as_secs_f64() * 1e3 / self.batch as f64;
        let (median, best) = (ms(&times[times.len() / 2]), ms(&times[0]));
        let flops = counted.flops(Convention::MultiplyAdds) as f64;
        let (images_per_second, gflops) = (1e3 / median, 2e-6 * flops / median);
        let memory = peak_memory_mb();
        if !self.json {
            let [height, width] = size;
            writeln!(out, "network        {} ({height}x{width})", self.network)?;
            writeln!(out, "form           {} on {device}", self.form)?;
            writeln!(out, "threads        {threads}, batches of {}", self.batch)?;
            writeln!(out, "an image       {median:.3} ms, at best {best:.3} ms")?;
            writeln!(
                out,
                "a second       {images_per_second:.1} images, {gflops:.1} GFLOP"
            )?;
            if let Some(memory) = memory {
                writeln!(out, "memory, peak   {memory:.1} MB")?;
            }
        }
        let json = json!({
            "network": self.network.to_string(),
            "form": self.form.to_string(),
            "ms_per_image": median,
            "ms_best": best,
            "images_per_second": images_per_second,
            "gflops": gflops,
            "peak_memory_mb": memory,
            "device": device,
            "threads": threads,
            "batch": self.batch,
            "size": size,
        });
        writeln!(out, "{json}")?;
        Ok(())
    }

    /// Times the same cases on several devices.
    fn race(&self, out: &mut dyn Write, names: &str, size: [usize; 2]) -> Result<()> {
        let output = self
            .output
            .as_ref()
            .map(|path| (path, path.with_extension("json")));
        if let Some((markdown, json)) = &output
            && *markdown == json
        {
            let reason = "is where the JSON goes; the Markdown needs another name, such as x.md";
            return Err(usage(format!("{} {reason}", json.display())));
        }
        let entrants = race::entrants(names)?;
        let threads = self.start_threads()?;
        let figures = race::race(self, &entrants, size, threads)?;
        let machine = Machine::here(threads);
        let table = Table {
            bench: self,
            size,
            machine,
            entrants,
            figures,
        };
        let (markdown, json) = (table.markdown(), format!("{:#}\n", table.json()));
        if let Some((beside, path)) = &output {
            for (path, text) in [(*beside, &markdown), (path, &json)] {
                std::fs::write(path, text)
                    .map_err(|error| anyhow!("can't write {}: {error}", path.display()))?;
            }
        }
        out.write_all(if self.json { json } else { markdown }.as_bytes())?;
        Ok(())
    }

    /// Says whether training steps are made.
    pub(super) const fn trains(&self) -> bool {
        self.devices.is_some()
    }

    /// Gives the pool that everything on the CPU computes in its size.
    fn start_threads(&self) -> Result<usize> {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or(available);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().context("the threads did not start")?;
        Ok(threads)
    }

    /// Returns a call of the network, and what computes it.
    fn prepare(
        &self,
        network: AnyNetwork,
        size: [usize; 2],
        threads: usize,
        device: &Device,
    ) -> Result<(Call, String)> {
        let [height, width] = size;
        let images = || {
            let shape = [self.batch, 3, height, width];
            Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), device)
        };
        if self.form == Form::Session {
            // As `compile` does, but the network goes before its packed copy comes.
            let plain = SessionNetwork::new(&network.weights())?;
            drop(network);
            let session = InferenceSession::new(plain)?.with_threads(threads);
            let images: Vec<f32> = images().into_data().iter().collect();
            let mut logits = vec![0.0; self.batch * session.num_classes()];
            let batch_size = self.batch;
            let name = format!("cpu, {}", session.isa().name());
            let call = move || Ok(session.run(&images, batch_size, height, width, &mut logits)?);
            return Ok((Box::new(call), name));
        }
        let _ = threads; // without a session, the pool's size is all
        let images = images();
        let call = move || {
            let _ = network.forward(images.clone()).into_data(); // which waits for it
            Ok(())
        };
        Ok((Box::new(call), format!("{device:?}")))
    }

    /// Loads the network, or draws a preset's weights, in a form.
    fn load(&self, form: Form, device: &Device) -> Result<AnyNetwork> {
        let open = |path: &Path| -> Result<AnyNetwork> {
            let opened = open_network(path, &ImportOptions::default(), device)?;
            Ok(opened.file.network)
        };
        let network = match (&self.network, &self.weights) {
            (Network::File(path), None) => open(path)?,
            (Network::Run(directory), None) => self.load_run(directory, device)?,
            (Network::Preset(preset), None) if form == Form::Training => {
                condensed(preset.config().init(device)?)
            }
            // Not by way of the training form, which is several times as large.
            (Network::Preset(preset), None) => {
                let converted =
                    AnyNetwork::init_converted(&preset.config(), self.classifier, device);
                converted.map_err(usage)?
            }
            (Network::Preset(preset), Some(path)) => {
                let network = open(path)?;
                let found = network.config();
                if shape(found) != shape(&preset.config()) {
                    bail!("{} does not hold a {preset}: {found:?}", path.display());
                }
                network
            }
            (_, Some(_)) => {
                let reason = "--weights goes with a preset; a file and a run bring their own";
                return Err(usage(reason));
            }
        };
        match form {
            Form::Training if network.form() == FileForm::Converted => Err(usage(
                "the network is converted, and has no training form any more",
            )),
            Form::Training => Ok(network),
            _ => self.condense(network.convert()?),
        }
    }

    /// Loads a run's latest network; condensed in any case, since what is timed is how much there is to compute.
    fn load_run(&self, directory: &Path, device: &Device) -> Result<AnyNetwork> {
        let run = TrainingRun::open(directory)?;
        let checkpoint = run.checkpoints().latest()?;
        let checkpoint =
            checkpoint.ok_or_else(|| anyhow!("{} has no checkpoint yet", directory.display()))?;
        Ok(condensed(run.load_network(&checkpoint, device)?))
    }

    fn condense(&self, network: AnyNetwork) -> Result<AnyNetwork> {
        Ok(match self.classifier {
            Some(kept_fraction) => network.condense_classifier(kept_fraction)?,
            None => network,
        })
    }
}

/// What a network computes at test time, whatever its classes and its dropout.
fn shape(config: &NetworkConfig) -> NetworkConfig {
    NetworkConfig {
        num_classes: 0,
        dropout: 0.0,
        ..config.clone()
    }
}

fn condensed(mut network: AnyNetwork) -> AnyNetwork {
    network.condense_to(network.schedule().last_stage());
    network
}

/// Returns the times of single calls, shortest first.
fn measure(call: &mut Call, least: Duration) -> Result<Vec<Duration>> {
    for _ in 0..WARM_UP {
        call()?;
    }
    let (mut times, start) = (Vec::new(), Instant::now());
    while start.elapsed() < least || times.len() < 3 {
        let before = Instant::now();
        call()?;
        times.push(before.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// The most memory that the program has had, in megabytes of 2^20 bytes; Linux says it.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
