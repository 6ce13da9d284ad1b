//! A DenseNet that torchvision made, under its current and its old names, in both containers.

use burn::tensor::{DType, Device, Tensor, TensorData};
use condensenet_models::{NetworkConfig, NetworkFile, Stem};
use safetensors::SafeTensors;

use crate::{fixtures, import};

fn tensor(name: &str) -> TensorData {
    let bytes = std::fs::read(fixtures("torchvision").join("densenet.io.safetensors"));
    let bytes = bytes.expect("a fixture");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let view = file.tensor(name).expect("a tensor of the fixture");
    TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), DType::F32)
}

#[test]
fn torchvision_s_densenet_computes_its_logits_whatever_its_names_and_its_container() {
    let config = NetworkConfig::densenet(vec![2, 2], 4).with_stem(Stem::ImagenetPooled);
    let images = Tensor::<4>::from_data(tensor("images"), &Device::default());
    let expected: Vec<f32> = tensor("logits").iter().collect();
    let mut failures = Vec::new();
    for name in [
        "densenet.pth",
        "densenet_old_names.pth",
        "densenet.safetensors",
    ] {
        let imported = import(&fixtures("torchvision").join(name)).unwrap();
        assert_eq!(*imported.network.config(), config, "{name}");
        let renamed = imported
            .report
            .inferences
            .iter()
            .any(|i| i.field == "names");
        assert_eq!(renamed, name.contains("old"), "{name}");
        let logits = imported.network.forward(images.clone()).into_data();
        let pairs = logits.iter::<f32>().zip(&expected);
        let off = pairs.fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        println!("{name}: {off:.1e}");
        if off.is_nan() || off > 1e-5 {
            failures.push(format!("{name}: {off:.1e}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_network_file_of_it_has_torchvision_s_current_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.safetensors");
    let old = import(&fixtures("torchvision").join("densenet_old_names.pth")).unwrap();
    NetworkFile::new(old.network).save(&path).unwrap();
    let loaded = NetworkFile::load(&path, &Device::default()).unwrap();
    let current = import(&fixtures("torchvision").join("densenet.pth")).unwrap();
    assert_eq!(loaded.network.state_dict(), current.network.state_dict());
    let key = "features.denseblock1.denselayer1.norm1.weight";
    assert!(loaded.network.state_dict().contains_key(key));
}
