//! Networks as ONNX models, for runtimes that know neither Burn nor Rust.
//!
//! Either form becomes a graph of plain ONNX operators, opset 17; nothing is approximated. In
//! training form a learned group convolution is a dense convolution with zeros where connections
//! were dropped; in test-time form it is a gather of the kept channels, a group convolution and the
//! shuffle. Nodes and weights have the names that they have in a [`StateDict`].
//!
//! The graph has one input, `input`, `[batch, 3, height, width]`, and one output, `logits`, `[batch,
//! num_classes]`. All of `batch`, `height` and `width` are open. What is known about the network goes
//! into the model's metadata, as in a [network file](condensenet_runtime::file): a JSON object under the key `condensenet`.

use std::path::Path;

use prost::Message;

use condensenet_runtime::{
    ConfigError, FileError, NetworkFile as StoredFile, NetworkWeights, StateDict, write_atomically,
};

use crate::{file::NetworkFile, network::AnyNetwork};

mod error;
mod graph_builder;
mod layers;
mod networks;
mod proto;

pub use error::OnnxError;

use graph_builder::GraphBuilder;
use proto::{Extent, ModelProto, OperatorSetIdProto, StringStringEntryProto, ValueInfoProto};

const PRODUCER: &str = "condensenet";
const INPUT: &str = "input";
const OUTPUT: &str = "logits";
const BATCH: &str = "batch";

/// Protocol Buffers count in 32 bits, with a sign.
const MAX_BYTES: u64 = i32::MAX as u64;

/// A network and what is known about it, about to be written as ONNX.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use condensenet_models::{
///     CondenseNet, CondenseNetConfig, InitNetwork, NetworkFile, OnnxExport,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("network.onnx");
/// let config = CondenseNetConfig::new(vec![2, 2], vec![4, 8]);
/// let network: CondenseNet = config.init(&Device::default())?;
/// let file = NetworkFile::new(network).with_class_names((0..10).map(|digit| digit.to_string()));
/// OnnxExport::new(&file).save(&path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OnnxExport<'a> {
    file: &'a NetworkFile,
    input_size: Option<[usize; 2]>,
}

impl<'a> OnnxExport<'a> {
    /// The version of ONNX's operators that a model uses.
    pub const OPSET: i64 = 17;
    /// The version of ONNX's format that a model is written in.
    pub const IR_VERSION: i64 = 8;

    /// Creates the export of a network to images of any size.
    #[must_use]
    pub const fn new(file: &'a NetworkFile) -> Self {
        Self {
            file,
            input_size: None,
        }
    }

    /// Fixes height and width of the images, in pixels, for runtimes that do not take open ones.
    #[must_use]
    pub const fn with_input_size(mut self, height: usize, width: usize) -> Self {
        self.input_size = Some([height, width]);
        self
    }

    /// Writes the model, with all weights in one file: under another name, flushed, then renamed.
    ///
    /// # Errors
    /// Fails with [`OnnxError::InputSize`] if the network can't take images of the size that was
    /// fixed, with [`OnnxError::TooLarge`] for a model beyond 2 GB, and with [`OnnxError::File`] if it
    /// can't be written, if the number of class names is not that of the classes, or if a standard
    /// deviation is not above zero.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), OnnxError> {
        let path = path.as_ref();
        let at = || path.to_owned();
        self.check_input_size()
            .map_err(|source| OnnxError::InputSize { path: at(), source })?;
        let model = self.model(self.description(path)?);
        check_bytes(path, model.encoded_len() as u64)?;
        let written = write_atomically(path, &model.encode_to_vec());
        Ok(written.map_err(FileError::io(path, "write"))?)
    }

    fn check_input_size(&self) -> Result<(), ConfigError> {
        let Some([height, width]) = self.input_size else {
            return Ok(());
        };
        self.network().config().validate_input(height, width)
    }

    const fn network(&self) -> &AnyNetwork {
        &self.file.network
    }

    /// What is known about the network; its tensors are in the graph.
    fn description(&self, path: &Path) -> Result<String, FileError> {
        let network = self.network();
        let stored = StoredFile {
            weights: NetworkWeights {
                config: network.config().clone(),
                form: network.form(),
                classifier_kept: network.classifier().kept_channels(),
                tensors: StateDict::new(),
            },
            class_names: self.file.class_names.clone(),
            normalization: self.file.normalization,
            crop: self.file.crop,
            provenance: self.file.provenance.clone(),
        };
        stored.description(path)
    }

    fn model(&self, description: String) -> ModelProto {
        let network = self.network();
        let mut builder = GraphBuilder::default();
        let logits = network.to_graph(&mut builder, &GraphBuilder::input(INPUT));
        let mut graph = builder.finish(PRODUCER, &logits, OUTPUT);
        graph.input = vec![self.describe_input()];
        let classes = Extent::known(network.config().num_classes);
        let shape = vec![Extent::named(BATCH), classes];
        graph.output = vec![ValueInfoProto::floats(OUTPUT, shape, String::new())];
        ModelProto {
            ir_version: Some(Self::IR_VERSION),
            producer_name: PRODUCER.to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto {
                version: Some(Self::OPSET),
            }],
            metadata_props: vec![StringStringEntryProto {
                key: PRODUCER.to_owned(),
                value: description,
            }],
        }
    }

    fn describe_input(&self) -> ValueInfoProto {
        let [height, width] = match self.input_size {
            Some(size) => size.map(Extent::known),
            None => ["height", "width"].map(Extent::named),
        };
        let shape = vec![Extent::named(BATCH), Extent::known(3), height, width];
        let min = self.network().config().min_input_size();
        let text = format!("RGB images of at least {min}x{min} pixels, normalized");
        ValueInfoProto::floats(INPUT, shape, text)
    }
}

fn check_bytes(path: &Path, bytes: u64) -> Result<(), OnnxError> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let (path, max) = (path.to_owned(), MAX_BYTES);
    Err(OnnxError::TooLarge { path, bytes, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_beyond_what_the_format_holds_is_refused() {
        let path = Path::new("large.onnx");
        assert!(check_bytes(path, MAX_BYTES).is_ok());
        assert_eq!(
            check_bytes(path, 1 << 31).unwrap_err().to_string(),
            "can't write large.onnx: the model has 2147483648 bytes, but an ONNX file holds at \
             most 2147483647"
        );
    }
}
