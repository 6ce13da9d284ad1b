//! Checkpoints of other libraries, under their own names: pytorchcv and timm.

use condensenet_runtime::Stem;

use crate::{concluded, deviation, fixtures, import, of_file};

#[test]
fn a_peer_s_network_computes_its_logits_and_its_names_say_the_stem() {
    let pytorchcv = Some("pytorchcv's");
    let mut failures = Vec::new();
    for (name, kind, stem, names) in [
        (
            "pytorchcv_condensenet",
            "condensenet",
            Stem::Imagenet,
            pytorchcv,
        ),
        (
            "pytorchcv_densenet_cifar",
            "densenet",
            Stem::Cifar,
            pytorchcv,
        ),
        (
            "pytorchcv_densenet_plain",
            "densenet",
            Stem::Cifar,
            pytorchcv,
        ),
        (
            "pytorchcv_densenet",
            "densenet",
            Stem::ImagenetPooled,
            pytorchcv,
        ),
        ("timm_densenet", "densenet", Stem::ImagenetPooled, None),
    ] {
        let imported = import(&fixtures("peers").join(format!("{name}.pth"))).unwrap();
        let said = |field: &str| concluded(&imported, field).map(|(value, _)| value);
        assert_eq!(said("network").as_deref(), Some(kind), "{name}");
        assert_eq!(said("stem").as_deref(), Some(stem.name()), "{name}");
        assert_eq!(said("names").as_deref(), names, "{name}");
        let plain = imported.weights.config.bottleneck.is_none();
        assert_eq!(plain, name.ends_with("_plain"), "{name}");
        let io = fixtures("peers").join(format!("{name}.io.safetensors"));
        let [images, logits] = ["images", "logits"].map(|name| of_file(&io, name));
        let [off, largest] = deviation(&imported.weights, &images, &logits);
        println!("{name}: {:.1e}", off / largest);
        if off > 1e-5 * largest {
            failures.push(format!("{name}: {off:.1e} of {largest:.1e}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
