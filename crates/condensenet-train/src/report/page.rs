//! The page: figures and numbers, put into words and into order.

use askama::Template;

use super::{
    ComparedRun, EpochPoint, FormSize, RunReport, RunsReport,
    figures::{Figure, RunFigures, palette},
    words::{self, duration, grouped, percent, short},
};

const STYLE: &str = include_str!("../../templates/report/style.css");

/// Replaces the characters that mean something in HTML and SVG, and those that may not stand there.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

/// A number that stands large at the top.
struct Tile {
    label: &'static str,
    value: String,
    detail: String,
}

/// A form of the network in the table of sizes.
struct FormRow<'a> {
    form: &'static str,
    size: &'a FormSize,
    epoch: Option<usize>,
    top1_error: Option<f64>,
    top5_error: Option<f64>,
    loss: Option<f64>,
    calibration_error: Option<f64>,
}

#[derive(Template)]
#[template(path = "report/run.html")]
struct RunPage<'a> {
    style: &'static str,
    palette: String,
    title: String,
    report: &'a RunReport,
    figures: &'a RunFigures,
    tiles: Vec<Tile>,
    forms: Vec<FormRow<'a>>,
    images: Option<String>,
    flips: bool,
    configuration: String,
}

/// Writes the page of a run.
pub(super) fn of_run(report: &RunReport, figures: &RunFigures) -> Result<String, askama::Error> {
    let evaluated = report.evaluations.last();
    RunPage {
        style: STYLE,
        palette: palette::stylesheet(),
        title: report.name.clone(),
        report,
        figures,
        tiles: tiles(report),
        forms: forms(report),
        images: evaluated
            .and_then(|evaluation| evaluation.images)
            .map(|images| grouped(images as u64)),
        flips: evaluated.is_some_and(|evaluation| evaluation.flips),
        // The numbers come from JSON and can go back there.
        configuration: serde_json::to_string_pretty(&report.config).unwrap_or_default(),
    }
    .render()
}

fn tiles(report: &RunReport) -> Vec<Tile> {
    let tile = |label, value, detail| Tile {
        label,
        value,
        detail,
    };
    let error = |epoch: &Option<EpochPoint>, label| {
        let Some(epoch) = epoch else {
            return tile(label, percent(None), "not measured yet".to_owned());
        };
        let detail = format!(
            "top-5 {}, after epoch {}",
            percent(epoch.valid_top5_error),
            epoch.epoch
        );
        tile(label, percent(epoch.valid_top1_error), detail)
    };
    let (before, after) = (&report.sizes.training, &report.sizes.converted);
    let cost = |label, before: u64, after: u64| {
        let times = before as f64 / after.max(1) as f64;
        let detail = format!(
            "{} before conversion: {times:.1} times as many",
            short(before)
        );
        tile(label, short(after), detail)
    };
    vec![
        error(&report.final_epoch, "Final top-1 error"),
        error(&report.best_epoch, "Best top-1 error"),
        cost(
            "Multiply-adds for an image",
            before.multiply_adds,
            after.multiply_adds,
        ),
        cost("Parameters", before.parameters, after.parameters),
    ]
}

fn forms(report: &RunReport) -> Vec<FormRow<'_>> {
    let row = |form, size| {
        let evaluation = report.evaluation(form);
        FormRow {
            form,
            size,
            epoch: evaluation.and_then(|evaluation| evaluation.epoch),
            top1_error: evaluation.map(|evaluation| evaluation.top1_error),
            top5_error: evaluation.and_then(|evaluation| evaluation.top5_error),
            loss: evaluation.and_then(|evaluation| evaluation.loss),
            calibration_error: evaluation.and_then(|of| of.expected_calibration_error),
        }
    };
    vec![
        row("training", &report.sizes.training),
        row("converted", &report.sizes.converted),
    ]
}

impl RunPage<'_> {
    /// How far the run has come, in two or three words.
    fn state(&self) -> String {
        let progress = &self.report.progress;
        match (progress.epochs_done, progress.epochs_planned) {
            (0, _) => "not begun".to_owned(),
            (done, planned) if done < planned => {
                format!("{done} of {}", words::counted(planned, "epoch"))
            }
            (done, _) => format!("finished, {}", words::counted(done, "epoch")),
        }
    }

    /// Cuts a command before each option, so that no line ends inside of one.
    fn options(command: &str) -> impl Iterator<Item = String> {
        let options = command.split(" --").enumerate();
        options.map(|(index, option)| match index {
            0 => option.to_owned(),
            _ => format!("--{option}"),
        })
    }

    fn time(&self) -> Option<String> {
        let seconds = self.report.progress.seconds;
        (seconds > 0.0).then(|| duration(seconds))
    }

    /// The classes' errors, largest first, for the table; those without an image come last.
    fn classes(&self) -> Vec<(&str, String)> {
        let Some(evaluation) = self.report.per_class() else {
            return Vec::new();
        };
        let mut classes: Vec<_> = evaluation.classes().collect();
        classes.sort_by(|(a, x), (b, y)| {
            let order = y.unwrap_or(-1.0).total_cmp(&x.unwrap_or(-1.0));
            order.then(a.cmp(b))
        });
        let row = |(name, error)| (name, percent(error));
        classes.into_iter().map(row).collect()
    }
}

#[derive(Template)]
#[template(path = "report/comparison.html")]
struct RunsPage<'a> {
    style: &'static str,
    palette: String,
    title: String,
    report: &'a RunsReport,
    figures: &'a [Figure],
}

/// Writes the page of several runs.
pub(super) fn of_runs(report: &RunsReport, figures: &[Figure]) -> Result<String, askama::Error> {
    RunsPage {
        style: STYLE,
        palette: palette::stylesheet(),
        title: format!("{} compared", words::counted(report.runs.len(), "run")),
        report,
        figures,
    }
    .render()
}

impl RunsPage<'_> {
    fn best(run: &ComparedRun) -> Option<&EpochPoint> {
        run.best_epoch.as_ref()
    }
}
