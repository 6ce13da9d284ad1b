//! Checkpoints of other libraries, under their own names: pytorchcv and timm.

use burn::tensor::{DType, Device, Tensor, TensorData};
use condensenet_models::{ImportError, Stem};
use safetensors::SafeTensors;

use crate::{fixtures, import};

fn tensor(network: &str, name: &str) -> TensorData {
    let path = fixtures("peers").join(format!("{network}.io.safetensors"));
    let bytes = std::fs::read(path).expect("a fixture");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let view = file.tensor(name).expect("a tensor of the fixture");
    TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), DType::F32)
}

#[test]
fn a_peer_s_network_computes_its_logits_and_its_names_say_the_stem() {
    let mut failures = Vec::new();
    for (name, kind, stem, names) in [
        (
            "pytorchcv_condensenet",
            "condensenet",
            Stem::Imagenet,
            Some("pytorchcv's"),
        ),
        (
            "pytorchcv_densenet_cifar",
            "densenet",
            Stem::Cifar,
            Some("pytorchcv's"),
        ),
        (
            "pytorchcv_densenet",
            "densenet",
            Stem::ImagenetPooled,
            Some("pytorchcv's"),
        ),
        ("timm_densenet", "densenet", Stem::ImagenetPooled, None),
    ] {
        let imported = import(&fixtures("peers").join(format!("{name}.pth"))).unwrap();
        let said = |field: &str| {
            let found = imported
                .report
                .inferences
                .iter()
                .find(|found| found.field == field);
            found.map(|found| found.value.as_str())
        };
        assert_eq!(said("network"), Some(kind), "{name}");
        assert_eq!(said("stem"), Some(stem.name()), "{name}");
        assert_eq!(said("names"), names, "{name}");
        let images = Tensor::<4>::from_data(tensor(name, "images"), &Device::default());
        let expected: Vec<f32> = tensor(name, "logits").iter().collect();
        let logits = imported.network.forward(images).into_data();
        let pairs = logits.iter::<f32>().zip(&expected);
        let off = pairs.fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        let largest = expected
            .iter()
            .fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
        println!("{name}: {:.1e}", off / largest);
        if off.is_nan() || off > 1e-5 * largest {
            failures.push(format!("{name}: {off:.1e} of {largest:.1e}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_densenet_without_bottlenecks_is_called_so() {
    let error = import(&fixtures("peers").join("pytorchcv_densenet_plain.pth")).unwrap_err();
    assert!(matches!(error, ImportError::NoBottleneck(_)), "{error}");
}
