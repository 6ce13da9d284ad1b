//! Folders and lists of photos: what is listed, and which batches come of it.

mod folders;
mod lists;
mod loading;
mod transforms;

use std::fs;
use std::path::{Path, PathBuf};

use condensenet_train::data::PhotoFolder;
use image::{ImageBuffer, Rgb};
use tempfile::TempDir;

/// A photo whose color says which it is, larger than any size that is asked for.
pub(crate) fn write_photo(path: &Path, shade: u8) {
    fs::create_dir_all(path.parent().expect("a folder"))
        .expect("the temporary directory can be written");
    let photo = ImageBuffer::from_fn(60, 45, |x, y| Rgb([shade, (4 * x) as u8, (5 * y) as u8]));
    photo
        .save(path)
        .expect("the temporary directory can be written");
}

/// Two classes, four photos to learn from and three to validate on.
pub(crate) fn photos() -> TempDir {
    let directory = tempfile::tempdir().expect("the temporary directory can be written");
    for (at, name) in [
        "train/cat/b.png",
        "train/cat/a.jpg",
        "train/dog/1.PNG",
        "train/dog/0.jpeg",
        "val/cat/x.png",
        "val/dog/y.png",
        "val/dog/z.jpg",
    ]
    .iter()
    .enumerate()
    {
        write_photo(&directory.path().join(name), 30 * at as u8);
    }
    directory
}

/// Paths of all photos below the folder's root, and their labels.
pub(crate) fn listed(folder: &PhotoFolder) -> Vec<(PathBuf, u32)> {
    (0..folder.len())
        .map(|index| {
            let path = folder.path(index);
            let path = path.strip_prefix(folder.root()).expect("it lies below");
            (path.to_owned(), folder.label(index))
        })
        .collect()
}
