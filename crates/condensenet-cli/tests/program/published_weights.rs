//! `condensenet pretrained`, `condensenet download` of weights, and their names in place of files.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Output,
    thread,
};

use condensenet::{AnyNetwork, Preset, burn::tensor::Device};

use crate::support::*;

/// Runs the program with a cache of its own.
fn run_with(cache: &Path, arguments: &[&str]) -> Output {
    let mut program = program();
    program.env("CONDENSENET_CACHE", cache).args(arguments);
    program.output().expect("the program starts")
}

/// Weights of the right form, as nobody trained them.
fn made_weights(file: &Path) {
    let (config, device) = (Preset::Imagenet74C4.config(), Device::flex());
    let network = AnyNetwork::init_converted(&config, Some(0.5), &device).expect("a preset");
    let tensors = network.state_dict();
    tensors.save_safetensors(file).expect("a place to write to");
}

/// Serves a file for as long as the test takes; returns its address.
fn serve(file: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(&stream).lines();
            lines.map_while(Result::ok).find(String::is_empty);
            let length = file.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            // A client that has heard enough may hang up.
            let written = stream.write_all(head.as_bytes());
            written.and_then(|()| stream.write_all(&file)).ok();
        }
    });
    format!("http://{address}/weights.pth")
}

/// Downloads made weights as those of imagenet_74_c4, and returns the cache.
fn downloaded(root: &Path) -> PathBuf {
    let [cache, made] = ["cache", "made"].map(|name| root.join(name));
    made_weights(&made);
    let url = serve(std::fs::read(made).expect("it was written"));
    let download = ["download", "imagenet_74_c4", "-q", "--url", &url];
    // Nobody published this file, and the error says what checksum it has.
    let refused = run_with(&cache, &download);
    assert_refused(
        &refused,
        FAILED,
        &["5ba550494cae7081d12c14b02b2a02365539d377"],
    );
    let other = format!("--checksum=sha256:{}", "0".repeat(64));
    let refused = run_with(&cache, &[&download[..], &[&other]].concat());
    let text = stderr(&refused);
    let found = text
        .split("SHA-256 checksum ")
        .nth(1)
        .expect("the checksum");
    let checksum = format!("--checksum=sha256:{}", &found[..64]);
    assert_eq!(std::fs::read_dir(&cache).expect("a directory").count(), 0);

    let fetched = run_with(&cache, &[&download[..], &[&checksum]].concat());
    assert_done(&fetched);
    let file = cache.join("imagenet_74_c4.safetensors");
    assert_eq!(stdout(&fetched).trim(), path(&file));
    let again = json(&run_with(&cache, &["download", "imagenet_74_c4", "--json"]));
    assert_eq!(again["already_there"], true);
    assert_eq!(again["file"], path(&file));
    cache
}

#[test]
fn weights_are_downloaded_and_name_what_a_photo_shows_in_two_commands() {
    let root = tempfile::tempdir().unwrap();
    let photo = root.path().join("photo.png");
    write_png(&photo, 90);
    let predict = ["predict", "imagenet_74_c4", path(&photo), "--json", "-k3"];
    let empty = root.path().join("empty");
    let refused = run_with(&empty, &predict);
    let command = "`condensenet download imagenet_74_c4`";
    assert_refused(&refused, FAILED, &[command, "20 MB", path(&empty)]);
    assert!(!empty.exists());

    let cache = downloaded(root.path());
    let predicted = json(&run_with(&cache, &predict));
    let classes = predicted[0]["predictions"].as_array().unwrap();
    assert_eq!(classes.len(), 3);
    // The names of ImageNet's classes came with the weights.
    assert!(
        classes
            .iter()
            .all(|class| class["name"].as_str().is_some_and(|name| !name.is_empty())),
        "{classes:?}"
    );
    // Other commands take the name too.
    let exported = root.path().join("exported");
    assert_done(&run_with(
        &cache,
        &["export", "imagenet-74-c4", "-o", path(&exported)],
    ));
    let listed = json(&run_with(&cache, &["pretrained", "--json"]));
    let here = |name: &str| {
        let mut all = listed.as_array().unwrap().iter();
        all.find(|weights| weights["name"] == name).unwrap()["downloaded"].clone()
    };
    assert_eq!(
        [here("imagenet_74_c4"), here("imagenet_74_c8")],
        [true, false]
    );
}

#[test]
fn published_weights_are_fine_tuned_and_keep_their_index() {
    let root = tempfile::tempdir().unwrap();
    let cache = downloaded(root.path());
    let photos = photos(root.path(), 2);
    let [run_directory, converted] = ["run", "converted"].map(|name| root.path().join(name));
    let options = "--init imagenet_74_c4 --image-size 32 --resize 36 --epochs 1 -b 4 --device=flex --no-report -q --run";
    let mut arguments = vec!["train", path(&photos)];
    arguments.extend(options.split(' '));
    arguments.push(path(&run_directory));
    let trained = run_with(&cache, &arguments);
    assert_eq!(trained.status.code(), Some(DONE), "{}", stderr(&trained));
    let convert = ["convert", path(&run_directory), "-o", path(&converted)];
    assert_done(&run_with(&cache, &convert));
    let before = tensors(&cache.join("imagenet_74_c4.safetensors"));
    let after = tensors(&converted);
    let mut compared = 0;
    for (key, value) in &before {
        if key.ends_with("conv_1.index") {
            assert!(after[key] == *value, "{key}");
            compared += 1;
        }
    }
    assert_eq!(compared, 36);
    assert_eq!(after["classifier.weight"].1[0], 2);
}

#[test]
fn published_weights_are_listed() {
    let root = tempfile::tempdir().unwrap();
    let listed = run_with(root.path(), &["pretrained"]);
    assert_done(&listed);
    let listed = stdout(&listed);
    for says in [
        "imagenet_74_c4                       4.77 M  ImageNet 26.25 % (top-5 8.28 %)",
        "imagenet_densenet_121_pytorchcv",
        "CIFAR-100 21.19 %",
        "BSD-3-Clause",
    ] {
        assert!(listed.contains(says), "`{says}` is missing in: {listed}");
    }
}

#[test]
fn what_can_t_be_downloaded_is_answered_with_what_can() {
    let root = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_with(root.path(), arguments);
    let unknown = run(&["download", "imagenet_75"]);
    assert_refused(
        &unknown,
        USAGE,
        &["imagenet_75", "cifar10", "imagenet_74_c4"],
    );
    let elsewhere = run(&["download", "imagenet_74_c4", "--data", "here"]);
    assert_refused(&elsewhere, USAGE, &["--data", "CONDENSENET_CACHE"]);
    let checksum = ["--url=http://127.0.0.1:1/", "--checksum=md5:0123456789"];
    let of_data = run(&[&["download", "cifar10"][..], &checksum].concat());
    assert_refused(&of_data, USAGE, &["--checksum is for weights"]);
    let wrong = run(&["download", "imagenet_74_c4", "--url=x", "--checksum=abc"]);
    assert_refused(&wrong, USAGE, &["`abc`", "sha256:"]);
    let missing = run(&["predict", "imagenet_75", "photo.jpg"]);
    assert_refused(&missing, FAILED, &["there is no file imagenet_75"]);
}
