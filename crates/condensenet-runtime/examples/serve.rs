//! Names what photos show, over HTTP: `cargo run --release --example serve -- network.safetensors 127.0.0.1:8080`, then
//! `curl --data-binary @cat.jpg 127.0.0.1:8080/classify`.
//!
//! One session serves all threads. Each call runs on one of them: many visitors at once are worth more than a single answer
//! that is ready sooner.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program that talks

use std::{env, error::Error, io::Read, process::ExitCode, thread, time::Instant};

use condensenet_runtime::{InferenceSession, NetworkFile, RgbImage, StateDict, top_k};
use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response, Server};

/// The largest photo that is accepted, in bytes.
const MAX_PHOTO: u64 = 32 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let served = match arguments.as_slice() {
        [network] => serve(network, "127.0.0.1:8080"),
        [network, address] => serve(network, address),
        _ => {
            eprintln!("usage: serve NETWORK [ADDRESS]");
            return ExitCode::from(2);
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(network: &str, address: &str) -> Result<(), Box<dyn Error>> {
    let mut file = NetworkFile::load(network)?;
    let session = InferenceSession::open(&file.weights)?.with_threads(1);
    // The session has its own copy.
    file.weights.tensors = StateDict::default();
    let server = Server::http(address).map_err(|error| format!("{address}: {error}"))?;
    println!("http://{}/classify takes photos", server.server_addr());
    let threads = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for mut request in server.incoming_requests() {
                    let (status, body) = answer(&file, &session, &mut request);
                    let json = Header::from_bytes("Content-Type", "application/json");
                    let json = json.expect("the header is ASCII");
                    let response = Response::from_string(body.to_string())
                        .with_status_code(status)
                        .with_header(json);
                    // The client may be gone by now.
                    drop(request.respond(response));
                }
            });
        }
    });
    Ok(())
}

fn answer(file: &NetworkFile, session: &InferenceSession, request: &mut Request) -> (u16, Value) {
    if request.url() != "/classify" {
        return (404, json!({"error": "POST a photo to /classify"}));
    }
    if *request.method() != Method::Post {
        return (405, json!({"error": "POST a photo"}));
    }
    let mut photo = Vec::new();
    let body = request.as_reader().take(MAX_PHOTO + 1);
    if let Err(error) = { body }.read_to_end(&mut photo) {
        return (400, json!({"error": error.to_string()}));
    }
    if photo.len() as u64 > MAX_PHOTO {
        let error = format!("the photo has more than {MAX_PHOTO} bytes");
        return (413, json!({"error": error}));
    }
    match classify(file, session, &photo) {
        Ok(classes) => (200, classes),
        Err(error) => (422, json!({"error": error.to_string()})),
    }
}

fn classify(
    file: &NetworkFile,
    session: &InferenceSession,
    photo: &[u8],
) -> Result<Value, Box<dyn Error>> {
    let start = Instant::now();
    let preprocess = file.preprocess();
    let pixels = preprocess.apply(&RgbImage::decode(photo)?);
    let mut logits = vec![0.0; session.num_classes()];
    session.run(&pixels, 1, preprocess.size, preprocess.size, &mut logits)?;
    let classes = top_k(&logits, 5, file.class_names.as_deref());
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    Ok(json!({"classes": classes, "milliseconds": milliseconds}))
}
