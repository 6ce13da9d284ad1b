//! Gradients of the operations, for every backend: recompute, don't keep.

mod backward;

use std::{marker::PhantomData, sync::Arc};

use burn::backend::{
    Autodiff, AutodiffBackend, TensorMetadata,
    autodiff::{
        checkpoint::strategy::CheckpointStrategy,
        ops::{Backward, OpsKind},
    },
    tensor::{FloatTensor, IntTensor},
};

use super::{Algorithm, composition, dense_block::DenseBlockPlan, ops::CondenseOps};
use backward::{
    AppendAgain, AppendChannels, AveragePool, ConvSame, DenseBlock, DenseBlockState, GroupConv,
    NormReluConv, NormReluConvAgain, NormReluConvState,
};

/// Whether a convolution's result is computed again for the backward pass, on devices that checkpoint gradients: a dense
/// layer's bottleneck is, what the layer adds to its block is not.
fn is_pointwise<T: TensorMetadata>(weight: &T) -> bool {
    weight.shape()[2] == 1
}

const ONCE: &str = "operations of a CondenseNet can be differentiated once only";

impl<B: CondenseOps, C: CheckpointStrategy> CondenseOps for Autodiff<B, C> {
    /// Composed of differentiable operations where a gradient is asked for; a backend's own where all of it is frozen.
    fn norm_relu_conv2d(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), scale.node(), shift.node(), weight.node()];
        match NormReluConv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(_) => {
                composition::norm_relu_conv2d::<Self>(x, scale, shift, weight, groups)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::norm_relu_conv2d(
                x.into_primitive(),
                scale.into_primitive(),
                shift.into_primitive(),
                weight.into_primitive(),
                groups,
            )),
        }
    }

    fn norm_relu_conv2d_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        epsilon: f64,
        groups: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), gamma.node(), beta.node(), weight.node()];
        let prepared = NormReluConv.prepare::<C>(nodes);
        let prepared = if is_pointwise(weight.primitive()) {
            let again = NormReluConvAgain::<B> {
                inputs: [x.id(), gamma.id(), beta.id(), weight.id()],
                epsilon,
                groups,
                backend: PhantomData,
            };
            let prepared = prepared.memory_bound().retro_forward(again);
            prepared.parents([&x, &gamma, &beta, &weight])
        } else {
            prepared.compute_bound()
        };
        let prepared = prepared.stateful();
        let forward = |x: FloatTensor<Self>,
                       gamma: FloatTensor<Self>,
                       beta: FloatTensor<Self>,
                       weight: FloatTensor<Self>| {
            B::norm_relu_conv2d_train(
                x.into_primitive(),
                gamma.into_primitive(),
                beta.into_primitive(),
                weight.into_primitive(),
                epsilon,
                groups,
            )
        };
        let (output, mean, variance) = match prepared {
            OpsKind::Tracked(mut prep) => {
                let inputs = [&x, &gamma, &beta, &weight].map(|input| prep.checkpoint(input));
                let (output, mean, variance) = forward(x, gamma, beta, weight);
                let state = NormReluConvState {
                    inputs,
                    mean: mean.clone(),
                    variance: variance.clone(),
                    epsilon,
                    groups,
                };
                (prep.finish(state, output), mean, variance)
            }
            OpsKind::UnTracked(prep) => {
                let (output, mean, variance) = forward(x, gamma, beta, weight);
                (prep.finish(output), mean, variance)
            }
        };
        (output, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn norm_relu_conv2d_train_backward(
        _x: FloatTensor<Self>,
        _gamma: FloatTensor<Self>,
        _beta: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _mean: FloatTensor<Self>,
        _variance: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
        _epsilon: f64,
        _groups: usize,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        panic!("{ONCE}")
    }

    fn conv2d_same(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        match ConvSame.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let inputs = [prep.checkpoint(&x), prep.checkpoint(&weight)];
                let output = B::conv2d_same(x.into_primitive(), weight.into_primitive(), groups);
                prep.finish((inputs, groups), output)
            }
            OpsKind::UnTracked(prep) => {
                let output = B::conv2d_same(x.into_primitive(), weight.into_primitive(), groups);
                prep.finish(output)
            }
        }
    }

    fn conv2d_same_x_backward(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
        _groups: usize,
    ) -> FloatTensor<Self> {
        panic!("{ONCE}")
    }

    fn conv2d_same_weight_backward(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
        _groups: usize,
    ) -> FloatTensor<Self> {
        panic!("{ONCE}")
    }

    fn group_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
        algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        match GroupConv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let inputs = [prep.checkpoint(&x), prep.checkpoint(&weight)];
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                let output = B::group_conv2d(x, weight, groups, algorithm);
                prep.finish((inputs, groups, algorithm), output)
            }
            OpsKind::UnTracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                prep.finish(B::group_conv2d(x, weight, groups, algorithm))
            }
        }
    }

    fn group_conv2d_x_backward(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
        _groups: usize,
        _algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        panic!("{ONCE}")
    }

    fn group_conv2d_weight_backward(
        _x: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
        _groups: usize,
        _algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        panic!("{ONCE}")
    }

    /// Composed of differentiable operations where a gradient is asked for; a backend's own where all of it is frozen.
    fn condensed_conv2d(
        x: FloatTensor<Self>,
        index: IntTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        groups: usize,
        algorithm: Algorithm,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), scale.node(), shift.node(), weight.node()];
        match NormReluConv.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(_) => {
                composition::condensed_conv2d::<Self>(x, index, scale, shift, weight, groups)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::condensed_conv2d(
                x.into_primitive(),
                index,
                scale.into_primitive(),
                shift.into_primitive(),
                weight.into_primitive(),
                groups,
                algorithm,
            )),
        }
    }

    fn dense_block_train(
        x: FloatTensor<Self>,
        gamma_1: FloatTensor<Self>,
        beta_1: FloatTensor<Self>,
        weight_1: FloatTensor<Self>,
        gamma_2: FloatTensor<Self>,
        beta_2: FloatTensor<Self>,
        weight_3: FloatTensor<Self>,
        plan: Arc<DenseBlockPlan>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let inputs = [x, gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3];
        let nodes = inputs.each_ref().map(FloatTensor::<Self>::node);
        let [x, parameters @ ..] = inputs.map(FloatTensor::<Self>::into_primitive);
        let [gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = parameters.clone();
        let forward = |plan| {
            B::dense_block_train(
                x, gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3, plan,
            )
        };
        let (output, statistics, bottlenecks) =
            match DenseBlock.prepare::<C>(nodes).compute_bound().stateful() {
                OpsKind::Tracked(prep) => {
                    let (output, statistics, bottlenecks) = forward(plan.clone());
                    let state = DenseBlockState {
                        parameters,
                        output: output.clone(),
                        statistics: statistics.clone(),
                        bottlenecks: bottlenecks.clone(),
                        plan,
                    };
                    (prep.finish(state, output), statistics, bottlenecks)
                }
                OpsKind::UnTracked(prep) => {
                    let (output, statistics, bottlenecks) = forward(plan);
                    (prep.finish(output), statistics, bottlenecks)
                }
            };
        let [statistics, bottlenecks] = [statistics, bottlenecks].map(Self::from_inner);
        (output, statistics, bottlenecks)
    }

    fn dense_block_train_backward(
        _gamma_1: FloatTensor<Self>,
        _beta_1: FloatTensor<Self>,
        _weight_1: FloatTensor<Self>,
        _gamma_2: FloatTensor<Self>,
        _beta_2: FloatTensor<Self>,
        _weight_3: FloatTensor<Self>,
        _output: FloatTensor<Self>,
        _statistics: FloatTensor<Self>,
        _bottlenecks: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
        _plan: Arc<DenseBlockPlan>,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        panic!("{ONCE}")
    }

    fn append_channels(x: FloatTensor<Self>, new: FloatTensor<Self>) -> FloatTensor<Self> {
        let again = AppendAgain::<B> {
            x: x.id(),
            new: new.id(),
            backend: PhantomData,
        };
        let prepared = AppendChannels
            .prepare::<C>([x.node(), new.node()])
            .memory_bound()
            .retro_forward(again)
            .parents([&x, &new])
            .stateful();
        let (x, new) = (x.into_primitive(), new.into_primitive());
        match prepared {
            OpsKind::Tracked(prep) => {
                let [before, added] = [&x, &new].map(|map| map.shape()[1]);
                prep.finish([before, before + added], B::append_channels(x, new))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::append_channels(x, new)),
        }
    }

    fn average_pool_2x2(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match AveragePool
            .prepare::<C>([x.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(mut prep) => {
                let input = prep.checkpoint(&x);
                prep.finish(input, B::average_pool_2x2(x.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::average_pool_2x2(x.into_primitive())),
        }
    }

    fn average_pool_2x2_backward(
        _x: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        panic!("{ONCE}")
    }
}
