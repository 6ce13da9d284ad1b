//! The learning rate.

use super::{
    Figure,
    line_chart::{LineChart, Series},
    palette::Ink,
};
use crate::report::RunReport;

pub(super) fn draw(report: &RunReport) -> Option<Figure> {
    let points = report.epochs.iter();
    let points = points.map(|e| (e.epoch as f64, e.learning_rate)).collect();
    let rates = Series::line("at the end of each epoch", Ink::Series(0), points);
    if rates.is_empty() {
        return None;
    }
    let description = format!(
        "Line chart of the learning rate over the epochs, from {} at the start; vertical lines mark where the condensing \
         stages begin.",
        report.config.recipe.learning_rate
    );
    let chart = LineChart {
        values: "learning rate",
        series: vec![rates],
        epochs: report.config.recipe.epochs as f64,
        stages: report.stages.clone(),
        end: None,
    };
    Some(chart.figure(
        "learning_rate",
        "Learning rate and condensing stages",
        description,
    ))
}
