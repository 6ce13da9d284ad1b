//! The table of published weights, against what their publishers print.

use std::collections::BTreeSet;

use condensenet_runtime::{
    Complexity, Form, NetworkConfig, Preset, Pretrained, download::Checksum, presets::Benchmark,
};

/// The description of the network that some weights are of, and the form in which they were published.
fn network(weights: Pretrained) -> (NetworkConfig, Form) {
    let dense = |layers: usize, growth_rate, bottleneck: bool| {
        let config = NetworkConfig::densenet(vec![layers; 3], growth_rate);
        let config = match bottleneck {
            true => config,
            false => NetworkConfig {
                bottleneck: None,

                ..config
            },
        };
        config.with_num_classes(weights.benchmark().num_classes())
    };
    let config = match weights.name() {
        "densenet40_k12_cifar10" | "densenet40_k12_cifar100" => dense(12, 12, false),
        "densenet40_k12_bc_cifar10" | "densenet40_k12_bc_cifar100" => dense(6, 12, true),
        "densenet100_k12_cifar10" => dense(32, 12, false),
        "densenet100_k12_bc_cifar10" | "densenet100_k12_bc_cifar100" => dense(16, 12, true),
        "densenet190_k40_bc_cifar10" => dense(31, 40, true),
        name => {
            let preset = name.trim_end_matches("_pytorchcv").parse::<Preset>();
            preset.expect("the name of a preset").config()
        }
    };
    let form = match config.condensation_factor {
        Some(_) => Form::CONVERTED_AS_PUBLISHED,
        None => Form::Training,
    };
    (config, form)
}

#[test]
fn published_sizes_are_those_of_the_networks() {
    let mut failures = Vec::new();
    for &weights in Pretrained::ALL {
        let (config, form) = network(weights);
        let complexity = Complexity::of(&config, form, weights.benchmark().input_size()).unwrap();
        if complexity.stored_params() != weights.params() as u64 {
            failures.push(format!(
                "{weights}: {} and {}",
                complexity.stored_params(),
                weights.params()
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_name_is_read_back_and_belongs_to_one() {
    let names: BTreeSet<&str> = Pretrained::ALL
        .iter()
        .map(|weights| weights.name())
        .collect();
    assert_eq!(names.len(), Pretrained::ALL.len());
    for &weights in Pretrained::ALL {
        let spelled = weights.name().to_ascii_uppercase().replace('_', "-");
        assert_eq!(spelled.parse(), Ok(weights));
    }
    let error = "imagenet_74".parse::<Pretrained>().unwrap_err().to_string();
    assert!(error.contains("imagenet_74_c4, imagenet_74_c8"), "{error}");
}

#[test]
fn addresses_and_checksums_are_those_that_the_publishers_print() {
    let condensenet = Pretrained::ImageNet74C4.source();
    assert_eq!(
        condensenet.url(),
        "https://github.com/osmr/imgclsmob/releases/download/v0.0.4/condensenet74_c4_g4-0828-5ba55049.pth.zip"
    );
    let sha1 = "5ba550494cae7081d12c14b02b2a02365539d377".to_owned();
    assert_eq!(condensenet.checksum(), Checksum::Sha1(sha1));
    let densenet = Pretrained::ImageNetDenseNet121.source();
    assert_eq!(
        densenet.url(),
        "https://download.pytorch.org/models/densenet121-a639ec97.pth"
    );
    assert_eq!(densenet.checksum(), Checksum::Sha256("a639ec97".to_owned()));
    for &weights in Pretrained::ALL {
        let digits = match weights.source().checksum() {
            Checksum::Sha1(digits) => (digits.len(), 40),
            Checksum::Sha256(digits) => (digits.len(), 8),
            other => panic!("{weights}: {other:?}"),
        };
        assert_eq!(digits.0, digits.1, "{weights}");
        assert!(
            weights.top1_error().or(weights.top5_error()).is_some(),
            "{weights}"
        );
    }
}

#[test]
fn every_class_has_a_name_of_its_own() {
    for benchmark in [Benchmark::Cifar10, Benchmark::Cifar100, Benchmark::Imagenet] {
        let names: Vec<&str> = benchmark.class_names().collect();
        assert_eq!(names.len(), benchmark.num_classes());
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len(), "{benchmark:?}");
        assert!(names.iter().all(|name| !name.trim().is_empty()));
    }
}
