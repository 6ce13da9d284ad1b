//! `condensenet summary`.

use crate::support::*;

#[test]
fn a_summary_has_the_published_sizes() {
    // The original code's own count of its networks, before and after its conversion.
    for (preset, classes, training, converted) in [
        (
            "cifar_86",
            "10",
            [520_202_u64, 65_816_394_u64],
            [516_202_u64, 65_812_394_u64],
        ),
        (
            "CIFAR-86",
            "100",
            [592_292, 65_888_484],
            [552_292, 65_848_484],
        ),
        (
            "cifar_182",
            "10",
            [4_221_946, 512_671_594],
            [4_209_226, 512_658_874],
        ),
        (
            "imagenet_74_c4",
            "1000",
            [5_805_944, 530_360_264],
            [4_773_944, 529_328_264],
        ),
        (
            "imagenet_74_c8",
            "1000",
            [3_967_416, 275_265_480],
            [2_935_416, 274_233_480],
        ),
    ] {
        let summary = json(&run(["summary", preset, "--classes", classes, "--json"]));
        let published = "converted_half_classifier";
        for (form, [params, flops]) in [("training", training), (published, converted)] {
            let totals = &summary[form];
            assert_eq!(totals["parameters_as_published"], params, "{preset} {form}");
            assert_eq!(totals["flops_as_published"], flops, "{preset} {form}");
        }
    }
    let summary = json(&run(["summary", "cifar_86", "--json"]));
    assert_eq!(summary["training"]["parameters"], 1_451_594);
    assert_eq!(
        summary["converted_half_classifier"]["multiply_adds"],
        62_377_888
    );
    assert_eq!(summary["converted"]["parameters"], 520_202);
    assert_eq!(summary["input"], serde_json::json!([32, 32]));
}

#[test]
fn a_summary_counts_a_run_and_any_image_size() {
    let root = tempfile::tempdir().unwrap();
    train(root.path());
    let summary = run(["summary", path(root.path())]);
    assert_done(&summary);
    let text = stdout(&summary);
    for says in [
        "blocks.1.layers.0.conv_1x1",
        "condensed convolution",
        "16x16",
        "multiply-adds",
    ] {
        assert!(text.contains(says), "`{says}` is missing in: {text}");
    }
    let count = |size: &str| {
        let summary = json(&run([
            "summary",
            path(root.path()),
            "--input",
            size,
            "--json",
        ]));
        summary["training"]["multiply_adds"].as_u64().unwrap()
    };
    let classifier = 20 * 10;
    assert_eq!(
        count("64x32") - classifier,
        2 * (count("32x32") - classifier)
    );
}

#[test]
fn a_summary_counts_a_file_of_any_kind() {
    let count = |path: &std::path::Path| {
        let summary = json(&run([
            std::ffi::OsStr::new("summary"),
            path.as_os_str(),
            "--json".as_ref(),
        ]));
        (summary["training"].clone(), summary["converted"].clone())
    };
    let trained = count(&checkpoint("condensenet_g4c4_final.zip.pth.tar"));
    assert!(trained.0["parameters"].as_u64().unwrap() > trained.1["parameters"].as_u64().unwrap());
    // Both forms of a network are the same network.
    assert_eq!(
        count(&checkpoint("converted_condensenet_g4c4_final.zip.pth.tar")),
        trained
    );
}
