//! The training form and the test-time form of one network, side by side.

use std::{fmt, sync::Arc};

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, Complexity, Convention, Form, Runner};

use crate::{
    data::ImageLoaderConfig,
    data_source::RunData,
    error::TrainError,
    evaluation::{Evaluation, evaluate, largest_logit_difference},
};

/// What both forms of a network get wrong and cost. Its [`Display`](fmt::Display) is a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The training form, with its masks.
    pub training: Row,
    /// The test-time form.
    pub converted: Row,
    /// The largest difference between their logits on any image.
    pub largest_logit_difference: f32,
}

/// One form of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it gets wrong.
    pub evaluation: Evaluation,
    /// Parameters held in memory.
    pub parameters: u64,
    /// Multiply-adds executed for one image.
    pub multiply_adds: u64,
}

impl Comparison {
    /// Converts a trained network and evaluates both forms on the validation images.
    ///
    /// # Errors
    /// Fails if the network is not fully condensed, or the images are not what the network takes.
    pub fn of(network: &AnyNetwork, data: &RunData, device: &Device) -> Result<Self, TrainError> {
        let converted = network.convert()?;
        let images = ImageLoaderConfig::new(100, data.normalization)
            .init_evaluation(Arc::clone(&data.valid), device);
        let of_training = |images| network.forward(images);
        let runner = Runner::new(&converted, device);
        let of_converted = |images| runner.forward(images);
        let row = |form, evaluation| {
            let size = [data.valid.height(), data.valid.width()];
            let complexity = Complexity::of(network.config(), form, size)?;
            Ok::<_, TrainError>(Row {
                evaluation,
                parameters: complexity.stored_params(),
                multiply_adds: complexity.flops(Convention::MultiplyAdds),
            })
        };
        Ok(Self {
            training: row(Form::Training, evaluate(of_training, &images)?)?,
            converted: row(Form::CONVERTED, evaluate(of_converted, &images)?)?,
            largest_logit_difference: largest_logit_difference(of_training, of_converted, &images)?,
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "form       error    parameters  multiply-adds")?;
        for (name, row) in [("training", &self.training), ("converted", &self.converted)] {
            let error = row.evaluation.top1_error;
            let (parameters, multiply_adds) = (row.parameters, row.multiply_adds);
            writeln!(
                f,
                "{name:9} {error:5.2} % {parameters:12} {multiply_adds:14}"
            )?;
        }
        let difference = self.largest_logit_difference;
        write!(
            f,
            "largest difference between their logits: {difference:.1e}"
        )
    }
}
