//! Runs on disk that nobody has trained: their numbers are known.

use std::{fs, path::Path};

use burn::tensor::Device;
use condensenet_models::CondenseNetConfig;
use condensenet_train::{DataSource, Recipe, RunConfig, TrainingRun, report::RunReport};
use tempfile::TempDir;

pub(crate) const METRICS: &str = "metrics.jsonl";
pub(crate) const EVALUATION: &str = "evaluation.json";

/// Six epochs of a network of C = 4 and G = 2, two blocks of one and two layers.
pub(crate) fn config() -> RunConfig {
    let network = CondenseNetConfig::new(vec![1, 2], vec![4, 8]).with_groups_1x1(2);
    let recipe = Recipe::new().with_epochs(6).with_batch_size(8);
    let images = DataSource::Synthetic {
        train_images: 24,
        valid_images: 10,
        seed: 1,
    };
    RunConfig::new(network, recipe, images)
}

/// A directory with a run that has begun.
pub(crate) fn begun() -> (TempDir, TrainingRun) {
    let root = tempfile::tempdir().expect("there is room");
    let run = TrainingRun::create(root.path().join("a run"), config()).expect("it can begin");
    (root, run)
}

/// A line of metrics; the top-5 error is a tenth of the top-1 error.
pub(crate) fn line(epoch: usize, train_loss: f64, valid_error: f64) -> String {
    let top5 = valid_error / 10.0;
    format!(
        "{{\"epoch\":{epoch},\"seconds\":1.5,\"train\":{{\"loss\":{train_loss},\"top_1_error\":60.0,\"top_5_error\":9.0,\
         \"learning_rate\":0.05,\"kept_connections\":75.0,\"condensing_stage\":1.0}},\
         \"valid\":{{\"loss\":2.5,\"top_1_error\":{valid_error},\"top_5_error\":{top5}}}}}\n"
    )
}

pub(crate) fn write_metrics(run: &TrainingRun, text: &str) {
    fs::write(run.directory().join(METRICS), text).expect("it can be written");
}

/// Stores an evaluation that tells three classes apart, one of them with a name that means harm.
pub(crate) fn store_classes(run: &TrainingRun) {
    let evaluation = serde_json::json!({
        "network": "epoch-0006",
        "form": "converted",
        "images": 10,
        "top1_error": 30.0,
        "top5_error": 10.0,
        "expected_calibration_error": 4.5,
        "class_names": ["plain", HOSTILE, "unseen"],
        "class_errors": [25.0, 62.5, null],
    });
    let path = run.directory().join(EVALUATION);
    fs::write(path, evaluation.to_string()).expect("it can be written");
}

pub(crate) const HOSTILE: &str = "</text><script src=\"https://evil.example/x.js\">'&\u{1}";

pub(crate) fn read(directory: &Path) -> RunReport {
    RunReport::read(directory, &Device::flex()).expect("the run can be read")
}

/// Reads a run that can't be, and returns what is said.
pub(crate) fn refusal(directory: &Path) -> String {
    let refused = RunReport::read(directory, &Device::flex());
    refused.expect_err("the run is broken").to_string()
}
