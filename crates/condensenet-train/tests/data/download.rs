//! A download against a server of our own, which does everything wrong that servers do.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use condensenet_train::data::{Download, DownloadError, Fetched};
use flate2::{Compression, write::GzEncoder};
use md5::{Digest, Md5};

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// With all of it, or with the range that was asked for.
    Proper,
    /// With all of it, whatever was asked for.
    WithoutRanges,
    /// With half of what it promises.
    Truncating,
    /// With an error.
    Failing,
}

/// A server on a thread of its own, and the ranges that it was asked for.
struct Server {
    url: String,
    ranges: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    fn new(file: Vec<u8>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&ranges);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let range = answer(&stream.expect("a connection"), &file, manner);
                asked.lock().expect("no panic").push(range);
            }
        });
        Self {
            url: format!("http://{address}/images.tar.gz"),
            ranges,
        }
    }
}

fn answer(stream: &TcpStream, file: &[u8], manner: Manner) -> Option<usize> {
    let mut range = None;
    for line in BufReader::new(stream).lines() {
        let line = line.expect("a request").to_ascii_lowercase();
        if let Some(from) = line.strip_prefix("range: bytes=") {
            range = from.trim_end_matches('-').parse().ok();
        }
        if line.is_empty() {
            break;
        }
    }
    let from = range
        .filter(|_| manner != Manner::WithoutRanges)
        .unwrap_or(0);
    let whole = file.len();
    let status = match (manner, from) {
        (Manner::Failing, _) => "503 Service Unavailable".to_owned(),
        (_, 0) => "200 OK".to_owned(),
        (_, from) if from >= whole => {
            format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{whole}")
        }
        (_, from) => {
            format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{whole}",
                whole - 1
            )
        }
    };
    let body = match manner {
        Manner::Failing => &[],
        _ => file.get(from..).unwrap_or(&[]),
    };
    let sent = match manner {
        Manner::Truncating => &body[..body.len() / 2],
        _ => body,
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let mut stream = stream;
    // Whoever has heard enough may hang up.
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(sent))
        .ok();
    range
}

/// An archive with files of these names, and what would fetch it.
fn archive(names: &[&str]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for name in names {
        let content = content(name);
        let mut header = tar::Header::new_gnu();
        // Not `append_data`, which refuses the names that an archive must not be trusted with.
        let field = &mut header.as_gnu_mut().expect("a GNU header").name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, &content[..]).expect("an archive");
    }
    archive
        .into_inner()
        .and_then(GzEncoder::finish)
        .expect("an archive")
}

/// Bytes that do not compress away, and that differ from name to name.
fn content(name: &str) -> Vec<u8> {
    let seed = name.bytes().map(u32::from).sum::<u32>();
    let mut state = seed;
    let bytes = (0..50_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    bytes.collect()
}

fn download(server: &Server, file: &[u8]) -> Download {
    let digest = Md5::digest(file);
    Download {
        url: server.url.clone(),
        md5: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        folder: "images".to_owned(),
        files: vec!["train.bin".to_owned(), "test.bin".to_owned()],
    }
}

const NAMES: [&str; 3] = [
    "images/train.bin",
    "./images/test.bin",
    "images/readme.html",
];

fn listing(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn assert_unpacked(root: &Path) {
    assert_eq!(listing(root), ["images"]);
    assert_eq!(listing(&root.join("images")), ["test.bin", "train.bin"]);
    assert_eq!(
        fs::read(root.join("images/train.bin")).expect("a file"),
        content("images/train.bin")
    );
    assert_eq!(
        fs::read(root.join("images/test.bin")).expect("a file"),
        content("./images/test.bin")
    );
}

#[test]
fn a_data_set_is_fetched_checked_and_unpacked_once() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    let server = Server::new(file.clone(), Manner::Proper);
    let download = download(&server, &file);
    let mut heard = Vec::new();
    let fetched = download
        .fetch(root.path(), |progress| heard.push(progress))
        .unwrap();
    assert_eq!(fetched, Fetched::Unpacked(root.path().join("images")));
    assert_unpacked(root.path());
    assert!(heard.is_sorted_by_key(|progress| progress.done));
    let last = heard.last().unwrap();
    assert_eq!(
        (last.done, last.total),
        (file.len() as u64, Some(file.len() as u64))
    );

    let again = download.fetch(root.path(), |_| {}).unwrap();
    assert_eq!(again, Fetched::AlreadyThere(root.path().join("images")));
    assert_eq!(*server.ranges.lock().unwrap(), [None]);
}

#[test]
fn a_transfer_that_breaks_goes_on_where_it_stopped() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    let half = file.len() / 2;
    let broken = Server::new(file.clone(), Manner::Truncating);
    let error = download(&broken, &file)
        .fetch(root.path(), |_| {})
        .unwrap_err();
    assert!(
        matches!(&error, DownloadError::Interrupted { done, .. } if *done == half as u64),
        "{error}"
    );
    assert_eq!(listing(root.path()), ["images.tar.gz.part"]);

    let server = Server::new(file.clone(), Manner::Proper);
    let mut first = None;
    download(&server, &file)
        .fetch(root.path(), |progress| {
            first.get_or_insert(progress.done);
        })
        .unwrap();
    assert_eq!(first, Some(half as u64));
    assert_eq!(*server.ranges.lock().unwrap(), [Some(half)]);
    assert_unpacked(root.path());
}

#[test]
fn a_server_without_ranges_sends_all_of_it_again() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    fs::write(root.path().join("images.tar.gz.part"), &file[..1000]).unwrap();
    let server = Server::new(file.clone(), Manner::WithoutRanges);
    download(&server, &file).fetch(root.path(), |_| {}).unwrap();
    assert_eq!(*server.ranges.lock().unwrap(), [Some(1000)]);
    assert_unpacked(root.path());
}

#[test]
fn a_part_that_is_whole_needs_no_more_than_its_name() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    fs::write(root.path().join("images.tar.gz.part"), &file).unwrap();
    let server = Server::new(file.clone(), Manner::Proper);
    download(&server, &file).fetch(root.path(), |_| {}).unwrap();
    assert_eq!(*server.ranges.lock().unwrap(), [Some(file.len())]);
    assert_unpacked(root.path());
}

#[test]
fn a_part_that_is_longer_than_the_file_is_fetched_anew() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    let longer = [&file[..], b"and more"].concat();
    fs::write(root.path().join("images.tar.gz.part"), &longer).unwrap();
    let server = Server::new(file.clone(), Manner::Proper);
    download(&server, &file).fetch(root.path(), |_| {}).unwrap();
    assert_eq!(*server.ranges.lock().unwrap(), [Some(longer.len()), None]);
    assert_unpacked(root.path());
}

#[test]
fn another_file_is_refused_with_both_checksums_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    let server = Server::new(archive(&NAMES[..2]), Manner::Proper);
    let download = download(&server, &file);
    let error = download.fetch(root.path(), |_| {}).unwrap_err();
    let DownloadError::Checksum {
        expected, found, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(*expected == download.md5 && found != expected, "{error}");
    assert!(listing(root.path()).is_empty());
}

#[test]
fn a_server_that_refuses_is_answered_with_what_to_do_by_hand() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    let server = Server::new(file.clone(), Manner::Failing);
    let download = download(&server, &file);
    let error = download.fetch(root.path(), |_| {}).unwrap_err().to_string();
    let by_hand = root.path().join("images.tar.gz");
    for says in ["503", &server.url, by_hand.to_str().unwrap()] {
        assert!(error.contains(says), "`{says}` is missing in: {error}");
    }
    // Which is then taken without asking the server.
    fs::write(&by_hand, &file).unwrap();
    download.fetch(root.path(), |_| {}).unwrap();
    assert_eq!(server.ranges.lock().unwrap().len(), 1);
    assert_unpacked(root.path());
}

#[test]
fn an_archive_put_there_by_hand_is_checked_and_kept_if_it_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES);
    let server = Server::new(file.clone(), Manner::Proper);
    fs::write(root.path().join("images.tar.gz"), "not it").unwrap();
    let error = download(&server, &file)
        .fetch(root.path(), |_| {})
        .unwrap_err();
    assert!(matches!(error, DownloadError::Checksum { .. }), "{error}");
    assert_eq!(listing(root.path()), ["images.tar.gz"]);
    assert!(server.ranges.lock().unwrap().is_empty());
}

#[test]
fn nothing_is_written_outside_of_the_directory() {
    let root = tempfile::tempdir().unwrap();
    let inside = root.path().join("inside");
    let outside = root.path().join("outside.bin");
    let absolute = outside.to_str().unwrap();
    let names = [
        "../outside.bin",
        "images/../../outside.bin",
        "images/../train.bin",
        "images/deep/train.bin",
        absolute,
        "images/train.bin",
        "images/test.bin",
    ];
    let file = archive(&names);
    let server = Server::new(file.clone(), Manner::Proper);
    download(&server, &file).fetch(&inside, |_| {}).unwrap();
    assert_eq!(listing(root.path()), ["inside"]);
    assert_eq!(listing(&inside), ["images"]);
    assert_eq!(listing(&inside.join("images")), ["test.bin", "train.bin"]);
}

#[test]
fn an_archive_that_lacks_a_file_leaves_no_directory() {
    let root = tempfile::tempdir().unwrap();
    let file = archive(&NAMES[..1]);
    let server = Server::new(file.clone(), Manner::Proper);
    let error = download(&server, &file)
        .fetch(root.path(), |_| {})
        .unwrap_err();
    assert!(error.to_string().contains("it lacks test.bin"), "{error}");
    assert_eq!(listing(root.path()), ["images.tar.gz"]);
}

#[test]
fn files_beside_the_missing_ones_stay() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("images");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let file = archive(&NAMES);
    let server = Server::new(file.clone(), Manner::Proper);
    download(&server, &file).fetch(root.path(), |_| {}).unwrap();
    assert_eq!(listing(&folder), ["notes.txt", "test.bin", "train.bin"]);
}
