use std::fs;
use std::path::{Path, PathBuf};

use condensenet_train::data::{DataError, LabeledPhotos, PhotoList};

const CLASSES: [&str; 3] = ["cat", "dog", "golden retriever"];

fn write(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("the temporary directory can be written");
    let file = directory.path().join("list.csv");
    fs::write(&file, content).expect("the temporary directory can be written");
    (directory, file)
}

fn entries(list: &PhotoList) -> Vec<(PathBuf, String)> {
    (0..list.len())
        .map(|at| {
            let class = list.class_names()[list.label(at) as usize].clone();
            (list.path(at), class)
        })
        .collect()
}

#[test]
fn lists_of_every_kind_say_the_same() {
    let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(bytes).collect::<Vec<u8>>()
    };
    let plain = "a b.jpg,cat\nc.jpg,golden retriever\n";
    let kinds: [(&str, Vec<u8>); 12] = [
        ("commas", plain.into()),
        ("a header", format!("path,label\n{plain}").into()),
        (
            "a header that orders columns",
            b"id,Class,width,FileName\n1,cat,2,a b.jpg\n2,golden retriever,3,c.jpg\n".into(),
        ),
        (
            "quotes",
            b"\"a b.jpg\", cat\n\"c.jpg\",\"golden retriever\"".into(),
        ),
        ("tabs", b"a b.jpg\tcat\nc.jpg\tgolden retriever\n".into()),
        ("spaces", b"a b.jpg cat\nc.jpg golden retriever\n".into()),
        (
            "spaces and quotes",
            b"\"a b.jpg\" cat\nc.jpg  \"golden retriever\"\n".into(),
        ),
        ("indices", b"a b.jpg 0\n\n# nothing\nc.jpg 2\n".into()),
        ("lines as of Windows", plain.replace('\n', "\r\n").into()),
        ("a byte order mark", format!("\u{feff}{plain}").into()),
        ("UTF-16, little end first", wide(plain, u16::to_le_bytes)),
        ("UTF-16, big end first", wide(plain, u16::to_be_bytes)),
    ];
    for (kind, content) in kinds {
        let (directory, file) = write(&content);
        let expected = [("a b.jpg", "cat"), ("c.jpg", "golden retriever")]
            .map(|(path, class)| (directory.path().join(path), class.to_owned()));
        let list =
            PhotoList::open(&file, CLASSES).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(entries(&list), expected, "{kind}");
    }
}

#[test]
fn quotes_within_quotes_and_separators_in_them_are_part_of_a_field() {
    let (directory, file) = write(b"\"a, \"\"b\"\".jpg\",cat\n");
    let list = PhotoList::open(&file, CLASSES).unwrap();
    assert_eq!(list.path(0), directory.path().join("a, \"b\".jpg"));
}

#[test]
fn paths_are_relative_to_a_root_and_names_are_composed() {
    let (_directory, file) = write("a.jpg,cafe\u{301}\n".as_bytes());
    let list = PhotoList::open_below(&file, "/photos", ["caf\u{e9}", "tea"]).unwrap();
    assert_eq!(list.path(0), Path::new("/photos/a.jpg"));
    assert_eq!(list.label(0), 0);
}

#[test]
fn a_list_may_say_which_classes_there_are() {
    let (directory, file) = write(b"path,label\na.jpg,10\nb.jpg,9\nc.jpg,10\n");
    let list = PhotoList::open_with_classes(&file, directory.path()).unwrap();
    assert_eq!(list.class_names(), ["9", "10"]);
    let labels: Vec<u32> = (0..3).map(|at| list.label(at)).collect();
    assert_eq!(labels, [1, 0, 1]);
    let (_directory, file) = write(b"a.jpg,cat\nb.jpg,cat\n");
    let error = PhotoList::open_with_classes(&file, "").unwrap_err();
    assert!(
        matches!(error, DataError::TooFewClasses { .. }),
        "{error:?}"
    );
}

#[test]
fn lines_that_say_nothing_are_errors_that_name_them() {
    for (content, line, says) in [
        (&b""[..], 1, "no photo"),
        (b"path,label\n", 1, "no photo"),
        (
            b"a.jpg,cat\nb.jpg,emu\n",
            2,
            "\"emu\" is none of the 3 classes",
        ),
        (b"a.jpg,cat\nb.jpg,3\n", 2, "\"3\" is none of the 3 classes"),
        (b"# photos\n\na.jpg\n", 3, "expected a path and a class"),
        (b"a.jpg,\n", 1, "expected a path and a class"),
        (b"a.jpg,cat,1\n", 1, "found 3 fields"),
        (
            b"path,label\na.jpg,cat\n,dog\n",
            3,
            "expected a path and a class",
        ),
        (b"caf\xE9.jpg,cat\n", 1, "neither UTF-8 nor UTF-16"),
    ] {
        let (_directory, file) = write(content);
        let error = PhotoList::open(&file, CLASSES).unwrap_err();
        let message = error.to_string();
        let place = format!("list.csv, line {line}: ");
        assert!(
            message.contains(&place) && message.contains(says),
            "{message}"
        );
    }
}
