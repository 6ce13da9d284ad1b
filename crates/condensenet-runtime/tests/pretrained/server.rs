//! A server of files on this machine.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    /// With all of it, or with the range that was asked for.
    Proper,
    /// With half of what it promises.
    Truncating,
    /// With an error.
    Failing,
}

/// A server on a thread of its own, and the ranges that it was asked for.
pub(crate) struct Server {
    address: String,
    ranges: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    pub(crate) fn new(file: Vec<u8>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&ranges);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let range = answer(&stream.expect("a connection"), &file, manner);
                asked.lock().expect("no panic").push(range);
            }
        });
        Self { address, ranges }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Where each request wanted the file to begin.
    pub(crate) fn ranges(&self) -> Vec<Option<usize>> {
        self.ranges.lock().expect("no panic").clone()
    }
}

fn answer(mut stream: &TcpStream, file: &[u8], manner: Manner) -> Option<usize> {
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
    let from = range.unwrap_or(0);
    let (whole, body) = (file.len(), &file[from..]);
    let (status, body) = match (manner, from) {
        (Manner::Failing, _) => ("404 Not Found".to_owned(), &[][..]),
        (_, 0) => ("200 OK".to_owned(), body),
        _ => {
            let range = format!("Content-Range: bytes {from}-{}/{whole}", whole - 1);
            (format!("206 Partial Content\r\n{range}"), body)
        }
    };
    let length = body.len();
    let sent = match manner {
        Manner::Truncating => &body[..length / 2],
        _ => body,
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    // A client that has heard enough may hang up.
    let written = stream.write_all(head.as_bytes());
    written.and_then(|()| stream.write_all(sent)).ok();
    range
}
