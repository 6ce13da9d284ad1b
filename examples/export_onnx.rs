//! Lets a network leave: as ONNX, and as safetensors, with inputs and logits to compare on the other side.
//!
//! The network is one of the presets with random weights, and with the statistics and the masks that training leaves, so
//! that no norm and no index is trivial. For `--output DIR/NAME` these files are written:
//!
//! | file | content |
//! |---|---|
//! | `NAME.onnx` | the ONNX model |
//! | `NAME.safetensors` | the network file |
//! | `NAME.io.safetensors` | `batch_1`, `batch_5`, `odd_size`: for each of them `.input` and `.logits` |
//! | `NAME.raw`, `NAME.raw.json` | the bytes of every weight as they lie in memory, and where they start: what the network file is compared with |
//!
//! `tests/python/check_exports.py` runs it and compares.
#![allow(clippy::print_stdout)] // a program that talks

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};
use clap::{Parser, ValueEnum};
use condensenet::{
    AnyNetwork, InitNetwork, NetworkConfig, NetworkFile, Normalization, OnnxExport, Preset, Stem,
    StoredTensor,
    burn::module::{Module, ModuleMapper, Param},
    device,
    prelude::{Device, Distribution, Tensor},
};
use safetensors::{Dtype, tensor::TensorView};

/// Writes a preset with random weights as ONNX and as safetensors, with inputs and logits to compare
#[derive(Parser)]
struct Arguments {
    /// Preset, such as cifar_86
    network: Preset,
    /// Form of the network
    #[arg(long, value_enum, default_value = "converted")]
    form: Form,
    /// Keep this part of the classifier's inputs, such as 0.5; converted form only
    #[arg(long, value_name = "FRACTION")]
    classifier_kept: Option<f64>,
    /// Fix the ONNX model to the usual size of the images
    #[arg(long)]
    fixed_size: bool,
    /// Decides weights and images
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Directory and name of the files, without extension
    #[arg(long, value_name = "DIR/NAME")]
    output: PathBuf,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Form {
    Training,
    Converted,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let device = device::by_name("flex")?;
    device.seed(arguments.seed);
    let config = arguments.network.config();
    let ([height, width], odd_size) = match config.stem {
        Stem::Cifar => ([32, 32], [29, 38]),
        Stem::Imagenet | Stem::ImagenetPooled => ([224, 224], [131, 98]),
    };

    let network = in_form(as_trained(&config, &device)?, &arguments)?;
    let path = |extension: &str| with_extension(&arguments.output, extension);
    let file = NetworkFile::new(network)
        .with_class_names((0..config.num_classes).map(|class| format!("class {class}")))
        .with_normalization(Normalization::IMAGENET)
        .with_provenance(format!("random weights, seed {}", arguments.seed));
    file.save(path("safetensors"))?;
    let export = match arguments.fixed_size {
        true => OnnxExport::new(&file).with_input_size(height, width),
        false => OnnxExport::new(&file),
    };
    export.save(path("onnx"))?;

    let mut shapes = vec![
        ("batch_1", [1, 3, height, width]),
        ("batch_5", [5, 3, height, width]),
    ];
    if !arguments.fixed_size {
        shapes.push(("odd_size", [2, 3, odd_size[0], odd_size[1]]));
    }
    write_probes(&file.network, &shapes, &device, &path("io.safetensors"))?;
    write_raw(&file.network, &path("raw"), &path("raw.json"))?;
    println!("{}", path("onnx").display());
    Ok(())
}

/// A network with the statistics of random batches, norms with factors of both signs, and all masks at the last stage.
fn as_trained(config: &NetworkConfig, device: &Device) -> Result<AnyNetwork> {
    let training = device.clone().autodiff();
    let network: AnyNetwork = config.init(&training)?;
    let mut network = network.map(&mut Disturb::default());
    let side = (4 * config.min_input_size()).max(32);
    // A tenth of the way each: statistics that lag behind would let the logits of deep networks grow beyond measure.
    for _ in 0..24 {
        let _ = network.forward(images([8, 3, side, side], &training));
    }
    network.condense_to(network.schedule().last_stage());
    Ok(network.valid())
}

/// Draws what an untrained network has as zeros and ones, and a classifier whose logits are as large as those of a
/// trained one.
#[derive(Default)]
struct Disturb {
    path: Vec<String>,
}

impl ModuleMapper for Disturb {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.last().map_or("", String::as_str);
        let drawn = |tensor: Tensor<D>, distribution| {
            Tensor::random(tensor.dims(), distribution, &tensor.device())
        };
        match (name, D) {
            ("gamma", _) => param.map(|tensor| {
                let sign = drawn(tensor.clone(), Distribution::Uniform(-0.5, 1.0)).sign();
                sign * drawn(tensor, Distribution::Uniform(0.6, 1.4))
            }),
            ("beta", _) => param.map(|tensor| drawn(tensor, Distribution::Normal(0.0, 0.3))),
            // The other linear layers, of a CondenseNetV2, are drawn well enough.
            ("weight", 2) | ("bias", _) if self.path.iter().any(|part| part == "classifier") => {
                param.map(|tensor| drawn(tensor, Distribution::Normal(0.0, 0.2)))
            }
            _ => param,
        }
    }
}

/// Images that differ from each other by more than noise, which a global average would take away: each has its own
/// color, a gradient down and one across.
fn images(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let [batch_size, channels, height, width] = shape;
    let draw =
        |shape, deviation| Tensor::<4>::random(shape, Distribution::Normal(0.0, deviation), device);
    let gradient = |length: usize, shape: [usize; 4]| {
        let from_minus_one_to_one = Tensor::arange(0..length as i64, device).float();
        let from_minus_one_to_one = from_minus_one_to_one * (2.0 / length as f64) - 1.0;
        from_minus_one_to_one.reshape(shape) * draw([batch_size, channels, 1, 1], 1.0)
    };
    draw(shape, 0.5)
        + draw([batch_size, channels, 1, 1], 1.0)
        + gradient(height, [1, 1, height, 1])
        + gradient(width, [1, 1, 1, width])
}

fn in_form(network: AnyNetwork, arguments: &Arguments) -> Result<AnyNetwork> {
    let kept = arguments.classifier_kept;
    if arguments.form == Form::Training {
        ensure!(kept.is_none(), "--classifier-kept needs --form converted");
        return Ok(network);
    }
    let converted = network.convert()?;
    Ok(match kept {
        Some(fraction) => converted.condense_classifier(fraction)?,
        None => converted,
    })
}

fn with_extension(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Random images and the logits that this library computes for them.
fn write_probes(
    network: &AnyNetwork,
    shapes: &[(&str, [usize; 4])],
    device: &Device,
    path: &Path,
) -> Result<()> {
    let mut tensors = Vec::new();
    for &(name, shape) in shapes {
        let images = images(shape, device);
        let logits = network.forward(images.clone()).into_data();
        tensors.push((format!("{name}.input"), images.into_data()));
        tensors.push((format!("{name}.logits"), logits));
    }
    let views = tensors.iter().map(|(name, data)| {
        let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes());
        view.map(|view| (name, view))
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    Ok(safetensors::serialize_to_file(views, None, path)?)
}

/// The bytes of every weight, one after the other, and a list that says where each starts.
fn write_raw(network: &AnyNetwork, path: &Path, list: &Path) -> Result<()> {
    let state_dict = network.state_dict();
    let mut bytes = Vec::new();
    let entry = |(key, tensor): (&str, &StoredTensor)| {
        let start = bytes.len();
        bytes.extend_from_slice(tensor.as_bytes());
        let element = match tensor.dtype() {
            Dtype::I64 => "<i8",
            Dtype::F32 => "<f4",
            other => bail!("{key} holds {other:?}"),
        };
        let shape = tensor.shape().to_vec();
        Ok(serde_json::json!({ "key": key, "element": element, "shape": shape, "start": start }))
    };
    let entries = state_dict.iter().map(entry).collect::<Result<Vec<_>>>()?;
    fs::write(path, bytes)?;
    Ok(fs::write(list, serde_json::to_vec(&entries)?)?)
}
