//! Files to write whose names say what will be in them.

use std::path::{Path, PathBuf};

/// Endings of formats that are not written here, with what writes them or does instead.
const FOREIGN: [(&[&str], &str); 4] = [
    (
        &["onnx"],
        "is the ending of an ONNX graph, which `condensenet export` writes",
    ),
    (
        &["pth", "pt", "tar", "ckpt", "bin", "pkl"],
        "is an ending of PyTorch's pickles, which are read here but not written: PyTorch reads safetensors \
         (`condensenet export NETWORK -o weights.safetensors`)",
    ),
    (
        &[
            "tflite",
            "pb",
            "h5",
            "hdf5",
            "keras",
            "mlmodel",
            "mlpackage",
            "xml",
            "param",
            "engine",
            "gguf",
            "npz",
            "npy",
        ],
        "is the ending of a format that is not written here: most runtimes read or convert ONNX \
         (`condensenet export NETWORK -o network.onnx`)",
    ),
    (
        &[
            "json", "toml", "txt", "csv", "png", "jpg", "jpeg", "zip", "gz",
        ],
        "is not the ending of a file of tensors, which is `.safetensors`",
    ),
];

/// Reads the name of a safetensors file to write; the ending of another format is refused.
pub(crate) fn safetensors_to_write(name: &str) -> Result<PathBuf, String> {
    match foreign(Path::new(name)) {
        None => Ok(name.into()),
        Some(reason) => Err(reason),
    }
}

/// Says what is wrong with the ending of a safetensors file's name, if anything is.
pub(crate) fn foreign(path: &Path) -> Option<String> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let (_, is) = FOREIGN
        .iter()
        .find(|(endings, _)| endings.contains(&ending.as_str()))?;
    Some(format!(".{ending} {is}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_of_another_format_is_refused_in_either_case() {
        for name in ["a/b.onnx", "b.PTH", "b.pth.tar", "x.tflite", "x.json"] {
            assert!(safetensors_to_write(name).is_err(), "{name}");
        }
        for name in ["x.safetensors", "x", "x.onnx/y", "onnx", ".pth", "net.v2"] {
            assert_eq!(safetensors_to_write(name), Ok(name.into()), "{name}");
        }
    }
}
