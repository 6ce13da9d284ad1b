//! A DenseNet that torchvision made, under its current and its old names, in both containers.

use condensenet_runtime::{ImportOptions, NetworkConfig, NetworkFile, Stem, open_network};

use crate::{concluded, deviation, fixtures, import, of_file, values};

#[test]
fn torchvision_s_densenet_computes_its_logits_whatever_its_names_and_its_container() {
    let config = NetworkConfig::densenet(vec![2, 2], 4).with_stem(Stem::ImagenetPooled);
    let folder = fixtures("torchvision");
    let io = folder.join("densenet.io.safetensors");
    let [images, logits] = ["images", "logits"].map(|name| of_file(&io, name));
    let mut failures = Vec::new();
    for name in [
        "densenet.pth",
        "densenet_old_names.pth",
        "densenet.safetensors",
    ] {
        let imported = import(&folder.join(name)).unwrap();
        assert_eq!(imported.weights.config, config, "{name}");
        let renamed = concluded(&imported, "names").is_some();
        assert_eq!(renamed, name.contains("old"), "{name}");
        let [off, _] = deviation(&imported.weights, &images, &logits);
        println!("{name}: {off:.1e}");
        if off > 1e-5 {
            failures.push(format!("{name}: {off:.1e}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_network_file_of_it_has_torchvision_s_current_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let folder = fixtures("torchvision");
    let old = folder.join("densenet_old_names.pth");
    let old = open_network(old, &ImportOptions::default()).unwrap();
    old.file.save(&path).unwrap();
    let loaded = NetworkFile::load(&path).unwrap().weights.tensors;
    let current = import(&folder.join("densenet.pth")).unwrap();
    assert_eq!(values(&loaded), values(&current.weights.tensors));
    assert!(loaded.contains_key("features.denseblock1.denselayer1.norm1.weight"));
}
