//! CondenseNet on [Burn]: networks that learn, while they train, which connections they can do without.
//!
//! A [`LearnedGroupConv`] starts dense and drops, in stages, the inputs that each of its groups needs least. Once condensed
//! it is rewritten, exactly, as an index layer, a standard group convolution and a shuffle. A [`CondenseNet`] is a dense
//! network of such layers, in training form; a [`ConvertedCondenseNet`] is the same function at test time, at a fraction of
//! the cost.
//!
//! - Networks: [`Preset`] names the published ones, [`CondenseNetConfig`] describes any other, [`Complexity`] says what
//!   either costs.
//! - Training: [`train::TrainingRun`] trains in a directory, condenses on the way, and goes on after a kill.
//! - Layers for networks of your own: [`LearnedGroupConv`], [`GroupConv`], [`CondensedConv`], [`CondensationSchedule`].
//! - Inference at full speed on a CPU: `network.convert()?.compile()?` makes an [`InferenceSession`]; without Burn,
//!   `condensenet-runtime` alone does the same from a file.
//! - Devices: [`device::by_name`]. Backends are cargo features; `flex`, the CPU, is the default.
//!
//! # Example
//! ```
//! use condensenet::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = device::by_name("flex")?;
//! let mut network: CondenseNet = CondenseNetConfig::new(vec![2, 2], vec![8, 16]).init(&device)?;
//! network.condense_to(network.schedule().last_stage());
//! let converted = network.convert()?;
//! let logits = converted.forward(Tensor::zeros([1, 3, 32, 32], &device));
//! assert_eq!(logits.dims(), [1, 10]);
//! # Ok(())
//! # }
//! ```
//!
//! [Burn]: https://burn.dev

pub mod device;

pub use burn;
pub use condensenet_core::{
    CondensationSchedule, CondensedConv, CondensedLinear, CondensedLinearConfig, Conv1x1Ref,
    ConversionError, DenseLayerRef, GroupConv, GroupConvConfig, IndexLayer, LearnedGroupConv,
    LearnedGroupConvConfig, Mask, ShapeError, channel_shuffle, channel_unshuffle, condense_every,
    dense_block, group_lasso, group_lasso_of_every, kernels,
};
pub use condensenet_models::*;
#[cfg(feature = "train")]
pub use condensenet_train as train;

/// Everything that a program usually needs.
pub mod prelude {
    #[cfg(feature = "train")]
    pub use crate::train::{
        DataSource, Recipe, RunConfig, RunData, RunOptions, TrainingRun, evaluate,
    };
    pub use crate::{
        AnyNetwork, Complexity, CondensationSchedule, CondenseNet, CondenseNetConfig,
        CondensedConv, ConvertedCondenseNet, DenseNet, GroupConv, GroupConvConfig,
        InferenceSession, InitNetwork, LearnedGroupConv, LearnedGroupConvConfig, NetworkConfig,
        PreprocessTensors, Preset, SessionTensors, device, open_network,
    };
    #[cfg(feature = "pretrained")]
    pub use crate::{LoadPretrained, Pretrained};
    pub use burn::tensor::{Device, Distribution, Tensor};
}

/// The README's code, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
