//! Which numbers a recipe may have.

use super::{GradientClipping, Recipe};
use crate::{
    error::TrainError,
    learning_rate::{LearningRateSchedule, WarmUp},
};

/// A field, its value, whether it keeps its rule, and the rule.
type Rule = (&'static str, String, bool, &'static str);

const AT_LEAST_1: &str = "at least 1";
const POSITIVE: &str = "positive and finite";
const NOT_NEGATIVE: &str = "finite and not negative";

impl Recipe {
    /// Checks the numbers.
    ///
    /// # Errors
    /// Fails with [`TrainError::Recipe`], which names the field, its value and the rule.
    pub fn validate(&self) -> Result<(), TrainError> {
        let rules = self.required().into_iter().chain(self.optional());
        match rules.into_iter().find(|(_, _, holds, _)| !holds) {
            None => Ok(()),
            Some((field, value, _, rule)) => Err(TrainError::Recipe { field, value, rule }),
        }
    }

    fn required(&self) -> Vec<Rule> {
        let (milestones, factor) = match &self.schedule {
            LearningRateSchedule::Cosine => (&[][..], 1.0),
            LearningRateSchedule::Multistep { milestones, factor } => (&milestones[..], *factor),
        };
        vec![
            count("epochs", self.epochs),
            count("batch_size", self.batch_size),
            positive("learning_rate", self.learning_rate),
            (
                "schedule's milestones",
                format!("{milestones:?}"),
                milestones.iter().all(|at| *at > 0.0 && *at < 1.0),
                "each in (0, 1)",
            ),
            positive("schedule's factor", factor),
            (
                "momentum",
                self.momentum.to_string(),
                (0.0..1.0).contains(&self.momentum),
                "in [0, 1)",
            ),
            not_negative("weight_decay", self.weight_decay),
            not_negative("group_lasso", self.group_lasso),
        ]
    }

    fn optional(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        if let Some(smoothing) = self.label_smoothing {
            let holds = (0.0..1.0).contains(&smoothing);
            rules.push(("label_smoothing", smoothing.to_string(), holds, "in [0, 1)"));
        }
        match self.warm_up {
            Some(WarmUp::Epochs(epochs)) => rules.push((
                "warm_up",
                format!("{epochs} epochs"),
                (1..self.epochs).contains(&epochs),
                "at least 1 epoch, and shorter than the training",
            )),
            Some(WarmUp::Steps(steps)) => rules.push(count("warm_up's steps", steps)),
            None => {}
        }
        if let Some(parts) = self.accumulation {
            rules.push((
                "accumulation",
                parts.to_string(),
                (1..=self.batch_size).contains(&parts),
                "at least 1 and at most the batch size",
            ));
        }
        match self.clipping {
            Some(GradientClipping::Norm(norm)) => rules.push(positive("clipping's norm", norm)),
            Some(GradientClipping::Value(value)) => rules.push(positive("clipping's value", value)),
            None => {}
        }
        if let Some(decay) = self.average_decay {
            let holds = decay > 0.0 && decay < 1.0;
            rules.push(("average_decay", decay.to_string(), holds, "in (0, 1)"));
        }
        if let Some(patience) = self.patience {
            rules.push(count("patience", patience));
        }
        rules
    }
}

fn count(field: &'static str, value: usize) -> Rule {
    (field, value.to_string(), value > 0, AT_LEAST_1)
}

fn positive(field: &'static str, value: f64) -> Rule {
    let holds = value.is_finite() && value > 0.0;
    (field, value.to_string(), holds, POSITIVE)
}

fn not_negative(field: &'static str, value: f64) -> Rule {
    let holds = value.is_finite() && value >= 0.0;
    (field, value.to_string(), holds, NOT_NEGATIVE)
}
