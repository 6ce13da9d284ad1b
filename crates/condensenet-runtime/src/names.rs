//! Names the layers of a network as the two PyTorch codes do that write such networks.

use crate::config::NetworkConfig;

/// Whose names the tensors of a network have. Blocks and layers are counted from 0 here, from 1 in
/// the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `features.denseblock_1.denselayer_2.conv_1.norm.weight`: the CondenseNet authors' code.
    Original,
    /// `features.denseblock1.denselayer2.norm1.weight`: torchvision's DenseNets.
    Torchvision,
}

/// The names of a convolution behind its norm.
#[derive(Debug, Clone)]
pub struct ConvNames {
    /// What masks and indices stand under.
    pub path: String,
    /// Of the norm.
    pub norm: String,
    /// Of the weight itself.
    pub weight: String,
}

impl Spelling {
    /// The squeeze and excitation of the averaged features.
    pub const LAST_SQUEEZE_EXCITATION: &'static str = "features.se_last";

    /// The linear layer in front of the classifier.
    pub const HIDDEN: &'static str = "fc";

    /// The names of a network's tensors: a DenseNet with torchvision's stem has torchvision's.
    #[must_use]
    pub const fn of(config: &NetworkConfig) -> Self {
        match config.condensation_factor {
            None if config.stem.is_pooled() => Self::Torchvision,
            _ => Self::Original,
        }
    }

    /// The convolution of the stem.
    #[must_use]
    pub const fn stem_conv(self) -> &'static str {
        match self {
            Self::Original => "features.init_conv",
            Self::Torchvision => "features.conv0",
        }
    }

    /// The norm of a pooled stem, which the original's networks do not have.
    #[must_use]
    pub const fn stem_norm(self) -> &'static str {
        match self {
            Self::Original => "features.init_norm",
            Self::Torchvision => "features.norm0",
        }
    }

    /// The maximum pool of a pooled stem.
    #[must_use]
    pub const fn stem_pool(self) -> &'static str {
        match self {
            Self::Original => "features.init_pool",
            Self::Torchvision => "features.pool0",
        }
    }

    /// The norm after the last block; torchvision's has that number whatever stands before it.
    #[must_use]
    pub const fn last_norm(self) -> &'static str {
        match self {
            Self::Original => "features.norm_last",
            Self::Torchvision => "features.norm5",
        }
    }

    /// A dense layer.
    #[must_use]
    pub fn dense_layer_path(self, block: usize, layer: usize) -> String {
        let (block, layer) = (block + 1, layer + 1);
        match self {
            Self::Original => format!("features.denseblock_{block}.denselayer_{layer}"),
            Self::Torchvision => format!("features.denseblock{block}.denselayer{layer}"),
        }
    }

    /// The 1x1 and the 3x3 of a dense layer.
    #[must_use]
    pub fn dense_layer(self, block: usize, layer: usize) -> [ConvNames; 2] {
        let path = self.dense_layer_path(block, layer);
        [1, 2].map(|conv| match self {
            Self::Original => ConvNames::nested(format!("{path}.conv_{conv}")),
            Self::Torchvision => ConvNames {
                path: path.clone(),
                norm: format!("{path}.norm{conv}"),
                weight: format!("{path}.conv{conv}.weight"),
            },
        })
    }

    /// The squeeze and excitation of a dense layer.
    #[must_use]
    pub fn squeeze_excitation(self, block: usize, layer: usize) -> String {
        format!("{}.se", self.dense_layer_path(block, layer))
    }

    /// The reactivation of a dense layer.
    #[must_use]
    pub fn reactivation(self, block: usize, layer: usize) -> ConvNames {
        ConvNames::nested(format!("{}.sfr", self.dense_layer_path(block, layer)))
    }

    /// The transition behind a block.
    #[must_use]
    pub fn transition_path(self, block: usize) -> String {
        let number = block + 1;
        match self {
            Self::Original => format!("features.transition_{number}"),
            Self::Torchvision => format!("features.transition{number}"),
        }
    }

    /// The 1x1 of the transition behind a block.
    #[must_use]
    pub fn transition(self, block: usize) -> ConvNames {
        let path = self.transition_path(block);
        ConvNames::nested(match self {
            Self::Original => format!("{path}.conv"),
            Self::Torchvision => path,
        })
    }
}

impl ConvNames {
    /// Norm and convolution as parts of one module.
    fn nested(path: String) -> Self {
        Self {
            norm: format!("{path}.norm"),
            weight: format!("{path}.conv.weight"),
            path,
        }
    }
}
