//! Networks that PyTorch trained: the original's, and torchvision's DenseNets.
//!
//! A checkpoint (`.pth`, `.pth.tar`, `.pt`; the zip container of PyTorch 1.6 and later, the stream of
//! pickles before; `.safetensors`) holds tensors and no description. [`import_pytorch`] reads the
//! description off the names, the shapes and the masks, says in its [`ImportReport`] what it
//! concluded from what, and stops with an error that names the missing option where a file leaves
//! more than one answer.
//!
//! A safetensors file with the same names and tensors is read as well.
//!
//! The weights may lie under `state_dict` beside an optimizer's state, which is ignored and reported
//! so, or at the top. `module.` in front of every name, which `DataParallel` puts there, is taken
//! off, and torchvision's old names (`norm.1`, `conv.2`) become the current ones (`norm1`, `conv2`).
//! Nothing in a file is executed.
//!
//! # What is inferred, and its limits
//! | what | from | limit |
//! |---|---|---|
//! | network | a mask or an index: a CondenseNet, a light one if there are transitions; neither: a DenseNet | a light CondenseNet of one block has no transition, and is a CondenseNet |
//! | form | `conv_1.index`: converted; `conv_1._mask`: training; of a DenseNet `classifier.index`: converted | |
//! | layers per block | the numbers in the names, from 1 until one is missing | a layer after a gap is left over, and listed so |
//! | growth rates | outputs of `conv_2.conv.weight` of each block | |
//! | bottleneck | outputs of the first `conv_1.conv.weight` / growth rate | |
//! | groups 3x3 | outputs of `conv_1` / inputs of `conv_2.conv.weight` | |
//! | classes | outputs of the classifier | |
//! | groups 1x1, converted | length of `index` / inputs of `conv_1.conv.weight` | |
//! | C, converted | channels that enter the layer / inputs of `conv_1.conv.weight` | |
//! | groups 1x1, training | the least period after which the rows of all masks repeat: output `o` is in group `o % G` | open while nothing is dropped; too small if groups agree in every layer |
//! | C, training | the dropped part of the inputs and `_stage`: at stage s it is s / C | open while nothing is dropped, or without `_stage`; wrong if a run skipped stages, where the original counts the stage but drops less |
//! | groups 1x1 of a DenseNet | channels of the first norm / inputs of the first 1x1 | |
//! | reduction | outputs / inputs of the transitions: 0.5 if that makes all of them, else another number that does | several numbers may round to the same widths |
//! | stem | torchvision's names: `imagenet_pooled`; else `imagenet` with 5 blocks or 1000 classes, else `cifar` | a stride leaves no trace in weights |
//! | dropout | 0 | leaves no trace in weights |
//!
//! [`ImportOptions`] overrides groups, C and stem.

use std::path::Path;

use burn::tensor::Device;

use condensenet_runtime::{NetworkWeights, Stem};

use crate::network::AnyNetwork;

mod checkpoint;
mod error;
mod infer;
mod layout;
mod masks;
mod options;
mod torchvision;

pub use error::ImportError;
pub use options::ImportOptions;

/// What was read off a checkpoint, and what of it was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// What was concluded, and from what.
    pub inferences: Vec<Inference>,
    /// What the file holds beside the network: `optimizer`, `epoch`, counters of the layers.
    pub ignored: Vec<String>,
}

/// One conclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference {
    /// The field of the description, or `network`, `form` or `names`.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What says so.
    pub from: String,
}

/// A network and how it was read.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The network, in the form that the checkpoint has.
    pub network: AnyNetwork,
    /// What was concluded and what was ignored.
    pub report: ImportReport,
}

/// Reads a checkpoint of PyTorch onto a device: of the original code, or of torchvision's DenseNets.
///
/// # Errors
/// Fails with [`ImportError`], which names the path and what is at fault: a file that is none, a
/// network of another kind, a description that the file leaves open, or every tensor that does not
/// fit.
///
/// # Example
/// ```no_run
/// use burn::tensor::Device;
/// use condensenet_models::import::{ImportOptions, import_pytorch};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = ImportOptions::default();
/// let imported = import_pytorch("model_best.pth.tar", &options, &Device::default())?;
/// println!("{:?}", imported.network.config());
/// for ignored in &imported.report.ignored {
///     println!("ignored: {ignored}");
/// }
/// # Ok(())
/// # }
/// ```
pub fn import_pytorch(
    path: impl AsRef<Path>,
    options: &ImportOptions,
    device: &Device,
) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let checkpoint = checkpoint::read(path)?;
    let mut found = infer::infer(path, &checkpoint.state_dict, options)?;
    if checkpoint.renamed > 0 {
        let from = format!("{} names such as `norm.1.weight`", checkpoint.renamed);
        let names = Inference::new("names", "torchvision's old ones", from);
        found.inferences.push(names);
    }
    let weights = NetworkWeights {
        config: found.config,
        form: found.form,
        classifier_kept: found.classifier_kept,
        tensors: checkpoint.state_dict,
    };
    let network = AnyNetwork::from_weights(&weights, device).map_err(ImportError::at(path))?;
    Ok(Imported {
        network,
        report: ImportReport {
            inferences: found.inferences,
            ignored: checkpoint.ignored,
        },
    })
}

impl Inference {
    fn new(field: &'static str, value: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            field,
            value: value.into(),
            from: from.into(),
        }
    }

    fn stem(stem: Stem, from: impl Into<String>) -> Self {
        Self::new("stem", stem.name(), from)
    }
}
