//! Top-1 and top-5 errors.

use super::{
    Figure,
    line_chart::{LineChart, Series},
    palette::Ink,
};
use crate::report::{EpochPoint, RunReport, words};

pub(super) fn draw(report: &RunReport) -> Option<Figure> {
    let over_epochs = |value: fn(&EpochPoint) -> Option<f64>| {
        let points = report.epochs.iter();
        points.map(|e| (e.epoch as f64, value(e))).collect()
    };
    let top5 = |name: &str, ink, points| Series {
        width: 1.2,
        ..Series::line(name, ink, points)
    };
    let mut series = vec![
        Series::line(
            "top-1 training",
            Ink::Series(1),
            over_epochs(|e| e.train_top1_error),
        ),
        Series::line(
            "top-1 validation",
            Ink::Series(0),
            over_epochs(|e| e.valid_top1_error),
        ),
        top5(
            "top-5 training",
            Ink::Series(3),
            over_epochs(|e| e.train_top5_error),
        ),
        top5(
            "top-5 validation",
            Ink::Series(2),
            over_epochs(|e| e.valid_top5_error),
        ),
    ];
    series.retain(|series| !series.is_empty());
    let last = report.final_epoch.as_ref().filter(|_| !series.is_empty())?;
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
    let chart = LineChart {
        values: "error, % of the images",
        series,
        epochs: report.config.recipe.epochs as f64,
        stages: report.stages.clone(),
        end: None,
    };
    Some(chart.figure("error", "Error", description))
}
