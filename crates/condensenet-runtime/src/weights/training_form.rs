//! Brings a converted network back to the form that trains.
//!
//! Conversion writes down the kept inputs of each group and copies the norm's values to every place where a channel is read.
//! The way back is exact as long as all copies of a channel's norm are the same, as a conversion leaves them. What was dropped
//! has the weight 0 and stays dropped: the index becomes the mask.

use super::{FileForm, NetworkWeights, WeightsError};
use crate::{
    names::{ConvNames, Spelling},
    state_dict::StateDict,
    tensor::{Dtype, StoredTensor},
};

/// The tensors of a norm, with the values of one that does nothing.
const NORM: [(&str, f64); 4] = [
    ("weight", 1.0),
    ("bias", 0.0),
    ("running_mean", 0.0),
    ("running_var", 1.0),
];

/// A network can't be brought back to the form that trains.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingFormError {
    /// The network has that form.
    #[error("the network is in training form already")]
    InTrainingForm,
    /// The weights are not those of the network that is described.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The norm of a channel was trained on after the conversion, and differs from group to group. Positions count the
    /// entries of the index.
    #[error(
        "{key}: channel {channel} has the value {first} at position {} and {second} at position {}, but in training form a \
         channel has one norm for all groups",
        positions[0],
        positions[1]
    )]
    CopiesDiffer {
        /// The tensor of the norm.
        key: String,
        /// The channel that is read twice.
        channel: usize,
        /// Where it is read.
        positions: [usize; 2],
        /// The value at the first position.
        first: f64,
        /// The value at the second.
        second: f64,
    },
    /// A group reads a channel twice, or is added to it twice, which no conversion makes it do.
    #[error("{key}: {reader} channel {channel} twice, which a mask can't say")]
    ReadTwice {
        /// The index.
        key: String,
        /// The group or the classifier, with what it does: `group 1 reads`.
        reader: String,
        /// The channel.
        channel: usize,
    },
}

impl NetworkWeights {
    /// Rewrites a converted network in training form: the same logits up to rounding, and the same index when it is converted
    /// again.
    ///
    /// The masks are those that the index says, so that the network is condensed to its last stage. A condensed classifier
    /// becomes a whole one, whose weights for the inputs that it did not read are 0. Channels that no group reads get a norm
    /// that does nothing.
    ///
    /// # Errors
    /// Fails with [`TrainingFormError`]: where copies of a channel's norm differ, it names the first.
    pub fn training_form(&self) -> Result<Self, TrainingFormError> {
        if self.form == FileForm::Training {
            return Err(TrainingFormError::InTrainingForm);
        }
        self.check()?;
        let mut tensors = self.tensors.clone();
        if self.config.condensation_factor.is_some() {
            for (conv, channels_in) in self.condensed_convs() {
                let conv = Condensed {
                    conv,
                    channels_in,
                    groups: self.config.groups_1x1,
                };
                conv.restore(&mut tensors)?;
            }
        }
        if let Some(reactivation) = self.config.reactivation {
            let spelling = Spelling::of(&self.config);
            for at in self.config.dense_layers() {
                let conv = spelling.reactivation(at.block, at.layer);
                restore_reactivation(&mut tensors, &conv, reactivation.groups, at.channels_in)?;
            }
        }
        if self.classifier_kept.is_some() {
            restore_classifier(&mut tensors, self.config.classifier_inputs())?;
        }
        Ok(Self {
            config: self.config.clone(),
            form: FileForm::Training,
            classifier_kept: None,
            tensors,
        })
    }

    /// The 1x1 convolutions that learned their groups, and the channels that enter each.
    fn condensed_convs(&self) -> Vec<(ConvNames, usize)> {
        let (config, spelling) = (&self.config, Spelling::of(&self.config));
        let layers = config.dense_layers().map(|at| {
            let [conv_1x1, _] = spelling.dense_layer(at.block, at.layer);
            (conv_1x1, at.channels_in)
        });
        let blocks = config.blocks().into_iter().enumerate();
        let transitions = blocks.filter_map(|(block, shape)| {
            shape.transition?;
            Some((spelling.transition(block), shape.channels_out()))
        });
        layers.chain(transitions).collect()
    }
}

/// A norm and a 1x1 convolution behind an index.
struct Condensed {
    conv: ConvNames,
    channels_in: usize,
    groups: usize,
}

impl Condensed {
    fn restore(&self, tensors: &mut StateDict) -> Result<(), TrainingFormError> {
        let key = format!("{}.index", self.conv.path);
        let index = taken(tensors, &key).to_i64();
        let index: Vec<usize> = index.into_iter().map(|channel| channel as usize).collect();
        let per_group = index.len() / self.groups;
        let mut kept = vec![0.0; self.groups * self.channels_in];
        for (group, channels) in index.chunks_exact(per_group).enumerate() {
            let row = &mut kept[group * self.channels_in..][..self.channels_in];
            mark(row, channels).map_err(|channel| TrainingFormError::ReadTwice {
                key: key.clone(),
                reader: format!("group {group} reads"),
                channel,
            })?;
        }
        for (part, usual) in NORM {
            let key = format!("{}.{part}", self.conv.norm);
            let copies = taken(tensors, &key);
            let norm = merged(
                &key,
                &copies.to_f64(),
                &index,
                vec![usual; self.channels_in],
            )?;
            tensors.insert(key, like(&copies, &[self.channels_in], &norm));
        }
        // Row `r` of the converted weight is output `r % n * groups + r / n`, with n outputs a group.
        let condensed = taken(tensors, &self.conv.weight);
        let channels_out = condensed.shape()[0];
        let outputs = channels_out / self.groups;
        let mut weight = vec![0.0; channels_out * self.channels_in];
        let mut mask = Vec::with_capacity(weight.len());
        for (row, values) in condensed.to_f64().chunks_exact(per_group).enumerate() {
            let (group, output) = (row / outputs, row % outputs * self.groups + row / outputs);
            let to = &mut weight[output * self.channels_in..][..self.channels_in];
            for (&channel, &value) in index[group * per_group..].iter().zip(values) {
                to[channel] = value;
            }
        }
        for output in 0..channels_out {
            let group = output % self.groups;
            mask.extend_from_slice(&kept[group * self.channels_in..][..self.channels_in]);
        }
        let shape = [channels_out, self.channels_in, 1, 1];
        tensors.insert(self.conv.weight.clone(), like(&condensed, &shape, &weight));
        let mask = StoredTensor::from_f32(&shape, &mask);
        tensors.insert(format!("{}._mask", self.conv.path), mask);
        Ok(())
    }
}

/// Spreads the weights of a reactivation over all channels that it might add to.
fn restore_reactivation(
    tensors: &mut StateDict,
    conv: &ConvNames,
    groups: usize,
    channels_out: usize,
) -> Result<(), TrainingFormError> {
    let key = format!("{}.index", conv.path);
    let index = taken(tensors, &key).to_i64();
    let index: Vec<usize> = index.into_iter().map(|channel| channel as usize).collect();
    let condensed = taken(tensors, &conv.weight);
    let (kept, per_group) = (index.len() / groups, condensed.shape()[1]);
    let channels_in = groups * per_group;
    let mut weight = vec![0.0; channels_out * channels_in];
    let mut mask = vec![0.0; channels_out * channels_in];
    let values = condensed.to_f64();
    let mut rows = values.chunks_exact(per_group);
    for (group, channels) in index.chunks_exact(kept).enumerate() {
        mark(&mut vec![0.0; channels_out], channels).map_err(|channel| {
            TrainingFormError::ReadTwice {
                key: key.clone(),
                reader: format!("group {group} adds to"),
                channel,
            }
        })?;
        for (&channel, values) in channels.iter().zip(&mut rows) {
            for (i, value) in values.iter().enumerate() {
                let at = channel * channels_in + i * groups + group;
                (weight[at], mask[at]) = (*value, 1.0);
            }
        }
    }
    let shape = [channels_out, channels_in, 1, 1];
    tensors.insert(conv.weight.clone(), like(&condensed, &shape, &weight));
    let mask = StoredTensor::from_f32(&shape, &mask);
    tensors.insert(format!("{}._mask", conv.path), mask);
    Ok(())
}

/// Spreads the weights of a condensed classifier over all inputs.
fn restore_classifier(
    tensors: &mut StateDict,
    channels_in: usize,
) -> Result<(), TrainingFormError> {
    let key = "classifier.index";
    let index = taken(tensors, key).to_i64();
    let index: Vec<usize> = index.into_iter().map(|channel| channel as usize).collect();
    mark(&mut vec![0.0; channels_in], &index).map_err(|channel| TrainingFormError::ReadTwice {
        key: key.to_owned(),
        reader: "the classifier reads".to_owned(),
        channel,
    })?;
    let condensed = taken(tensors, "classifier.linear.weight");
    let classes = condensed.shape()[0];
    let mut weight = vec![0.0; classes * channels_in];
    let rows = weight.chunks_exact_mut(channels_in);
    for (row, values) in rows.zip(condensed.to_f64().chunks_exact(index.len())) {
        for (&channel, &value) in index.iter().zip(values) {
            row[channel] = value;
        }
    }
    let weight = like(&condensed, &[classes, channels_in], &weight);
    tensors.insert("classifier.weight", weight);
    let bias = taken(tensors, "classifier.linear.bias");
    tensors.insert("classifier.bias", bias);
    Ok(())
}

/// Takes out a tensor that the check has seen.
fn taken(tensors: &mut StateDict, key: &str) -> StoredTensor {
    tensors.remove(key).expect("the weights were checked")
}

/// Puts a 1 at each channel; fails with the first that comes twice.
fn mark(row: &mut [f32], channels: &[usize]) -> Result<(), usize> {
    for &channel in channels {
        if row[channel] != 0.0 {
            return Err(channel);
        }
        row[channel] = 1.0;
    }
    Ok(())
}

/// Puts the value of each copy to its channel, all copies of which must agree.
fn merged(
    key: &str,
    copies: &[f64],
    index: &[usize],
    mut channels: Vec<f64>,
) -> Result<Vec<f64>, TrainingFormError> {
    let mut seen = vec![None; channels.len()];
    for (position, (&channel, &value)) in index.iter().zip(copies).enumerate() {
        match seen[channel] {
            None => {
                seen[channel] = Some(position);
                channels[channel] = value;
            }
            Some(first) if copies[first] == value => {}
            Some(first) => {
                return Err(TrainingFormError::CopiesDiffer {
                    key: key.to_owned(),
                    channel,
                    positions: [first, position],
                    first: copies[first],
                    second: value,
                });
            }
        }
    }
    Ok(channels)
}

/// A tensor of the same type of floats.
fn like(other: &StoredTensor, shape: &[usize], values: &[f64]) -> StoredTensor {
    let bytes = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let tensor = StoredTensor::new(Dtype::F64, shape.to_vec(), bytes);
    tensor
        .expect("as many values as the shape has")
        .to_float(other.dtype())
}
