//! Transfers a file from a server, going on where an earlier attempt stopped.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

use ureq::{
    Agent, Body,
    http::{Response, StatusCode, Uri},
};

use super::{DownloadError, DownloadProgress};

/// A server that is silent for so long has gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fetches `url` into `part`; `destination` is named in errors, as the place for a file that comes in another way.
pub(super) fn transfer(
    url: &str,
    part: &Path,
    destination: &Path,
    progress: &mut dyn FnMut(DownloadProgress),
) -> Result<(), DownloadError> {
    let unreachable = |reason: String| DownloadError::Unreachable {
        url: url.to_owned(),
        reason,
        destination: destination.to_owned(),
    };
    let here = fs::metadata(part).map_or(0, |metadata| metadata.len());
    let agent = agent(url);
    let mut response =
        request(&agent, url, here).map_err(|error| unreachable(error.to_string()))?;
    if here > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        if total_of_range(&response) == Some(here) {
            return Ok(()); // All of it came before; only the rename was missing.
        }
        response = request(&agent, url, 0).map_err(|error| unreachable(error.to_string()))?;
    }
    let status = response.status();
    let goes_on = status == StatusCode::PARTIAL_CONTENT && begins_at(&response) == Some(here);
    if !goes_on && status != StatusCode::OK {
        return Err(unreachable(format!("the server answers {status}")));
    }
    // A server that knows no ranges sends everything again.
    let begin = if goes_on { here } else { 0 };
    let length = response.body().content_length();
    let total = length.map(|length| begin + length);
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(goes_on)
        .truncate(!goes_on)
        .open(part)
        .map_err(DownloadError::io(part))?;
    let mut body = response.into_body().into_reader();
    let mut done = begin;
    progress(DownloadProgress { done, total });
    let mut buffer = vec![0; 1 << 16];
    let interrupted = |done, reason: String| DownloadError::Interrupted {
        url: url.to_owned(),
        done,
        total,
        reason,
    };
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                file.write_all(&buffer[..count])
                    .map_err(DownloadError::io(part))?;
                done += count as u64;
                progress(DownloadProgress { done, total });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(interrupted(done, error.to_string())),
        }
    }
    if total.is_some_and(|total| done < total) {
        return Err(interrupted(done, "the file is longer".to_owned()));
    }
    file.sync_all().map_err(DownloadError::io(part))
}

fn agent(url: &str) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        // The file is wanted as it lies on the server, so that lengths and ranges are those of the file.
        .accept_encoding("identity");
    if is_this_machine(url) {
        config = config.proxy(None);
    }
    config.build().into()
}

/// A proxy can't reach this machine under this name.
fn is_this_machine(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host);
    host.is_some_and(|host| matches!(host, "localhost" | "[::1]") || host.starts_with("127."))
}

fn request(agent: &Agent, url: &str, from: u64) -> Result<Response<Body>, ureq::Error> {
    let mut request = agent.get(url);
    if from > 0 {
        request = request.header("Range", format!("bytes={from}-"));
    }
    request.call()
}

/// Reads `100` from `Content-Range: bytes 100-999/1000`.
fn begins_at(response: &Response<Body>) -> Option<u64> {
    let range = content_range(response)?;
    range.split('-').next()?.trim().parse().ok()
}

/// Reads `1000` from `Content-Range: bytes */1000`.
fn total_of_range(response: &Response<Body>) -> Option<u64> {
    content_range(response)?.rsplit('/').next()?.parse().ok()
}

fn content_range(response: &Response<Body>) -> Option<&str> {
    let range = response.headers().get("Content-Range")?.to_str().ok()?;
    range.strip_prefix("bytes")
}
