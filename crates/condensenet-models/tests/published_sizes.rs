//! The published sizes, recomputed to the last digit.
//!
//! `fixtures/published_sizes.json` was written by running the original PyTorch code's
//! `measure_model` on every network, before (`learned_*`) and after (`converted_*`) its own
//! conversion, which halves the classifier.

use condensenet_models::{Complexity, CondenseNetConfig, Convention, Form, Stem, Variant};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    models: Vec<serde_json::Value>,
}

#[derive(Deserialize, Clone)]
struct Row {
    name: String,
    stages: Vec<usize>,
    growth: Vec<usize>,
    g1: usize,
    g3: usize,
    c: usize,
    bottleneck: usize,
    classes: usize,
    data: String,
    hw: usize,
    readme: Option<String>,
    learned_flops: u64,
    learned_params_counted: u64,
    learned_tensor_params: u64,
    converted_flops: u64,
    converted_params_counted: u64,
    converted_tensor_params: u64,
    converted_macs_conv_linear_only: u64,
}

impl Row {
    fn config(&self) -> CondenseNetConfig {
        let stem = match self.data.as_str() {
            "imagenet" => Stem::Imagenet,
            _ => Stem::Cifar,
        };
        CondenseNetConfig::new(self.stages.clone(), self.growth.clone())
            .with_num_classes(self.classes)
            .with_bottleneck(self.bottleneck)
            .with_groups_1x1(self.g1)
            .with_groups_3x3(self.g3)
            .with_condensation_factor(self.c)
            .with_stem(stem)
    }

    fn complexity(&self, form: Form) -> Complexity {
        Complexity::of(&self.config(), form, [self.hw, self.hw]).expect("a valid row")
    }
}

/// The fixture's CondenseNets; it holds DenseNets too.
fn rows() -> Vec<Row> {
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/published_sizes.json"))
        .expect("a fixture of models");
    fixture
        .models
        .into_iter()
        .filter(|model| model["kind"] == "condensenet")
        .map(|model| serde_json::from_value(model).expect("a row of sizes"))
        .collect()
}

/// The networks for which results were published: each variant with the classes of each benchmark.
fn published_networks() -> Vec<(String, CondenseNetConfig, [usize; 2])> {
    let mut networks = Vec::new();
    for variant in Variant::ALL {
        for result in variant.published().results {
            let benchmark = result.benchmark;
            // Dropout has no size, and the fixture does not know it.
            let config = variant
                .config()
                .with_num_classes(benchmark.num_classes())
                .with_dropout(0.0);
            let name = format!("{variant} on {benchmark:?}");
            networks.push((name, config, benchmark.input_size()));
        }
    }
    networks
}

fn networks_without_a_row(rows: &[Row]) -> Vec<String> {
    let is_row = |config: &CondenseNetConfig, size| {
        rows.iter()
            .any(|row| row.config() == *config && [row.hw, row.hw] == size)
    };
    published_networks()
        .into_iter()
        .filter(|(_, config, size)| !is_row(config, *size))
        .map(|(name, ..)| name)
        .collect()
}

#[test]
fn every_size_equals_the_original_to_the_last_digit() {
    let mut failures = Vec::new();
    for row in rows() {
        let training = row.complexity(Form::Training);
        let converted = row.complexity(Form::CONVERTED_AS_PUBLISHED);
        let (published, plain) = (Convention::Published, Convention::MultiplyAdds);
        for (figure, ours, original) in [
            (
                "learned_flops",
                training.flops(published),
                row.learned_flops,
            ),
            (
                "learned_params_counted",
                training.counted_params(),
                row.learned_params_counted,
            ),
            (
                "learned_tensor_params",
                training.stored_params(),
                row.learned_tensor_params,
            ),
            (
                "converted_flops",
                converted.flops(published),
                row.converted_flops,
            ),
            (
                "converted_params_counted",
                converted.counted_params(),
                row.converted_params_counted,
            ),
            (
                "converted_tensor_params",
                converted.stored_params(),
                row.converted_tensor_params,
            ),
            (
                "converted_macs_conv_linear_only",
                converted.flops(plain),
                row.converted_macs_conv_linear_only,
            ),
        ] {
            if ours != original {
                failures.push(format!("{}: {figure} is {ours}, not {original}", row.name));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_published_network_has_a_row_in_the_table() {
    let missing = networks_without_a_row(&rows());
    assert!(missing.is_empty(), "no published row for {missing:?}");
}

#[test]
fn a_preset_without_a_row_is_found_out() {
    let mut rows = rows();
    rows.retain(|row| row.name != "CondenseNet-98 c10" && row.name != "CondenseNet-182 c100");
    assert_eq!(
        networks_without_a_row(&rows),
        ["cifar_98 on Cifar10", "cifar_182 on Cifar100"]
    );
}

#[test]
fn every_row_of_the_original_readme_has_a_preset() {
    let networks = published_networks();
    let missing: Vec<String> = rows()
        .into_iter()
        .filter(|row| row.readme.is_some())
        .filter(|row| {
            !networks
                .iter()
                .any(|(_, config, _)| *config == row.config())
        })
        .map(|row| row.name)
        .collect();
    assert!(missing.is_empty(), "no preset for {missing:?}");
}

#[test]
fn the_printed_figures_are_our_figures_rounded() {
    let mut failures = Vec::new();
    for variant in Variant::ALL {
        let published = variant.published();
        let size = published.results[0].benchmark.input_size();
        let ours = Complexity::of(&variant.config(), published.size_of, size).unwrap();
        for (figure, printed, count) in [
            (
                "flops",
                published.flops_millions,
                ours.flops(Convention::Published),
            ),
            ("params", published.params_millions, ours.counted_params()),
        ] {
            let printed = printed.to_string();
            let decimals = printed
                .split_once('.')
                .map_or(0, |(_, decimals)| decimals.len());
            let rounded = format!("{:.decimals$}", count as f64 / 1e6);
            if rounded != printed {
                failures.push(format!("{variant}: {figure} {count} is not {printed}M"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn with_a_whole_classifier_and_c_equal_to_g_conversion_costs_what_training_was_said_to() {
    for row in rows().into_iter().filter(|row| row.c == row.g1) {
        let training = row.complexity(Form::Training);
        let converted = row.complexity(Form::CONVERTED);
        let name = &row.name;
        let convention = Convention::Published;
        assert_eq!(
            converted.flops(convention),
            training.flops(convention),
            "{name}"
        );
        assert_eq!(
            converted.counted_params(),
            training.counted_params(),
            "{name}"
        );
        assert_eq!(
            converted.stored_params(),
            converted.counted_params(),
            "{name}"
        );
    }
}
