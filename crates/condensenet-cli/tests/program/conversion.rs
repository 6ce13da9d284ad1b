//! `condensenet import`, `convert` and `export`.

use crate::support::*;

#[test]
fn the_ending_of_a_file_says_how_a_network_is_exported() {
    let root = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    let export = |name: &str, more: &[&str]| {
        let file = root.path().join(name);
        let arguments = ["export", path(&checkpoint), "-o", path(&file)].into_iter();
        let output = run(arguments.chain(more.iter().copied()));
        (output, std::fs::read(file).unwrap_or_default())
    };
    let (output, open) = export("open.onnx", &[]);
    assert_done(&output);
    let holds =
        |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(holds(&open, "logits") && holds(&open, "height"));
    let (output, fixed) = export("fixed", &["--format=onnx", "--input-size=8x12"]);
    assert_done(&output);
    assert!(holds(&fixed, "logits") && !holds(&fixed, "height"));
    let (output, small) = export("small.onnx", &["--input-size=1x12"]);
    assert_refused(&output, USAGE, &["small.onnx", "1x12"]);
    assert!(small.is_empty());
    let (output, plain) = export("plain", &["--format=safetensors"]);
    assert_done(&output);
    assert!(plain[8..].starts_with(b"{"));
}

#[test]
fn a_file_is_what_its_name_says() {
    let root = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    for (command, name, more, says) in [
        ("import", "x.onnx", None, "condensenet export"),
        ("convert", "x.onnx", None, "condensenet export"),
        ("convert", "x.PTH", None, "-o weights.safetensors"),
        ("export", "x.pth", None, "-o weights.safetensors"),
        ("export", "x.tflite", None, "-o network.onnx"),
        ("export", "x.onnx", Some("--format=safetensors"), "ONNX"),
    ] {
        let file = root.path().join(name);
        let arguments = [command, path(&checkpoint), "-o", path(&file)];
        let output = run(arguments.into_iter().chain(more));
        assert_refused(&output, USAGE, &[name, says]);
        assert!(!file.exists(), "{command} {name}");
    }
    let graph = root.path().join("x.onnx");
    assert_done(&run(["export", path(&checkpoint), "-o", path(&graph)]));
    let output = run(["evaluate", path(&graph), "synthetic"]);
    assert_refused(&output, FAILED, &["x.onnx", "it is an ONNX graph"]);
}

#[test]
fn a_checkpoint_is_imported_converted_and_exported() {
    let root = tempfile::tempdir().unwrap();
    let [imported, converted, halved, exported] = ["imported", "converted", "halved", "exported"]
        .map(|name| root.path().join(name).with_extension("safetensors"));
    let checkpoint = checkpoint("condensenet_g4c4_final.legacy.pth.tar");
    let output = run(["import", path(&checkpoint), "-o", path(&imported)]);
    assert_done(&output);
    let text = stdout(&output);
    for says in [
        "training form",
        "condensation_factor",
        "not used: ",
        "num_batches_tracked",
    ] {
        assert!(text.contains(says), "`{says}` is missing in: {text}");
    }
    let report = json(&run([
        "import",
        path(&checkpoint),
        "-o",
        path(&imported),
        "--json",
        "--stem=imagenet",
    ]));
    assert_eq!(report["network"]["stem"], "imagenet");
    assert_eq!(report["inferences"]["groups_1x1"]["value"], "4");

    let again = run(["import", path(&imported), "-o", path(&exported)]);
    assert_refused(&again, FAILED, &["nothing to import"]);

    assert_done(&run(["convert", path(&imported), "-o", path(&converted)]));
    let again = run(["convert", path(&converted), "-o", path(&exported)]);
    assert_refused(&again, FAILED, &["converted already"]);
    let halve = [
        "convert",
        path(&converted),
        "-o",
        path(&halved),
        "--condense-classifier",
    ];
    assert_refused(
        &run(halve.iter().chain(&["0"])),
        USAGE,
        &["kept_fraction is 0"],
    );
    assert_done(&run(halve.iter().chain(&["0.5"])));
    let again = run([
        "convert",
        path(&halved),
        "-o",
        path(&exported),
        "--condense-classifier=0.5",
    ]);
    assert_refused(&again, FAILED, &["condensed already"]);

    // What was exported under the original's names is imported again as what it was.
    assert_done(&run([
        "export",
        path(&halved),
        "-o",
        path(&exported),
        "--format=safetensors",
    ]));
    let report = json(&run([
        "import",
        path(&exported),
        "-o",
        path(&imported),
        "--json",
    ]));
    assert_eq!(report["form"], "converted");
    let same = run([
        "convert",
        path(&imported),
        "-o",
        path(&converted),
        "--condense-classifier=0.5",
    ]);
    assert_refused(&same, FAILED, &["condensed already"]);
}

#[test]
fn a_network_that_is_not_condensed_yet_is_not_converted() {
    let root = tempfile::tempdir().unwrap();
    let checkpoint = checkpoint("condensenet_g4c4_mid.zip.pth.tar");
    let output = root.path().join("out.safetensors");
    let refused = run(["convert", path(&checkpoint), "-o", path(&output)]);
    assert_refused(
        &refused,
        FAILED,
        &["can't be converted", "layer 0 of block 0"],
    );
    assert!(!output.exists());
}

#[test]
fn a_run_is_converted() {
    let root = tempfile::tempdir().unwrap();
    let (directory, output) = (
        root.path().join("run"),
        root.path().join("network.safetensors"),
    );
    train(&directory);
    let converted = json(&run([
        "convert",
        path(&directory),
        "-o",
        path(&output),
        "--checkpoint=latest",
        "--json",
    ]));
    assert_eq!(converted["output"], path(&output));
    let evaluation = json(&run(["evaluate", path(&output), "synthetic", "--json"]));
    assert_eq!(evaluation["form"], "converted");
}

#[test]
fn floats_of_half_the_width_halve_a_file_and_every_command_reads_it() {
    let root = tempfile::tempdir().unwrap();
    let [whole, half, again, plain] =
        ["whole", "half", "again", "plain"].map(|name| root.path().join(name));
    let network = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    assert_done(&run(["convert", path(&network), "-o", path(&whole)]));
    assert_done(&run([
        "convert",
        path(&network),
        "-o",
        path(&half),
        "--dtype=f16",
    ]));
    // A network that is converted is rounded, and nothing else.
    assert_done(&run([
        "convert",
        path(&whole),
        "-o",
        path(&again),
        "--dtype=f16",
    ]));
    let [whole_tensors, half_tensors] = [&whole, &half].map(|file| tensors(file));
    assert!(half_tensors == tensors(&again));
    for (key, (bytes, shape)) in &whole_tensors {
        let (rounded, same) = &half_tensors[key];
        assert_eq!(shape, same, "{key}");
        let parts = if key.ends_with("index") { 1 } else { 2 };
        assert_eq!(bytes.len(), parts * rounded.len(), "{key}");
    }
    for (file, dtype) in [(&whole, "bf16"), (&half, "f32"), (&half, "f16")] {
        let export = ["export", path(file), "-o", path(&plain), "--dtype", dtype];
        assert_done(&run(export));
    }
    assert!(tensors(&plain) == half_tensors);
    let onnx = root.path().join("half.onnx");
    assert_done(&run(["export", path(&half), "-o", path(&onnx)]));
    let refused = run(["export", path(&half), "-o", path(&onnx), "--dtype=f16"]);
    assert_refused(&refused, USAGE, &["--dtype", "safetensors"]);
}
