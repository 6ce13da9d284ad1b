//! Whether the parts of a described network fit each other.

use super::{
    error::SessionError,
    network::{
        Affine, Classifier, CondensedConv, GroupConv, Hidden, Reactivation, SessionNetwork,
        SqueezeExcitation, Transition,
    },
};

impl SessionNetwork {
    /// Checks that all parts fit each other.
    ///
    /// # Errors
    /// Fails with any variant but [`SessionError::ImageTooSmall`], naming the part and the values.
    pub fn validate(&self) -> Result<(), SessionError> {
        let stem = &self.stem;
        let taps = stem.channels_in * stem.kernel * stem.kernel;
        if !matches!((stem.kernel, stem.stride), (3 | 7, 1 | 2))
            || stem.channels_in == 0
            || stem.channels_out == 0
        {
            return Err(SessionError::Stem {
                kernel: stem.kernel,
                stride: stem.stride,
                channels_out: stem.channels_out,
            });
        }
        SessionError::check_size("stem weight", stem.weight.len(), taps * stem.channels_out)?;
        if let Some(norm) = &stem.norm {
            norm.validate("stem norm", stem.channels_out)?;
        }
        if self.blocks.is_empty() {
            return Err(SessionError::Empty {
                part: "dense blocks",
            });
        }
        let mut channels = stem.channels_out;
        for (b, block) in self.blocks.iter().enumerate() {
            for (l, layer) in block.layers.iter().enumerate() {
                let name = |part: &str| format!("{part} of layer {l} in block {b}");
                layer.conv_1.validate(&name("1x1"), channels)?;
                let bottleneck = layer.conv_1.channels_out;
                layer.norm_2.validate(&name("second norm"), bottleneck)?;
                let GroupConv {
                    groups,
                    channels_out,
                    weight,
                } = &layer.conv_2;
                groups_divide(name("3x3"), *groups, &[bottleneck, *channels_out])?;
                SessionError::check_size(
                    name("weight of the 3x3"),
                    weight.len(),
                    channels_out * bottleneck / groups * 9,
                )?;
                if let Some(part) = &layer.squeeze_excitation {
                    part.validate(&name("squeeze and excitation"), *channels_out)?;
                }
                if let Some(part) = &layer.reactivation {
                    part.validate(&name("reactivation"), *channels_out, channels)?;
                }
                channels += channels_out;
            }
            if let Transition::Conv(conv) = &block.transition {
                conv.validate(&format!("transition behind block {b}"), channels)?;
                channels = conv.channels_out;
            }
            let last = b + 1 == self.blocks.len();
            SessionError::check_size(
                format!("whether a transition follows block {b}"),
                usize::from(!matches!(block.transition, Transition::None)),
                usize::from(!last),
            )?;
        }
        self.norm.validate("last norm", channels)?;
        if let Some(Hidden {
            squeeze_excitation,
            weight,
            bias,
        }) = &self.hidden
        {
            squeeze_excitation.validate("last squeeze and excitation", channels)?;
            SessionError::check_size("hidden weight", weight.len(), channels * bias.len())?;
            channels = bias.len();
        }
        let Classifier {
            index,
            weight,
            bias,
        } = &self.classifier;
        let kept = index.as_ref().map_or(channels, Vec::len);
        for (part, count) in [
            ("classes of the classifier", bias.len()),
            ("features that the classifier reads", kept),
        ] {
            if count == 0 {
                return Err(SessionError::Empty { part });
            }
        }
        check_index("classifier", index.as_deref(), channels)?;
        SessionError::check_size("classifier weight", weight.len(), kept * bias.len())
    }
}

impl Affine {
    fn validate(&self, part: &str, channels: usize) -> Result<(), SessionError> {
        SessionError::check_size(format!("scale of the {part}"), self.scale.len(), channels)?;
        SessionError::check_size(format!("shift of the {part}"), self.shift.len(), channels)
    }
}

impl CondensedConv {
    fn validate(&self, part: &str, channels: usize) -> Result<(), SessionError> {
        let inputs = self.index.as_ref().map_or(channels, Vec::len);
        groups_divide(part.to_owned(), self.groups, &[inputs, self.channels_out])?;
        check_index(part, self.index.as_deref(), channels)?;
        self.norm.validate(&format!("norm of the {part}"), inputs)?;
        SessionError::check_size(
            format!("weight of the {part}"),
            self.weight.len(),
            self.channels_out * inputs / self.groups,
        )
    }
}

impl SqueezeExcitation {
    fn validate(&self, part: &str, channels: usize) -> Result<(), SessionError> {
        let hidden = self.squeeze.len() / channels;
        if hidden == 0 {
            return Err(SessionError::Empty {
                part: "hidden features of a squeeze and excitation",
            });
        }
        let expected = hidden * channels;
        SessionError::check_size(
            format!("squeeze of the {part}"),
            self.squeeze.len(),
            expected,
        )?;
        SessionError::check_size(format!("excite of the {part}"), self.excite.len(), expected)
    }
}

impl Reactivation {
    fn validate(&self, part: &str, new: usize, channels: usize) -> Result<(), SessionError> {
        groups_divide(part.to_owned(), self.groups, &[new])?;
        if !self.index.len().is_multiple_of(self.groups) {
            groups_divide(part.to_owned(), self.groups, &[self.index.len()])?;
        }
        check_index(part, Some(&self.index), channels)?;
        self.norm.validate(&format!("norm of the {part}"), new)?;
        SessionError::check_size(
            format!("weight of the {part}"),
            self.weight.len(),
            self.index.len() * (new / self.groups),
        )
    }
}

fn groups_divide(part: String, groups: usize, channels: &[usize]) -> Result<(), SessionError> {
    match channels
        .iter()
        .find(|&&c| groups == 0 || c == 0 || c % groups != 0)
    {
        Some(&channels) => Err(SessionError::Groups {
            part,
            groups,
            channels,
        }),
        None => Ok(()),
    }
}

fn check_index(part: &str, index: Option<&[u32]>, channels: usize) -> Result<(), SessionError> {
    match index
        .into_iter()
        .flatten()
        .find(|&&i| i as usize >= channels)
    {
        Some(&index) => Err(SessionError::Index {
            part: part.to_owned(),
            index: index as usize,
            channels,
        }),
        None => Ok(()),
    }
}
