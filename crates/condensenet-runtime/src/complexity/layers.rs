//! Walks through a network and writes down one row per layer.

use super::cost::Cost;
use super::{ClassifierForm, FeatureShape, Form, LayerComplexity, LayerKind};
use crate::config::{DenseLayerShape, NetworkConfig};
use crate::error::ConfigError;

impl FeatureShape {
    fn area(self) -> usize {
        self.height * self.width
    }

    fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

/// The rows of a description and an input that were validated.
pub(super) fn rows(
    config: &NetworkConfig,
    form: Form,
    height: usize,
    width: usize,
) -> Result<Vec<LayerComplexity>, ConfigError> {
    let image = FeatureShape {
        channels: 3,
        height,
        width,
    };
    let mut rows = stem(config, image);
    let shape_of = |rows: &[LayerComplexity]| rows.last().map_or(image, |row| row.output);
    let mut shape = shape_of(&rows);
    for layer in config.dense_layers() {
        if layer.layer == 0 && layer.block > 0 {
            rows.extend(transition(config, form, layer.block - 1, shape));
            shape = shape_of(&rows);
        }
        rows.extend(dense_layer(config, form, layer, shape));
        shape = shape.with_channels(shape.channels + layer.growth_rate);
    }
    rows.extend(head(config, form, shape)?);
    Ok(rows)
}

fn stem(config: &NetworkConfig, input: FeatureShape) -> Vec<LayerComplexity> {
    let (stem, channels) = (config.stem, config.stem_channels());
    let sized = |size: &dyn Fn(usize) -> usize| FeatureShape {
        channels,
        height: size(input.height),
        width: size(input.width),
    };
    let wide = sized(&|side| stem.conv_output_size(side));
    let kernel_area = stem.kernel_size().pow(2);
    let conv = LayerComplexity {
        name: "stem".to_owned(),
        kind: LayerKind::Conv,
        input,
        output: wide,
        cost: Cost::conv(input.channels, channels, kernel_area, 1, wide.area()),
    };
    let pool = stem.is_pooled().then(|| LayerComplexity {
        name: "stem_norm".to_owned(),
        kind: LayerKind::MaxPool,
        input: wide,
        output: sized(&|side| stem.output_size(side)),
        // The authors' count knows no maximum pool.
        cost: Cost::norm_relu(channels, wide.area()),
    });
    [conv].into_iter().chain(pool).collect()
}

/// The 1x1 convolution of a transition, if it has one, and the pool.
fn transition(
    config: &NetworkConfig,
    form: Form,
    block: usize,
    input: FeatureShape,
) -> Vec<LayerComplexity> {
    let channels_out = config.blocks()[block].transition;
    let conv = channels_out.map(|channels_out| {
        let name = format!("transitions.{block}.conv_1x1");
        conv_1x1(config, form, name, input, channels_out)
    });
    let input = input.with_channels(channels_out.unwrap_or(input.channels));
    let output = FeatureShape {
        height: input.height / 2,
        width: input.width / 2,
        ..input
    };
    let pool = LayerComplexity {
        name: match conv {
            Some(_) => format!("transitions.{block}.pool"),
            None => format!("transitions.{block}"),
        },
        kind: LayerKind::AveragePool,
        input,
        output,
        cost: Cost::average_pool(input.channels, 4, output.area()),
    };
    conv.into_iter().chain([pool]).collect()
}

/// The 1x1 convolution of a dense layer, if it has one, the 3x3, and what follows it.
fn dense_layer(
    config: &NetworkConfig,
    form: Form,
    layer: DenseLayerShape,
    input: FeatureShape,
) -> impl Iterator<Item = LayerComplexity> {
    let path = format!("blocks.{}.layers.{}", layer.block, layer.layer);
    let between = input.with_channels(layer.conv_3x3_inputs());
    let output = input.with_channels(layer.growth_rate);
    let (area, groups) = (input.area(), config.groups_3x3);
    let conv_3x3 = LayerComplexity {
        name: format!("{path}.conv_3x3"),
        kind: LayerKind::GroupConv,
        input: between,
        output,
        cost: Cost::norm_relu(between.channels, area)
            + Cost::conv(between.channels, output.channels, 9, groups, area),
    };
    let conv_1x1 = layer.bottleneck.map(|channels_out| {
        let name = format!("{path}.conv_1x1");
        conv_1x1(config, form, name, input, channels_out)
    });
    let squeeze_excitation = config.has_squeeze_excitation(layer.block);
    let squeeze_excitation = squeeze_excitation.then(|| LayerComplexity {
        name: format!("{path}.squeeze_excitation"),
        kind: LayerKind::SqueezeExcitation,
        input: output,
        output,
        cost: Cost::squeeze_excitation(output.channels, output.channels, area),
    });
    let reactivation = config.reactivation.map(|parts| {
        let (new, factor) = (output.channels, parts.condensation_factor);
        let (kind, cost) = match form {
            Form::Training => (
                LayerKind::Reactivation,
                Cost::masked_conv(new, input.channels, factor, area),
            ),
            Form::Converted { .. } => {
                let written = input.channels / factor * parts.groups;
                (
                    LayerKind::CondensedReactivation,
                    Cost::conv(new, written, 1, parts.groups, area),
                )
            }
        };
        LayerComplexity {
            name: format!("{path}.reactivation"),
            kind,
            input: output,
            output: input,
            cost: Cost::norm_relu(new, area) + cost,
        }
    });
    let convs = conv_1x1.into_iter().chain([conv_3x3]);
    convs.chain(squeeze_excitation).chain(reactivation)
}

/// A 1x1 convolution behind norm and ReLU, in the form that the network has it.
fn conv_1x1(
    config: &NetworkConfig,
    form: Form,
    name: String,
    input: FeatureShape,
    channels_out: usize,
) -> LayerComplexity {
    let (area, groups) = (input.area(), config.groups_1x1);
    let grouped =
        |read: usize| Cost::norm_relu(read, area) + Cost::conv(read, channels_out, 1, groups, area);
    let (kind, cost) = match (config.condensation_factor, form) {
        (None, _) => (LayerKind::GroupConv, grouped(input.channels)),
        (Some(factor), Form::Training) => (
            LayerKind::LearnedGroupConv,
            Cost::norm_relu(input.channels, area)
                + Cost::masked_conv(input.channels, channels_out, factor, area),
        ),
        // Each group indexes its own inputs, so with G > C there are more than came in.
        (Some(factor), Form::Converted { .. }) => (
            LayerKind::CondensedConv,
            grouped(input.channels / factor * groups),
        ),
    };
    LayerComplexity {
        name,
        kind,
        input,
        output: input.with_channels(channels_out),
        cost,
    }
}

fn head(
    config: &NetworkConfig,
    form: Form,
    input: FeatureShape,
) -> Result<Vec<LayerComplexity>, ConfigError> {
    let pooled = FeatureShape {
        height: 1,
        width: 1,
        ..input
    };
    let classifier = match form {
        Form::Training => ClassifierForm::Whole,
        Form::Converted { classifier } => classifier,
    };
    let kind = match classifier {
        ClassifierForm::Whole => LayerKind::Linear,
        ClassifierForm::Condensed { .. } => LayerKind::CondensedLinear,
    };
    let read = config.classifier_inputs();
    let kept = classifier.kept_channels(read)?;
    let norm = LayerComplexity {
        name: "head.norm".to_owned(),
        kind: LayerKind::NormRelu,
        input,
        output: input,
        cost: Cost::norm_relu(input.channels, input.area()),
    };
    let pool = LayerComplexity {
        name: "head.pool".to_owned(),
        kind: LayerKind::GlobalAveragePool,
        input,
        output: pooled,
        cost: Cost::average_pool(input.channels, input.area(), 1),
    };
    let classifier = LayerComplexity {
        name: "head.classifier".to_owned(),
        kind,
        input: pooled.with_channels(read),
        output: pooled.with_channels(config.num_classes),
        cost: match config.hidden {
            Some(_) => Cost::linear(kept, config.num_classes).with_free_biases(),
            None => Cost::linear(kept, config.num_classes),
        },
    };
    let mut rows = vec![norm, pool];
    if let Some(hidden) = config.hidden {
        let (channels, features) = (input.channels, hidden.features);
        rows.push(LayerComplexity {
            name: "head.squeeze_excitation".to_owned(),
            kind: LayerKind::SqueezeExcitation,
            input: pooled,
            output: pooled,
            cost: Cost::squeeze_excitation(channels, channels / hidden.squeeze_reduction, 1),
        });
        rows.push(LayerComplexity {
            name: "head.hidden".to_owned(),
            kind: LayerKind::HiddenLinear,
            input: pooled,
            output: pooled.with_channels(features),
            cost: Cost::linear(channels, features).with_free_biases() + Cost::activation(features),
        });
    }
    rows.push(classifier);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complexity::Convention;
    use crate::config::{CondenseNetConfig, Stem};

    fn config() -> NetworkConfig {
        CondenseNetConfig::new(vec![1, 2], vec![4, 8]).with_stem(Stem::Imagenet)
    }

    #[test]
    fn shapes_follow_an_image_that_is_not_square() {
        let rows = rows(&config(), Form::Training, 9, 15).unwrap();
        let seen: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {} -> {}", row.name, row.input, row.output))
            .collect();
        let expected = [
            "stem 3x9x15 -> 8x5x8",
            "blocks.0.layers.0.conv_1x1 8x5x8 -> 16x5x8",
            "blocks.0.layers.0.conv_3x3 16x5x8 -> 4x5x8",
            "transitions.0 12x5x8 -> 12x2x4",
            "blocks.1.layers.0.conv_1x1 12x2x4 -> 32x2x4",
            "blocks.1.layers.0.conv_3x3 32x2x4 -> 8x2x4",
            "blocks.1.layers.1.conv_1x1 20x2x4 -> 32x2x4",
            "blocks.1.layers.1.conv_3x3 32x2x4 -> 8x2x4",
            "head.norm 28x2x4 -> 28x2x4",
            "head.pool 28x2x4 -> 28x1x1",
            "head.classifier 28x1x1 -> 10x1x1",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn operations_of_an_image_that_is_not_square_count_height_and_width() {
        let rows = rows(&config(), Form::Training, 9, 15).unwrap();
        let published: Vec<u64> = rows
            .iter()
            .map(|row| row.flops(Convention::Published))
            .collect();
        let expected = [
            3 * 8 * 9 * 40,
            8 * 40 + 8 / 4 * 16 * 40,
            16 * 40 + 16 / 4 * 4 * 9 * 40,
            12 * 4 * 8,
            12 * 8 + 12 / 4 * 32 * 8,
            32 * 8 + 32 / 4 * 8 * 9 * 8,
            20 * 8 + 20 / 4 * 32 * 8,
            32 * 8 + 32 / 4 * 8 * 9 * 8,
            28 * 8,
            28 * 8,
            28 * 10 + 10,
        ];
        assert_eq!(published, expected);
    }

    #[test]
    fn a_condensed_classifier_keeps_the_rounded_down_part() {
        let kept = |kept_fraction| ClassifierForm::Condensed { kept_fraction }.kept_channels(27);
        assert_eq!(kept(0.5), Ok(13));
        assert_eq!(kept(1.0), Ok(27));
        assert_eq!(kept(0.03), Ok(1));
        for fraction in [0.0, 1.1, -0.5] {
            let message = kept(fraction).unwrap_err().to_string();
            let expected = format!(
                "kept_fraction is {fraction}, but must be above 0 and at most 1 to keep a part of \
                 the 27 classifier inputs"
            );
            assert_eq!(message, expected);
        }
        assert!(kept(f64::NAN).is_err());
    }
}
