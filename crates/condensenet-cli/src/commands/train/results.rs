//! What `condensenet train` writes.

use std::io::Write;

use anyhow::Result;
use condensenet::train::{Comparison, Row, RunConfig, RunData, SavedCheckpoint, TrainingRun};
use serde_json::{Value, json};

use crate::{options::DataOptions, sizes::write_sizes};

/// Says what is about to be trained on what.
pub(super) fn write_beginning(
    out: &mut dyn Write,
    run: &TrainingRun,
    data: &RunData,
) -> Result<()> {
    let (recipe, done) = (&run.config().recipe, run.epochs_done());
    writeln!(
        out,
        "{} images to train on, {} to validate on; {} epochs in batches of {}",
        data.train.len(),
        data.valid.len(),
        recipe.epochs,
        recipe.batch_size,
    )?;
    if done > 0 {
        writeln!(out, "{done} of {} epochs are done", recipe.epochs)?;
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
    best: Option<&SavedCheckpoint>,
) -> Result<()> {
    writeln!(out, "{comparison}")?;
    writeln!(out)?;
    writeln!(out, "run      {}", run.directory().display())?;
    writeln!(out, "metrics  {}", run.metrics_path().display())?;
    if let Some(best) = best {
        let (path, state) = (best.path.display(), &best.state);
        let (epoch, error) = (state.epoch, state.validation_error);
        writeln!(out, "best     {path} (epoch {epoch}, error {error:.2} %)")?;
    }
    Ok(())
}

/// Says the same for machines.
pub(super) fn write_json(
    out: &mut dyn Write,
    run: &TrainingRun,
    comparison: &Comparison,
    best: Option<&SavedCheckpoint>,
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
        "best": best,
        "training": row(&comparison.training),
        "converted": row(&comparison.converted),
        "largest_logit_difference": comparison.largest_logit_difference,
    });
    writeln!(out, "{json:#}")?;
    Ok(())
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
pub(super) fn write_config(out: &mut dyn Write, config: &RunConfig) -> Result<()> {
    let mut table = toml::Table::new();
    table.insert("data".to_owned(), DataOptions::table(&config.data).into());
    table.insert(
        "network".to_owned(),
        toml::Value::try_from(&config.network)?,
    );
    table.insert("recipe".to_owned(), toml::Value::try_from(&config.recipe)?);
    write!(out, "{}", toml::to_string(&table)?)?;
    Ok(())
}
