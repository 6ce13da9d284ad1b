//! What `condensenet train` writes.

use std::{io::Write, path::Path};

use anyhow::Result;
use condensenet::train::{
    Comparison, Row, RunConfig, RunData, RunEnding, RunOutcome, SavedCheckpoint, TrainingRun,
};
use serde_json::{Value, json};

use crate::{
    counted::counted,
    options::{DataOptions, NetworkOptions},
    sizes::write_sizes,
};

/// Says what is about to be trained on what.
pub(super) fn write_beginning(
    out: &mut dyn Write,
    run: &TrainingRun,
    data: &RunData,
) -> Result<()> {
    let (recipe, done, steps) = (&run.config().recipe, run.epochs_done(), run.steps_done());
    writeln!(
        out,
        "{} to train on, {} to validate on; {} in batches of {}",
        counted(data.train.len(), "image"),
        data.valid.len(),
        counted(recipe.epochs, "epoch"),
        recipe.batch_size,
    )?;
    if done > 0 || steps > 0 {
        let and_steps = match steps {
            0 => String::new(),
            steps => format!(", and {} of the next", counted(steps, "step")),
        };
        let epochs = counted(recipe.epochs, "epoch");
        writeln!(out, "{done} of {epochs} done{and_steps}")?;
    }
    writeln!(out)?;
    let size = [data.valid.height(), data.valid.width()];
    write_sizes(out, &run.config().network, size)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// Says what came out of it.
pub(super) fn write_end(
    out: &mut dyn Write,
    run: &TrainingRun,
    comparison: &Comparison,
    average: Option<&Comparison>,
    best: Option<&SavedCheckpoint>,
    report: Option<&Path>,
) -> Result<()> {
    writeln!(out, "{comparison}")?;
    if let Some(average) = average {
        writeln!(out, "\nmoving average of the weights\n{average}")?;
    }
    writeln!(out)?;
    writeln!(out, "run      {}", run.directory().display())?;
    writeln!(out, "metrics  {}", run.metrics_path().display())?;
    if let Some(best) = best {
        let (path, state) = (best.path.display(), &best.state);
        let (epoch, error) = (state.epoch, state.validation_error);
        writeln!(out, "best     {path} (epoch {epoch}, error {error:.2} %)")?;
    }
    if let Some(report) = report {
        writeln!(out, "report   {}", report.display())?;
    }
    Ok(())
}

/// Says the same for machines.
pub(super) fn write_json(
    out: &mut dyn Write,
    run: &TrainingRun,
    outcome: &RunOutcome,
    comparison: &Comparison,
    average: Option<&Comparison>,
    best: Option<&SavedCheckpoint>,
    report: Option<&Path>,
) -> Result<()> {
    let best = best.map(|best| {
        json!({
            "checkpoint": best.path.display().to_string(),
            "epoch": best.state.epoch,
            "top1_error": best.state.validation_error,
        })
    });
    let json = json!({
        "run": run.directory().display().to_string(),
        "metrics": run.metrics_path().display().to_string(),
        "ending": ending(outcome.ending),
        "epochs_done": outcome.epochs_done,
        "best": best,
        "report": report.map(|report| report.display().to_string()),
        "training": row(&comparison.training),
        "converted": row(&comparison.converted),
        "largest_logit_difference": comparison.largest_logit_difference,
        "average": average.map(|average| json!({
            "training": row(&average.training),
            "converted": row(&average.converted),
        })),
    });
    writeln!(out, "{json:#}")?;
    Ok(())
}

/// Says for machines where a run stands that is to go on.
pub(super) fn write_json_unfinished(
    out: &mut dyn Write,
    run: &TrainingRun,
    outcome: &RunOutcome,
) -> Result<()> {
    let json = json!({
        "run": run.directory().display().to_string(),
        "metrics": run.metrics_path().display().to_string(),
        "ending": ending(outcome.ending),
        "epochs_done": outcome.epochs_done,
        "steps_done": outcome.steps_done,
    });
    writeln!(out, "{json:#}")?;
    Ok(())
}

const fn ending(ending: RunEnding) -> &'static str {
    match ending {
        RunEnding::Finished => "finished",
        RunEnding::StoppedEarly => "stopped_early",
        RunEnding::OutOfTime => "out_of_time",
        RunEnding::Interrupted => "interrupted",
    }
}

/// Says that a run has ended before its last epoch, and why.
pub(super) fn write_early_end(
    out: &mut dyn Write,
    run: &TrainingRun,
    epochs_done: usize,
) -> Result<()> {
    let recipe = &run.config().recipe;
    let epochs = counted(recipe.epochs, "epoch");
    let patience = recipe.patience.unwrap_or_default();
    writeln!(
        out,
        "ended early, after {epochs_done} of {epochs}: the validation error has not fallen for {patience}\n"
    )?;
    Ok(())
}

/// Names the images that could not be read and were skipped.
pub(super) fn warn_of_left_out(data: &RunData) {
    const NAMED: usize = 10;
    let left_out: Vec<_> = [data.train.left_out(), data.valid.left_out()].concat();
    for (_, reason) in left_out.iter().take(NAMED) {
        log::warn!("skipped: {reason}");
    }
    if let Some(more) = left_out.len().checked_sub(NAMED + 1) {
        let photos = counted(more + 1, "more photo");
        log::warn!("skipped: {photos} that can't be read");
    }
}

fn row(row: &Row) -> Value {
    json!({
        "images": row.evaluation.images,
        "loss": row.evaluation.loss,
        "top1_error": row.evaluation.top1_error,
        "top5_error": row.evaluation.top5_error,
        "stored_params": row.parameters,
        "multiply_adds": row.multiply_adds,
    })
}

/// Writes a run's configuration as `--config` reads it.
///
/// Network and recipe are written as they are: their fields have the names of the options.
pub(in crate::commands) fn write_config(
    out: &mut dyn Write,
    config: &RunConfig,
    initial: Option<&Path>,
) -> Result<()> {
    let mut network = NetworkOptions::table(&config.network)?;
    if let Some(initial) = initial {
        let initial = std::path::absolute(initial)?;
        network.insert(
            "init".to_owned(),
            initial.to_string_lossy().into_owned().into(),
        );
    }
    if config.freeze_features {
        network.insert("freeze".to_owned(), true.into());
    }
    let mut table = toml::Table::new();
    table.insert("data".to_owned(), DataOptions::table(&config.data).into());
    table.insert("network".to_owned(), network.into());
    let mut recipe = toml::Table::try_from(&config.recipe)?;
    recipe.insert("precision".to_owned(), config.precision.name().into());
    table.insert("recipe".to_owned(), recipe.into());
    write!(out, "{}", toml::to_string(&table)?)?;
    Ok(())
}
