//! The published sizes, recomputed to the last digit.
//!
//! `fixtures/published_sizes.json` was written by running the original PyTorch code's
//! `measure_model` on every network, before (`learned_*`) and after (`converted_*`) its own
//! conversion, which halves the classifier. The CondenseNetV2s were measured by that of their own code, which leaves it whole.

use burn::tensor::Device;
use condensenet_models::{
    AnyNetwork, Complexity, Convention, Form, InitNetwork, NetworkConfig, Preset, Stem,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    models: Vec<serde_json::Value>,
}

#[derive(Deserialize, Clone)]
struct Row {
    name: String,
    kind: String,
    stages: Vec<usize>,
    growth: Vec<usize>,
    g1: usize,
    g3: usize,
    c: usize,
    bottleneck: usize,
    reduction: f64,
    classes: usize,
    data: String,
    hw: usize,
    readme: Option<String>,
    /// Features of the hidden layer, of CondenseNetV2s alone.
    fc: Option<usize>,
    learned_flops: u64,
    learned_params_counted: u64,
    learned_tensor_params: u64,
    converted_flops: u64,
    converted_params_counted: u64,
    converted_tensor_params: u64,
    converted_macs_conv_linear_only: u64,
}

impl Row {
    fn config(&self) -> NetworkConfig {
        let stem = match self.data.as_str() {
            "imagenet" => Stem::Imagenet,
            _ => Stem::Cifar,
        };
        if let ("condensenet_v2", Some(features)) = (self.kind.as_str(), self.fc) {
            let (layers, growth_rates) = (self.stages.clone(), self.growth.clone());
            return NetworkConfig::v2(layers, growth_rates, self.c, features)
                .with_num_classes(self.classes)
                .with_stem(stem);
        }
        let (condensation_factor, reduction) = match self.kind.as_str() {
            "condensenet" => (Some(self.c), None),
            "densenet_LGC" => (Some(self.c), Some(self.reduction)),
            "densenet" => (None, Some(self.reduction)),
            other => panic!("{} is a {other}", self.name),
        };
        NetworkConfig {
            num_classes: self.classes,
            bottleneck: Some(self.bottleneck),
            groups_1x1: self.g1,
            groups_3x3: self.g3,
            condensation_factor,
            reduction,
            stem,
            ..NetworkConfig::new(self.stages.clone(), self.growth.clone())
        }
    }

    fn complexity(&self, form: Form) -> Complexity {
        Complexity::of(&self.config(), form, [self.hw, self.hw]).expect("a valid row")
    }
}

impl Row {
    /// The form of the converted figures: the first generation's conversion halves the classifier.
    const fn converted(&self) -> Form {
        match self.fc {
            Some(_) => Form::CONVERTED,
            None => Form::CONVERTED_AS_PUBLISHED,
        }
    }
}

fn rows() -> Vec<Row> {
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/published_sizes.json"))
        .expect("a fixture of models");
    let row = |model| serde_json::from_value(model).expect("a row of sizes");
    fixture.models.into_iter().map(row).collect()
}

/// Parameters, and billions of multiply-adds at 224x224 to as many decimals as were printed.
///
/// Source: `num_params` and `_ops` of torchvision's `DenseNet*_Weights.IMAGENET1K_V1`.
const TORCHVISION: [(Preset, u64, &str); 4] = [
    (Preset::ImagenetDenseNet121, 7_978_856, "2.834"),
    (Preset::ImagenetDenseNet169, 14_149_480, "3.36"),
    (Preset::ImagenetDenseNet201, 20_013_928, "4.291"),
    (Preset::ImagenetDenseNet161, 28_681_000, "7.728"),
];

/// DenseNets without bottlenecks by layers and growth rate, with the parameters that they have for 10 classes.
///
/// Source: pytorchcv's table of CIFAR-10, the rows of DenseNet-40 and DenseNet-100, whose transitions halve the channels.
const WITHOUT_BOTTLENECK: [(usize, usize, u64); 3] =
    [(12, 12, 599_050), (32, 12, 4_068_490), (32, 24, 16_114_138)];

/// The published networks: each preset with the classes of each benchmark.
fn published_networks() -> Vec<(String, Preset, NetworkConfig, [usize; 2])> {
    let mut networks = Vec::new();
    for preset in Preset::ALL {
        // Our own, of which nothing was published.
        if preset == Preset::CifarV2_104 {
            continue;
        }
        let published = preset.published().into_iter();
        let results = published.flat_map(|published| published.results);
        let mut benchmarks: Vec<_> = results.map(|result| result.benchmark).collect();
        if benchmarks.is_empty() {
            benchmarks.push(preset.benchmark());
        }
        assert_eq!(benchmarks[0], preset.benchmark(), "{preset}");
        for benchmark in benchmarks {
            let mut config = preset.config().with_num_classes(benchmark.num_classes());
            // Dropout has no size, and the fixture does not know it.
            config.dropout = 0.0;
            let name = format!("{preset} on {benchmark:?}");
            networks.push((name, preset, config, benchmark.input_size()));
        }
    }
    networks
}

fn networks_without_a_row(rows: &[Row]) -> Vec<String> {
    let is_row = |config: &NetworkConfig, size| {
        rows.iter()
            .any(|row| row.config() == *config && [row.hw, row.hw] == size)
    };
    let in_torchvision = |preset| TORCHVISION.iter().any(|(known, ..)| *known == preset);
    published_networks()
        .into_iter()
        .filter(|(_, preset, config, size)| !is_row(config, *size) && !in_torchvision(*preset))
        .map(|(name, ..)| name)
        .collect()
}

#[test]
fn torchvision_s_densenets_have_its_parameters_and_operations_to_the_last_digit() {
    let mut failures = Vec::new();
    for (preset, params, billions) in TORCHVISION {
        let ours = Complexity::of(&preset.config(), Form::Training, [224, 224]).unwrap();
        let decimals = billions.len() - 2;
        let flops = ours.flops(Convention::MultiplyAdds) as f64 / 1e9;
        let flops = format!("{flops:.decimals$}");
        if (ours.stored_params(), flops.as_str()) != (params, billions) {
            failures.push(format!("{preset}: {} {flops}", ours.stored_params()));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn densenets_without_bottlenecks_have_the_published_parameters_to_the_last_digit() {
    for (layers, growth_rate, params) in WITHOUT_BOTTLENECK {
        let config = NetworkConfig::densenet(vec![layers; 3], growth_rate).without_bottleneck();
        let ours = Complexity::of(&config, Form::Training, [32, 32]).unwrap();
        assert_eq!(
            ours.stored_params(),
            params,
            "{layers} layers of {growth_rate}"
        );
        assert_eq!(
            parameters(&config),
            params,
            "{layers} layers of {growth_rate}"
        );
    }
}

/// The elements of what PyTorch calls parameters.
fn parameters(config: &NetworkConfig) -> u64 {
    let network: AnyNetwork = config.init(&Device::default()).expect("a valid row");
    let weights = network.state_dict();
    let tensors = weights.iter();
    let trained = tensors.filter(|(key, _)| key.ends_with(".weight") || key.ends_with(".bias"));
    trained
        .map(|(_, tensor)| tensor.num_elements() as u64)
        .sum()
}

#[test]
fn what_is_counted_without_a_tensor_is_what_the_tensors_have() {
    for row in rows().into_iter().filter(|row| row.name.contains("tiny")) {
        let counted = row.complexity(Form::Training).stored_params();
        assert_eq!(parameters(&row.config()), counted, "{}", row.name);
    }
    for preset in [
        Preset::CifarLight94,
        Preset::ImagenetDenseNet121,
        Preset::ImagenetV2A,
        Preset::CifarV2_104,
    ] {
        let config = preset.config();
        let counted = Complexity::of(&config, Form::Training, [64, 64]).unwrap();
        assert_eq!(parameters(&config), counted.stored_params(), "{preset}");
    }
}

#[test]
fn every_size_equals_the_original_to_the_last_digit() {
    let mut failures = Vec::new();
    for row in rows() {
        let training = row.complexity(Form::Training);
        let converted = row.complexity(row.converted());
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
    rows.retain(|row| {
        row.name != "CondenseNet-98 c10"
            && row.name != "CondenseNet-182 c100"
            && !row.name.starts_with("CondenseNet-light-94")
    });
    assert_eq!(
        networks_without_a_row(&rows),
        [
            "cifar_98 on Cifar10",
            "cifar_182 on Cifar100",
            "cifar_light_94 on Cifar10"
        ]
    );
}

#[test]
fn every_row_of_the_original_readme_has_a_preset() {
    let networks = published_networks();
    let missing: Vec<String> = rows()
        .into_iter()
        .filter(|row| row.readme.is_some())
        // The paper's light-160, of which no configuration is known: the nearest is off.
        .filter(|row| !row.name.contains("not exact"))
        .filter(|row| {
            !networks
                .iter()
                .any(|(_, _, config, _)| *config == row.config())
        })
        .map(|row| row.name)
        .collect();
    assert!(missing.is_empty(), "no preset for {missing:?}");
}

#[test]
fn the_printed_figures_are_our_figures_rounded() {
    let mut failures = Vec::new();
    for preset in Preset::ALL {
        let Some(published) = preset.published() else {
            continue;
        };
        let size = preset.benchmark().input_size();
        let ours = Complexity::of(&preset.config(), published.size_of, size).unwrap();
        for (figure, printed, count) in [
            (
                "flops",
                published.flops_millions,
                ours.flops(published.convention),
            ),
            ("params", published.params_millions, ours.counted_params()),
        ] {
            let printed = printed.to_string();
            let decimals = printed
                .split_once('.')
                .map_or(0, |(_, decimals)| decimals.len());
            let rounded = format!("{:.decimals$}", count as f64 / 1e6);
            // The README of CondenseNetV2 cuts the figures of its largest network: 309.74 and 6.18 million.
            let power = 10_f64.powi(decimals as i32);
            let cut = format!(
                "{:.decimals$}",
                (count as f64 / 1e6 * power).floor() / power
            );
            let is_cut = preset == Preset::ImagenetV2C && cut == printed;
            if rounded != printed && !is_cut {
                failures.push(format!("{preset}: {figure} {count} is not {printed}M"));
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
