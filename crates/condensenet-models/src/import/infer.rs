//! From names, shapes and masks to a configuration; `import.rs` has the rules in a table.

use std::path::Path;

use super::{
    Inference,
    error::ImportError,
    layout::{Layout, layer_path},
    masks::Masks,
    options::ImportOptions,
};
use crate::{
    config::{CondenseNetConfig, Stem},
    file::FileForm,
    weights::StateDict,
};

const OPTION: &str = "the options of the import";

/// Keys that an error names as evidence.
const EVIDENCE: usize = 4;

/// What a checkpoint turned out to be.
pub(super) struct Found {
    pub(super) form: FileForm,
    pub(super) config: CondenseNetConfig,
    pub(super) classifier_kept: Option<usize>,
    pub(super) inferences: Vec<Inference>,
}

pub(super) fn infer(
    path: &Path,
    state_dict: &StateDict,
    options: &ImportOptions,
) -> Result<Found, ImportError> {
    let layout = Layout::new(path, state_dict);
    let layers_per_block = layout.layers_per_block();
    if layers_per_block.is_empty() {
        let expected = format!("{}.conv_1.conv.weight", layer_path(1, 1));
        return Err(layout.no_network(&expected));
    }
    let form = form(&layout)?;
    let mut growth_rates = Vec::new();
    for block in 1..=layers_per_block.len() {
        let [growth_rate, ..] =
            layout.kernel(&format!("{}.conv_2.conv.weight", layer_path(block, 1)))?;
        growth_rates.push(growth_rate);
    }
    let (bottleneck, groups_3x3) = bottleneck_and_groups(&layout)?;
    let (num_classes, classifier_kept) = classifier(&layout)?;
    let mut inferences = vec![Inference::new(
        "form",
        form.name(),
        "`conv_1.index` or `_mask`",
    )];

    let (groups_1x1, condensation_factor) = match form {
        FileForm::Converted => {
            converted_factors(&layout, growth_rates[0], options, &mut inferences)?
        }
        FileForm::Training => {
            let blocks = layers_per_block.iter().enumerate();
            let paths = blocks.flat_map(|(block, &layers)| {
                (1..=layers).map(move |layer| layer_path(block + 1, layer))
            });
            trained_factors(&Masks::read(&layout, paths)?, options, &mut inferences)?
        }
    };
    let (stem, why) = stem(layers_per_block.len(), num_classes, options);
    inferences.push(Inference::stem(stem, why));
    let config = CondenseNetConfig::new(layers_per_block, growth_rates)
        .with_num_classes(num_classes)
        .with_bottleneck(bottleneck)
        .with_groups_1x1(groups_1x1)
        .with_groups_3x3(groups_3x3)
        .with_condensation_factor(condensation_factor)
        .with_stem(stem);
    inferences.extend(from_shapes(&config));
    Ok(Found {
        form,
        config,
        classifier_kept,
        inferences,
    })
}

/// Tells the two forms apart, and both from the original's DenseNets.
fn form(layout: &Layout<'_>) -> Result<FileForm, ImportError> {
    let keys = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let found = layout.state_dict.keys().filter(|key| wanted(key));
        found.take(EVIDENCE).map(str::to_owned).collect()
    };
    let indices = keys(&|key| key.ends_with(".conv_1.index"));
    let masks = keys(&|key| key.ends_with(".conv_1._mask"));
    let transitions = keys(&|key| key.starts_with("features.transition_"));
    if indices.is_empty() && masks.is_empty() {
        let first = format!("{}.conv_1.conv.weight", layer_path(1, 1));
        let mut evidence = vec![format!(
            "`{first}` has neither a mask nor an index beside it"
        )];
        evidence.extend(transitions);
        return Err(layout.other_kind("DenseNet", evidence));
    }
    if !transitions.is_empty() {
        let kind = "DenseNet_LGC (light CondenseNet)";
        return Err(layout.other_kind(kind, transitions));
    }
    Ok(if indices.is_empty() {
        FileForm::Training
    } else {
        FileForm::Converted
    })
}

fn bottleneck_and_groups(layout: &Layout<'_>) -> Result<(usize, usize), ImportError> {
    let first = layer_path(1, 1);
    let (key_1x1, key_3x3) = (
        format!("{first}.conv_1.conv.weight"),
        format!("{first}.conv_2.conv.weight"),
    );
    let [between, ..] = layout.kernel(&key_1x1)?;
    let [growth_rate, per_group, ..] = layout.kernel(&key_3x3)?;
    if !between.is_multiple_of(growth_rate) {
        let expected = format!("a multiple of the growth rate {growth_rate} as first dimension");
        return Err(layout.misshapen(&key_1x1, expected));
    }
    if !between.is_multiple_of(per_group) {
        let expected = format!("a part of the {between} channels as second dimension");
        return Err(layout.misshapen(&key_3x3, expected));
    }
    Ok((between / growth_rate, between / per_group))
}

/// The number of classes, and of inputs of a condensed classifier.
fn classifier(layout: &Layout<'_>) -> Result<(usize, Option<usize>), ImportError> {
    let condensed = layout.state_dict.get("classifier.index");
    let key = match condensed {
        Some(_) => "classifier.linear.weight",
        None => "classifier.weight",
    };
    match layout.shape(key)?.as_slice() {
        [0, _] | [_, 0] => {}
        &[classes, inputs] => return Ok((classes, condensed.map(|_| inputs))),
        _ => {}
    }
    Err(layout.misshapen(key, "[num_classes, channels]"))
}

fn converted_factors(
    layout: &Layout<'_>,
    first_growth_rate: usize,
    options: &ImportOptions,
    inferences: &mut Vec<Inference>,
) -> Result<(usize, usize), ImportError> {
    let first = layer_path(1, 1);
    let (key, index_key) = (
        format!("{first}.conv_1.conv.weight"),
        format!("{first}.conv_1.index"),
    );
    let [_, kept, ..] = layout.kernel(&key)?;
    let &[index] = layout.shape(&index_key)?.as_slice() else {
        return Err(layout.misshapen(&index_key, "[groups * inputs of a group]"));
    };
    let channels_in = 2 * first_growth_rate;
    let mut decide = |field, option, whole: usize, key: &str, from: String| {
        let (value, from) = match option {
            Some(value) => (value, OPTION.to_owned()),
            None if whole > 0 && whole.is_multiple_of(kept) => (whole / kept, from),
            None => {
                let expected =
                    format!("a multiple of the {kept} inputs of a group where there are {whole}");
                return Err(layout.misshapen(key, expected));
            }
        };
        inferences.push(Inference::new(field, value.to_string(), from));
        Ok(value)
    };
    let from = format!("{index} entries of `{index_key}` / {kept} inputs of a group");
    let groups = decide("groups_1x1", options.groups_1x1, index, &index_key, from)?;
    let from = format!("{channels_in} channels into `{first}` / {kept} inputs of a group");
    let option = options.condensation_factor;
    let factor = decide("condensation_factor", option, channels_in, &key, from)?;
    Ok((groups, factor))
}

fn trained_factors(
    masks: &Masks<'_>,
    options: &ImportOptions,
    inferences: &mut Vec<Inference>,
) -> Result<(usize, usize), ImportError> {
    let (groups, from) = match options.groups_1x1 {
        Some(groups) => (groups, OPTION),
        None => (masks.groups()?, "the period of the masks' rows"),
    };
    inferences.push(Inference::new("groups_1x1", groups.to_string(), from));
    let (factor, from) = match options.condensation_factor {
        Some(factor) => (factor, OPTION),
        None => (masks.condensation_factor()?, "dropped inputs and `_stage`"),
    };
    inferences.push(Inference::new(
        "condensation_factor",
        factor.to_string(),
        from,
    ));
    Ok((groups, factor))
}

fn stem(blocks: usize, classes: usize, options: &ImportOptions) -> (Stem, String) {
    let found = format!("{blocks} blocks and {classes} classes");
    match options.stem {
        Some(stem) => (stem, OPTION.to_owned()),
        None if blocks == 5 || classes == 1000 => (Stem::Imagenet, found),
        None => (Stem::Cifar, found),
    }
}

fn from_shapes(config: &CondenseNetConfig) -> [Inference; 5] {
    let shapes = "names and shapes";
    let list = |values: &[usize]| format!("{values:?}");
    [
        Inference::new("layers_per_block", list(&config.layers_per_block), shapes),
        Inference::new("growth_rates", list(&config.growth_rates), shapes),
        Inference::new("num_classes", config.num_classes.to_string(), shapes),
        Inference::new("bottleneck", config.bottleneck.to_string(), shapes),
        Inference::new("groups_3x3", config.groups_3x3.to_string(), shapes),
    ]
}
