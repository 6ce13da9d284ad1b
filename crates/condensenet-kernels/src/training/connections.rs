//! Says which inputs each layer's 1x1 convolution reads.

use std::ops::Range;

/// Which inputs the outputs of a 1x1 convolution read: groups of outputs that read the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    channels_in: usize,
    channels_out: usize,
    /// Inputs of an output in the weight, read or not.
    columns: usize,
    pub(super) groups: Vec<Group>,
}

/// Outputs that read the same inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Channels of the block that are read, in ascending order.
    pub inputs: Vec<u32>,
    /// The weight's column of the first input; the others follow at the inputs' distances.
    pub first_column: usize,
    pub outputs: Vec<u32>,
}

impl Connections {
    /// Connects every output with every input; the weight is `[channels_out, channels_in]`.
    pub fn dense(channels_in: usize, channels_out: usize) -> Self {
        Self::grouped(channels_in, channels_out, 1)
    }

    /// Connects as a group convolution does; the weight is `[channels_out, channels_in / groups]`.
    ///
    /// # Panics
    /// If `groups` does not divide both numbers of channels.
    pub fn grouped(channels_in: usize, channels_out: usize, groups: usize) -> Self {
        assert!(
            groups > 0 && channels_in.is_multiple_of(groups) && channels_out.is_multiple_of(groups),
            "{groups} groups do not divide {channels_in} channels in and {channels_out} channels out"
        );
        let (inputs, outputs) = (channels_in / groups, channels_out / groups);
        let group = |group| Group {
            inputs: numbers(group * inputs..(group + 1) * inputs),
            first_column: 0,
            outputs: numbers(group * outputs..(group + 1) * outputs),
        };
        Self {
            channels_in,
            channels_out,
            columns: inputs,
            groups: (0..groups).map(group).collect(),
        }
    }

    /// Connects as a learned group convolution does, with what its mask keeps; the weight is `[channels_out, channels_in]`.
    ///
    /// Output `o` belongs to group `o % groups`. The mask is `[groups, channels_in]`, true = kept.
    ///
    /// # Panics
    /// If `groups` does not divide `channels_out`, or the mask's length is not a multiple of `groups`.
    pub fn learned(mask: &[bool], groups: usize, channels_out: usize) -> Self {
        assert!(
            groups > 0 && mask.len().is_multiple_of(groups) && channels_out.is_multiple_of(groups),
            "{groups} groups do not divide a mask of {} and {channels_out} channels out",
            mask.len()
        );
        let channels_in = mask.len() / groups;
        if mask.iter().all(|&kept| kept) {
            return Self::dense(channels_in, channels_out);
        }
        let group = |group| {
            let kept = &mask[group * channels_in..][..channels_in];
            let inputs = (0..channels_in).filter(|&input| kept[input]);
            let inputs: Vec<u32> = inputs.map(|input| input as u32).collect();
            Group {
                first_column: inputs.first().map_or(0, |&input| input as usize),
                inputs,
                outputs: numbers(group..channels_out)
                    .into_iter()
                    .step_by(groups)
                    .collect(),
            }
        };
        Self {
            channels_in,
            channels_out,
            columns: channels_in,
            groups: (0..groups).map(group).collect(),
        }
    }

    /// Returns the number of channels that the convolution reads, dropped ones included.
    pub fn channels_in(&self) -> usize {
        self.channels_in
    }

    /// Returns the number of channels that the convolution gives.
    pub fn channels_out(&self) -> usize {
        self.channels_out
    }

    /// Returns the length of the weight.
    pub fn weight_len(&self) -> usize {
        self.channels_out * self.columns
    }

    /// Returns the inputs that any output reads, in ascending order.
    pub(super) fn inputs(&self) -> Vec<u32> {
        let mut inputs: Vec<u32> = self
            .groups
            .iter()
            .flat_map(|group| &group.inputs)
            .copied()
            .collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    /// Returns the index of the weight between an output and an input, by their places in the group.
    pub(super) fn weight_index(&self, group: &Group, output: usize, input: usize) -> usize {
        let column = group.first_column + (group.inputs[input] - group.inputs[0]) as usize;
        group.outputs[output] as usize * self.columns + column
    }
}

fn numbers(range: Range<usize>) -> Vec<u32> {
    range.map(|number| number as u32).collect()
}
