//! Command lines that make no sense, and files that are no good.

use crate::support::*;

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let described = ["train", "--model", "condensenet"];
    let mut failures = Vec::new();
    for (line, says) in [
        ("train --color red", "--color"),
        ("train --stages 4-4", "--growth"),
        ("train --stages 4-x --growth 8-16", "14-14-14"),
        ("train --stages 4 --growth 8-16", "every dense block"),
        ("train --growth 8 --stages 0", "must be at least 1"),
        ("train --groups-1x1 7", "groups_1x1 = 7"),
        ("train --condense-factor 0", "condensation_factor"),
        ("train --model cifar_50 --stages 1 --growth 8", "--model"),
        (&described.join(" "), "--growth-rates"),
        ("train synthetic --data .", "no files"),
        ("train --dataset synthetic --data .", "no files"),
        ("train cifar10 --dataset cifar100", "--dataset"),
        ("train mnist", "cifar100"),
        ("train --data . --valid-images 9", "--valid-images"),
        ("train --train-images 0", "--train-images"),
        ("train --epochs 0", "--epochs"),
        ("train -b 0", "--batch-size"),
        ("train --lr nan", "learning_rate"),
        ("train --lr-type linear", "multistep"),
        ("train --nesterov perhaps", "--nesterov"),
        ("train --dropout-rate 1.5", "dropout"),
        ("train --resume . --epochs 9", "--epochs"),
        ("train --resume . --data .", "--data"),
        ("train --resume . cifar10", "DATASET"),
        ("train --resume . --model cifar_50", "--model"),
        ("train --resume . --run x", "--run"),
        ("train --resume . --config x", "--config"),
        ("train --resume . --init x", "--init"),
        ("train --device flex:0,0", "flex:0,0"),
        ("train --model densenet", "--growth-rates"),
        (
            "train --model densenet --stages 2-2 --growth 4 --condense-factor 2",
            "does not condense",
        ),
        (
            "train --model densenet --stages 2-2 --growth 4 --dropout 0.1",
            "no dropout",
        ),
        (
            "train --stages 2-2 --growth 4-8 --reduction 0.5",
            "leave every channel",
        ),
        ("train --stages 2-2 --growth 4", "every dense block"),
        (
            "train --model imagenet_densenet_121 --condense-factor 2",
            "does not condense",
        ),
        ("train --stem vgg", "imagenet_pooled"),
        ("train cifar10 --image-size 64", "cifar10 has none"),
        ("train --unreadable skip", "synthetic has none"),
        ("train . --train-images 5", "all are used"),
        ("train . --data .", "--data"),
        ("train . --image-size 64 --resize 32", "shorter_side is 32"),
        ("train . --crop-area 0", "scale[0] is 0"),
        ("train . --color-jitter 1,2", "one number, or four"),
        ("train . --color-jitter 0,0,0,0.6", "color_jitter.hue"),
        ("train . --unreadable perhaps", "skip"),
        ("train --warm-up soon", "500steps"),
        ("train --warm-up 300", "shorter than the training"),
        ("train --clipping much", "value=0.5"),
        ("train --clipping norm=-1", "clipping's norm"),
        ("train --label-smoothing 1", "label_smoothing"),
        ("train --accumulation 0", "--accumulation"),
        ("train --accumulation 65", "accumulation"),
        ("train --precision f16", "scaled loss"),
        ("train --resume . --precision bf16", "--resume"),
        ("train --average-decay 1", "average_decay"),
        ("train --patience 0", "--patience"),
        ("train --max-minutes nan", "--max-minutes"),
        ("train --checkpoint-minutes nan", "--checkpoint-minutes"),
        ("train --keep-checkpoints 0", "--keep-checkpoints"),
        ("train --freeze", "--init"),
        ("train --resume . --freeze --init x", "--resume"),
        ("train --resume . --image-size 64", "--image-size"),
        ("evaluate x cifar10 --list y", "--list"),
        ("evaluate Cargo.toml synthetic --average", "is a file"),
        ("evaluate . --device flex:0,0", "flex:0,0"),
        ("predict x y --tensor z -o w", "--tensor"),
        ("predict x y -o z", "--tensor"),
        ("predict x y -k 0", "--top-k"),
        (
            "export x -o y.safetensors --input-size 8x8",
            "--format onnx",
        ),
        ("report . .", "--compare"),
        ("train --device flex:x", "FAMILY:INDEX"),
        ("train -v -q", "--quiet"),
        ("evaluate", "<FILE|RUN|NAME>"),
        ("evaluate . --checkpoint worst", "latest"),
        ("evaluate Cargo.toml", "name a data set"),
        ("predict x", "<IMAGE>"),
        ("predict x --tensor y", "--output"),
        ("convert x", "--output"),
        ("import x", "--output"),
        ("export x", "--output"),
        ("export x -o y --format jpeg", "safetensors"),
        ("summary cifar_86 --input 32", "32x48"),
        ("summary cifar_86 --input 2x99", "needs at least 4x4"),
        ("summary cifar_86 --classes 0", "num_classes"),
        ("download imagenet", "cifar100"),
        ("completions tcsh", "elvish"),
        ("bench cifar_50 --seconds 0", "--seconds"),
        ("bench cifar_50 --threads 0", "--threads"),
        ("bench cifar_50 --form burnt", "session"),
        ("bench cifar_50 --size 3x9", "at least 4x4"),
        ("bench cifar_50 --classifier 2", "kept_fraction"),
        (
            "bench cifar_50 --classifier 0.5 --form training",
            "--classifier",
        ),
        ("bench cifar_50 --devices flex,flex", "twice"),
        ("bench cifar_50 --devices all --form forward", "--form"),
        ("bench cifar_50 --output x", "--devices"),
        ("bench cifar_50 --devices flex -o x.json", "x.json"),
        ("fly", "fly"),
    ] {
        let output = run(line.split(' '));
        let error = stderr(&output);
        let refused = output.status.code() == Some(USAGE)
            && stdout(&output).is_empty()
            && error.starts_with("error: ")
            && error.contains(says);
        if !refused {
            failures.push(format!("{line}: {:?} {error}", output.status.code()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_unknown_preset_is_answered_with_all_known_ones_and_the_nearest() {
    for arguments in [
        ["train", "--model=cifar_85"].as_slice(),
        &["summary", "cifar86"],
        &["bench", "cifar86"],
    ] {
        let says = [
            "cifar_50",
            "cifar_182",
            "imagenet_74_c8",
            "did you mean cifar_86?",
        ];
        assert_refused(&run(arguments), USAGE, &says);
    }
}

#[test]
fn a_device_that_is_not_there_is_answered_with_those_that_are() {
    for command in [
        "train",
        "evaluate .",
        "predict x --tensor y -o z",
        "convert x -o y",
        "export x -o y",
    ] {
        let with = |device| run(command.split(' ').chain(["--device", device]));
        let says = ["abacus", "compiled in: ", "flex"];
        assert_refused(&with("abacus"), FAILED, &says);
        let says = ["flex:7", "1 device", "there are: ", "flex:0"];
        assert_refused(&with("flex:7"), FAILED, &says);
        assert_refused(&with("flex:0,7"), FAILED, &says);
    }
    let checkpoint = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    let checkpoint = path(&checkpoint);
    for arguments in [
        ["train"].as_slice(),
        &["train", "--device=flex"], // Burn reads the variable all the same
        &["summary", checkpoint],
        &["import", checkpoint, "-o", "x"],
    ] {
        let mut program = program();
        program.env("BURN_DEVICE", "abacus").args(arguments);
        assert_refused(&program.output().unwrap(), FAILED, &["abacus"]);
    }
}

#[test]
fn there_is_nothing_to_do_where_there_is_no_run() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out.safetensors");
    for arguments in [
        ["train", "--resume"].as_slice(),
        &["evaluate"],
        &["summary"],
        &["bench"],
        &["convert", "-o", path(&output)],
        &["export", "-o", path(&output)],
        &["predict", "--tensor", "x", "-o", path(&output)],
    ] {
        let refused = run(arguments.iter().copied().chain([path(root.path())]));
        assert_refused(&refused, FAILED, &[path(root.path()), "run.json"]);
    }
    assert!(!output.exists());
}

#[test]
fn a_file_that_is_not_there_or_holds_no_network_is_named() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("missing.safetensors");
    let text = root.path().join("text.pth");
    std::fs::write(&text, "no network at all").unwrap();
    let torn = root.path().join("torn.safetensors");
    std::fs::write(
        &torn,
        [&[200, 0, 0, 0, 0, 0, 0, 0], &b"{\"a\":"[..]].concat(),
    )
    .unwrap();
    let output = root.path().join("out.safetensors");
    let output = path(&output);
    for (file, says) in [
        (&missing, "no file"),
        (&text, "text.pth"),
        (&torn, "torn.safetensors"),
    ] {
        let file = path(file);
        for arguments in [
            ["evaluate", file, "synthetic"].as_slice(),
            &["convert", file, "-o", output],
            &["import", file, "-o", output],
            &["export", file, "-o", output],
            &["predict", file, "--tensor", file, "-o", output],
            &["train", "--init", file],
        ] {
            assert_refused(&run(arguments), FAILED, &[file, says]);
        }
        assert!(!std::path::Path::new(output).exists());
    }
    assert_refused(&run(["summary", path(&text)]), FAILED, &["text.pth"]);
    assert_refused(
        &run(["summary", path(&missing)]),
        USAGE,
        &["no file or directory"],
    );
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let root = tempfile::tempdir().unwrap();
    // A file where a directory should be can't be written into, whoever asks.
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("below");
    let below = path(&below);
    let checkpoint = checkpoint("condensenet_g4c4_final.zip.pth.tar");
    let checkpoint = path(&checkpoint);
    for arguments in [
        TINY.into_iter().chain(["--run", below]).collect::<Vec<_>>(),
        vec!["import", checkpoint, "-o", below],
        vec!["convert", checkpoint, "-o", below],
        vec!["export", checkpoint, "-o", below],
        vec!["download", "cifar10", "--data", below],
        vec!["man", "--output", below],
    ] {
        assert_refused(&run(arguments), FAILED, &["file/below"]);
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for arguments in [
        ["summary", "cifar_182"].as_slice(),
        &["man"],
        &["completions", "bash"],
    ] {
        let mut program = program();
        program
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut program = program.spawn().unwrap();
        drop(program.stdout.take());
        let output = program.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
    }
}
