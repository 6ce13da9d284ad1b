//! What is timed on every device: both forms, a training step, and the loading of a batch.

use anyhow::{Result, anyhow};
use condensenet::{
    AnyNetwork,
    burn::{
        data::dataloader::DataLoader,
        nn::loss::CrossEntropyLossConfig,
        optim::GradientsParams,
        tensor::{Device, Distribution, Int, Tensor, TensorData},
    },
    train::{DataSource, Recipe, data::ImageLoaderConfig},
};

use super::{Bench, Call, Form};

/// Something that a device does again and again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Case {
    /// The network before conversion, condensed, in test mode.
    TrainingForm,
    /// The network after conversion.
    ConvertedForm,
    /// The converted network compiled for the processor.
    Session,
    /// Forward, backward and optimizer.
    TrainingStep,
    /// A batch of the built-in images, cropped, flipped, normalized, and brought to the device.
    Loading,
}

impl Case {
    pub(super) const ALL: &[Self] = &[
        Self::TrainingForm,
        Self::ConvertedForm,
        Self::Session,
        Self::TrainingStep,
        Self::Loading,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::TrainingForm => "forward, training form",
            Self::ConvertedForm => "forward, converted form",
            Self::Session => "forward, session",
            Self::TrainingStep => "training step",
            Self::Loading => "loading 32x32 images",
        }
    }

    /// Says whether a device of this family has the case.
    pub(super) fn is_for(self, family: &str) -> bool {
        match self {
            Self::Session => family == "flex",
            _ => !family.is_empty(),
        }
    }
}

/// Makes a call that does the case once on a device, and waits until it is done.
pub(super) fn prepare(
    case: Case,
    bench: &Bench,
    size: [usize; 2],
    threads: usize,
    device: &Device,
) -> Result<Call> {
    let shape = [bench.batch, 3, size[0], size[1]];
    match case {
        Case::TrainingForm => Ok(forward(bench.load(Form::Training, device)?, shape, device)),
        Case::ConvertedForm => Ok(forward(bench.load(Form::Forward, device)?, shape, device)),
        Case::Session => session(&bench.load(Form::Forward, device)?, shape, threads, device),
        Case::TrainingStep => {
            let network = bench.load(Form::Training, &device.clone().autodiff())?;
            Ok(training_step(network, shape, device))
        }
        Case::Loading => loading(bench.batch, device),
    }
}

fn images(shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn forward(network: AnyNetwork, shape: [usize; 4], device: &Device) -> Call {
    let images = images(shape, device);
    Box::new(move || {
        let _ = network.forward(images.clone()).into_data(); // which waits for it
        Ok(())
    })
}

fn session(
    network: &AnyNetwork,
    shape: [usize; 4],
    threads: usize,
    device: &Device,
) -> Result<Call> {
    let session = network.compile()?.with_threads(threads);
    let images: Vec<f32> = images(shape, device).into_data().iter().collect();
    let mut logits = vec![0.0; shape[0] * session.num_classes()];
    let call = move || Ok(session.run(&images, shape[0], shape[2], shape[3], &mut logits)?);
    Ok(Box::new(call))
}

fn training_step(network: AnyNetwork, shape: [usize; 4], device: &Device) -> Call {
    let device = device.clone().autodiff();
    let recipe = Recipe::new();
    let mut optimizer = recipe.optimizer();
    let num_classes = network.config().num_classes;
    let labels: Vec<i64> = (0..shape[0])
        .map(|image| (image % num_classes) as i64)
        .collect();
    let labels = TensorData::new(labels, [shape[0]]);
    let labels = Tensor::<1, Int>::from_data(labels, &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let images = images(shape, &device);
    let mut trained = Some(network);
    Box::new(move || {
        let network = trained
            .take()
            .ok_or_else(|| anyhow!("an earlier step failed"))?;
        let loss = loss.forward(network.forward(images.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        trained = Some(optimizer.step(recipe.learning_rate, network, gradients));
        Ok(device.sync()?)
    })
}

fn loading(batch_size: usize, device: &Device) -> Result<Call> {
    let data = DataSource::Synthetic {
        train_images: batch_size,
        valid_images: 1,
        seed: 0,
    };
    let data = data.load()?;
    let loader = ImageLoaderConfig::new(batch_size, data.normalization)
        .with_augmentation(data.augmentation)
        .with_workers(0)
        .init_training(data.train, device);
    let device = device.clone();
    Ok(Box::new(move || {
        // An epoch of one batch.
        for batch in loader.iter() {
            drop(batch?);
        }
        Ok(device.sync()?)
    }))
}
