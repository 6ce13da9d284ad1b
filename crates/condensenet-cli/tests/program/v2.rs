//! CondenseNetV2, from options to a converted file.

use crate::support::*;

#[test]
fn a_described_v2_is_trained_converted_and_run() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("run");
    let described = [
        "train",
        "--model=condensenet_v2",
        "--stages=1-1-2",
        "--growth=4-4-8",
        "--group-1x1=4",
        "--group-3x3=2",
        "--condense-factor=4",
        "--reactivation=4/2",
        "--hard-swish-from=1",
        "--squeeze-excitation-from=2",
        "--hidden=12/8",
        "--train-images=60",
        "--valid-images=20",
        "--epochs=4",
        "--batch-size=20",
        "--device=flex",
        "--run",
        path(&directory),
    ];
    let output = run(described);
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));

    let training = json(&run([
        "evaluate",
        path(&directory),
        "--checkpoint=latest",
        "--json",
    ]));
    let converted = ["--checkpoint=latest", "--json", "--converted"];
    let converted = ["evaluate", path(&directory)].into_iter().chain(converted);
    let converted = json(&run(converted));
    assert_eq!(training["top1_error"], converted["top1_error"]);

    let file = root.path().join("fast.safetensors");
    assert_done(&run(["convert", path(&directory), "-o", path(&file)]));
    let summary = json(&run(["summary", path(&file), "--json"]));
    let network = &summary["network"];
    assert_eq!(network["reactivation"]["groups"], 4);
    assert_eq!(network["reactivation"]["condensation_factor"], 2);
    assert_eq!(network["hard_swish_from"], 1);
    assert_eq!(network["squeeze_excitation_from"], 2);
    assert_eq!(network["hidden"]["features"], 12);
    assert_eq!(network["hidden"]["squeeze_reduction"], 8);
    let model = root.path().join("fast.onnx");
    assert_done(&run(["export", path(&file), "-o", path(&model)]));

    // What a run writes down leads to the same network again.
    let again = root.path().join("again");
    let written = directory.join("report/train.toml");
    let output = run([
        "train",
        "--config",
        path(&written),
        "--no-report",
        "--run",
        path(&again),
    ]);
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));
    let of = |directory| json(&run(["summary", path(directory), "--json"]));
    assert_eq!(of(&again)["network"], *network);
}

#[test]
fn what_only_a_v2_has_is_refused_for_another() {
    for option in [
        "--reactivation=4",
        "--hard-swish-from=1",
        "--squeeze-excitation-from=1",
        "--hidden=12",
    ] {
        let output = run(TINY.into_iter().chain([option]));
        let name = option.split('=').next().unwrap();
        assert_refused(&output, USAGE, &[name, "condensenet_v2"]);
    }
    for wrong in ["--reactivation=many", "--hidden=12/x"] {
        assert_refused(&run(TINY.into_iter().chain([wrong])), USAGE, &["expected"]);
    }
}

#[test]
fn a_checkpoint_of_the_authors_is_imported_by_its_key() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("imported.safetensors");
    let checkpoint = checkpoint("v2_g2_final.legacy.pth.tar");
    let output = run(["import", path(&checkpoint), "-o", path(&file)]);
    assert_refused(
        &output,
        FAILED,
        &["`state_dict`, `state_dict_ema`", "--key"],
    );
    let import = ["import", path(&checkpoint), "-o", path(&file), "--json"];
    let report = json(&run(import
        .into_iter()
        .chain(["--key=state_dict_ema", "--hard-swish-from=1"])));
    assert_eq!(report["network"]["hard_swish_from"], 1);
    assert_eq!(report["network"]["reactivation"]["groups"], 2);
    assert_eq!(report["inferences"]["network"]["value"], "condensenet_v2");
}

#[test]
fn the_presets_have_the_sizes_of_the_authors() {
    for (preset, flops, params) in [
        ("imagenet_v2_a", 45_874_350, 2_038_444),
        ("imagenet_v2_b", 146_469_057, 3_592_662),
        ("imagenet_v2_c", 309_740_977, 6_177_512),
    ] {
        let summary = json(&run(["summary", preset, "--json"]));
        for form in ["training", "converted"] {
            let of = |key: &str| &summary[form][key];
            assert_eq!(*of("flops_as_published"), flops, "{preset}, {form}");
            assert_eq!(*of("parameters_as_published"), params, "{preset}, {form}");
        }
        assert_eq!(summary["converted"]["parameters"], params, "{preset}");
    }
}
