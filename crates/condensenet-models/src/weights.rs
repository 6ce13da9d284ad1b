//! The tensors of Burn's modules under the names that PyTorch users know.
//!
//! [`specs`](condensenet_runtime::weights::specs) has the names, in the order of a walk through the network. Here the same
//! walk goes through the modules, to write a [`StateDict`] or to be filled from one.

use burn::nn::{BatchNorm, Linear};
use condensenet_core::{
    CondensedConv, CondensedReactivation, GroupConv, IndexLayer, LearnedGroupConv, Mask,
    SparseFeatureReactivation, SqueezeExcitation,
};
use condensenet_runtime::{
    FileForm, InferenceSession, NetworkWeights, SessionError, StateDict, StateDictError,
    weights::{TensorSpec, check},
};

use crate::{
    classifier::Classifier,
    conv_1x1::{Conv1x1, Conv1x1Mut},
    network::Network,
    reactivation::{Reactivate, ReactivationMut},
};

mod data;
mod slot;

pub use data::{stored_tensor, tensor_data};
use slot::Slot;

impl<C: Conv1x1> Network<C> {
    /// Copies the tensors out, under the original code's names, or torchvision's for a DenseNet with torchvision's stem.
    ///
    /// `_stage` and `_count`, which the original keeps beside each mask, are written as the mask
    /// implies them; `num_batches_tracked` is not kept here and not written. PyTorch's strict
    /// `load_state_dict` accepts the result.
    ///
    /// # Panics
    /// Panics with "the network has N tensors, its description M" if layers were added to it or taken away.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::Device;
    /// use condensenet_models::{CondenseNet, CondenseNetConfig, InitNetwork};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Device::default();
    /// let config = CondenseNetConfig::new(vec![2, 2], vec![4, 8]);
    /// let network: CondenseNet = config.init(&device)?;
    /// let weights = network.state_dict();
    /// let key = "features.denseblock_2.denselayer_1.conv_1._mask";
    /// let mask = weights.get(key).expect("a mask for each learned convolution");
    /// assert_eq!(mask.shape(), [32, 16, 1, 1]);
    ///
    /// let twin = config.init::<CondenseNet>(&device)?.load_state_dict(&weights)?;
    /// assert_eq!(twin.state_dict(), weights);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        let (mut network, specs) = (self.clone(), self.specs());
        let slots = network.slots();
        assert_count(slots.len(), specs.len());
        let tensors = specs.into_iter().zip(slots);
        tensors
            .filter_map(|(spec, slot)| Some((spec.key, slot.write()?)))
            .collect()
    }

    /// Replaces every tensor by the one of that name.
    ///
    /// The condensing stage comes with the masks. Values are converted to the device's own float
    /// and integer types; what is trainable stays so, and is known to an optimizer by the same
    /// identity as before. A classifier that was condensed (`classifier.index`, `classifier.linear.weight`) belongs
    /// into a network whose classifier is condensed to as many inputs.
    ///
    /// # Panics
    /// Panics as [`state_dict`](Self::state_dict) does.
    ///
    /// # Errors
    /// Fails with [`StateDictError`], which lists every key that is missing, left over, of another
    /// shape or type, or that holds values that no network has, such as an index past the last
    /// channel. `num_batches_tracked`, `_stage` and
    /// `_count` may be there or not, and are not looked at: the mask alone says what was dropped,
    /// and the original's counters are wrong after a run that skipped stages.
    pub fn load_state_dict(mut self, state_dict: &StateDict) -> Result<Self, StateDictError> {
        let specs = self.specs();
        check(&specs, state_dict)?;
        let slots = self.slots();
        assert_count(slots.len(), specs.len());
        for (spec, slot) in specs.iter().zip(slots) {
            if let Some(tensor) = state_dict.get(&spec.key) {
                slot.read(tensor);
            }
        }
        Ok(self)
    }

    /// Copies the weights out, with the description that they belong to.
    ///
    /// # Panics
    /// Panics as [`state_dict`](Self::state_dict) does.
    #[must_use]
    pub fn weights(&self) -> NetworkWeights {
        NetworkWeights {
            config: self.config().clone(),
            form: self.form(),
            classifier_kept: self.classifier.kept_channels(),
            tensors: self.state_dict(),
        }
    }

    /// Packs the network for this machine's CPU: the fastest way to run it, in any form.
    ///
    /// The session is a copy with the same logits up to rounding. Before a network is condensed, its session multiplies
    /// with all inputs, as the training form does.
    ///
    /// # Errors
    /// Fails with [`SessionError`] if parts of the network do not fit each other, which a program may have done to it.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Distribution, Tensor};
    /// use condensenet_models::{CondenseNet, CondenseNetConfig, InitNetwork, SessionTensors};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = Device::default();
    /// let mut network: CondenseNet = CondenseNetConfig::new(vec![2, 2], vec![8, 16]).init(&device)?;
    /// network.condense_to(network.schedule().last_stage());
    /// let converted = network.convert()?;
    /// let session = converted.compile()?;
    ///
    /// let images = Tensor::random([2, 3, 32, 48], Distribution::Default, &device);
    /// let logits = session.forward(images.clone())?;
    /// let difference = (logits - converted.forward(images)).abs().max();
    /// assert!(difference.into_scalar::<f32>() < 1e-4);
    ///
    /// // The same without tensors: one thread allocates nothing after the first call of a size.
    /// let mut logits = [0.0; 10];
    /// session.run(&[0.5; 3 * 32 * 48], 1, 32, 48, &mut logits)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn compile(&self) -> Result<InferenceSession, SessionError> {
        self.features.check_stem(self.config())?;
        let (found, expected) = (self.clone().slots().len(), self.specs().len());
        if found != expected {
            let part = "the list of the network's tensors".to_owned();
            return Err(SessionError::Size {
                part,
                found,
                expected,
            });
        }
        InferenceSession::open(&self.weights())
    }

    /// The form of the weights; a DenseNet's is that of its classifier.
    const fn form(&self) -> FileForm {
        match (C::LEARNS_GROUPS, &self.classifier) {
            (false, Classifier::Condensed(_)) => FileForm::Converted,
            _ => C::FORM,
        }
    }

    fn specs(&self) -> Vec<TensorSpec> {
        let kept = self.classifier.kept_channels();
        condensenet_runtime::weights::specs(self.config(), self.form(), kept)
    }

    /// Goes through the tensors, in the order of [`specs`](condensenet_runtime::weights::specs).
    fn slots(&mut self) -> Vec<Slot<'_>> {
        let mut slots = Slots::default();
        let features = &mut self.features;
        slots.0.push(Slot::Kernel(&mut features.stem.weight));
        if let Some(norm) = &mut features.stem_norm {
            slots.norm(norm);
        }
        for layer in features
            .blocks
            .iter_mut()
            .flat_map(|block| &mut block.layers)
        {
            if let Some(conv) = &mut layer.conv_1x1 {
                slots.conv_1x1(conv.view_mut());
            }
            slots.group_conv(&mut layer.conv_3x3);
            if let Some(part) = &mut layer.squeeze_excitation {
                slots.squeeze_excitation(part);
            }
            if let Some(part) = &mut layer.reactivation {
                slots.reactivation(part.view_mut());
            }
        }
        for transition in &mut features.transitions {
            if let Some(conv) = &mut transition.conv_1x1 {
                slots.conv_1x1(conv.view_mut());
            }
        }
        slots.norm(&mut features.norm);
        if let Some(hidden) = &mut self.hidden {
            slots.squeeze_excitation(&mut hidden.squeeze_excitation);
            slots.linear(&mut hidden.linear);
        }
        match &mut self.classifier {
            Classifier::Whole(linear) => slots.linear(linear),
            Classifier::Condensed(condensed) => {
                slots.index(&mut condensed.index);
                slots.linear(&mut condensed.linear);
            }
        }
        slots.0
    }
}

fn assert_count(found: usize, described: usize) {
    assert_eq!(
        found, described,
        "the network has {found} tensors, its description {described}"
    );
}

/// The original's `_count`: how many channels every group has lost.
fn dropped(mask: &Mask) -> f32 {
    let most_kept = (0..mask.groups()).map(|group| mask.kept_count(group)).max();
    (mask.channels_in() - most_kept.unwrap_or(0)) as f32
}

#[derive(Default)]
struct Slots<'a>(Vec<Slot<'a>>);

impl<'a> Slots<'a> {
    fn conv_1x1(&mut self, conv: Conv1x1Mut<'a>) {
        match conv {
            Conv1x1Mut::Learned(conv) => self.learned_group_conv(conv),
            Conv1x1Mut::Condensed(CondensedConv { index, conv }) => {
                self.index(index);
                self.group_conv(conv);
            }
            Conv1x1Mut::Grouped(conv) => self.group_conv(conv),
        }
    }

    fn learned_group_conv(&mut self, conv: &'a mut LearnedGroupConv) {
        let [channels_out, ..] = conv.weight.lazy_shape().dims::<4>();
        let (count, stage) = (dropped(&conv.mask()), conv.stage() as f32);
        self.norm(&mut conv.norm);
        let mask = &mut conv.mask;
        self.0.extend([
            Slot::Kernel(&mut conv.weight),
            Slot::Mask { mask, channels_out },
            Slot::Derived(stage),
            Slot::Derived(count),
        ]);
    }

    fn reactivation(&mut self, layer: ReactivationMut<'a>) {
        match layer {
            ReactivationMut::Learned(layer) => self.learned_reactivation(layer),
            ReactivationMut::Condensed(CondensedReactivation {
                norm,
                weight,
                index,
                ..
            }) => {
                self.norm(norm);
                self.0.push(Slot::Kernel(weight));
                self.index(index);
            }
        }
    }

    fn learned_reactivation(&mut self, layer: &'a mut SparseFeatureReactivation) {
        let [_, channels_in, ..] = layer.weight.lazy_shape().dims::<4>();
        let (count, stage) = (dropped(&layer.mask()), layer.stage() as f32);
        self.norm(&mut layer.norm);
        let mask = &mut layer.mask;
        self.0.extend([
            Slot::Kernel(&mut layer.weight),
            Slot::OutputMask { mask, channels_in },
            Slot::Derived(stage),
            Slot::Derived(count),
        ]);
    }

    fn squeeze_excitation(&mut self, layer: &'a mut SqueezeExcitation) {
        self.0.push(Slot::Matrix(&mut layer.squeeze.weight));
        self.0.push(Slot::Matrix(&mut layer.excite.weight));
    }

    fn group_conv(&mut self, conv: &'a mut GroupConv) {
        self.norm(&mut conv.norm);
        self.0.push(Slot::Kernel(&mut conv.weight));
    }

    fn index(&mut self, layer: &'a mut IndexLayer) {
        self.0.push(Slot::Index(&mut layer.index));
    }

    fn linear(&mut self, linear: &'a mut Linear) {
        self.0.push(Slot::Matrix(&mut linear.weight));
        self.0.extend(linear.bias.as_mut().map(Slot::Vector));
    }

    fn norm(&mut self, norm: &'a mut BatchNorm) {
        self.0.extend([
            Slot::Vector(&mut norm.gamma),
            Slot::Vector(&mut norm.beta),
            Slot::Statistics(&mut norm.running_mean),
            Slot::Statistics(&mut norm.running_var),
            Slot::Untracked,
        ]);
    }
}
