//! What names, shapes and masks say of a CondenseNetV2.

use super::{OPTION, SHAPES};
use crate::{
    config::{HiddenLayer, NetworkConfig, Reactivation},
    import::{Inference, error::ImportError, layout::Layout, masks::Masks, options::ImportOptions},
    names::Spelling,
    weights::FileForm,
};

/// The first block with hard-swish in every network of the authors.
const HARD_SWISH_FROM: usize = 2;

/// The reduction in front of the hidden layer in every network of the authors.
const SQUEEZE_REDUCTION: usize = 16;

/// Reads what only such a network has, and adds it to its description; adds nothing for another.
pub(super) fn infer(
    layout: &Layout<'_>,
    form: FileForm,
    options: &ImportOptions,
    config: &mut NetworkConfig,
    inferences: &mut Vec<Inference>,
) -> Result<(), ImportError> {
    let first = layout.spelling.reactivation(0, 0);
    if !layout.state_dict.contains_key(&first.weight) {
        return Ok(());
    }
    let (parts, from) = match form {
        FileForm::Converted => converted(layout, config)?,
        FileForm::Training => trained(layout, config)?,
    };
    let Reactivation {
        groups,
        condensation_factor,
    } = parts;
    let value = format!("{groups} groups, condensation factor {condensation_factor}");
    inferences.push(Inference::new("reactivation", value, from));
    config.reactivation = Some(parts);

    let (block, from) = match options.hard_swish_from {
        Some(block) => (block, OPTION),
        None => (HARD_SWISH_FROM, "what the authors' networks have"),
    };
    inferences.push(Inference::new("hard_swish_from", block.to_string(), from));
    config.hard_swish_from = Some(block);

    let weighs = |block: &usize| {
        let path = layout.spelling.squeeze_excitation(*block, 0);
        layout
            .state_dict
            .contains_key(&format!("{path}.fc.0.weight"))
    };
    config.squeeze_excitation_from = (0..layout.layers_per_block.len()).find(weighs);
    if let Some(block) = config.squeeze_excitation_from {
        let value = block.to_string();
        inferences.push(Inference::new("squeeze_excitation_from", value, SHAPES));
    }
    config.hidden = hidden(layout)?;
    if let Some(hidden) = config.hidden {
        let HiddenLayer {
            features,
            squeeze_reduction,
        } = hidden;
        let value = format!("{features} features behind a reduction by {squeeze_reduction}");
        inferences.push(Inference::new("hidden", value, SHAPES));
    }
    Ok(())
}

fn converted(
    layout: &Layout<'_>,
    config: &NetworkConfig,
) -> Result<(Reactivation, &'static str), ImportError> {
    let key = layout.spelling.reactivation(0, 0).weight;
    let [written, per_group, ..] = layout.kernel(&key)?;
    let groups = layout.groups(&key, config.growth_rates[0], per_group)?;
    let whole = groups * config.stem_channels();
    if !whole.is_multiple_of(written) {
        let expected = format!("a part of {groups} * {} rows", config.stem_channels());
        return Err(layout.misshapen(&key, expected));
    }
    let condensation_factor = whole / written;
    let parts = Reactivation {
        groups,
        condensation_factor,
    };
    Ok((parts, SHAPES))
}

fn trained(
    layout: &Layout<'_>,
    config: &NetworkConfig,
) -> Result<(Reactivation, &'static str), ImportError> {
    let masks = Masks::read_outputs(layout, layout.reactivation_paths())?;
    if masks.are_whole() {
        // As in every network of the authors.
        let parts = Reactivation {
            groups: config.groups_1x1,
            condensation_factor: config.stages(),
        };
        return Ok((parts, "the 1x1 convolutions; nothing is dropped yet"));
    }
    let parts = Reactivation {
        groups: masks.groups()?,
        condensation_factor: masks.condensation_factor()?,
    };
    Ok((
        parts,
        "the period of the masks' columns, dropped outputs and `_stage`",
    ))
}

fn hidden(layout: &Layout<'_>) -> Result<Option<HiddenLayer>, ImportError> {
    let key = format!("{}.weight", Spelling::HIDDEN);
    if !layout.state_dict.contains_key(&key) {
        return Ok(None);
    }
    let &[features, channels] = layout.shape(&key)?.as_slice() else {
        return Err(layout.misshapen(&key, "[features, channels]"));
    };
    let squeeze = format!("{}.fc.0.weight", Spelling::LAST_SQUEEZE_EXCITATION);
    let inside = match layout.shape(&squeeze)?.as_slice() {
        &[inside, _] if inside > 0 && inside <= channels => inside,
        _ => return Err(layout.misshapen(&squeeze, "[a part of the channels, channels]")),
    };
    let usual = channels / SQUEEZE_REDUCTION == inside;
    let squeeze_reduction = if usual {
        SQUEEZE_REDUCTION
    } else {
        channels / inside
    };
    Ok(Some(HiddenLayer {
        features,
        squeeze_reduction,
    }))
}
