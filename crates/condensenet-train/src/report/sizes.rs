//! What a network costs before and after conversion.

use burn::tensor::Device;
use condensenet_models::{
    AnyNetwork, Complexity, Convention, Form, InitNetwork, NetworkConfig, StateDict,
};
use serde::Serialize;

use crate::error::TrainError;

/// What both forms of a network cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sizes {
    /// Height and width of the image that is counted for, in pixels: of those that the run learns from.
    pub input: [usize; 2],
    /// The form that trains.
    pub training: FormSize,
    /// The form that runs, with the whole classifier.
    pub converted: FormSize,
}

/// What one form of a network costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FormSize {
    /// Elements of the parameters in memory; masked ones are among them.
    pub parameters: u64,
    /// Parameters as the paper counts them.
    pub published_parameters: u64,
    /// Multiply-adds that are executed for an image.
    pub multiply_adds: u64,
    /// FLOPs as the paper counts them.
    pub published_flops: u64,
    /// Tensors that a file of the weights has.
    pub tensors: usize,
    /// The bytes of those tensors.
    pub bytes: u64,
}

impl Sizes {
    /// Counts a network in both forms, for images of a height and width. Where `network` is none, one is made to count its tensors.
    pub(super) fn of(
        config: &NetworkConfig,
        input: [usize; 2],
        network: Option<&AnyNetwork>,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let mut network = match network {
            Some(network) => network.clone(),
            None => config.init(device)?,
        };
        // How many tensors there are, and how large, does not depend on which inputs are dropped.
        network.condense_to(network.schedule().last_stage());
        let training = network.state_dict();
        let converted = network.convert()?.state_dict();
        Ok(Self {
            input,
            training: FormSize::of(config, Form::Training, input, &training)?,
            converted: FormSize::of(config, Form::CONVERTED, input, &converted)?,
        })
    }
}

impl FormSize {
    fn of(
        config: &NetworkConfig,
        form: Form,
        input: [usize; 2],
        weights: &StateDict,
    ) -> Result<Self, TrainError> {
        let complexity = Complexity::of(config, form, input)?;
        let bytes = weights
            .iter()
            .map(|(_, tensor)| tensor.as_bytes().len() as u64);
        Ok(Self {
            parameters: complexity.stored_params(),
            published_parameters: complexity.counted_params(),
            multiply_adds: complexity.flops(Convention::MultiplyAdds),
            published_flops: complexity.flops(Convention::Published),
            tensors: weights.len(),
            bytes: bytes.sum(),
        })
    }
}
