//! An optimizer whose state is read onto a device of choice.
//!
//! Burn reads the state of a record onto its default device, and takes it to the parameter's with the next step. The default
//! is the first GPU backend that is compiled in, whether a GPU is there or not; so a run that knows its device well would
//! end on a machine without the other. [`OnDevice`] reads it where the run computes, and the default is never opened.

use std::panic::catch_unwind;

use burn::{
    optim::{DynOptimizer, DynState, LearningRate, StateSink, StateSource},
    tensor::{Device, kind::BridgeTensor},
};

/// Optimizes as another optimizer does, and reads the state of a record onto its own device.
pub(crate) struct OnDevice<O> {
    optimizer: O,
    device: Device,
}

impl<O: DynOptimizer> OnDevice<O> {
    pub(crate) const fn new(optimizer: O, device: Device) -> Self {
        Self { optimizer, device }
    }
}

impl<O: DynOptimizer> DynOptimizer for OnDevice<O> {
    fn step_dyn(
        &self,
        rank: usize,
        learning_rate: LearningRate,
        tensor: BridgeTensor,
        gradient: BridgeTensor,
        state: Option<DynState>,
    ) -> (BridgeTensor, Option<DynState>) {
        let optimizer = &self.optimizer;
        optimizer.step_dyn(rank, learning_rate, tensor, gradient, state)
    }

    fn to_device_dyn(&self, state: DynState, device: &Device) -> DynState {
        self.optimizer.to_device_dyn(state, device)
    }

    fn state_flatten(&self, prefix: &str, state: &DynState, out: &mut StateSink) {
        self.optimizer.state_flatten(prefix, state, out);
    }

    fn state_unflatten(
        &self,
        rank: usize,
        prefix: &str,
        source: &mut StateSource,
        _default: &Device,
    ) -> Option<DynState> {
        let device = &self.device;
        self.optimizer.state_unflatten(rank, prefix, source, device)
    }
}

/// Says whether Burn can tell its default device, which it does before it reads a record, and what is wrong if it can't.
///
/// # Errors
/// Fails if the environment variable `BURN_DEVICE` names no backend that is compiled in, at which Burn panics.
pub(crate) fn check_default() -> Result<(), String> {
    catch_unwind(Device::default).map(drop).map_err(|_| {
        let name = std::env::var("BURN_DEVICE").unwrap_or_default();
        format!("BURN_DEVICE is `{name}`, which is no backend of this program")
    })
}

#[cfg(test)]
mod tests {
    use burn::{
        optim::{Optimizer, RecordState},
        tensor::Tensor,
    };

    use super::*;

    /// Has no state but the device that it was read onto.
    #[derive(Clone)]
    struct Witness;

    #[derive(Clone)]
    struct ReadOnto<const D: usize>(Device);

    impl<const D: usize> RecordState for ReadOnto<D> {
        fn state_flatten(&self, _prefix: &str, _out: &mut StateSink) {}

        fn state_unflatten(_: &str, _: &mut StateSource, device: &Device) -> Option<Self> {
            Some(Self(device.clone()))
        }
    }

    impl Optimizer for Witness {
        type State<const D: usize> = ReadOnto<D>;

        fn step<const D: usize>(
            &self,
            learning_rate: LearningRate,
            tensor: Tensor<D>,
            gradient: Tensor<D>,
            state: Option<ReadOnto<D>>,
        ) -> (Tensor<D>, Option<ReadOnto<D>>) {
            (tensor - gradient * learning_rate, state)
        }

        fn to_device<const D: usize>(_: ReadOnto<D>, device: &Device) -> ReadOnto<D> {
            ReadOnto(device.clone())
        }
    }

    #[test]
    fn state_is_read_onto_the_optimizers_own_device() {
        // Two devices that can be told apart in every build.
        let (default, own) = (Device::flex(), Device::flex().autodiff());
        let mut source = StateSource::default();
        let state = OnDevice::new(Witness, own).state_unflatten(3, "7", &mut source, &default);
        let ReadOnto(device) = state.expect("a state").downcast::<ReadOnto<3>>();
        assert!(device.is_autodiff() && !default.is_autodiff());
    }
}
