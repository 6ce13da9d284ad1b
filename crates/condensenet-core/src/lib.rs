//! The CondenseNet mechanism: layers that learn which of their inputs each group of a 1x1 convolution needs.
//!
//! A [`LearnedGroupConv`] starts dense. While it trains, [`LearnedGroupConv::condense_to`] drops, group by group, the
//! inputs with the smallest weights, at the stages that a [`CondensationSchedule`] names. Once condensed, it is rewritten
//! exactly by [`LearnedGroupConv::convert`] as a [`CondensedConv`]: an [`IndexLayer`] that gathers the inputs that were
//! kept, a standard group convolution, and a [`channel_shuffle`]. Nothing here knows a network or a data set.
//!
//! Method: Huang, Liu, van der Maaten, Weinberger, "CondenseNet: An Efficient DenseNet using Learned Group
//! Convolutions", CVPR 2018, <https://arxiv.org/abs/1711.09224>.

mod condensed_conv;
mod condensed_linear;
mod convert;
mod dense_block;
mod error;
mod every_learned_conv;
mod group_conv;
mod index;
pub mod kernels;
mod lasso;
mod learned_group_conv;
pub mod mask;
mod norm;
mod schedule;
mod shuffle;

pub use condensed_conv::CondensedConv;
pub use condensed_linear::{CondensedLinear, CondensedLinearConfig};
#[cfg(feature = "flex")]
pub use dense_block::infer_dense_block;
pub use dense_block::{Conv1x1Ref, DenseLayerRef, dense_block, train_dense_block};
pub use error::{ConversionError, ShapeError};
pub use every_learned_conv::{condense_every, group_lasso_of_every};
pub use group_conv::{GroupConv, GroupConvConfig};
pub use index::IndexLayer;
pub use lasso::group_lasso;
pub use learned_group_conv::{LearnedGroupConv, LearnedGroupConvConfig};
pub use mask::Mask;
pub use norm::{norm_relu, normalize};
pub use schedule::CondensationSchedule;
pub use shuffle::{channel_shuffle, channel_unshuffle};
