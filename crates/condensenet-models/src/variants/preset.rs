//! Every published network by name, CondenseNets and those that they are compared with.

use std::fmt;
use std::str::FromStr;

use super::{Benchmark, Published, Variant, published};
use crate::config::{DenseNetConfig, LightCondenseNetConfig, NetworkConfig, Stem};
use crate::error::UnknownPreset;

/// A network with a name.
///
/// # Source
/// CondenseNets: see [`Variant`]. The light CondenseNet: the paper, with the layers that its name
/// and its published size leave (122 million operations, 0.33 million parameters). The paper's
/// light-160 (1084 million, 3.1 million) is not here, because no configuration is known that has
/// its size: among three blocks of 78 layers together, constant or growing growth rates, and 1 to 8 groups
/// and condensation factors there is none, and the nearest (3 blocks of 26 layers, k = 24, C = 2) has 1087 million
/// operations. DenseNets: `script.sh` of the CondenseNet authors' code for DenseNet-BC-100 (k = 12),
/// `torchvision.models` for ImageNet.
///
/// # Example
/// ```
/// use condensenet_models::{Preset, UnknownPreset};
///
/// # fn main() -> Result<(), UnknownPreset> {
/// let preset: Preset = "imagenet-densenet-121".parse()?;
/// assert_eq!(preset.config().layers_per_block(), [6, 12, 24, 16]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// A CondenseNet.
    CondenseNet(Variant),
    /// CondenseNet-light-94 for CIFAR.
    CifarLight94,
    /// DenseNet-BC-100 with k = 12 for CIFAR.
    CifarDenseNet100,
    /// DenseNet-121 for ImageNet.
    ImagenetDenseNet121,
    /// DenseNet-169 for ImageNet.
    ImagenetDenseNet169,
    /// DenseNet-201 for ImageNet.
    ImagenetDenseNet201,
    /// DenseNet-161 for ImageNet, with k = 48 the widest.
    ImagenetDenseNet161,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 15] = [
        Self::CondenseNet(Variant::Cifar50),
        Self::CondenseNet(Variant::Cifar74),
        Self::CondenseNet(Variant::Cifar86),
        Self::CondenseNet(Variant::Cifar98),
        Self::CondenseNet(Variant::Cifar110),
        Self::CondenseNet(Variant::Cifar122),
        Self::CondenseNet(Variant::Cifar182),
        Self::CondenseNet(Variant::Imagenet74C4),
        Self::CondenseNet(Variant::Imagenet74C8),
        Self::CifarLight94,
        Self::CifarDenseNet100,
        Self::ImagenetDenseNet121,
        Self::ImagenetDenseNet169,
        Self::ImagenetDenseNet201,
        Self::ImagenetDenseNet161,
    ];

    /// The name by which commands and files know the preset; `parse` reads it back.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CondenseNet(variant) => variant.name(),
            Self::CifarLight94 => "cifar_light_94",
            Self::CifarDenseNet100 => "cifar_densenet_100",
            Self::ImagenetDenseNet121 => "imagenet_densenet_121",
            Self::ImagenetDenseNet169 => "imagenet_densenet_169",
            Self::ImagenetDenseNet201 => "imagenet_densenet_201",
            Self::ImagenetDenseNet161 => "imagenet_densenet_161",
        }
    }

    /// The configuration for the preset's [`benchmark`](Self::benchmark).
    pub fn config(self) -> NetworkConfig {
        match self {
            Self::CondenseNet(variant) => variant.config().into(),
            Self::CifarLight94 => LightCondenseNetConfig::new(vec![15; 3], vec![16; 3]).into(),
            Self::CifarDenseNet100 => DenseNetConfig::constant_growth(vec![16; 3], 12).into(),
            Self::ImagenetDenseNet121 => imagenet([6, 12, 24, 16], 32),
            Self::ImagenetDenseNet169 => imagenet([6, 12, 32, 32], 32),
            Self::ImagenetDenseNet201 => imagenet([6, 12, 48, 32], 32),
            Self::ImagenetDenseNet161 => imagenet([6, 12, 36, 24], 48),
        }
    }

    /// The first test set that results were published on, whose classes [`config`](Self::config) has.
    pub const fn benchmark(self) -> Benchmark {
        match self {
            Self::CondenseNet(Variant::Imagenet74C4 | Variant::Imagenet74C8)
            | Self::ImagenetDenseNet121
            | Self::ImagenetDenseNet169
            | Self::ImagenetDenseNet201
            | Self::ImagenetDenseNet161 => Benchmark::Imagenet,
            Self::CondenseNet(_) | Self::CifarLight94 | Self::CifarDenseNet100 => {
                Benchmark::Cifar10
            }
        }
    }

    /// What was printed beside the network; `None` where its source prints no size.
    pub fn published(self) -> Option<Published> {
        match self {
            Self::CondenseNet(variant) => Some(variant.published()),
            Self::CifarLight94 => Some(published::light(122.0, 0.33)),
            Self::CifarDenseNet100 => None,
            Self::ImagenetDenseNet121 => {
                Some(published::torchvision(2834.0, 7.978856, 74.434, 91.972))
            }
            Self::ImagenetDenseNet169 => {
                Some(published::torchvision(3360.0, 14.14948, 75.6, 92.806))
            }
            Self::ImagenetDenseNet201 => {
                Some(published::torchvision(4291.0, 20.013928, 76.896, 93.37))
            }
            Self::ImagenetDenseNet161 => {
                Some(published::torchvision(7728.0, 28.681, 77.138, 93.56))
            }
        }
    }
}

/// A DenseNet as torchvision has them.
fn imagenet(layers_per_block: [usize; 4], growth_rate: usize) -> NetworkConfig {
    DenseNetConfig::constant_growth(layers_per_block.to_vec(), growth_rate)
        .with_num_classes(1000)
        .with_stem(Stem::ImagenetPooled)
        .into()
}

impl From<Variant> for Preset {
    fn from(variant: Variant) -> Self {
        Self::CondenseNet(variant)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    /// Reads a name, in upper or lower case, with `-` or `_` between its parts.
    ///
    /// # Errors
    /// [`UnknownPreset`], whose message lists every name.
    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        let canonical = name.to_ascii_lowercase().replace('-', "_");
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == canonical)
            .ok_or_else(|| UnknownPreset {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condensenet_is_a_preset() {
        for variant in Variant::ALL {
            assert!(Preset::ALL.contains(&variant.into()), "{variant}");
        }
    }

    #[test]
    fn every_preset_is_valid_read_by_its_name_and_as_deep_as_that_says() {
        for preset in Preset::ALL {
            let config = preset.config();
            assert_eq!(config.validate(), Ok(()), "{preset}");
            assert_eq!(config.num_classes(), preset.benchmark().num_classes());
            for spelling in [
                preset.name().replace('_', "-"),
                preset.name().to_uppercase(),
            ] {
                assert_eq!(spelling.parse(), Ok(preset), "{spelling}");
            }
            let layers: usize = config.layers_per_block().iter().sum();
            let transitions = match config {
                NetworkConfig::CondenseNet(_) => 0,
                _ => config.layers_per_block().len() - 1,
            };
            let depth = format!("_{}", 2 * layers + transitions + 2);
            assert!(preset.name().contains(&depth), "{preset} {depth}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_all_known_ones() {
        let message = "densenet_121".parse::<Preset>().unwrap_err().to_string();
        assert!(
            message.starts_with("there is no preset `densenet_121`; the known ones are cifar_50")
        );
        assert!(message.ends_with("imagenet_densenet_161"), "{message}");
    }
}
