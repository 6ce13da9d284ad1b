//! `condensenet import`, `convert` and `export`.

use crate::support::*;

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
