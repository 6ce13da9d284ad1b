//! The gradients of a batch that is cut into parts: for devices that share it, and for memory that it does not fit into.
//!
//! The gradient of the mean over a batch is the mean of its parts' gradients, weighted by their images. Burn's own
//! strategies for several devices and for accumulation add gradients up instead, one whole batch a device, and share the
//! norms' running statistics between threads in no fixed order; here a step is the same whoever computes which part of
//! it. Norms are the exception: each part is normalized by itself. The running statistics are those of the parts on the
//! network's own device, in their order.
//!
//! Every step hands the weights and masks out anew, so that no device ever has another mask.

use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams},
    tensor::{Device, Int, Tensor},
};

use super::{CondensingLearner, Network, StepResult, cross_entropy, placed};
use crate::{data::ImageBatch, metrics::Tally};

/// What is read of a part once every part is on its way.
struct Outcome {
    loss: Tensor<1>,
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
}

impl CondensingLearner {
    /// Computes the gradients of the mean loss of a batch, with the group lasso.
    pub(super) fn gradients(&self, batch: ImageBatch) -> StepResult {
        let devices = 1 + self.plan.other_devices.len();
        let shards: Vec<Vec<ImageBatch>> = split(batch, devices)
            .into_iter()
            .map(|shard| split(shard, self.plan.accumulation))
            .collect();
        let images: usize = shards.iter().flatten().map(ImageBatch::len).sum();
        let replicas = self.replicas();
        let own_device = device_of(&self.network);

        let mut sum = GradientsAccumulator::new();
        let mut lasso = self.group_lasso();
        let lasso_value = lasso.clone().map(Tensor::detach);
        let mut outcomes = Vec::new();
        // In turns, so that devices that compute on their own compute at the same time.
        for part in 0..self.plan.accumulation {
            for (device, shard) in shards.iter().enumerate() {
                let Some(part) = shard.get(part) else {
                    continue;
                };
                let network = match device.checked_sub(1) {
                    None => &self.network,
                    Some(other) => &replicas[other],
                };
                let part = part.clone().moved_to(&device_of(network));
                let share = part.len() as f64 / images as f64;
                let (mut loss, outcome) = self.classify(network, part);
                if share < 1.0 {
                    loss = loss * share;
                }
                if let Some(lasso) = lasso.take() {
                    loss = loss + lasso;
                }
                let gradients = GradientsParams::from_grads(loss.backward(), network);
                let gradients = match device {
                    0 => gradients,
                    _ => gradients.to_device(&own_device.clone().inner(), &self.network),
                };
                sum.accumulate(&self.network, gradients);
                outcomes.push(outcome);
            }
        }

        let mut tally = Tally::default();
        for Outcome {
            loss,
            logits,
            labels,
        } in outcomes
        {
            tally.add(&Tally::of(loss.into_scalar(), logits, labels));
        }
        let lasso: f32 = lasso_value.map_or(0.0, Tensor::into_scalar);
        StepResult {
            gradients: sum.grads(),
            objective: tally.mean_loss() as f32 + lasso,
            tally,
        }
    }

    /// Returns the mean loss of a part, and what is read of it later.
    fn classify(&self, network: &Network, part: ImageBatch) -> (Tensor<1>, Outcome) {
        let logits = network.forward(self.plan.precision.of_images(part.images));
        let loss = cross_entropy(&logits, &part.labels, self.plan.label_smoothing);
        let outcome = Outcome {
            loss: loss.clone().detach(),
            logits: logits.detach(),
            labels: part.labels,
        };
        (loss, outcome)
    }

    /// Copies the network to every other device, with running statistics of its own: those of clones are shared.
    pub(super) fn replicas(&self) -> Vec<Network> {
        let copy = |device: &Device| placed(self.network.valid().train(), device);
        self.plan.other_devices.iter().map(copy).collect()
    }
}

fn device_of(network: &Network) -> Device {
    let devices = network.devices();
    devices
        .into_iter()
        .next()
        .expect("a network has parameters")
}

/// Cuts a batch into at most `parts` parts of the same size, of which the last may be smaller.
fn split(batch: ImageBatch, parts: usize) -> Vec<ImageBatch> {
    let images = batch.len();
    let size = images.div_ceil(parts).max(1);
    if size >= images {
        return vec![batch];
    }
    (0..images)
        .step_by(size)
        .map(|start| {
            let size = size.min(images - start);
            ImageBatch {
                images: batch.images.clone().narrow(0, start, size),
                labels: batch.labels.clone().narrow(0, start, size),
            }
        })
        .collect()
}

impl ImageBatch {
    fn moved_to(self, device: &Device) -> Self {
        Self {
            images: self.images.to_device(device),
            labels: self.labels.to_device(device),
        }
    }
}
