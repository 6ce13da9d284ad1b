//! What the masks of a network in training form say about its groups and its condensation factor.

use super::{error::ImportError, layout::Layout};
use crate::tensor::StoredTensor;

/// The masks of all layers, by output.
pub(super) struct Masks<'a> {
    layout: &'a Layout<'a>,
    masks: Vec<Rows>,
    /// The fields that are read off them: groups, and condensation factor.
    fields: [&'static str; 2],
}

struct Rows {
    key: String,
    stage: Option<f64>,
    outputs: usize,
    inputs: usize,
    kept: Vec<bool>,
}

impl<'a> Masks<'a> {
    /// Reads the masks of the 1x1 convolutions with these paths.
    pub(super) fn read(
        layout: &'a Layout<'a>,
        paths: impl Iterator<Item = String>,
    ) -> Result<Self, ImportError> {
        let read = |path: String| {
            let key = format!("{path}._mask");
            let [outputs, inputs, ..] = layout.kernel(&key)?;
            let stage = layout.state_dict.get(&format!("{path}._stage"));
            let stage = stage.and_then(|stage| stage.to_f64().first().copied());
            let values = layout.state_dict.get(&key).map(StoredTensor::to_f64);
            let kept: Vec<bool> = values.into_iter().flatten().map(|v| v != 0.0).collect();
            if kept.len() != outputs * inputs {
                let expected = "a mask of shape [channels_out, channels_in, 1, 1]";
                return Err(layout.misshapen(&key, expected));
            }
            Ok(Rows {
                key,
                stage,
                outputs,
                inputs,
                kept,
            })
        };
        let masks = paths.map(read).collect::<Result<_, _>>()?;
        let fields = ["groups_1x1", "condensation_factor"];
        Ok(Self {
            layout,
            masks,
            fields,
        })
    }

    /// Reads the masks of reactivations with these paths: their inputs have groups, and their outputs are dropped.
    pub(super) fn read_outputs(
        layout: &'a Layout<'a>,
        paths: impl Iterator<Item = String>,
    ) -> Result<Self, ImportError> {
        let masks = Self::read(layout, paths)?;
        Ok(Self {
            masks: masks.masks.into_iter().map(Rows::turned).collect(),
            fields: ["reactivation.groups", "reactivation.condensation_factor"],
            ..masks
        })
    }

    /// Whether nothing is dropped yet.
    pub(super) fn are_whole(&self) -> bool {
        let mut masks = self.masks.iter();
        masks.all(|mask| mask.kept.iter().all(|&kept| kept))
    }

    /// The least period of the rows that all masks have.
    pub(super) fn groups(&self) -> Result<usize, ImportError> {
        let open = |reason| self.layout.undetermined(self.fields[0], reason);
        if self.are_whole() {
            let reason = "nothing is dropped yet in any mask, so that the groups look alike, and \
                          condensation_factor is open as well";
            return Err(open(reason));
        }
        let common = self.masks.iter().map(|mask| mask.outputs).reduce(gcd);
        let common = common.unwrap_or(1);
        let periods = (1..=common).filter(|&groups| common.is_multiple_of(groups));
        let mut fitting = periods.filter(|&groups| {
            let repeats = |mask: &Rows| mask.repeats_after(groups);
            self.masks.iter().all(repeats)
        });
        let reason = "the rows of the masks do not repeat with one period in all layers";
        fitting.next().ok_or_else(|| open(reason))
    }

    /// C, from the dropped part of the inputs and the stage.
    pub(super) fn condensation_factor(&self) -> Result<usize, ImportError> {
        let open = |reason: String| self.layout.undetermined(self.fields[1], reason);
        let mut first: Option<(usize, usize, Option<f64>)> = None;
        for mask in &self.masks {
            let dropped = mask.dropped().ok_or_else(|| {
                let key = &mask.key;
                open(format!(
                    "the groups of {key} have lost different numbers of inputs"
                ))
            })?;
            let divisor = gcd(dropped, mask.inputs);
            let part = (dropped / divisor, mask.inputs / divisor, mask.stage);
            match first {
                None => first = Some(part),
                Some(first) if first == part => {}
                Some((a, b, stage)) => {
                    return Err(open(format!(
                        "{} has lost {}/{} of its inputs at stage {:?}, but an earlier layer \
                         {a}/{b} at stage {stage:?}",
                        mask.key, part.0, part.1, part.2
                    )));
                }
            }
        }
        let (dropped, inputs, stage) = first.unwrap_or((0, 1, None));
        match stage {
            _ if dropped == 0 => Err(open("nothing is dropped yet in any mask".to_owned())),
            Some(stage) => {
                let factor = stage * inputs as f64 / dropped as f64;
                // Below 2^24, as every number of channels, so that the cast is exact.
                if factor.fract() == 0.0 && factor > stage && factor < f64::from(1 << 24) {
                    return Ok(factor as usize);
                }
                Err(open(format!(
                    "{dropped}/{inputs} of the inputs are dropped at stage {stage}, which no \
                     condensation factor explains"
                )))
            }
            None => {
                let mut reason = format!(
                    "{dropped}/{inputs} of the inputs are dropped, and there is no `_stage` that \
                     says in how many steps"
                );
                if dropped + 1 == inputs {
                    reason += &format!("; it is {inputs} if this network is fully condensed");
                }
                Err(open(reason))
            }
        }
    }
}

impl Rows {
    /// Rows for columns.
    fn turned(self) -> Self {
        let column = |input: usize| self.kept[input..].iter().step_by(self.inputs);
        let kept = (0..self.inputs).flat_map(column).copied().collect();
        Self {
            outputs: self.inputs,
            inputs: self.outputs,
            kept,
            ..self
        }
    }

    fn row(&self, output: usize) -> &[bool] {
        &self.kept[output * self.inputs..][..self.inputs]
    }

    fn repeats_after(&self, groups: usize) -> bool {
        (groups..self.outputs).all(|output| self.row(output) == self.row(output % groups))
    }

    /// How many inputs each output has lost, if it is the same number for all.
    fn dropped(&self) -> Option<usize> {
        let dropped = |output| self.row(output).iter().filter(|&&kept| !kept).count();
        let first = dropped(0);
        let same = (1..self.outputs).all(|output| dropped(output) == first);
        same.then_some(first)
    }
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
