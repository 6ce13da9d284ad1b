//! Uses a learned group convolution in a network of one's own: Burn's `Learner` trains it, and it is condensed on the way, saved,
//! loaded with its mask, and converted. The network tells horizontal from vertical stripes.
#![allow(clippy::print_stdout)] // a program that talks

use anyhow::{Result, ensure};
use condensenet::burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use condensenet::burn::nn::{Linear, LinearConfig, conv, loss::CrossEntropyLoss};
use condensenet::burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use condensenet::burn::tensor::{Int, TensorData};
use condensenet::burn::train::{metric::AccuracyMetric, *};
use condensenet::burn::{self, data::dataloader::*, data::dataset::InMemDataset, module::*};
use condensenet::{condense_every, group_lasso_of_every, prelude::*};

const SCHEDULE: CondensationSchedule = CondensationSchedule::new(4);
const STEPS: i64 = 128;

#[derive(Module, Debug)]
struct Network {
    stem: conv::Conv2d,
    narrow: LearnedGroupConv,
    wide: GroupConv,
    classifier: Linear,
    /// Steps that were made; a parameter, so that it is saved.
    steps: Param<Tensor<1, Int>>,
}

impl Network {
    fn new(device: &Device) -> Self {
        Self {
            stem: conv::Conv2dConfig::new([1, 16], [3, 3]).init(device),
            narrow: LearnedGroupConvConfig::new(16, 32).init(device),
            wide: GroupConvConfig::new(32, 16).init(device),
            classifier: LinearConfig::new(16, 2).init(device),
            steps: Param::initialized(ParamId::new(), Tensor::zeros([1], device)),
        }
    }

    /// Computes logits, `[batch_size, 2]`, with the learned convolution in either form.
    fn logits(&self, images: Tensor<4>, narrow: impl Fn(Tensor<4>) -> Tensor<4>) -> Tensor<2> {
        let maps = self.wide.forward(narrow(self.stem.forward(images)));
        self.classifier
            .forward(maps.mean_dims(&[2, 3]).flatten(1, 3))
    }
}

type Batch = (Tensor<4>, Tensor<1, Int>);

impl InferenceStep for Network {
    type Input = Batch;
    type Output = ClassificationOutput;
    fn step(&self, (images, targets): Batch) -> ClassificationOutput {
        let logits = self.logits(images, |x| self.narrow.forward(x));
        let loss = CrossEntropyLoss::new(None, &logits.device());
        let loss = loss.forward(logits.clone(), targets.clone());
        ClassificationOutput::new(loss, logits, targets)
    }
}

impl TrainStep for Network {
    type Input = Batch;
    type Output = ClassificationOutput;
    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let output = InferenceStep::step(self, batch);
        let lasso = group_lasso_of_every(self).expect("there is a learned convolution");
        let loss = output.loss.clone() + lasso * 1e-5;
        TrainOutput::new(self, loss.backward(), output)
    }
    /// Condenses after the optimizer's step, so that the next one is the first with the new mask.
    fn optimize(self, o: &mut ModuleOptimizer, r: ModuleLearningRate, g: GradientsParams) -> Self {
        let mut network = o.step(r, self, g);
        network.steps = network.steps.map(|steps| steps + 1);
        let progress = network.steps.val().into_scalar::<i64>() as f64 / STEPS as f64;
        condense_every(network, SCHEDULE, SCHEDULE.stage_at(progress))
    }
}

/// Draws noisy stripes: of even numbers horizontal ones, of odd numbers vertical ones.
struct Draw;
impl batcher::Batcher<usize, Batch> for Draw {
    fn batch(&self, numbers: Vec<usize>, device: &Device) -> Batch {
        let mut pixels = Vec::new();
        for (number, i) in numbers.iter().flat_map(|&n| (0..144).map(move |i| (n, i))) {
            let along = number / 2 + if number % 2 == 0 { i / 12 } else { i % 12 };
            let noise = ((number * 7919 + i * 104_729) % 1009) as f32 / 1009.0;
            pixels.push((along % 4 / 2) as f32 + 1.5 * noise);
        }
        let pixels = TensorData::new(pixels, [numbers.len(), 1, 12, 12]);
        let targets: Vec<i64> = numbers.iter().map(|&n| n as i64 % 2).collect();
        let targets = Tensor::from_data(targets.as_slice(), device);
        (Tensor::from_data(pixels, device), targets)
    }
}

fn images(numbers: std::ops::Range<usize>) -> std::sync::Arc<dyn DataLoader<Batch>> {
    let loader = DataLoaderBuilder::new(Draw).batch_size(32).shuffle(1);
    loader.build(InMemDataset::new(numbers.collect()))
}

fn main() -> Result<()> {
    let (device, run) = (device::from_environment()?, tempfile::tempdir()?);
    let network = Network::new(&device.clone().autodiff());
    let learner = Learner::new(network, SgdConfig::new().init(), 0.05);
    let training = SupervisedTraining::new(run.path(), images(0..1024), images(1024..1280));
    let training = training.metrics((AccuracyMetric::new(),)).num_epochs(4);
    let trained = training.launch(learner).model;
    let file = run.path().join("stripes.bpk");
    trained.into_record().save(&file)?;
    let loaded = Network::new(&device).load_record(burn::store::ModuleRecord::load(&file)?);
    let converted = loaded.narrow.convert()?;
    let (images, targets) = batcher::Batcher::batch(&Draw, (2000..2100).collect(), &device);
    let masked = loaded.logits(images.clone(), |x| loaded.narrow.forward(x));
    let exact = loaded.logits(images, |x| converted.forward(x));
    let guesses = exact.clone().argmax(1).flatten(0, 1);
    let wrong = guesses.not_equal(targets).int().sum().into_scalar::<i64>();
    println!("{wrong} of 100 unseen images are wrong");
    let difference = (exact - masked).abs().max().into_scalar::<f32>();
    println!("largest difference of a logit, masked and converted: {difference}");
    ensure!(difference < 1e-4, "conversion must be exact");
    Ok(())
}
