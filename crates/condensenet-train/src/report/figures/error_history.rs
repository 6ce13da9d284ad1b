//! The validation error of several runs over epochs.

use super::{
    Figure,
    line_chart::{LineChart, Series},
    palette::{Ink, SERIES},
};
use crate::report::{RunsReport, words};

pub(super) fn draw(report: &RunsReport) -> Option<Figure> {
    let runs = (0..).zip(&report.runs);
    let mut series: Vec<Series> = runs
        .map(|(index, run)| {
            let points = run.epochs.iter();
            let points = points.map(|e| (e.epoch as f64, e.valid_top1_error));
            let ink = Ink::Series((index % SERIES) as u8);
            Series::line(
                super::trade_off::marked_name(index, run),
                ink,
                points.collect(),
            )
        })
        .collect();
    series.retain(|series| !series.is_empty());
    if series.is_empty() {
        return None;
    }
    let ends = report.runs.iter().filter_map(|run| {
        let error = run.final_epoch.as_ref()?.valid_top1_error;
        Some(format!("{} {}", run.name, words::percent(error)))
    });
    let description = format!(
        "Line chart of the top-1 error on validation images in percent over epochs; at the end: {}.",
        ends.collect::<Vec<_>>().join(", ")
    );
    let epochs = report.runs.iter().map(|run| run.epochs_planned).max();
    let chart = LineChart {
        values: "top-1 error on validation images, %",
        series,
        epochs: epochs.unwrap_or(1) as f64,
        stages: Vec::new(),
        end: None,
    };
    let title = "Error over epochs";
    Some(Figure {
        wide: chart.draw(860, 400),
        ..chart.figure("error_over_epochs", title, description)
    })
}
