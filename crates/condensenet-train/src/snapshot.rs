//! What a checkpoint holds of a run: the network, its average, and the optimizer's momentum.
//!
//! Everything else is a function of the step: the learning rate, the stage, the order and variation of the images, and
//! what dropout drops.

use burn::{
    module::Module,
    optim::{ModuleOptimizer, OptimizerRecord},
    store::{ModuleRecord, RecordError},
    tensor::Bytes,
};

use crate::{
    checkpoint::SavedCheckpoint,
    error::TrainError,
    learner::{AveragedNetwork, CondensingLearner, Network, first_non_finite},
    optimizer_device, optimizer_state,
};

const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const AVERAGE: &str = "average.bpk";

/// What is trained.
#[derive(Debug)]
pub(crate) struct Trainee {
    pub(crate) learner: CondensingLearner,
    pub(crate) average: Option<AveragedNetwork>,
    pub(crate) optimizer: Optimizer,
}

/// Burn's optimizer, which has no `Debug` of its own.
pub(crate) struct Optimizer(pub(crate) ModuleOptimizer);

impl std::fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Optimizer").finish_non_exhaustive()
    }
}

impl Trainee {
    /// Returns the first parameter or running statistic that is not finite.
    pub(crate) fn first_non_finite(&self) -> Option<String> {
        // Running statistics are known to the last step only once they are taken off the training device.
        first_non_finite(&self.learner.network.valid())
    }

    /// Writes everything into the files of a checkpoint.
    ///
    /// # Errors
    /// Fails with [`TrainError::Loop`] if Burn can't write a record.
    pub(crate) fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>, TrainError> {
        let mut files = vec![
            (
                MODEL,
                bytes(self.learner.network.valid().into_record().into_bytes())?,
            ),
            (OPTIMIZER, bytes(self.optimizer.0.to_record().into_bytes())?),
        ];
        if let Some(average) = &self.average {
            let record = average.network().clone().into_record();
            files.push((AVERAGE, bytes(record.into_bytes())?));
        }
        Ok(files)
    }

    /// Takes everything from a checkpoint.
    ///
    /// # Errors
    /// Fails with [`TrainError::Checkpoint`], naming the file and what in it does not fit. Burn itself would begin without
    /// the momentum that it doesn't find.
    pub(crate) fn load(
        self,
        checkpoint: &SavedCheckpoint,
        has_momentum: bool,
        freeze_features: bool,
    ) -> Result<Self, TrainError> {
        let average = match self.average {
            None => None,
            Some(average) => {
                let network = load_module(checkpoint, AVERAGE, average.network().clone())?;
                Some(average.resumed(network))
            }
        };
        let mut learner = self.learner;
        learner.network = load_module(checkpoint, MODEL, learner.network)?;
        if freeze_features {
            learner.network = learner.network.freeze_features();
        }
        let Optimizer(optimizer) = self.optimizer;
        let wrong =
            |reason: String| TrainError::checkpoint(&checkpoint.path.join(OPTIMIZER), reason);
        let file = checkpoint.read(OPTIMIZER)?;
        optimizer_state::check(file.clone(), &learner.network, has_momentum).map_err(wrong)?;
        let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(file))
            .map_err(|error| wrong(error.to_string()))?;
        let states = record.len();
        optimizer_device::check_default().map_err(TrainError::Loop)?;
        let optimizer = optimizer.load_record(record);
        let understood = optimizer.to_record().len();
        if understood != states {
            return Err(wrong(format!(
                "has {states} states, but only {understood} are this optimizer's"
            )));
        }
        Ok(Self {
            learner,
            average,
            optimizer: Optimizer(optimizer),
        })
    }
}

/// Loads the network alone from a checkpoint.
///
/// # Errors
/// As [`Trainee::load`].
pub(crate) fn load_network(
    checkpoint: &SavedCheckpoint,
    network: Network,
) -> Result<Network, TrainError> {
    load_module(checkpoint, MODEL, network)
}

/// Loads the averaged network alone from a checkpoint; `None` if it was written without one.
///
/// # Errors
/// As [`Trainee::load`].
pub(crate) fn load_average(
    checkpoint: &SavedCheckpoint,
    network: Network,
) -> Result<Option<Network>, TrainError> {
    if !checkpoint.holds(AVERAGE) {
        return Ok(None);
    }
    load_module(checkpoint, AVERAGE, network).map(Some)
}

fn load_module<M: Module>(
    checkpoint: &SavedCheckpoint,
    name: &str,
    module: M,
) -> Result<M, TrainError> {
    let bytes = Bytes::from_bytes_vec(checkpoint.read(name)?);
    ModuleRecord::from_bytes(bytes)
        .and_then(|record| module.try_load_record(record))
        .map_err(|error| TrainError::checkpoint(&checkpoint.path.join(name), error))
}

fn bytes(record: Result<Bytes, RecordError>) -> Result<Vec<u8>, TrainError> {
    let bytes = record.map_err(|error| TrainError::Loop(error.to_string()))?;
    Ok(bytes.to_vec())
}
