//! What an image passes before the first dense block.

use serde::{Deserialize, Serialize};

/// The first convolution, on RGB images, to twice the first growth rate, and what follows it.
///
/// # Source
/// `init_stride` of the original code's `models/condensenet.py` for the first two, the DenseNet paper
/// (arXiv 1608.06993, table 1) and torchvision's `DenseNet` for the third.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stem {
    /// 3x3 of stride 1: small images keep their size.
    #[default]
    Cifar,
    /// 3x3 of stride 2: height and width are halved, rounded up.
    Imagenet,
    /// 7x7 of stride 2, norm, ReLU, and a 3x3 maximum pool of stride 2: height and width are
    /// quartered, rounded up.
    ImagenetPooled,
}

impl Stem {
    /// The name by which configuration files know the stem.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cifar => "cifar",
            Self::Imagenet => "imagenet",
            Self::ImagenetPooled => "imagenet_pooled",
        }
    }

    /// The side of the convolution's kernel, which is padded by half of it.
    pub const fn kernel_size(self) -> usize {
        match self {
            Self::Cifar | Self::Imagenet => 3,
            Self::ImagenetPooled => 7,
        }
    }

    /// The stride of the convolution.
    pub const fn stride(self) -> usize {
        match self {
            Self::Cifar => 1,
            Self::Imagenet | Self::ImagenetPooled => 2,
        }
    }

    /// Says whether norm, ReLU and a maximum pool follow the convolution.
    pub const fn is_pooled(self) -> bool {
        matches!(self, Self::ImagenetPooled)
    }

    /// The height (or width) behind the convolution for an input of that height (or width).
    pub const fn conv_output_size(self, input_size: usize) -> usize {
        input_size.div_ceil(self.stride())
    }

    /// The height (or width) of the stem's output for an input of that height (or width).
    pub const fn output_size(self, input_size: usize) -> usize {
        input_size.div_ceil(self.total_stride())
    }

    /// The pixels of an image for each pixel of the stem's output, along one side.
    pub const fn total_stride(self) -> usize {
        self.stride() * if self.is_pooled() { 2 } else { 1 }
    }
}
