//! Runs a network the fastest way that its form and its device allow.

use burn::tensor::{Device, Tensor, TensorData};
use condensenet_runtime::{InferenceSession, Preprocess, RgbImage, SessionError};

use crate::network::AnyNetwork;

/// A network about to be run: compiled for the CPU where it can be, else as its tensors.
#[derive(Debug)]
pub enum Runner<'a> {
    /// The network, packed.
    Session(Box<InferenceSession>),
    /// The network itself.
    Forward(&'a AnyNetwork),
}

impl<'a> Runner<'a> {
    /// Prepares a network to be run on a device.
    ///
    /// On a CPU a DenseNet, and a CondenseNet that is converted or fully condensed, are compiled. The packed copy does not see
    /// later changes of the network. Elsewhere, and before a CondenseNet is condensed, the network runs as it is.
    #[must_use]
    pub fn new(network: &'a AnyNetwork, device: &Device) -> Self {
        let condensed = network.stage() == network.schedule().last_stage();
        let session = (is_cpu(device) && condensed).then(|| network.compile());
        match session {
            Some(Ok(session)) => Self::Session(Box::new(session)),
            // Not a network that can be packed, but perhaps one that can be run.
            Some(Err(_)) | None => Self::Forward(network),
        }
    }

    /// Computes the logits of a batch of images.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`, at least
    ///   [`NetworkConfig::min_input_size`](condensenet_runtime::NetworkConfig::min_input_size) pixels a side
    /// - output: `[batch_size, num_classes]`
    ///
    /// # Panics
    /// Panics if the images are too small for the network, as its own `forward` does, or have not three channels.
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Session(session) => match session.forward(images) {
                Ok(logits) => logits,
                Err(error) => panic!("{error}"),
            },
            Self::Forward(network) => network.forward(images),
        }
    }

    /// Says in one word how the network is run: `session` or `forward`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Forward(_) => "forward",
        }
    }
}

fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    if *device == Device::flex() {
        return true;
    }
    let _ = device;
    false
}

/// A session on Burn's tensors.
pub trait SessionTensors {
    /// Computes the logits of a batch of images. Images are read from whatever device they are on, and the logits go there;
    /// no gradient flows.
    ///
    /// # Shapes
    /// - input: `[batch_size, 3, height, width]`
    /// - output: `[batch_size, num_classes]`
    ///
    /// # Errors
    /// Fails with [`SessionError::Size`] for another number of channels, with [`SessionError::ImageTooSmall`] if the pools
    /// leave nothing of an image.
    fn forward(&self, images: Tensor<4>) -> Result<Tensor<2>, SessionError>;
}

impl SessionTensors for InferenceSession {
    fn forward(&self, images: Tensor<4>) -> Result<Tensor<2>, SessionError> {
        let ([batch_size, channels, height, width], device) = (images.dims(), images.device());
        if channels != self.channels_in() {
            return Err(SessionError::Size {
                part: "channels of the images".to_owned(),
                found: channels,
                expected: self.channels_in(),
            });
        }
        let images = images.into_data().convert::<f32>();
        let mut logits = vec![0.0; batch_size * self.num_classes()];
        let values = images
            .as_slice::<f32>()
            .expect("converted to f32 in the line above");
        self.run(values, batch_size, height, width, &mut logits)?;
        let logits = TensorData::new(logits, [batch_size, self.num_classes()]);
        Ok(Tensor::from_data(logits, &device))
    }
}

/// Prepared photos as tensors.
pub trait PreprocessTensors {
    /// Makes one tensor of some images, which may differ in size.
    ///
    /// # Shapes
    /// output: `[images, 3, size, size]`
    fn tensor(&self, images: &[RgbImage], device: &Device) -> Tensor<4>;
}

impl PreprocessTensors for Preprocess {
    fn tensor(&self, images: &[RgbImage], device: &Device) -> Tensor<4> {
        let shape = [images.len(), 3, self.size, self.size];
        Tensor::from_data(TensorData::new(self.apply_all(images), shape), device)
    }
}
