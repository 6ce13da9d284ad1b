//! Gradients of the operations, for every backend: recompute, don't keep.

use std::marker::PhantomData;

use burn::{
    backend::{
        Autodiff, AutodiffBackend, TensorMetadata,
        autodiff::{
            NodeId,
            checkpoint::{
                base::Checkpointer, retro_forward::RetroForward, state::BackwardStates,
                strategy::CheckpointStrategy,
            },
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        tensor::{FloatTensor, IntTensor},
    },
    tensor::Slice,
};

use super::{Algorithm, composition, ops::CondenseOps};

/// Norm, ReLU and convolution need their inputs, through the checkpointer, and the batch's statistics.
#[derive(Debug, Clone)]
struct NormReluConvState<T> {
    inputs: [NodeId; 4],
    mean: T,
    variance: T,
    epsilon: f64,
    groups: usize,
}

#[derive(Debug)]
struct NormReluConv;

impl<B: CondenseOps> Backward<B, 4> for NormReluConv {
    type State = NormReluConvState<FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let [x, gamma, beta, weight] = state
            .inputs
            .map(|input| checkpointer.retrieve_node_output::<FloatTensor<B>>(input));
        let (x, gamma, beta, weight) = B::norm_relu_conv2d_train_backward(
            x,
            gamma,
            beta,
            weight,
            state.mean,
            state.variance,
            grad,
            state.epsilon,
            state.groups,
        );
        for (parent, gradient) in ops.parents.into_iter().zip([x, gamma, beta, weight]) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// Whether a convolution's result is computed again for the backward pass, on devices that checkpoint gradients: a dense
/// layer's bottleneck is, what the layer adds to its block is not.
fn is_pointwise<T: TensorMetadata>(weight: &T) -> bool {
    weight.shape()[2] == 1
}

/// Computes a bottleneck again that was not kept.
#[derive(Debug)]
struct NormReluConvAgain<B> {
    inputs: [NodeId; 4],
    epsilon: f64,
    groups: usize,
    backend: PhantomData<B>,
}

impl<B: CondenseOps> RetroForward for NormReluConvAgain<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let inputs = self.inputs.each_ref();
        let [x, gamma, beta, weight] = inputs.map(|id| states.get_state::<FloatTensor<B>>(id));
        let (epsilon, groups) = (self.epsilon, self.groups);
        let again = B::norm_relu_conv2d_train(x, gamma, beta, weight, epsilon, groups);
        states.save(out_node, again.0);
    }
}

#[derive(Debug)]
struct ConvSame;

impl<B: CondenseOps> Backward<B, 2> for ConvSame {
    /// The inputs, and the number of groups.
    type State = ([NodeId; 2], usize);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let (inputs, groups) = ops.state;
        let [x, weight] =
            inputs.map(|input| checkpointer.retrieve_node_output::<FloatTensor<B>>(input));
        let [node_x, node_weight] = ops.parents;
        if let Some(node) = node_x {
            let gradient =
                B::conv2d_same_x_backward(x.clone(), weight.clone(), grad.clone(), groups);
            grads.register::<B>(node.id, gradient);
        }
        if let Some(node) = node_weight {
            let gradient = B::conv2d_same_weight_backward(x, weight, grad, groups);
            grads.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct GroupConv;

impl<B: CondenseOps> Backward<B, 2> for GroupConv {
    /// The inputs, the number of groups, and how to compute.
    type State = ([NodeId; 2], usize, Algorithm);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let (inputs, groups, algorithm) = ops.state;
        let [x, weight] =
            inputs.map(|input| checkpointer.retrieve_node_output::<FloatTensor<B>>(input));
        let [node_x, node_weight] = ops.parents;
        if let Some(node) = node_x {
            let (x, weight, grad) = (x.clone(), weight.clone(), grad.clone());
            let gradient = B::group_conv2d_x_backward(x, weight, grad, groups, algorithm);
            grads.register::<B>(node.id, gradient);
        }
        if let Some(node) = node_weight {
            let gradient = B::group_conv2d_weight_backward(x, weight, grad, groups, algorithm);
            grads.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct AppendChannels;

impl<B: CondenseOps> Backward<B, 2> for AppendChannels {
    /// The channels that were there before, and all of them.
    type State = [usize; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let [before, after] = ops.state;
        for (parent, range) in ops.parents.into_iter().zip([0..before, before..after]) {
            if let Some(node) = parent {
                let gradient = B::float_slice(grad.clone(), &[Slice::full(), range.into()]);
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// Appends again what was not kept.
#[derive(Debug)]
struct AppendAgain<B> {
    x: NodeId,
    new: NodeId,
    backend: PhantomData<B>,
}

impl<B: CondenseOps> RetroForward for AppendAgain<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = states.get_state::<FloatTensor<B>>(&self.x);
        let new = states.get_state::<FloatTensor<B>>(&self.new);
        states.save(out_node, B::append_channels(x, new));
    }
}

#[derive(Debug)]
struct AveragePool;

impl<B: CondenseOps> Backward<B, 1> for AveragePool {
    type State = NodeId;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(ops.state);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::average_pool_2x2_backward(x, grad));
        }
    }
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
