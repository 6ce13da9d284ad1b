//! Checkpoints that the original wrote, in every container.

use burn::tensor::Device;
use condensenet_models::{
    AnyNetwork, CondenseNetConfig, ImportError, ImportOptions, NetworkConfig, NetworkFile, Stem,
    import_pytorch,
};

use crate::{checkpoint, deviation, import};

const TRAINED: [&str; 2] = ["zip", "legacy"];
const CONVERTED: [&str; 3] = ["zip", "legacy", "legacy_no_nbt"];

fn networks() -> [(&'static str, NetworkConfig); 5] {
    let small = CondenseNetConfig::new(vec![2, 2, 2], vec![4, 8, 16]);
    let large = CondenseNetConfig::new(vec![2, 2, 2], vec![8, 16, 32]);
    [
        ("condensenet_g4c4", small),
        (
            "condensenet_g8c8",
            large
                .clone()
                .with_groups_1x1(8)
                .with_groups_3x3(8)
                .with_condensation_factor(8),
        ),
        ("condensenet_g4c8", large.with_condensation_factor(8)),
        (
            "densenet_LGC",
            NetworkConfig::light(vec![2, 2, 2], vec![4, 8, 16]),
        ),
        (
            "densenet",
            NetworkConfig {
                growth_rates: vec![4, 8, 16],
                ..NetworkConfig::densenet(vec![2, 2, 2], 4)
            },
        ),
    ]
}

#[test]
fn a_trained_network_is_inferred_and_computes_the_original_logits() {
    let mut failures = Vec::new();
    for (name, config) in networks() {
        for container in TRAINED {
            let imported = import(&checkpoint(&format!("{name}_final.{container}"))).unwrap();
            assert_eq!(*imported.network.config(), config, "{name} {container}");
            assert_eq!(imported.network.form_name(), "training");
            let deviation = deviation(&imported.network, name, "final_eval_logits");
            let line = format!("{name} {container}: {deviation:.1e}");
            println!("{line}");
            if deviation > 1e-5 {
                failures.push(line);
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_converted_network_is_inferred_and_computes_the_original_logits() {
    let mut failures = Vec::new();
    for (name, config) in networks() {
        for container in CONVERTED {
            let file = checkpoint(&format!("converted_{name}_final.{container}"));
            let imported = import(&file).unwrap();
            assert_eq!(*imported.network.config(), config, "{name} {container}");
            assert_eq!(imported.network.form_name(), "converted");
            let deviation = deviation(&imported.network, name, "converted_eval_logits");
            let line = format!("{name} {container}: {deviation:.1e}");
            println!("{line}");
            if deviation > 1e-5 {
                failures.push(line);
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_network_in_the_middle_of_condensing_says_its_groups_and_factor() {
    for container in TRAINED {
        let imported = import(&checkpoint(&format!("condensenet_g4c4_mid.{container}"))).unwrap();
        assert_eq!(*imported.network.config(), networks()[0].1);
        let AnyNetwork::CondenseNet(network) = imported.network else {
            panic!("{container}: not in training form");
        };
        assert_eq!(network.stage(), 2);
    }
}

#[test]
fn all_containers_hold_the_same_network_and_a_network_file_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    for (kind, containers) in [
        ("condensenet_g4c8", &TRAINED[..]),
        ("converted_condensenet_g4c8", &CONVERTED),
        ("densenet_LGC", &TRAINED),
        ("converted_densenet_LGC", &CONVERTED),
        ("densenet", &TRAINED),
        ("converted_densenet", &CONVERTED),
    ] {
        let all = containers.iter().map(|container| {
            let file = checkpoint(&format!("{kind}_final.{container}"));
            import(&file).unwrap().network
        });
        let all: Vec<AnyNetwork> = all.collect();
        for other in &all[1..] {
            assert_eq!(other.state_dict(), all[0].state_dict(), "{kind}");
        }
        NetworkFile::new(all[0].clone()).save(&path).unwrap();
        let loaded = NetworkFile::load(&path, &Device::default()).unwrap();
        assert_eq!(loaded.network.state_dict(), all[0].state_dict(), "{kind}");
    }
}

#[test]
fn the_report_names_what_was_concluded_and_what_was_ignored() {
    let report = import(&checkpoint("condensenet_g4c8_final.zip"))
        .unwrap()
        .report;
    let ignored = [
        "best_prec1",
        "epoch",
        "model",
        "optimizer",
        "num_batches_tracked (13 tensors)",
        "_stage (6 tensors)",
        "_count (6 tensors)",
    ];
    assert_eq!(report.ignored, ignored);
    let concluded = |field: &str| {
        let found = report.inferences.iter().find(|found| found.field == field);
        found.map(|found| format!("{} from {}", found.value, found.from))
    };
    let expected = [
        ("groups_1x1", "4 from the period of the masks' rows"),
        ("condensation_factor", "8 from dropped inputs and `_stage`"),
        ("stem", "cifar from 3 blocks and 10 classes"),
        ("growth_rates", "[8, 16, 32] from names and shapes"),
    ];
    for (field, expected) in expected {
        assert_eq!(concluded(field).as_deref(), Some(expected), "{field}");
    }

    let report = import(&checkpoint(
        "converted_condensenet_g4c8_final.legacy_no_nbt",
    ));
    assert_eq!(report.unwrap().report.ignored, [""; 0]);
}

#[test]
fn options_override_what_was_inferred() {
    let options = ImportOptions::default().with_stem(Stem::Imagenet);
    let file = checkpoint("condensenet_g4c4_final.zip");
    let imported = import_pytorch(&file, &options, &Device::default()).unwrap();
    assert_eq!(imported.network.config().stem, Stem::Imagenet);

    // Three groups do not divide the outputs, and five classes of masks do not exist.
    let options = ImportOptions::default().with_groups_1x1(3);
    let error = import_pytorch(&file, &options, &Device::default()).unwrap_err();
    assert!(matches!(error, ImportError::Config { .. }), "{error}");
    let options = ImportOptions::default().with_groups_1x1(2);
    let error = import_pytorch(&file, &options, &Device::default()).unwrap_err();
    assert!(
        error.to_string().contains("both belong to group"),
        "{error}"
    );
}

#[test]
fn the_report_says_which_network_it_is_and_why() {
    for (name, network, reduction) in [
        (
            "densenet_final.zip",
            "densenet from neither a mask nor an index",
            Some("0.5 from names and shapes"),
        ),
        (
            "densenet_LGC_final.zip",
            "light_condensenet from masks or indices, in transitions too",
            Some("0.5 from names and shapes"),
        ),
        (
            "condensenet_g4c4_final.zip",
            "condensenet from masks or indices, and no convolution in a transition",
            None,
        ),
    ] {
        let report = import(&checkpoint(name)).unwrap().report;
        let concluded = |field: &str| {
            let found = report.inferences.iter().find(|found| found.field == field);
            found.map(|found| format!("{} from {}", found.value, found.from))
        };
        assert_eq!(concluded("network").as_deref(), Some(network), "{name}");
        assert_eq!(concluded("reduction").as_deref(), reduction, "{name}");
        assert!(report.ignored.contains(&"optimizer".to_owned()), "{name}");
    }
}
