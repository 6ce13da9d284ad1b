//! The published weights: one row each.

use super::source::{Source, pytorchcv, torchvision};
use crate::presets::Benchmark;

/// Makes the enum and its rows.
macro_rules! published {
    ($($(#[$meta:meta])* $variant:ident = $name:literal, $benchmark:ident, $params:literal, $errors:expr, $source:expr;)*) => {
        /// Weights that others published for a network that is known here.
        ///
        /// # Source
        /// CondenseNets: the README of the original code links them; pytorchcv (github.com/osmr/imgclsmob) publishes them again.
        /// DenseNets: pytorchcv, with the errors that it measured, and torchvision.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Pretrained {
            $($(#[$meta])* $variant,)*
        }

        impl Pretrained {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        name: $name,
                        benchmark: Benchmark::$benchmark,
                        params: $params,
                        errors: $errors,
                        source: $source,
                    },)*
                }
            }
        }
    };
}

/// What is known about published weights.
struct Row {
    name: &'static str,
    benchmark: Benchmark,
    params: usize,
    /// Top-1 and top-5, in percent.
    errors: [Option<f64>; 2],
    source: Source,
}

published! {
    /// CondenseNet-74 for ImageNet with C = G = 4, the authors' weights: in converted form, with half a classifier.
    ImageNet74C4 = "imagenet_74_c4", Imagenet, 4_773_944, [Some(26.25), Some(8.28)],
        pytorchcv("v0.0.4", "condensenet74_c4_g4-0828", "5ba550494cae7081d12c14b02b2a02365539d377");
    /// CondenseNet-74 for ImageNet with C = G = 8, the authors' weights: in converted form, with half a classifier.
    ImageNet74C8 = "imagenet_74_c8", Imagenet, 2_935_416, [Some(28.93), Some(10.06)],
        pytorchcv("v0.0.4", "condensenet74_c8_g8-1006", "3574d874fefc3307f241690bad51f20e61be1542");
    /// DenseNet-121 for ImageNet, of torchvision.
    ImageNetDenseNet121 = "imagenet_densenet_121", Imagenet, 7_978_856, [Some(25.566), Some(8.028)],
        torchvision("densenet121-a639ec97.pth");
    /// DenseNet-161 for ImageNet, of torchvision.
    ImageNetDenseNet161 = "imagenet_densenet_161", Imagenet, 28_681_000, [Some(22.862), Some(6.44)],
        torchvision("densenet161-8d451a50.pth");
    /// DenseNet-169 for ImageNet, of torchvision.
    ImageNetDenseNet169 = "imagenet_densenet_169", Imagenet, 14_149_480, [Some(24.4), Some(7.194)],
        torchvision("densenet169-b2777c0a.pth");
    /// DenseNet-201 for ImageNet, of torchvision.
    ImageNetDenseNet201 = "imagenet_densenet_201", Imagenet, 20_013_928, [Some(23.104), Some(6.63)],
        torchvision("densenet201-c1103571.pth");
    /// DenseNet-121 for ImageNet, of pytorchcv.
    ImageNetDenseNet121Pytorchcv = "imagenet_densenet_121_pytorchcv", Imagenet, 7_978_856, [None, Some(7.04)],
        pytorchcv("v0.0.314", "densenet121-0704", "cf90d1394d197fde953f57576403950345bd0a66");
    /// DenseNet-161 for ImageNet, of pytorchcv.
    ImageNetDenseNet161Pytorchcv = "imagenet_densenet_161_pytorchcv", Imagenet, 28_681_000, [None, Some(6.06)],
        pytorchcv("v0.0.432", "densenet161-0606", "da489277afe7f53048ec15bed7919486e22f1afa");
    /// DenseNet-169 for ImageNet, of pytorchcv.
    ImageNetDenseNet169Pytorchcv = "imagenet_densenet_169_pytorchcv", Imagenet, 14_149_480, [None, Some(6.29)],
        pytorchcv("v0.0.406", "densenet169-0629", "44974a17309bb378e97c8f70f96f961ffbf9458d");
    /// DenseNet-201 for ImageNet, of pytorchcv.
    ImageNetDenseNet201Pytorchcv = "imagenet_densenet_201_pytorchcv", Imagenet, 20_013_928, [None, Some(6.12)],
        pytorchcv("v0.0.426", "densenet201-0612", "6adc8625a4afa53e335272bab01b4908a0ca3f00");
    /// DenseNet-40 with k = 12 for CIFAR-10, without bottleneck.
    Cifar10DenseNet40 = "densenet40_k12_cifar10", Cifar10, 599_050, [Some(5.61), None],
        pytorchcv("v0.0.193", "densenet40_k12_cifar10-0561", "8b8e819467a2e4c450e4ff72ced80582d0628b68");
    /// DenseNet-40 with k = 12 for CIFAR-100, without bottleneck.
    Cifar100DenseNet40 = "densenet40_k12_cifar100", Cifar100, 622_360, [Some(24.9), None],
        pytorchcv("v0.0.195", "densenet40_k12_cifar100-2490", "d182c224d6df2e289eef944d54fea9fd04890961");
    /// DenseNet-BC-40 with k = 12 for CIFAR-10.
    Cifar10DenseNetBc40 = "densenet40_k12_bc_cifar10", Cifar10, 176_122, [Some(6.43), None],
        pytorchcv("v0.0.231", "densenet40_k12_bc_cifar10-0643", "6dc86a2ea1d088f088462f5cbac06cc0f37348c0");
    /// DenseNet-BC-40 with k = 12 for CIFAR-100.
    Cifar100DenseNetBc40 = "densenet40_k12_bc_cifar100", Cifar100, 188_092, [Some(28.41), None],
        pytorchcv("v0.0.232", "densenet40_k12_bc_cifar100-2841", "1e9db7651a21e807c363c9f366bd9e91ce2f296f");
    /// DenseNet-100 with k = 12 for CIFAR-10, without bottleneck.
    Cifar10DenseNet100 = "densenet100_k12_cifar10", Cifar10, 4_068_490, [Some(3.66), None],
        pytorchcv("v0.0.205", "densenet100_k12_cifar10-0366", "26089c6e70236e8f25359de6fda67b84425888ab");
    /// DenseNet-BC-100 with k = 12 for CIFAR-10.
    Cifar10DenseNetBc100 = "densenet100_k12_bc_cifar10", Cifar10, 769_162, [Some(4.16), None],
        pytorchcv("v0.0.189", "densenet100_k12_bc_cifar10-0416", "b9232829b13c3f3f2ea15f4be97f500b7912c3c2");
    /// DenseNet-BC-100 with k = 12 for CIFAR-100.
    Cifar100DenseNetBc100 = "densenet100_k12_bc_cifar100", Cifar100, 800_032, [Some(21.19), None],
        pytorchcv("v0.0.208", "densenet100_k12_bc_cifar100-2119", "05a6f02772afda51a612f5b92aadf19ffb60eb72");
    /// DenseNet-BC-190 with k = 40 for CIFAR-10.
    Cifar10DenseNetBc190 = "densenet190_k40_bc_cifar10", Cifar10, 25_624_430, [Some(2.52), None],
        pytorchcv("v0.0.286", "densenet190_k40_bc_cifar10-0252", "2896fa088aeaef36fcf395d404d97ff172d78943");
}

impl Pretrained {
    /// Returns the name by which commands know the weights; `parse` reads it back.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the test set whose classes the network knows.
    #[must_use]
    pub const fn benchmark(self) -> Benchmark {
        self.row().benchmark
    }

    /// Returns where the weights come from.
    #[must_use]
    pub const fn source(self) -> Source {
        self.row().source
    }

    /// Returns the number of parameters.
    #[must_use]
    pub const fn params(self) -> usize {
        self.row().params
    }

    /// Returns the published part of the test set whose best guess is wrong, in percent.
    #[must_use]
    pub const fn top1_error(self) -> Option<f64> {
        self.row().errors[0]
    }

    /// Returns the published part of the test set whose five best guesses are all wrong, in percent.
    #[must_use]
    pub const fn top5_error(self) -> Option<f64> {
        self.row().errors[1]
    }

    /// Returns the size of the weights in megabytes.
    #[must_use]
    pub const fn megabytes(self) -> usize {
        (4 * self.params()).div_ceil(1_000_000)
    }
}
