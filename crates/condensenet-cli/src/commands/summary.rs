//! `condensenet summary`: what a network costs.

use std::{
    fmt,
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Result;
use clap::Args;
use condensenet::{
    Complexity, Convention, Form, ImportOptions, NetworkConfig, Preset, device, open_network,
    train::TrainingRun,
};
use serde_json::{Value, json};

use crate::{
    failure::usage,
    options::{InputSize, parse_preset},
};

/// The options of `condensenet summary`.
#[derive(Debug, Args)]
pub(crate) struct Summary {
    /// Preset, such as cifar_86, file with a network, or directory of a run
    #[arg(value_name = "PRESET|FILE|RUN")]
    network: Network,
    /// Number of classes [default: the network's]
    #[arg(long, value_name = "N")]
    classes: Option<usize>,
    /// Height and width of an image in pixels [default: what the network was trained on or published for]
    #[arg(long, value_name = "HxW")]
    input: Option<InputSize>,
    /// Write the totals as JSON
    #[arg(long)]
    json: bool,
}

/// A network as an argument names it.
#[derive(Debug, Clone)]
pub(crate) enum Network {
    Preset(Preset),
    File(PathBuf),
    Run(PathBuf),
}

impl Network {
    /// Returns the network's description, and the size of the images that it is made for.
    pub(crate) fn describe(&self) -> Result<(NetworkConfig, [usize; 2])> {
        Ok(match self {
            Self::Preset(preset) => (preset.config(), preset.benchmark().input_size()),
            Self::File(path) => {
                let opened = open_network(
                    path,
                    &ImportOptions::default(),
                    &device::from_environment()?,
                )?;
                let size = opened.file.preprocess().size;
                (opened.file.network.config().clone(), [size; 2])
            }
            Self::Run(directory) => {
                let run = TrainingRun::open(directory)?;
                let config = run.config();
                (config.network.clone(), [config.data.crop().size; 2])
            }
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(preset) => f.write_str(preset.name()),
            Self::File(path) | Self::Run(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match parse_preset(name) {
            Ok(preset) => Ok(Self::Preset(preset)),
            Err(_) if Path::new(name).is_dir() => Ok(Self::Run(name.into())),
            Err(_) if Path::new(name).exists() => Ok(Self::File(name.into())),
            Err(unknown) => Err(format!(
                "there is no file or directory `{name}`, and {unknown}"
            )),
        }
    }
}

/// The forms that are counted, by the key that they have in JSON and the name that people read.
///
/// What was published as the converted form has half a classifier; the conversion that this program does keeps it whole.
const FORMS: [(&str, &str, Form); 3] = [
    ("training", "training", Form::Training),
    ("converted", "converted", Form::CONVERTED),
    (
        "converted_half_classifier",
        "converted, half a classifier",
        Form::CONVERTED_AS_PUBLISHED,
    ),
];

impl Summary {
    /// Counts the network in every form and under both conventions.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let (network, size) = self.describe()?;
        let counted: Result<Vec<Complexity>, _> = FORMS
            .into_iter()
            .map(|(_, _, form)| Complexity::of(&network, form, size))
            .collect();
        let counted = counted.map_err(usage)?;
        if self.json {
            let mut summary = json!({ "network": network, "input": size });
            for ((key, ..), complexity) in FORMS.into_iter().zip(&counted) {
                summary[key] = totals(complexity);
            }
            writeln!(out, "{summary:#}")?;
            return Ok(());
        }
        write_layers(out, &counted, size)?;
        write_totals(out, &counted)
    }

    /// The network, and the size of its images.
    fn describe(&self) -> Result<(NetworkConfig, [usize; 2])> {
        let (network, size) = self.network.describe()?;
        let num_classes = self.classes.unwrap_or(network.num_classes);
        let size = self.input.map_or(size, |input| input.0);
        Ok((network.with_num_classes(num_classes), size))
    }
}

fn totals(complexity: &Complexity) -> Value {
    json!({
        "parameters": complexity.stored_params(),
        "multiply_adds": complexity.flops(Convention::MultiplyAdds),
        "parameters_as_published": complexity.counted_params(),
        "flops_as_published": complexity.flops(Convention::Published),
    })
}

/// Writes a table of the layers for the training form and for the exact conversion.
fn write_layers(out: &mut dyn Write, counted: &[Complexity], size: [usize; 2]) -> Result<()> {
    let [height, width] = size;
    for ((_, name, _), complexity) in FORMS.into_iter().zip(counted).take(2) {
        writeln!(out, "{name} form, for an image of {height}x{width}")?;
        writeln!(out, "{}", complexity.table(Convention::Published))?;
    }
    Ok(())
}

/// Writes the totals of every form under both conventions.
fn write_totals(out: &mut dyn Write, counted: &[Complexity]) -> Result<()> {
    writeln!(
        out,
        "                                                              as published\n\
         form                         parameters  multiply-adds  parameters        FLOPs"
    )?;
    for ((_, name, _), complexity) in FORMS.into_iter().zip(counted) {
        writeln!(
            out,
            "{name:28} {:10} {:14} {:11} {:12}",
            complexity.stored_params(),
            complexity.flops(Convention::MultiplyAdds),
            complexity.counted_params(),
            complexity.flops(Convention::Published),
        )?;
    }
    writeln!(out)?;
    let plain = "stored in memory, and executed";
    writeln!(out, "parameters, multiply-adds  {plain}")?;
    let published = "what the authors count: connections that are left, ReLUs, pools";
    writeln!(out, "as published               {published}")?;
    let halved = "the original code's conversion, which drops half of the classifier";
    writeln!(out, "half a classifier          {halved}")?;
    Ok(())
}
