//! How Burn's training loop writes our checkpoints.
//!
//! Burn hands over model, optimizer and scheduler one by one, each on a thread of its own. They are gathered here, and
//! the last to arrive writes the checkpoint.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use burn::{
    lr_scheduler::LrSchedulerRecord,
    module::Module,
    optim::{ModuleOptimizer, OptimizerRecord},
    store::ModuleRecord,
    tensor::Bytes,
    train::{
        checkpoint::{
            Checkpoint, Checkpointer, CheckpointerError, CheckpointingAction, CheckpointingStrategy,
        },
        metric::store::{Aggregate, EventStoreClient, Split},
    },
};

use crate::{
    checkpoint::{CheckpointDirectory, SavedCheckpoint},
    error::TrainError,
    learner::Shared,
    metrics::TopKErrorMetric,
    optimizer_state,
};

const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";

/// How many checkpoints stay besides the best: the latest, and the one before in case the disk eats it.
const KEPT: usize = 2;

/// What has arrived of a checkpoint.
#[derive(Debug, Default)]
struct Parts {
    validation_error: f64,
    model: Option<Vec<u8>>,
    optimizer: Option<Vec<u8>>,
}

/// Gathers the parts of checkpoints and writes them; one for the loop, cloned for each of Burn's three threads.
#[derive(Debug, Clone)]
pub(crate) struct Gatherer {
    directory: CheckpointDirectory,
    resumed: Option<SavedCheckpoint>,
    shared: Arc<Shared>,
    pending: Arc<Mutex<BTreeMap<usize, Parts>>>,
}

impl Gatherer {
    /// Creates the gatherer of a run that goes on from `resumed`, a checkpoint that [`load`] has accepted.
    ///
    /// A checkpoint that can't be written stops the run by way of `shared`.
    pub(crate) fn new(
        directory: CheckpointDirectory,
        resumed: Option<SavedCheckpoint>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            directory,
            resumed,
            shared,
            pending: Arc::default(),
        }
    }

    /// Reads a record of the checkpoint that the run goes on from.
    fn resumed<R: Checkpoint>(&self, name: &str) -> Result<R, CheckpointerError> {
        let missing = || CheckpointerError::Unknown("the run goes on from nowhere".to_owned());
        let checkpoint = self.resumed.as_ref().ok_or_else(missing)?;
        record(checkpoint, name).map_err(|error| CheckpointerError::Unknown(error.to_string()))
    }

    /// Takes a part, and writes the checkpoint if that was the last one missing.
    fn receive(&self, epoch: usize, store: impl FnOnce(&mut Parts)) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = pending.entry(epoch).or_default();
        store(parts);
        if let (Some(model), Some(optimizer)) = (&parts.model, &parts.optimizer) {
            let files = [(MODEL, model.as_slice()), (OPTIMIZER, optimizer.as_slice())];
            let written = self
                .directory
                .write(epoch, parts.validation_error, &files)
                .and_then(|_| self.directory.prune(KEPT));
            pending.remove(&epoch);
            if let Err(error) = written {
                self.shared.fail(error);
            }
        }
    }
}

/// Every epoch is saved; deleting is up to the [`Gatherer`].
impl CheckpointingStrategy for Gatherer {
    fn checkpointing(
        &mut self,
        epoch: usize,
        store: &EventStoreClient,
    ) -> Vec<CheckpointingAction> {
        let name = TopKErrorMetric::TOP_1;
        let error = store.find_metric(name, epoch, Aggregate::Mean, &Split::Valid);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        // An error that was not measured counts as the largest; JSON has no infinity.
        pending.entry(epoch).or_default().validation_error = error.unwrap_or(100.0);
        vec![CheckpointingAction::Save]
    }
}

impl Checkpointer<ModuleRecord> for Gatherer {
    fn save(&self, epoch: usize, record: ModuleRecord) -> Result<(), CheckpointerError> {
        let bytes = to_bytes(record)?;
        self.receive(epoch, |parts| parts.model = Some(bytes));
        Ok(())
    }

    fn delete(&self, _epoch: usize) -> Result<(), CheckpointerError> {
        Ok(())
    }

    fn restore(&self, _epoch: usize) -> Result<ModuleRecord, CheckpointerError> {
        self.resumed(MODEL)
    }
}

impl Checkpointer<OptimizerRecord> for Gatherer {
    fn save(&self, epoch: usize, record: OptimizerRecord) -> Result<(), CheckpointerError> {
        let bytes = to_bytes(record)?;
        self.receive(epoch, |parts| parts.optimizer = Some(bytes));
        Ok(())
    }

    fn delete(&self, _epoch: usize) -> Result<(), CheckpointerError> {
        Ok(())
    }

    fn restore(&self, _epoch: usize) -> Result<OptimizerRecord, CheckpointerError> {
        self.resumed(OPTIMIZER)
    }
}

/// The schedule is a function of the step: it has no state to save.
impl Checkpointer<LrSchedulerRecord> for Gatherer {
    fn save(&self, _epoch: usize, _record: LrSchedulerRecord) -> Result<(), CheckpointerError> {
        Ok(())
    }

    fn delete(&self, _epoch: usize) -> Result<(), CheckpointerError> {
        Ok(())
    }

    fn restore(&self, _epoch: usize) -> Result<LrSchedulerRecord, CheckpointerError> {
        Ok(LrSchedulerRecord::new())
    }
}

/// Loads model and optimizer from a checkpoint.
///
/// Burn's loop loads them once more when it begins. It would panic on a checkpoint that is none, and begin without the
/// momentum that it doesn't find, so that they are tried here.
///
/// # Errors
/// Fails with [`TrainError::Checkpoint`], naming the file and what in it does not fit.
pub(crate) fn load<M: Module>(
    checkpoint: &SavedCheckpoint,
    model: M,
    optimizer: ModuleOptimizer,
    has_momentum: bool,
) -> Result<(M, ModuleOptimizer), TrainError> {
    let model = load_model(checkpoint, model)?;
    let wrong = |reason: String| TrainError::checkpoint(&checkpoint.path.join(OPTIMIZER), reason);
    optimizer_state::check(checkpoint.read(OPTIMIZER)?, &model, has_momentum).map_err(wrong)?;
    let record: OptimizerRecord = record(checkpoint, OPTIMIZER)?;
    let states = record.len();
    let optimizer = optimizer.load_record(record);
    let understood = optimizer.to_record().len();
    if understood != states {
        return Err(wrong(format!(
            "has {states} states, but only {understood} are this optimizer's"
        )));
    }
    Ok((model, optimizer))
}

/// Loads the model alone from a checkpoint.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_model<M: Module>(
    checkpoint: &SavedCheckpoint,
    model: M,
) -> Result<M, TrainError> {
    model
        .try_load_record(record::<ModuleRecord>(checkpoint, MODEL)?)
        .map_err(|error| TrainError::checkpoint(&checkpoint.path.join(MODEL), error))
}

fn record<R: Checkpoint>(checkpoint: &SavedCheckpoint, name: &str) -> Result<R, TrainError> {
    let bytes = checkpoint.read(name)?;
    R::checkpoint_from_bytes(Bytes::from_bytes_vec(bytes))
        .map_err(|error| TrainError::checkpoint(&checkpoint.path.join(name), error))
}

fn to_bytes<R: Checkpoint>(record: R) -> Result<Vec<u8>, CheckpointerError> {
    let bytes = record
        .checkpoint_into_bytes()
        .map_err(CheckpointerError::Record)?;
    Ok(bytes.to_vec())
}
