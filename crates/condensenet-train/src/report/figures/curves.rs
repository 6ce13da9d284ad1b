//! What changes from epoch to epoch: losses, errors, learning rate, kept connections, and the errors of several runs.

use super::{
    Figure,
    line_chart::{LineChart, Mark, Series},
    palette::Ink,
    trade_off,
};
use crate::report::{EpochPoint, RunReport, RunsReport, words};

type Points = Vec<(f64, Option<f64>)>;

fn over_epochs(epochs: &[EpochPoint], value: fn(&EpochPoint) -> Option<f64>) -> Points {
    let points = epochs.iter();
    points.map(|e| (e.epoch as f64, value(e))).collect()
}

impl LineChart {
    /// A chart over the epochs that a run has planned; none, if there is nothing to show.
    fn of(report: &RunReport, values: &'static str, mut series: Vec<Series>) -> Option<Self> {
        series.retain(|series| !series.is_empty());
        (!series.is_empty()).then(|| Self {
            values,
            series,
            epochs: report.config.recipe.epochs as f64,
            stages: report.stages.clone(),
            end: None,
        })
    }
}

pub(super) fn losses(report: &RunReport) -> Option<Figure> {
    let of = |value| over_epochs(&report.epochs, value);
    let series = vec![
        Series::line("training", Ink::Series(1), of(|e| e.train_loss)),
        Series::line("validation", Ink::Series(0), of(|e| e.valid_loss)),
    ];
    let chart = LineChart::of(report, "mean cross entropy, nats", series)?;
    let last = report.final_epoch.as_ref()?;
    let number = |value: Option<f64>| value.map_or("unknown".to_owned(), |v| format!("{v:.3}"));
    let description = format!(
        "Line chart of the mean cross entropy in nats over {}; at the end {} on training and {} on validation images.",
        words::counted(last.epoch, "epoch"),
        number(last.train_loss),
        number(last.valid_loss)
    );
    Some(chart.figure("loss", "Loss", description))
}

pub(super) fn errors(report: &RunReport) -> Option<Figure> {
    let of = |value| over_epochs(&report.epochs, value);
    let [mut top5_train, mut top5_valid] = [
        Series::line("top-5 training", Ink::Series(3), of(|e| e.train_top5_error)),
        Series::line(
            "top-5 validation",
            Ink::Series(2),
            of(|e| e.valid_top5_error),
        ),
    ];
    (top5_train.width, top5_valid.width) = (1.2, 1.2);
    let series = vec![
        Series::line("top-1 training", Ink::Series(1), of(|e| e.train_top1_error)),
        Series::line(
            "top-1 validation",
            Ink::Series(0),
            of(|e| e.valid_top1_error),
        ),
        top5_train,
        top5_valid,
    ];
    let chart = LineChart::of(report, "error, % of the images", series)?;
    let last = report.final_epoch.as_ref()?;
    let best = report.best_epoch.as_ref();
    let best = best.map_or(String::new(), |best| {
        let error = words::percent(best.valid_top1_error);
        format!(", at best {error} after epoch {}", best.epoch)
    });
    let description = format!(
        "Line chart of the errors in percent over {}; at the end the top-1 error on validation images is {}{best}.",
        words::counted(last.epoch, "epoch"),
        words::percent(last.valid_top1_error),
    );
    Some(chart.figure("error", "Error", description))
}

pub(super) fn learning_rate(report: &RunReport) -> Option<Figure> {
    let rates = over_epochs(&report.epochs, |e| e.learning_rate);
    let rates = Series::line("at the end of each epoch", Ink::Series(0), rates);
    let description = format!(
        "Line chart of the learning rate over the epochs, from {} at the start; vertical lines mark where the condensing \
         stages begin.",
        report.config.recipe.learning_rate
    );
    let chart = LineChart::of(report, "learning rate", vec![rates])?;
    Some(chart.figure(
        "learning_rate",
        "Learning rate and condensing stages",
        description,
    ))
}

/// The connections that are kept: as planned, and as it was.
pub(super) fn kept(report: &RunReport) -> Option<Figure> {
    let epochs = report.config.recipe.epochs;
    let mut planned = vec![(0.0, Some(100.0))];
    let mut kept = 100.0;
    for stage in &report.stages {
        planned.push((stage.epoch, Some(kept)));
        kept = stage.kept_connections;
        planned.push((stage.epoch, Some(kept)));
    }
    planned.push((epochs as f64, Some(kept)));
    let seen = over_epochs(&report.epochs, |e| e.kept_connections);
    let series = vec![
        Series {
            width: 1.5,
            ..Series::line("planned", Ink::Series(7), planned)
        },
        Series {
            mark: Mark::Points,
            ..Series::line("at the end of an epoch", Ink::Series(0), seen)
        },
    ];
    let description = format!(
        "Step chart of the connections that the learned convolutions keep, in percent: from 100 to {kept:.4} in {} \
         until half of the {epochs} planned.",
        words::counted(report.stages.len(), "step")
    );
    let chart = LineChart {
        end: Some(100.0),
        ..LineChart::of(report, "connections kept, %", series)?
    };
    Some(chart.figure("kept_connections", "Kept connections", description))
}

/// The validation errors of several runs.
pub(super) fn of_runs(report: &RunsReport) -> Option<Figure> {
    let runs = report.runs.iter().enumerate();
    let mut series: Vec<Series> = runs
        .map(|(index, run)| {
            let points = over_epochs(&run.epochs, |e| e.valid_top1_error);
            Series::line(
                trade_off::marked_name(index, run),
                Ink::Series(index),
                points,
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
    Some(chart.figure("error_over_epochs", "Error over epochs", description))
}
