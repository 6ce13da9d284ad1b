//! Running the program, and a network that trains in a second.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

pub(crate) const DONE: i32 = 0;
pub(crate) const FAILED: i32 = 1;
pub(crate) const USAGE: i32 = 2;
pub(crate) const INTERRUPTED: i32 = 130;

/// A network and a set of images that train in a second, without a report.
pub(crate) const TINY: [&str; 15] = [
    "train",
    "--stages",
    "1-1",
    "--growth",
    "4-8",
    "--train-images",
    "60",
    "--valid-images",
    "20",
    "--epochs",
    "2",
    "-b",
    "20",
    "--device=flex",
    "--no-report",
];

pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_condensenet"));
    for variable in ["BURN_DEVICE", "RUST_LOG"] {
        program.env_remove(variable);
    }
    program
}

pub(crate) fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    let mut program = program();
    program.args(arguments).stdin(Stdio::null());
    program.output().expect("the program starts")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// Asserts that the program ended as it should and said nothing on standard error.
pub(crate) fn assert_done(output: &Output) {
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(output));
    assert_eq!(stderr(output), "");
}

/// Asserts that the program refused, on standard error alone, with a sentence that says all of this.
pub(crate) fn assert_refused(output: &Output, code: i32, says: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(stdout(output), "");
    assert!(error.starts_with("error: "), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    if code == FAILED {
        assert_eq!(error.lines().count(), 1, "one sentence: {error}");
    }
    for text in says {
        assert!(error.contains(text), "`{text}` is missing in: {error}");
    }
}

/// Writes photos of two classes, `dark` and `light`, `count` of each to learn from and to validate on.
pub(crate) fn photos(root: &Path, count: u8) -> PathBuf {
    let directory = root.join("photos");
    for split in ["train", "val"] {
        for (class, shade) in [("dark", 20), ("light", 200)] {
            let folder = directory.join(split).join(class);
            std::fs::create_dir_all(&folder).expect("a folder");
            for number in 0..count {
                write_png(&folder.join(format!("{number}.png")), shade + number);
            }
        }
    }
    directory
}

/// Writes a photo of 50 by 40 pixels, which is not quite of one shade.
pub(crate) fn write_png(file: &Path, shade: u8) {
    let pixels = (0..50 * 40 * 3).map(|at| shade + (at % 31) as u8).collect();
    let photo = image::RgbImage::from_vec(50, 40, pixels).expect("as many pixels as that");
    photo
        .save_with_format(file, image::ImageFormat::Png)
        .expect("a place to write to");
}

/// A network for photos of 20 pixels that trains in a second.
pub(crate) fn train_on_photos(photos: &Path, directory: &Path) {
    let options =
        "--stages 1-1 --growth 4-8 --image-size 20 --resize 24 --epochs 2 -b 4 --device=flex --run";
    let arguments = ["train", path(photos)].into_iter();
    let output = run(arguments.chain(options.split(' ')).chain([path(directory)]));
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));
}

/// Trains the tiny network into a directory.
pub(crate) fn train(directory: &Path) -> Output {
    let output = run(TINY.into_iter().chain(["--run", path(directory)]));
    assert_eq!(output.status.code(), Some(DONE), "{}", stderr(&output));
    output
}

pub(crate) fn json(output: &Output) -> Value {
    assert_done(output);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A checkpoint of the original code, from the fixtures of the crate that reads them.
pub(crate) fn checkpoint(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../condensenet-runtime/tests/fixtures/checkpoints");
    fixtures.join(name)
}

/// A tensor of a golden file, which the original code wrote.
pub(crate) fn golden(name: &str, key: &str) -> (Vec<f32>, Vec<usize>) {
    let fixtures =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../condensenet-models/tests/fixtures/golden");
    let mut tensors = tensors(&fixtures.join(name).with_extension("safetensors"));
    let (bytes, shape) = tensors.remove(key).expect("a tensor of that name");
    let values = bytes.chunks_exact(4);
    let values = values.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let shape = shape.into_iter().map(|size| size as usize).collect();
    (values.collect(), shape)
}

/// The bytes and the shapes of a plain safetensors file, by key.
pub(crate) fn tensors(file: &Path) -> BTreeMap<String, (Vec<u8>, Vec<u64>)> {
    let bytes = std::fs::read(file).expect("it is as the test has it");
    let header =
        8 + u64::from_le_bytes(bytes[..8].try_into().expect("it is as the test has it")) as usize;
    let entries: serde_json::Map<String, Value> =
        serde_json::from_slice(&bytes[8..header]).expect("it is as the test has it");
    let numbers = |value: &Value| -> Vec<u64> {
        value
            .as_array()
            .expect("it is as the test has it")
            .iter()
            .map(|number| number.as_u64().expect("it is as the test has it"))
            .collect()
    };
    let tensors = entries.into_iter().filter(|(key, _)| key != "__metadata__");
    tensors
        .map(|(key, entry)| {
            let at = numbers(&entry["data_offsets"]);
            let data = bytes[header + at[0] as usize..header + at[1] as usize].to_vec();
            (key, (data, numbers(&entry["shape"])))
        })
        .collect()
}
