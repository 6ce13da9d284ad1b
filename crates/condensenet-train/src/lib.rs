//! Data sets, recipes, training, evaluation and conversion for CondenseNets on Burn.
//!
//! A [`Recipe`] says how a network is trained; a [`TrainingRun`] does it in a directory, condensing on the way, and goes on
//! from there after a kill at any moment; [`evaluate`] says what the result gets wrong.

mod checkpoint;
mod comparison;
mod console;
pub mod data;
mod data_source;
mod error;
mod evaluation;
mod initial_weights;
mod learner;
mod learning_rate;
mod metrics;
mod metrics_file;
mod optimizer_device;
mod optimizer_state;
mod precision;
mod progress;
mod recipe;
pub mod report;
mod run;
mod run_network;
mod run_report;
mod snapshot;
mod training_loop;

pub use checkpoint::{CheckpointDirectory, CheckpointState, DamagedCheckpoint, SavedCheckpoint};
pub use comparison::{Comparison, Row};
pub use console::epoch_line;
pub use data_source::{DataSource, RunData};
pub use error::TrainError;
pub use evaluation::{
    CALIBRATION_BINS, CalibrationBin, ConfusionMatrix, EVALUATION_FILE, Evaluation,
    EvaluationRecord, Evaluator, check_images, evaluate, expected_calibration_error,
    largest_logit_difference, with_flips,
};
pub use initial_weights::{InitialWeightsError, check_initial_weights};
pub use learner::Condensation;
pub use learning_rate::{LearningRateSchedule, WarmUp};
pub use metrics::count_top_k_errors;
pub use metrics_file::{EpochMetrics, read_metrics};
pub use precision::Precision;
pub use recipe::{GradientClipping, Recipe};
pub use run::{
    Display, Interrupt, RunConfig, RunEnding, RunImages, RunOptions, RunOutcome, TrainingRun,
    different_names,
};
