//! What names and shapes say of any network.

use super::{OPTION, SHAPES};
use crate::{
    config::Stem,
    import::{Inference, error::ImportError, layout::Layout, options::ImportOptions},
};

/// The fields that every description has.
pub(super) struct Fields {
    pub(super) layers_per_block: Vec<usize>,
    pub(super) growth_rates: Vec<usize>,
    pub(super) bottleneck: Option<usize>,
    pub(super) groups_3x3: usize,
    pub(super) num_classes: usize,
    pub(super) classifier_kept: Option<usize>,
    pub(super) has_transitions: bool,
    pub(super) stem: Stem,
    stem_from: String,
}

impl Fields {
    pub(super) fn read(
        layout: &Layout<'_>,
        options: &ImportOptions,
        named_stem: Option<Stem>,
    ) -> Result<Self, ImportError> {
        let mut growth_rates = Vec::new();
        for block in 0..layout.layers_per_block.len() {
            let [_, conv_3x3] = layout.spelling.dense_layer(block, 0);
            let [growth_rate, ..] = layout.kernel(&conv_3x3.weight)?;
            growth_rates.push(growth_rate);
        }
        let (bottleneck, groups_3x3) = bottleneck_and_groups(layout)?;
        let (num_classes, classifier_kept) = classifier(layout)?;
        let (stem, stem_from) = stem(layout, num_classes, options, named_stem);
        Ok(Self {
            layers_per_block: layout.layers_per_block.clone(),
            growth_rates,
            bottleneck,
            groups_3x3,
            num_classes,
            classifier_kept,
            has_transitions: layout.has_transitions(),
            stem,
            stem_from,
        })
    }

    pub(super) fn inferences(&self) -> [Inference; 6] {
        let list = |values: &[usize]| format!("{values:?}");
        let bottleneck = self.bottleneck;
        let bottleneck = bottleneck.map_or("none".to_owned(), |width| width.to_string());
        [
            Inference::stem(self.stem, self.stem_from.clone()),
            Inference::new("layers_per_block", list(&self.layers_per_block), SHAPES),
            Inference::new("growth_rates", list(&self.growth_rates), SHAPES),
            Inference::new("num_classes", self.num_classes.to_string(), SHAPES),
            Inference::new("bottleneck", bottleneck, SHAPES),
            Inference::new("groups_3x3", self.groups_3x3.to_string(), SHAPES),
        ]
    }
}

fn bottleneck_and_groups(layout: &Layout<'_>) -> Result<(Option<usize>, usize), ImportError> {
    let [conv_1x1, conv_3x3] = layout.spelling.dense_layer(0, 0);
    let [growth_rate, per_group, ..] = layout.kernel(&conv_3x3.weight)?;
    if !layout.state_dict.contains_key(&conv_1x1.weight) {
        let channels_in = layout.channels(&conv_3x3.norm)?;
        let groups = layout.groups(&conv_3x3.weight, channels_in, per_group)?;
        return Ok((None, groups));
    }
    let [between, ..] = layout.kernel(&conv_1x1.weight)?;
    if !between.is_multiple_of(growth_rate) {
        let expected = format!("a multiple of the growth rate {growth_rate} as first dimension");
        return Err(layout.misshapen(&conv_1x1.weight, expected));
    }
    let groups = layout.groups(&conv_3x3.weight, between, per_group)?;
    Ok((Some(between / growth_rate), groups))
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

fn stem(
    layout: &Layout<'_>,
    classes: usize,
    options: &ImportOptions,
    named: Option<Stem>,
) -> (Stem, String) {
    let blocks = layout.layers_per_block.len();
    let norm_key = format!("{}.weight", layout.spelling.stem_norm());
    let found = format!("{blocks} blocks and {classes} classes");
    match (options.stem, named) {
        (Some(stem), _) => (stem, OPTION.to_owned()),
        (None, Some(stem)) => (stem, "the names of the first layers".to_owned()),
        _ if layout.state_dict.contains_key(&norm_key) => {
            (Stem::ImagenetPooled, format!("`{norm_key}`"))
        }
        _ if blocks == 5 || classes == 1000 => (Stem::Imagenet, found),
        _ => (Stem::Cifar, found),
    }
}
