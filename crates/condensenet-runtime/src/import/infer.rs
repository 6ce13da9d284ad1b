//! From names, shapes and masks to a configuration; `import.rs` has the rules in a table.

use std::path::Path;

use super::{Inference, error::ImportError, layout::Layout, masks::Masks, options::ImportOptions};
use crate::{
    config::{NetworkConfig, Stem},
    state_dict::StateDict,
    weights::FileForm,
};

mod fields;
mod reduction;
mod v2;

use fields::Fields;

const OPTION: &str = "the options of the import";
const SHAPES: &str = "names and shapes";

/// What a checkpoint turned out to be.
pub(super) struct Found {
    pub(super) form: FileForm,
    pub(super) config: NetworkConfig,
    pub(super) classifier_kept: Option<usize>,
    pub(super) inferences: Vec<Inference>,
}

pub(super) fn infer(
    path: &Path,
    state_dict: &StateDict,
    options: &ImportOptions,
    stem: Option<Stem>,
) -> Result<Found, ImportError> {
    let layout = Layout::new(path, state_dict)?;
    let fields = Fields::read(&layout, options, stem)?;
    let mut inferences = Vec::new();
    let (form, config, why) = match learned_form(&layout) {
        None => {
            let (form, config) = densenet(&layout, &fields, options, &mut inferences)?;
            (form, config, "neither a mask nor an index")
        }
        Some(form) => {
            let evidence = "`conv_1.index` or `_mask`";
            inferences.push(Inference::new("form", form.name(), evidence));
            let config = learned(&layout, &fields, form, options, &mut inferences)?;
            let why = match fields.has_transitions {
                _ if config.reactivation.is_some() => "masks or indices, and reactivations (`sfr`)",
                true => "masks or indices, in transitions too",
                false => "masks or indices, and no convolution in a transition",
            };
            (form, config, why)
        }
    };
    inferences.push(Inference::new("network", config.kind(), why));
    inferences.extend(fields.inferences());
    Ok(Found {
        form,
        config,
        classifier_kept: fields.classifier_kept,
        inferences,
    })
}

/// The form of a network that learns its groups; `None` for one that does not.
fn learned_form(layout: &Layout<'_>) -> Option<FileForm> {
    let path = layout.first_conv().path;
    let has = |name: &str| layout.state_dict.contains_key(&format!("{path}.{name}"));
    if has("index") {
        Some(FileForm::Converted)
    } else {
        has("_mask").then_some(FileForm::Training)
    }
}

/// A CondenseNet, or a light one if it has convolutions in transitions.
fn learned(
    layout: &Layout<'_>,
    fields: &Fields,
    form: FileForm,
    options: &ImportOptions,
    inferences: &mut Vec<Inference>,
) -> Result<NetworkConfig, ImportError> {
    let (groups_1x1, condensation_factor) = match form {
        FileForm::Converted => converted_factors(layout, fields, options, inferences)?,
        FileForm::Training => {
            let paths = layout.paths_1x1(fields.has_transitions);
            trained_factors(&Masks::read(layout, paths)?, options, inferences)?
        }
    };
    let (layers, growth_rates) = (fields.layers_per_block.clone(), fields.growth_rates.clone());
    let config = NetworkConfig {
        bottleneck: fields.bottleneck,
        ..NetworkConfig::new(layers, growth_rates)
    };
    let mut config = config
        .with_num_classes(fields.num_classes)
        .with_groups_1x1(groups_1x1)
        .with_groups_3x3(fields.groups_3x3)
        .with_condensation_factor(condensation_factor)
        .with_stem(fields.stem);
    if fields.has_transitions {
        let reduction = reduction::infer(layout, fields, groups_1x1)?;
        inferences.push(Inference::new("reduction", reduction.to_string(), SHAPES));
        config.reduction = Some(reduction);
    }
    v2::infer(layout, form, options, &mut config, inferences)?;
    Ok(config)
}

/// A DenseNet, whose form is that of its classifier.
fn densenet(
    layout: &Layout<'_>,
    fields: &Fields,
    options: &ImportOptions,
    inferences: &mut Vec<Inference>,
) -> Result<(FileForm, NetworkConfig), ImportError> {
    let form = match fields.classifier_kept {
        Some(_) => FileForm::Converted,
        None => FileForm::Training,
    };
    inferences.push(Inference::new("form", form.name(), "`classifier.index`"));
    let (groups_1x1, from) = match (options.groups_1x1, fields.bottleneck) {
        (Some(groups), _) => (groups, OPTION.to_owned()),
        (None, None) if !fields.has_transitions => (1, "no 1x1 convolution".to_owned()),
        (None, bottleneck) => {
            let conv = match bottleneck {
                Some(_) => layout.first_conv(),
                None => layout.spelling.transition(0),
            };
            let [_, per_group, ..] = layout.kernel(&conv.weight)?;
            let channels_in = layout.channels(&conv.norm)?;
            let from = format!(
                "{channels_in} channels into the first 1x1 / {per_group} inputs of a group"
            );
            (layout.groups(&conv.weight, channels_in, per_group)?, from)
        }
    };
    inferences.push(Inference::new("groups_1x1", groups_1x1.to_string(), from));
    let reduction = reduction::infer(layout, fields, groups_1x1)?;
    inferences.push(Inference::new("reduction", reduction.to_string(), SHAPES));
    let (layers, growth_rates) = (fields.layers_per_block.clone(), fields.growth_rates.clone());
    let config = NetworkConfig {
        bottleneck: fields.bottleneck,
        condensation_factor: None,
        ..NetworkConfig::new(layers, growth_rates)
    };
    let config = config
        .with_num_classes(fields.num_classes)
        .with_groups_1x1(groups_1x1)
        .with_groups_3x3(fields.groups_3x3)
        .with_reduction(reduction)
        .with_stem(fields.stem);
    Ok((form, config))
}

fn converted_factors(
    layout: &Layout<'_>,
    fields: &Fields,
    options: &ImportOptions,
    inferences: &mut Vec<Inference>,
) -> Result<(usize, usize), ImportError> {
    let first = layout.first_conv();
    let (path, key) = (&first.path, &first.weight);
    let index_key = format!("{path}.index");
    let [_, kept, ..] = layout.kernel(key)?;
    let &[index] = layout.shape(&index_key)?.as_slice() else {
        return Err(layout.misshapen(&index_key, "[groups * inputs of a group]"));
    };
    let channels_in = 2 * fields.growth_rates[0];
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
    let from = format!("{channels_in} channels into `{path}` / {kept} inputs of a group");
    let option = options.condensation_factor;
    let factor = decide("condensation_factor", option, channels_in, key, from)?;
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
