//! Names what a photo shows, for a page that calls it as WebAssembly.
//!
//! The page asks for memory with [`condensenet_input`], writes a network file or a photo there, calls what is to be done with
//! it, and finds the answer, or what went wrong, as JSON at [`condensenet_answer`]. `page/condensenet.js` is that side.

#![allow(
    unsafe_code,
    reason = "a name that a page can call is an unsafe attribute; there is no block of unsafe code"
)]

mod classifier;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use classifier::{About, Answer, Classifier};
use condensenet_runtime::RgbImage;
use serde::Serialize;

/// What the page has said so far. A page has one thread, so the lock is never waited for.
static PAGE: Mutex<Page> = Mutex::new(Page {
    input: Vec::new(),
    classifier: None,
    pixels: Vec::new(),
    answer: String::new(),
});

struct Page {
    input: Vec<u8>,
    classifier: Option<Classifier>,
    /// The photo as the network sees it.
    pixels: Vec<f32>,
    answer: String,
}

impl Page {
    fn lock() -> MutexGuard<'static, Self> {
        PAGE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an answer for the page, and says whether it is a good one.
    fn answer<T: Serialize>(&mut self, answer: &Result<T, String>) -> bool {
        let json = match answer {
            Ok(answer) => serde_json::to_string(answer),
            Err(error) => serde_json::to_string(&serde_json::json!({ "error": error })),
        };
        self.answer = json.expect("numbers and texts are JSON");
        answer.is_ok()
    }

    /// Prepares a photo for the network that is open.
    fn prepare(&mut self, photo: Result<RgbImage, String>) -> bool {
        let prepared = match &self.classifier {
            Some(classifier) => photo.map(|photo| classifier.prepare(&photo)),
            None => Err("no network is open".to_owned()),
        };
        let prepared = prepared.map(|pixels| self.pixels = pixels);
        self.answer(&prepared)
    }
}

/// Returns the address of that many bytes, for a file or the pixels of a photo.
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_input(length: usize) -> *mut u8 {
    let mut page = Page::lock();
    page.input = vec![0; length];
    page.input.as_mut_ptr()
}

/// Opens the network file in the input; the answer is [`About`].
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_open() -> bool {
    let mut page = Page::lock();
    page.classifier = None;
    let opened = Classifier::open(std::mem::take(&mut page.input));
    let about = opened.map(|classifier| page.classifier.insert(classifier).about());
    page.answer(&about)
}

/// Decodes the picture file in the input and prepares it.
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_photo() -> bool {
    let mut page = Page::lock();
    let photo = RgbImage::decode(&std::mem::take(&mut page.input));
    page.prepare(photo.map_err(|error| error.to_string()))
}

/// Prepares the photo in the input that the browser decoded: red, green, blue and alpha side by side.
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_pixels(width: usize, height: usize) -> bool {
    let mut page = Page::lock();
    let pixels = std::mem::take(&mut page.input);
    let colors = pixels
        .as_chunks()
        .0
        .iter()
        .flat_map(|&[red, green, blue, _]| [red, green, blue]);
    let photo = RgbImage::new(width, height, colors.collect());
    page.prepare(photo.map_err(|error| error.to_string()))
}

/// Returns the address of the photo that was prepared last, as the network sees it.
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_prepared() -> *const f32 {
    Page::lock().pixels.as_ptr()
}

/// Runs the network on the photo that was prepared last; the answer is [`Answer`].
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_classify() -> bool {
    let mut page = Page::lock();
    let answer = match &page.classifier {
        Some(classifier) => classifier.classify(&page.pixels),
        None => Err("no network is open".to_owned()),
    };
    page.answer(&answer)
}

/// Returns the address of the last answer, JSON in UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_answer() -> *const u8 {
    Page::lock().answer.as_ptr()
}

/// Returns the length of the last answer in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn condensenet_answer_length() -> usize {
    Page::lock().answer.len()
}
