//! CondenseNet on Burn.

pub mod device;

pub use burn;
pub use condensenet_core::{
    CondensationSchedule, CondensedConv, CondensedConvConfig, CondensedLinear,
    CondensedLinearConfig, ConversionError, GroupConv, GroupConvConfig, IndexLayer,
    LearnedGroupConv, LearnedGroupConvConfig, Mask, ShapeError, channel_shuffle, channel_unshuffle,
    group_lasso, kernels,
};
pub use condensenet_models::*;
#[cfg(feature = "train")]
pub use condensenet_train as train;

/// Everything that a program usually needs.
pub mod prelude {
    #[cfg(feature = "train")]
    pub use crate::train::{Recipe, RunConfig, RunData, RunOptions, TrainingRun, evaluate};
    pub use crate::{CondenseNet, CondenseNetConfig, ConvertedCondenseNet, Variant, device};
    pub use burn::tensor::{Device, Tensor};
}
