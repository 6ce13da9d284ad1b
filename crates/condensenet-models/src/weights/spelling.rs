//! How two PyTorch codes spell the same layers.

use crate::config::Stem;

/// Whose names the tensors of a network have. Blocks and layers are counted from 0 here, from 1 in
/// the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `features.denseblock_1.denselayer_2.conv_1.norm.weight`: the CondenseNet authors' code.
    Original,
    /// `features.denseblock1.denselayer2.norm1.weight`: torchvision's DenseNets.
    Torchvision,
}

/// The names of a convolution behind its norm.
pub(crate) struct ConvNames {
    /// What masks and indices stand under.
    pub(crate) path: String,
    pub(crate) norm: String,
    /// Of the weight itself.
    pub(crate) weight: String,
}

impl Spelling {
    /// A DenseNet with torchvision's stem has torchvision's names.
    pub(crate) const fn of_densenet(stem: Stem) -> Self {
        if stem.is_pooled() {
            Self::Torchvision
        } else {
            Self::Original
        }
    }

    pub(crate) const fn stem_conv(self) -> &'static str {
        match self {
            Self::Original => "features.init_conv",
            Self::Torchvision => "features.conv0",
        }
    }

    /// The norm of a pooled stem, which the original's networks do not have.
    pub(crate) const fn stem_norm(self) -> &'static str {
        match self {
            Self::Original => "features.init_norm",
            Self::Torchvision => "features.norm0",
        }
    }

    /// The norm after the last block; torchvision's has that number whatever stands before it.
    pub(crate) const fn last_norm(self) -> &'static str {
        match self {
            Self::Original => "features.norm_last",
            Self::Torchvision => "features.norm5",
        }
    }

    /// The 1x1 and the 3x3 of a dense layer.
    pub(crate) fn dense_layer(self, block: usize, layer: usize) -> [ConvNames; 2] {
        let (block, layer) = (block + 1, layer + 1);
        [1, 2].map(|conv| match self {
            Self::Original => {
                let path = format!("features.denseblock_{block}.denselayer_{layer}.conv_{conv}");
                ConvNames::nested(path)
            }
            Self::Torchvision => {
                let path = format!("features.denseblock{block}.denselayer{layer}");
                ConvNames {
                    norm: format!("{path}.norm{conv}"),
                    weight: format!("{path}.conv{conv}.weight"),
                    path,
                }
            }
        })
    }

    /// The 1x1 of the transition behind a block.
    pub(crate) fn transition(self, block: usize) -> ConvNames {
        let number = block + 1;
        ConvNames::nested(match self {
            Self::Original => format!("features.transition_{number}.conv"),
            Self::Torchvision => format!("features.transition{number}"),
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
