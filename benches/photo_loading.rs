//! Times what stands between photos on disk and a network: decode, random resized crop, flip, normalize.
//!
//!     cargo bench --bench photo_loading -- --photos DIR
//!
//! First one thread alone, in images a second; then a loader whose consumer takes images at a given rate, as a GPU would,
//! with the memory of the process after each epoch. The last line is JSON. `benches/peers/photo_loading.py` runs
//! torchvision and this program by turns, and compares what they make of the photos.
//!
//!     cargo bench --bench photo_loading -- --list DIR
//!
//! times how long it takes to list a folder of photos.
#![allow(clippy::print_stdout)] // a program that talks

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use condensenet::{
    burn::data::dataloader::DataLoader,
    device,
    photos::{PhotoReader, Window},
    train::data::{
        Augmentation, ImageLoaderConfig, ImageSource, Normalization, PhotoFolder, PhotoSet,
        PhotoTransform, Unreadable, Variation,
    },
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times decoding and augmentation of photos
#[derive(Parser)]
struct Arguments {
    /// Directory with photos, all in it and none below
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Write what becomes of each photo to this directory, and time nothing
    #[arg(long, value_name = "DIR", requires = "photos")]
    write: Option<PathBuf>,
    /// Directory with a folder for each class, to be listed
    #[arg(long, value_name = "DIR")]
    list: Option<PathBuf>,
    /// Height and width of the network's input
    #[arg(long, default_value_t = 224)]
    size: usize,
    /// Times that one thread goes through all photos, after one to warm up
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Epochs of the loader; 0 leaves it out
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    /// Threads of the loader
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Images that the loader's consumer takes in a second
    #[arg(long, default_value_t = 2000.0)]
    consumer: f64,
    /// What `cargo bench` passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(directory) = &arguments.list {
        let start = Instant::now();
        let folder = PhotoFolder::open(directory)?;
        println!("{folder:?}: {:.2} s", start.elapsed().as_secs_f64());
    }
    let Some(photos) = &arguments.photos else {
        println!("pass --photos DIR, a directory with photos, to time how they are read");
        return Ok(());
    };
    if let Some(directory) = &arguments.write {
        return write(photos, directory, arguments.size);
    }
    let directory = tempfile::tempdir()?;
    sort_into_two_classes(photos, directory.path())?;
    let folder = Arc::new(PhotoFolder::open(directory.path())?);
    let transform = PhotoTransform::new(arguments.size);
    let set = Arc::new(PhotoSet::new(folder, transform, Unreadable::Fail)?);

    let one_thread = one_thread(&set, &arguments)?;
    println!("one thread: {one_thread:.0} images a second (best of the rounds)");
    let mut json =
        serde_json::json!({ "images": set.len(), "images_per_second_per_core": one_thread });
    if arguments.epochs > 0 {
        json["loader"] = loader(&set, &arguments)?;
    }
    println!("{json}");
    Ok(())
}

/// Writes of each photo the center, and a box in the middle of nowhere, as PPM files.
fn write(photos: &Path, directory: &Path, size: usize) -> Result<()> {
    let transform = PhotoTransform::new(size);
    let mut reader = PhotoReader::default();
    let mut pixels = vec![0; 3 * size * size];
    for entry in fs::read_dir(photos).with_context(|| photos.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let center = |width: usize, height: usize| transform.center(width, height);
        let part = |width: usize, height: usize| {
            Window::cut(width / 5, height / 7, width / 2, height * 2 / 3)
        };
        let header = format!("P6 {size} {size} 255\n").into_bytes();
        reader.read(&path, center, [size; 2], &mut pixels)?;
        let file = directory.join(format!("{name}.center.ppm"));
        fs::write(file, [&header[..], &pixels].concat())?;
        reader.read(&path, part, [size; 2], &mut pixels)?;
        let file = directory.join(format!("{name}.box.ppm"));
        fs::write(file, [&header[..], &pixels].concat())?;
    }
    Ok(())
}

/// Copies the photos into the layout that a folder has.
fn sort_into_two_classes(photos: &Path, directory: &Path) -> Result<()> {
    for class in ["even", "odd"] {
        fs::create_dir(directory.join(class))?;
    }
    let entries = fs::read_dir(photos).with_context(|| photos.display().to_string())?;
    for (number, entry) in entries.enumerate() {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let class = ["even", "odd"][number % 2];
            fs::copy(entry.path(), directory.join(class).join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Goes through all photos as a worker does, and returns the most images a second of any round.
fn one_thread(set: &Arc<PhotoSet>, arguments: &Arguments) -> Result<f64> {
    let source: Arc<dyn ImageSource> = Arc::clone(set) as _;
    let mut reader = source.reader();
    let mut output = vec![0.0; 3 * arguments.size * arguments.size];
    let mut best: f64 = 0.0;
    for round in 0..=arguments.rounds {
        let variation = Variation {
            augmentation: Augmentation::NONE,
            seed: 0,
            epoch: round as u64,
        };
        let start = Instant::now();
        for index in 0..set.len() {
            reader.read(
                index,
                Some(&variation),
                &Normalization::IMAGENET,
                &mut output,
            )?;
        }
        let rate = set.len() as f64 / start.elapsed().as_secs_f64();
        if round > 0 {
            best = best.max(rate);
        }
    }
    ensure!(best > 0.0, "no round was timed");
    Ok(best)
}

/// Lets a consumer take images at its own speed, and says how fast it could.
fn loader(set: &Arc<PhotoSet>, arguments: &Arguments) -> Result<serde_json::Value> {
    let loader = ImageLoaderConfig::new(50, Normalization::IMAGENET)
        .with_workers(arguments.workers)
        .init_training(Arc::clone(set), &device::from_environment()?);
    let (mut images, mut waited, mut memory) = (0, Duration::ZERO, Vec::new());
    let start = Instant::now();
    for _ in 0..arguments.epochs {
        let mut batches = loader.iter();
        loop {
            let asked = Instant::now();
            let Some(batch) = batches.next() else { break };
            waited += asked.elapsed();
            let count = batch?.len();
            images += count;
            // The consumer is busy for as long as its speed says, beginning when it has the batch.
            std::thread::sleep(Duration::from_secs_f64(count as f64 / arguments.consumer));
        }
        memory.push(memory_mb());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} workers, a consumer of {} images a second: {:.0} images a second over {} epochs; it waited {:.0} % of the time",
        arguments.workers,
        arguments.consumer,
        images as f64 / seconds,
        arguments.epochs,
        100.0 * waited.as_secs_f64() / seconds,
    );
    Ok(serde_json::json!({
        "workers": arguments.workers,
        "consumer_images_per_second": arguments.consumer,
        "images_per_second": images as f64 / seconds,
        "waited_fraction": waited.as_secs_f64() / seconds,
        "memory_mb_after_each_epoch": memory,
    }))
}

/// The memory that the process holds, where the system says (Linux).
fn memory_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}
