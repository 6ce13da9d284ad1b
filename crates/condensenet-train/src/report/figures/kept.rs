//! How many connections are kept: as planned, and as it was.

use super::{
    Figure,
    line_chart::{LineChart, Mark, Series},
    palette::Ink,
};
use crate::report::{RunReport, words};

pub(super) fn draw(report: &RunReport) -> Figure {
    let epochs = report.config.recipe.epochs as f64;
    let mut planned = vec![(0.0, Some(100.0))];
    let mut kept = 100.0;
    for stage in &report.stages {
        planned.push((stage.epoch, Some(kept)));
        kept = stage.kept_connections;
        planned.push((stage.epoch, Some(kept)));
    }
    planned.push((epochs, Some(kept)));
    let seen = report.epochs.iter();
    let seen = seen.map(|e| (e.epoch as f64, e.kept_connections)).collect();
    let mut series = vec![
        Series {
            width: 1.5,
            ..Series::line("planned", Ink::Series(7), planned)
        },
        Series {
            mark: Mark::Points,
            ..Series::line("at the end of an epoch", Ink::Series(0), seen)
        },
    ];
    series.retain(|series| !series.is_empty());
    let description = format!(
        "Step chart of the connections that the learned convolutions keep, in percent: from 100 to {kept:.4} in {} \
         until half of the {epochs:.0} planned.",
        words::counted(report.stages.len(), "step")
    );
    let chart = LineChart {
        values: "connections kept, %",
        series,
        epochs,
        stages: report.stages.clone(),
        end: Some(100.0),
    };
    chart.figure("kept_connections", "Kept connections", description)
}
