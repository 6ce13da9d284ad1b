//! The names that other codes give to the same layers.
//!
//! Two spellings are used here: the CondenseNet authors' and torchvision's. pytorchcv numbers stages and units, and
//! calls the classifier `output`. torchvision itself once had dots in its layers' names, which its published weights
//! still have. The memory-efficient DenseNets for small images have torchvision's names without torchvision's stem.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::Stem,
    names::{ConvNames, Spelling},
};

/// Whose names the tensors of a checkpoint have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Pytorchcv,
    TorchvisionOld,
    /// torchvision's names, and the stem for small images.
    TorchvisionSmall,
}

impl Dialect {
    /// The name and the evidence for reports.
    pub(super) const fn describe(self) -> [&'static str; 2] {
        match self {
            Self::Pytorchcv => ["pytorchcv's", "`features.init_block`"],
            Self::TorchvisionOld => ["torchvision's old ones", "names such as `norm.1.weight`"],
            Self::TorchvisionSmall => [
                "torchvision's, for small images",
                "`features.conv0` without `features.norm0`",
            ],
        }
    }
}

type Tensors<T> = BTreeMap<String, T>;

/// Which first convolution a network has, where the names say it.
pub(super) fn stem<T>(tensors: &Tensors<T>) -> Option<Stem> {
    let has = |start: &str| tensors.keys().any(|name| name.starts_with(start));
    if has("features.norm0.") || has("features.init_block.bn.") {
        Some(Stem::ImagenetPooled)
    } else if has("features.init_block.conv.") {
        Some(Stem::Imagenet)
    } else if has("features.init_block.") || has("features.conv0.") {
        Some(Stem::Cifar)
    } else {
        None
    }
}

/// Gives every tensor the name that it has here, and says whose it had.
pub(super) fn translated<T>(tensors: Tensors<T>) -> (Tensors<T>, Option<Dialect>) {
    let has = |start: &str| tensors.keys().any(|name| name.starts_with(start));
    let pooled = stem(&tensors) == Some(Stem::ImagenetPooled);
    if has("features.init_block.") {
        let spelling = match pooled {
            true => Spelling::Torchvision,
            false => Spelling::Original,
        };
        let tensors = rename(tensors, |name| pytorchcv(name, spelling));
        return (tensors, Some(Dialect::Pytorchcv));
    }
    let is_torchvision = has("features.conv0.");
    let sequential = numbered_classifier(tensors.keys());
    let tensors = match sequential {
        Some(number) => rename(tensors, |name| {
            let parameter = name.strip_prefix("classifier.")?.strip_prefix(&number)?;
            Some(format!("classifier{parameter}"))
        }),
        None => tensors,
    };
    if !is_torchvision {
        return (tensors, None);
    }
    let old = tensors.keys().any(|name| without_dots(name).is_some());
    let tensors = rename(tensors, without_dots);
    let tensors = rename(tensors, |name| {
        let parameter = name.strip_prefix("features.norm_final.")?;
        Some(format!("features.norm5.{parameter}"))
    });
    if pooled {
        return (tensors, old.then_some(Dialect::TorchvisionOld));
    }
    let plain = !tensors.keys().any(|name| name.contains(".norm2."));
    let tensors = rename(tensors, |name| small(name, plain));
    (tensors, Some(Dialect::TorchvisionSmall))
}

/// Replaces the names for which there is another.
fn rename<T>(tensors: Tensors<T>, other: impl Fn(&str) -> Option<String>) -> Tensors<T> {
    let renamed = tensors.into_iter().map(|(name, tensor)| {
        let name = other(&name).unwrap_or(name);
        (name, tensor)
    });
    renamed.collect()
}

/// A classifier in a `Sequential` has a number, beside a dropout or an activation, which have no weights.
fn numbered_classifier<'a>(names: impl Iterator<Item = &'a String>) -> Option<String> {
    let numbers = names.filter_map(|name| {
        let number = name.strip_prefix("classifier.")?.strip_suffix(".weight")?;
        number.parse::<usize>().is_ok().then(|| number.to_owned())
    });
    let numbers: BTreeSet<String> = numbers.collect();
    match numbers.len() {
        1 => numbers.into_iter().next(),
        _ => None,
    }
}

/// The name of a tensor that pytorchcv has another name for.
fn pytorchcv(name: &str, spelling: Spelling) -> Option<String> {
    let segments: Vec<&str> = name.split('.').collect();
    match segments.as_slice() {
        ["output", rest @ ..] => Some(format!("classifier.{}", rest.join("."))),
        ["features", "init_block", "bn", parameter] => {
            Some(format!("{}.{parameter}", spelling.stem_norm()))
        }
        ["features", "init_block", "weight"] | ["features", "init_block", "conv", "weight"] => {
            Some(format!("{}.weight", spelling.stem_conv()))
        }
        ["features", "post_activ", "bn", parameter] => {
            Some(format!("{}.{parameter}", spelling.last_norm()))
        }
        ["features", stage, unit, conv, rest @ ..] => {
            let block = number(stage, "stage")?.checked_sub(1)?;
            if let Some(transition) = number(unit, "trans") {
                // It stands at the start of the next stage.
                let names = spelling.transition(transition.checked_sub(2)?);
                return (*conv == "conv").then(|| in_conv(&names, rest))?;
            }
            let layer = number(unit, "unit")?.checked_sub(1)?;
            let [conv_1x1, conv_3x3] = spelling.dense_layer(block, layer);
            match *conv {
                "conv1" => in_conv(&conv_1x1, rest),
                // Without a bottleneck there is only one.
                "conv2" | "conv" => in_conv(&conv_3x3, rest),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A tensor of a convolution behind a norm.
fn in_conv(names: &ConvNames, rest: &[&str]) -> Option<String> {
    match rest {
        ["bn", parameter] => Some(format!("{}.{parameter}", names.norm)),
        ["conv", "weight"] => Some(names.weight.clone()),
        ["index"] => Some(format!("{}.index", names.path)),
        _ => None,
    }
}

fn number(segment: &str, word: &str) -> Option<usize> {
    segment.strip_prefix(word)?.parse().ok()
}

/// Layers of torchvision that were numbered with a dot, and lost it when PyTorch forbade dots in names.
const NUMBERED: [&str; 4] = ["norm.1", "conv.1", "norm.2", "conv.2"];

/// The current name of a tensor that has one of torchvision's old ones.
fn without_dots(name: &str) -> Option<String> {
    let rest = name.strip_prefix("features.denseblock")?;
    let (_, in_block) = rest.split_once(".denselayer")?;
    let (layer, numbered) = in_block.split_once('.')?;
    layer.parse::<usize>().ok()?;
    let found = NUMBERED.iter().find(|old| {
        let behind = numbered.strip_prefix(**old);
        behind.is_some_and(|behind| behind.starts_with('.'))
    })?;
    let layer_end = name.len() - numbered.len();
    let behind = &numbered[found.len()..];
    let (layer, current) = (&name[..layer_end], found.replace('.', ""));
    Some(format!("{layer}{current}{behind}"))
}

/// The original's name for a tensor of a network with the stem for small images, which has torchvision's.
fn small(name: &str, plain: bool) -> Option<String> {
    let original = Spelling::Original;
    let segments: Vec<&str> = name.split('.').collect();
    match segments.as_slice() {
        ["features", "conv0", "weight"] => Some(format!("{}.weight", original.stem_conv())),
        ["features", "norm5", parameter] => Some(format!("{}.{parameter}", original.last_norm())),
        ["features", place, kind, parameter] => {
            let names = original.transition(number(place, "transition")?.checked_sub(1)?);
            let kind = if *kind == "norm" { "bn" } else { kind };
            in_conv(&names, &[kind, parameter])
        }
        ["features", block, layer, kind, parameter] => {
            let block = number(block, "denseblock")?.checked_sub(1)?;
            let layer = number(layer, "denselayer")?.checked_sub(1)?;
            let (kind, position) = match *kind {
                "norm1" => ("bn", 0),
                "conv1" => ("conv", 0),
                "norm2" => ("bn", 1),
                "conv2" => ("conv", 1),
                _ => return None,
            };
            let convs = original.dense_layer(block, layer);
            in_conv(&convs[if plain { 1 } else { position }], &[kind, parameter])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tensors: &[&str]) -> (Vec<String>, Option<Dialect>) {
        let tensors = tensors.iter().map(|name| ((*name).to_owned(), ()));
        let (tensors, dialect) = translated(tensors.collect());
        (tensors.into_keys().collect(), dialect)
    }

    #[test]
    fn only_the_numbered_layers_of_a_dense_layer_lose_their_dots() {
        for (old, expected) in [
            ("norm.1.weight", Some("norm1.weight")),
            ("conv.2.weight", Some("conv2.weight")),
            ("norm.2.running_var", Some("norm2.running_var")),
            ("norm1.weight", None),
            ("norm.10.weight", None),
            ("conv.1", None),
        ] {
            let path = "features.denseblock2.denselayer13.";
            let expected = expected.map(|name| format!("{path}{name}"));
            assert_eq!(without_dots(&format!("{path}{old}")), expected, "{old}");
        }
        assert_eq!(without_dots("features.transition1.norm.1.weight"), None);
        let original = "features.denseblock_1.denselayer_1.norm.1.weight";
        assert_eq!(without_dots(original), None);
    }

    #[test]
    fn pytorchcv_s_names_become_those_of_the_stem() {
        let small = [
            ("features.init_block.weight", "features.init_conv.weight"),
            (
                "features.stage1.unit2.conv1.bn.bias",
                "features.denseblock_1.denselayer_2.conv_1.norm.bias",
            ),
            (
                "features.stage1.unit2.conv1.index",
                "features.denseblock_1.denselayer_2.conv_1.index",
            ),
            (
                "features.stage2.trans2.conv.conv.weight",
                "features.transition_1.conv.conv.weight",
            ),
            (
                "features.stage2.unit1.conv.conv.weight",
                "features.denseblock_2.denselayer_1.conv_2.conv.weight",
            ),
            ("features.post_activ.bn.weight", "features.norm_last.weight"),
            ("output.linear.weight", "classifier.linear.weight"),
            (
                "features.stage0.unit1.conv1.bn.bias",
                "features.stage0.unit1.conv1.bn.bias",
            ),
        ];
        for (theirs, ours) in small {
            let found = pytorchcv(theirs, Spelling::Original).unwrap_or_else(|| theirs.to_owned());
            assert_eq!(found, ours, "{theirs}");
        }
        let pooled = [
            "features.init_block.bn.weight",
            "features.init_block.conv.weight",
            "features.post_activ.bn.bias",
            "features.stage1.unit1.conv2.conv.weight",
            "features.stage2.trans2.conv.bn.weight",
        ];
        let expected = [
            "features.conv0.weight",
            "features.denseblock1.denselayer1.conv2.weight",
            "features.norm0.weight",
            "features.norm5.bias",
            "features.transition1.norm.weight",
        ];
        assert_eq!(
            names(&pooled),
            (
                expected.map(String::from).to_vec(),
                Some(Dialect::Pytorchcv)
            )
        );
    }

    #[test]
    fn torchvision_s_names_without_its_stem_become_the_original_s() {
        let theirs = [
            "classifier.1.weight",
            "features.conv0.weight",
            "features.denseblock1.denselayer1.conv1.weight",
            "features.denseblock1.denselayer1.norm1.weight",
            "features.norm_final.bias",
            "features.transition1.norm.weight",
        ];
        let ours = [
            "classifier.weight",
            "features.denseblock_1.denselayer_1.conv_2.conv.weight",
            "features.denseblock_1.denselayer_1.conv_2.norm.weight",
            "features.init_conv.weight",
            "features.norm_last.bias",
            "features.transition_1.conv.norm.weight",
        ];
        let expected = (
            ours.map(String::from).to_vec(),
            Some(Dialect::TorchvisionSmall),
        );
        assert_eq!(names(&theirs), expected);
    }
}
