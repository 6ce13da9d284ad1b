//! What the authors printed beside each network: sizes, errors, and how it was trained.

use crate::complexity::{Convention, Form};

/// A test set on which results were published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Benchmark {
    /// CIFAR-10.
    Cifar10,
    /// CIFAR-100.
    Cifar100,
    /// ImageNet's ILSVRC 2012 validation set, center crop.
    Imagenet,
}

impl Benchmark {
    /// The number of classes.
    pub const fn num_classes(self) -> usize {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100 => 100,
            Self::Imagenet => 1000,
        }
    }

    /// The names of the classes, in the order of the labels.
    ///
    /// # Source
    /// The data sets' own lists; for ImageNet the short names of `torchvision.models`.
    pub fn class_names(self) -> impl Iterator<Item = &'static str> {
        let names = match self {
            Self::Cifar10 => include_str!("cifar10_classes.txt"),
            Self::Cifar100 => include_str!("cifar100_classes.txt"),
            Self::Imagenet => include_str!("imagenet_classes.txt"),
        };
        names.lines()
    }

    /// The `[height, width]` in pixels at which sizes and errors were published.
    pub const fn input_size(self) -> [usize; 2] {
        match self {
            Self::Cifar10 | Self::Cifar100 => [32, 32],
            Self::Imagenet => [224, 224],
        }
    }
}

/// An error rate as it was published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedResult {
    /// The test set.
    pub benchmark: Benchmark,
    /// Images whose best guess is wrong, in percent.
    pub top1_error: f64,
    /// Images whose five best guesses are wrong, in percent, where published.
    pub top5_error: Option<f64>,
}

/// The figures printed beside a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Where the figures stand.
    pub source: &'static str,
    /// The form whose size was published: the training form for CIFAR, the converted form with half
    /// a classifier for ImageNet. Neither source says so; the last digits do.
    pub size_of: Form,
    /// What the published figure counts as an operation.
    pub convention: Convention,
    /// Operations for one image of the first benchmark, in millions, under `convention`.
    pub flops_millions: f64,
    /// Counted parameters, in millions.
    pub params_millions: f64,
    /// Error rates, as far as this library has a source for them; the sizes belong to the first
    /// one's benchmark.
    pub results: Vec<PublishedResult>,
}

/// How long and with what a published network was trained.
///
/// Common to all: stochastic gradient descent with Nesterov momentum 0.9, a learning rate that falls to 0 along a cosine,
/// condensing in the first half.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedRecipe {
    /// Passes over the training set.
    pub epochs: usize,
    /// Images per step.
    pub batch_size: usize,
    /// The weight of the group lasso in the loss.
    pub group_lasso: f64,
    /// The learning rate at the start, behind a warm-up.
    pub learning_rate: f64,
    /// Epochs in which the learning rate climbs.
    pub warm_up_epochs: Option<usize>,
    /// Weight decay.
    pub weight_decay: f64,
    /// How much of each label is shared out among all classes.
    pub label_smoothing: Option<f64>,
    /// Decay of the moving average of the weights, which is what was evaluated.
    pub average_decay: Option<f64>,
}

impl PublishedRecipe {
    pub(super) const CIFAR: Self = Self {
        epochs: 300,
        batch_size: 64,
        group_lasso: 0.0,
        learning_rate: 0.1,
        warm_up_epochs: None,
        weight_decay: 1e-4,
        label_smoothing: None,
        average_decay: None,
    };
    pub(super) const IMAGENET: Self = Self {
        epochs: 120,
        batch_size: 256,
        group_lasso: 1e-5,
        ..Self::CIFAR
    };
    pub(super) const V2: Self = Self {
        epochs: 350,
        batch_size: 1024,
        group_lasso: 0.0,
        learning_rate: 0.4,
        warm_up_epochs: Some(5),
        weight_decay: 4e-5,
        label_smoothing: Some(0.1),
        average_decay: Some(0.9998),
    };
}

pub(super) fn cifar(
    flops_millions: f64,
    params_millions: f64,
    cifar10_error: f64,
    cifar100_error: Option<f64>,
) -> Option<Published> {
    let top1 = |benchmark, top1_error| PublishedResult {
        benchmark,
        top1_error,
        top5_error: None,
    };
    let mut results = vec![top1(Benchmark::Cifar10, cifar10_error)];
    results.extend(cifar100_error.map(|error| top1(Benchmark::Cifar100, error)));
    Some(Published {
        source: "README of github.com/ShichenLiu/CondenseNet, \"Results on CIFAR\"",
        size_of: Form::Training,
        convention: Convention::Published,
        flops_millions,
        params_millions,
        results,
    })
}

pub(super) fn imagenet(
    flops_millions: f64,
    params_millions: f64,
    top1_error: f64,
    top5_error: f64,
) -> Option<Published> {
    Some(Published {
        source: "README of github.com/ShichenLiu/CondenseNet, \"Results on ImageNet\"",
        size_of: Form::CONVERTED_AS_PUBLISHED,
        convention: Convention::Published,
        flops_millions,
        params_millions,
        results: vec![PublishedResult {
            benchmark: Benchmark::Imagenet,
            top1_error,
            top5_error: Some(top5_error),
        }],
    })
}

/// A CondenseNetV2, of either form: its authors' count of both is the same.
pub(super) fn v2(flops_millions: f64, params_millions: f64, top1_error: f64) -> Option<Published> {
    Some(Published {
        source: "README of github.com/jianghaojun/CondenseNetV2, \"Performance\"",
        size_of: Form::CONVERTED,
        convention: Convention::Published,
        flops_millions,
        params_millions,
        results: vec![PublishedResult {
            benchmark: Benchmark::Imagenet,
            top1_error,
            top5_error: None,
        }],
    })
}

/// A light CondenseNet, of which the sizes alone have a source here.
pub(super) fn light(flops_millions: f64, params_millions: f64) -> Option<Published> {
    Some(Published {
        source: "arXiv 1711.09224, CondenseNet-light on CIFAR",
        size_of: Form::Training,
        convention: Convention::Published,
        flops_millions,
        params_millions,
        results: Vec::new(),
    })
}

/// A DenseNet as torchvision documents it, with its accuracies in percent.
pub(super) fn torchvision(
    flops_millions: f64,
    params_millions: f64,
    top1_accuracy: f64,
    top5_accuracy: f64,
) -> Option<Published> {
    // Three decimals were printed, and the difference is to have no more.
    let error = |accuracy: f64| ((100.0 - accuracy) * 1e3).round() / 1e3;
    Some(Published {
        source: "torchvision.models, `DenseNet*_Weights.IMAGENET1K_V1`",
        size_of: Form::Training,
        convention: Convention::MultiplyAdds,
        flops_millions,
        params_millions,
        results: vec![PublishedResult {
            benchmark: Benchmark::Imagenet,
            top1_error: error(top1_accuracy),
            top5_error: Some(error(top5_accuracy)),
        }],
    })
}
