//! Reads checkpoints of PyTorch: those of the original code, of both generations, and those of torchvision, timm and pytorchcv.
//!
//! A checkpoint (`.pth`, `.pth.tar`, `.pt`, a zip archive of one, or `.safetensors`) holds tensors and no description.
//! [`import_pytorch`] finds the network by the names of its tensors, reads its description off names, shapes and masks,
//! says in an [`ImportReport`] what it concluded from what, and stops with an error that names the missing option where a
//! file leaves more than one answer. Nothing in a file is executed.
//!
//! What stands before the names of a network's tensors is not looked at: the keys of dictionaries (`state_dict`, `model`),
//! the attributes of pickled modules, the prefixes of tools (`module.`, `_orig_mod.`). Two networks in one file, such as
//! the weights and their moving average, are never chosen between in silence: the error lists their keys, and
//! [`ImportOptions::key`] names one.
//!
//! # What is inferred, and its limits
//! | what | from | limit |
//! |---|---|---|
//! | network | a mask or an index: a CondenseNet, a light one if there are transitions, a CondenseNetV2 if there is `sfr`; neither: a DenseNet | a light CondenseNet of one block has no transition, and is a CondenseNet |
//! | form | `conv_1.index`: converted; `conv_1._mask`: training; of a DenseNet `classifier.index`: converted | |
//! | layers per block | the numbers in the names, from 1 until one is missing | a layer after a gap is left over, and listed so |
//! | growth rates | outputs of `conv_2.conv.weight` of each block | |
//! | bottleneck | outputs of the first `conv_1.conv.weight` / growth rate; none without that tensor | |
//! | groups 3x3 | channels into the first `conv_2` / inputs of `conv_2.conv.weight` | |
//! | classes | outputs of the classifier | |
//! | groups 1x1, converted | length of `index` / inputs of `conv_1.conv.weight` | |
//! | C, converted | channels that enter the layer / inputs of `conv_1.conv.weight` | |
//! | groups 1x1, training | the least period after which the rows of all masks repeat: output `o` is in group `o % G` | open while nothing is dropped; too small if groups agree in every layer |
//! | C, training | the dropped part of the inputs and `_stage`: at stage s it is s / C | open while nothing is dropped, or without `_stage`; wrong if a run skipped stages, where the original counts the stage but drops less |
//! | groups 1x1 of a DenseNet | channels of its norm / inputs of the first 1x1 | |
//! | reduction | outputs / inputs of the transitions: 0.5 if that makes all of them, else another number that does | several numbers may round to the same widths |
//! | stem | a norm behind it: `imagenet_pooled`; the names of pytorchcv's and torchvision's stems; else `imagenet` with 5 blocks or 1000 classes, else `cifar` | a stride leaves no trace in weights |
//! | dropout | 0 | leaves no trace in weights |
//! | reactivation, converted | growth rate / inputs of `sfr.conv.weight`, and its outputs | |
//! | reactivation, training | as groups 1x1 and C, by the columns of the masks `sfr._mask` | those of the 1x1 while nothing is dropped |
//! | squeeze and excitation | `se.fc.0.weight` of the first layer of each block | |
//! | hidden layer | shapes of `fc.weight` and `features.se_last.fc.0.weight`: a reduction by 16 if that makes it | |
//! | hard-swish | from block 2 on, as in every network of the authors | leaves no trace in weights |
//!
//! [`ImportOptions`] overrides groups, C, stem and where hard-swish begins. The matrices of zeros and ones by which converted
//! CondenseNetV2s scatter are read as indices, and refused where they are none.

use std::path::Path;

use crate::{config::Stem, weights::NetworkWeights};

mod candidates;
mod checkpoint;
mod contents;
mod dialect;
mod error;
mod infer;
mod layout;
mod masks;
mod open;
mod options;
mod pickle;
mod scatter;
mod strided;
mod torch_file;
mod torch_tar;

pub use error::ImportError;
pub use open::{OpenError, OpenedNetwork, open_network};
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
    /// The field of the description, or `network`, `form`, `names` or `key`.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What says so.
    pub from: String,
}

/// The weights of a network and how they were read.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The weights, in the form and with the element types of the checkpoint.
    pub weights: NetworkWeights,
    /// What was concluded and what was ignored.
    pub report: ImportReport,
}

/// Reads the network in a checkpoint of PyTorch: of the original code, torchvision, timm or pytorchcv.
///
/// # Errors
/// Fails with [`ImportError`], which names the path and what is at fault: a file of another kind, a network of another
/// kind, several networks, a description that the file leaves open, or every tensor that does not fit.
///
/// # Example
/// ```no_run
/// use condensenet_runtime::{ImportOptions, InferenceSession, import_pytorch};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let imported = import_pytorch("model_best.pth.tar", &ImportOptions::default())?;
/// println!("{:?}", imported.weights.config);
/// for ignored in &imported.report.ignored {
///     println!("ignored: {ignored}");
/// }
/// let session = InferenceSession::open(&imported.weights)?;
/// # Ok(())
/// # }
/// ```
pub fn import_pytorch(
    path: impl AsRef<Path>,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let checkpoint = checkpoint::read(path, options.key.as_deref())?;
    let tensors = scatter::as_indices(path, checkpoint.state_dict)?;
    let mut found = infer::infer(path, &tensors, options, checkpoint.stem)?;
    if let Some(dialect) = checkpoint.dialect {
        let [whose, evidence] = dialect.describe();
        let names = Inference::new("names", whose, evidence);
        found.inferences.push(names);
    }
    if checkpoint.key != "." {
        let key = Inference::new("key", checkpoint.key, "what stands before the names");
        found.inferences.push(key);
    }
    let weights = NetworkWeights {
        config: found.config,
        form: found.form,
        classifier_kept: found.classifier_kept,
        tensors,
    };
    weights.check().map_err(|source| ImportError::Weights {
        path: path.to_owned(),
        source,
    })?;
    Ok(Imported {
        weights,
        report: ImportReport {
            inferences: found.inferences,
            ignored: checkpoint.ignored,
        },
    })
}

/// Reads a file, and takes a checkpoint out of the archive that it may lie in.
#[cfg(feature = "pretrained")]
pub(crate) fn unpacked(path: &Path) -> Result<Vec<u8>, ImportError> {
    checkpoint::unpacked(path)
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
