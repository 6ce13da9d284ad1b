//! Bringing a network to a device, the way in which that device differentiates included.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Bool, Device, Tensor},
};

/// Moves a module to a device, and makes it keep or recompute what the backward pass needs as the device asks for.
///
/// Burn's `fork` moves numbers only; tensors that come from a record, or from test time, would keep what they were made with,
/// and Burn refuses to calculate with tensors of both kinds.
pub(crate) fn placed<M: Module>(module: M, device: &Device) -> M {
    module.fork(device).map(&mut AsOn(device))
}

struct AsOn<'a>(&'a Device);

impl ModuleMapper for AsOn<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let strategy = self.0.gradient_checkpointing_strategy();
        param.map(|tensor| match strategy {
            Some(strategy) if tensor.is_autodiff() => {
                tensor.with_gradient_checkpointing_strategy(strategy)
            }
            _ => tensor,
        })
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        let strategy = self.0.gradient_checkpointing_strategy();
        param.map(|tensor| match strategy {
            Some(strategy) if tensor.is_autodiff() => {
                tensor.with_gradient_checkpointing_strategy(strategy)
            }
            _ => tensor,
        })
    }
}
