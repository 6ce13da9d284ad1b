//! `condensenet download`, and data sets that are not there.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use crate::support::*;

#[test]
fn a_missing_data_directory_is_named_and_leaves_no_run() {
    let root = tempfile::tempdir().unwrap();
    let (data, directory) = (root.path().join("nowhere"), root.path().join("run"));
    let output = run(["train", "--data", path(&data), "--run", path(&directory)]);
    assert_refused(&output, FAILED, &["nowhere", "cifar-10-binary.tar.gz"]);
    assert!(!directory.exists());
    // Where nobody said where to look, the answer says how to get it.
    let output = program()
        .args(["train", "cifar100"])
        .current_dir(&root)
        .output()
        .unwrap();
    assert_refused(
        &output,
        FAILED,
        &["cifar-100-binary.tar.gz", "`condensenet download cifar100`"],
    );
}

#[test]
fn a_server_that_is_not_there_is_answered_with_what_to_do_by_hand() {
    let root = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}/cifar-10-binary.tar.gz");
    let output = run([
        "download",
        "cifar10",
        "--data",
        path(root.path()),
        "--url",
        &url,
    ]);
    let archive = root.path().join("cifar-10-binary.tar.gz");
    assert_refused(&output, FAILED, &[&url, "put it at", path(&archive)]);
}

#[test]
fn another_file_is_not_taken_for_the_data_set() {
    let root = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/cifar-10-binary.tar.gz",
        listener.local_addr().unwrap()
    );
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        let page = "<html>Log in to this network</html>";
        let length = page.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
        )
        .unwrap();
    });
    let output = run([
        "download",
        "cifar10",
        "--data",
        path(root.path()),
        "--url",
        &url,
    ]);
    server.join().unwrap();
    assert_refused(&output, FAILED, &["c32a1d4ab5d03f1284b67883e8d87530"]);
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("cifar-100-binary");
    std::fs::create_dir(&directory).unwrap();
    for file in [
        "train.bin",
        "test.bin",
        "coarse_label_names.txt",
        "fine_label_names.txt",
    ] {
        std::fs::write(directory.join(file), "").unwrap();
    }
    let there = json(&run([
        "download",
        "cifar100",
        "--data",
        path(root.path()),
        "--json",
    ]));
    assert_eq!(there["already_there"], true);
    assert_eq!(there["directory"], path(&directory));
}
