//! What servers, networks and files do wrong.

use std::{fs, net::TcpListener};

use condensenet_runtime::{
    FileForm, NetworkConfig, PretrainedError, WeightCache, download::DownloadError,
};

use crate::{
    SMALL, SMALL_FILE, file, listing,
    server::{Manner, Server},
    sha256, small_checksum, tensors,
};

const PART: &str = "densenet40_k12_bc_cifar10-0643-6dc86a2e.pth.zip.part";

fn of_download(error: &PretrainedError) -> &DownloadError {
    match error {
        PretrainedError::Download(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_transfer_that_breaks_goes_on_where_it_stopped() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path());
    let half = SMALL_FILE.len() / 2;
    let broken = Server::new(SMALL_FILE.to_vec(), Manner::Truncating);
    let error = cache
        .download_from(SMALL, &broken.url("file"), &small_checksum(), |_| {})
        .unwrap_err();
    assert!(
        matches!(of_download(&error), DownloadError::Interrupted { done, .. } if *done == half as u64),
        "{error}"
    );
    assert_eq!(listing(root.path()), [PART]);

    let server = Server::new(SMALL_FILE.to_vec(), Manner::Proper);
    cache
        .download_from(SMALL, &server.url("file"), &small_checksum(), |_| {})
        .unwrap();
    assert_eq!(server.ranges(), [Some(half)]);
    assert!(cache.open(SMALL).is_ok());
}

#[test]
fn a_file_of_another_checksum_is_refused_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path());
    for content in [SMALL_FILE, b"<!DOCTYPE html><html>Sign in</html>"] {
        let server = Server::new(content.to_vec(), Manner::Proper);
        let url = server.url("file");
        // The published one is not that of a file that was made here.
        let published = SMALL.source().checksum();
        let error = cache
            .download_from(SMALL, &url, &published, |_| {})
            .unwrap_err();
        assert!(
            matches!(
                of_download(&error),
                DownloadError::Checksum {
                    algorithm: "SHA-1",
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains("6dc86a2ea1d088f088462f5cbac06cc0f37348c0"),
            "{error}"
        );
        assert!(listing(root.path()).is_empty());
    }
}

#[test]
fn another_network_is_refused_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path());
    let config = NetworkConfig::densenet(vec![5, 6, 6], 12).with_num_classes(10);
    let content = file(&tensors(&config, FileForm::Training, None));
    let server = Server::new(content.clone(), Manner::Proper);
    let error = cache
        .download_from(SMALL, &server.url("file"), &sha256(&content), |_| {})
        .unwrap_err();
    assert!(
        matches!(
            &error,
            PretrainedError::OtherNetwork {
                expected: 176_122,
                ..
            }
        ),
        "{error}"
    );
    assert!(listing(root.path()).is_empty());
}

#[test]
fn a_file_that_is_not_a_checkpoint_is_named_for_what_it_is() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path());
    let content = b"<!DOCTYPE html><html>Sign in</html>".to_vec();
    let server = Server::new(content.clone(), Manner::Proper);
    let error = cache
        .download_from(SMALL, &server.url("file"), &sha256(&content), |_| {})
        .unwrap_err();
    assert!(matches!(&error, PretrainedError::Import(_)), "{error}");
    assert!(error.to_string().contains("web page"), "{error}");
    assert!(listing(root.path()).is_empty());
}

#[test]
fn without_a_network_the_error_says_where_to_put_the_file_by_hand() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path());
    // A port that nobody listens at any more, and a server that does not have the file.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let failing = Server::new(Vec::new(), Manner::Failing);
    let by_hand = root.path().join(PART.trim_end_matches(".part"));
    for url in [format!("http://{closed}/file"), failing.url("file")] {
        let error = cache
            .download_from(SMALL, &url, &small_checksum(), |_| {})
            .unwrap_err();
        assert!(
            matches!(of_download(&error), DownloadError::Unreachable { .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(
            text.contains(&url) && text.contains(by_hand.to_str().unwrap()),
            "{text}"
        );
    }
    // Which is then taken without asking a server.
    fs::write(&by_hand, SMALL_FILE).unwrap();
    cache
        .download_from(SMALL, "http://127.0.0.1:1/", &small_checksum(), |_| {})
        .unwrap();
    assert_eq!(
        listing(root.path()),
        ["densenet40_k12_bc_cifar10.safetensors"]
    );
}

#[test]
fn a_file_put_there_by_hand_stays_if_it_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    let cache = WeightCache::new(root.path());
    let name = PART.trim_end_matches(".part");
    fs::write(root.path().join(name), "not it").unwrap();
    let error = cache.download(SMALL, |_| {}).unwrap_err();
    assert!(
        matches!(of_download(&error), DownloadError::Checksum { .. }),
        "{error}"
    );
    assert_eq!(listing(root.path()), [name]);
}
