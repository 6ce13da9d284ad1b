//! The loss on training and validation images.

use super::{
    Figure,
    line_chart::{LineChart, Series},
    palette::Ink,
};
use crate::report::{RunReport, words};

pub(super) fn draw(report: &RunReport) -> Option<Figure> {
    let epochs = report.epochs.iter();
    let train = epochs.clone().map(|e| (e.epoch as f64, e.train_loss));
    let valid = epochs.map(|e| (e.epoch as f64, e.valid_loss));
    let mut series = vec![
        Series::line("training", Ink::Series(1), train.collect()),
        Series::line("validation", Ink::Series(0), valid.collect()),
    ];
    series.retain(|series| !series.is_empty());
    let last = report.final_epoch.as_ref().filter(|_| !series.is_empty())?;
    let number = |value: Option<f64>| value.map_or("unknown".to_owned(), |v| format!("{v:.3}"));
    let description = format!(
        "Line chart of the mean cross entropy in nats over {}; at the end {} on training and {} on validation images.",
        words::counted(last.epoch, "epoch"),
        number(last.train_loss),
        number(last.valid_loss)
    );
    let chart = LineChart {
        values: "mean cross entropy, nats",
        series,
        epochs: report.config.recipe.epochs as f64,
        stages: report.stages.clone(),
        end: None,
    };
    Some(chart.figure("loss", "Loss", description))
}
