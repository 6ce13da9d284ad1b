//! Checkpoints that the original wrote, in every container.

use condensenet_runtime::{
    FileForm, ImportError, ImportOptions, NetworkConfig, NetworkWeights, Stem, WeightsError,
    import_pytorch, open_network,
};

use crate::{checkpoint, concluded, deviation, golden, import, values};

const TRAINED: [&str; 2] = ["zip", "legacy"];
const CONVERTED: [&str; 3] = ["zip", "legacy", "legacy_no_nbt"];

fn networks() -> [(&'static str, NetworkConfig); 5] {
    let layers = || vec![2, 2, 2];
    let large = || NetworkConfig::new(layers(), vec![8, 16, 32]).with_condensation_factor(8);
    let densenet = NetworkConfig {
        condensation_factor: None,
        groups_1x1: 1,
        groups_3x3: 1,
        ..NetworkConfig::light(layers(), vec![4, 8, 16])
    };
    [
        (
            "condensenet_g4c4",
            NetworkConfig::new(layers(), vec![4, 8, 16]),
        ),
        (
            "condensenet_g8c8",
            large().with_groups_1x1(8).with_groups_3x3(8),
        ),
        ("condensenet_g4c8", large()),
        (
            "densenet_LGC",
            NetworkConfig::light(layers(), vec![4, 8, 16]),
        ),
        ("densenet", densenet),
    ]
}

fn computes_the_original_logits(prefix: &str, containers: &[&str], form: FileForm, key: &str) {
    let images = golden("scripted_run", "eval_x");
    let mut failures = Vec::new();
    for (name, config) in networks() {
        for container in containers {
            let file = checkpoint(&format!("{prefix}{name}_final.{container}"));
            let weights = import(&file).expect("a checkpoint of the original").weights;
            assert_eq!(weights.config, config, "{name} {container}");
            assert_eq!(weights.form, form, "{name} {container}");
            let [off, _] = deviation(&weights, &images, &golden(name, key));
            if off > 1e-5 {
                failures.push(format!("{name} {container}: {off:.1e}"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_trained_network_is_inferred_and_computes_the_original_logits() {
    computes_the_original_logits("", &TRAINED, FileForm::Training, "final_eval_logits");
}

#[test]
fn a_converted_network_is_inferred_and_computes_the_original_logits() {
    let (form, key) = (FileForm::Converted, "converted_eval_logits");
    computes_the_original_logits("converted_", &CONVERTED, form, key);
}

#[test]
fn a_network_in_the_middle_of_condensing_says_its_groups_and_factor() {
    for container in TRAINED {
        let imported = import(&checkpoint(&format!("condensenet_g4c4_mid.{container}"))).unwrap();
        let NetworkWeights {
            config,
            form,
            tensors,
            ..
        } = imported.weights;
        assert_eq!(config, networks()[0].1);
        assert_eq!(form, FileForm::Training);
        // Two of three quarters are dropped.
        let masks = tensors.iter().filter(|(key, _)| key.ends_with("._mask"));
        for (key, mask) in masks {
            let kept = mask.to_f64().iter().sum::<f64>();
            assert_eq!(kept * 2.0, mask.num_elements() as f64, "{key}");
        }
    }
}

#[test]
fn all_containers_hold_the_same_network_and_a_network_file_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let options = ImportOptions::default();
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
            open_network(file, &options).unwrap().file
        });
        let all: Vec<_> = all.collect();
        let first = &all[0].weights.tensors;
        for other in &all[1..] {
            assert_eq!(values(&other.weights.tensors), values(first), "{kind}");
        }
        all[0].save(&path).unwrap();
        let loaded = open_network(&path, &options).unwrap();
        assert_eq!(loaded.file, all[0], "{kind}");
        assert_eq!(loaded.report, None);
        let provenance = loaded.file.provenance.unwrap();
        assert_eq!(
            provenance,
            format!("imported from {kind}_final.zip.pth.tar")
        );
    }
}

#[test]
fn the_report_names_what_was_concluded_and_what_was_ignored() {
    let imported = import(&checkpoint("condensenet_g4c8_final.zip")).unwrap();
    let ignored = [
        "best_prec1",
        "epoch",
        "model",
        "optimizer",
        "num_batches_tracked (13 tensors)",
        "_stage (6 tensors)",
        "_count (6 tensors)",
    ];
    assert_eq!(imported.report.ignored, ignored);
    for (field, value, from) in [
        ("groups_1x1", "4", "the period of the masks' rows"),
        ("condensation_factor", "8", "dropped inputs and `_stage`"),
        ("stem", "cifar", "3 blocks and 10 classes"),
        ("growth_rates", "[8, 16, 32]", "names and shapes"),
    ] {
        let expected = Some((value.to_owned(), from.to_owned()));
        assert_eq!(concluded(&imported, field), expected, "{field}");
    }

    let name = "converted_condensenet_g4c8_final.legacy_no_nbt";
    let imported = import(&checkpoint(name)).unwrap();
    assert_eq!(imported.report.ignored, [""; 0]);
}

#[test]
fn options_override_what_was_inferred() {
    let options = ImportOptions::default().with_stem(Stem::Imagenet);
    let file = checkpoint("condensenet_g4c4_final.zip");
    let imported = import_pytorch(&file, &options).unwrap();
    assert_eq!(imported.weights.config.stem, Stem::Imagenet);

    // Three groups do not divide the outputs, and five classes of masks do not exist.
    let options = ImportOptions::default().with_groups_1x1(3);
    let error = import_pytorch(&file, &options).unwrap_err();
    let of_config = matches!(
        &error,
        ImportError::Weights { source, .. } if matches!(source, WeightsError::Config(_))
    );
    assert!(of_config, "{error}");
    let options = ImportOptions::default().with_groups_1x1(2);
    let error = import_pytorch(&file, &options).unwrap_err();
    assert!(
        error.to_string().contains("both belong to group"),
        "{error}"
    );
}

#[test]
fn the_report_says_which_network_it_is_and_why() {
    for (name, network, why, has_reduction) in [
        (
            "densenet_final.zip",
            "densenet",
            "neither a mask nor an index",
            true,
        ),
        (
            "densenet_LGC_final.zip",
            "light_condensenet",
            "masks or indices, in transitions too",
            true,
        ),
        (
            "condensenet_g4c4_final.zip",
            "condensenet",
            "masks or indices, and no convolution in a transition",
            false,
        ),
    ] {
        let imported = import(&checkpoint(name)).unwrap();
        let expected = Some((network.to_owned(), why.to_owned()));
        assert_eq!(concluded(&imported, "network"), expected, "{name}");
        let reduction = has_reduction.then(|| ("0.5".to_owned(), "names and shapes".to_owned()));
        assert_eq!(concluded(&imported, "reduction"), reduction, "{name}");
        let ignored = imported.report.ignored;
        assert!(ignored.contains(&"optimizer".to_owned()), "{name}");
    }
}
