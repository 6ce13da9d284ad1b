//! What the backward pass does at each operation, and what is made again for it.

use std::{marker::PhantomData, sync::Arc};

use burn::{
    backend::{
        autodiff::{
            NodeId,
            checkpoint::{base::Checkpointer, retro_forward::RetroForward, state::BackwardStates},
            grads::Gradients,
            ops::{Backward, Ops},
        },
        tensor::FloatTensor,
    },
    tensor::Slice,
};

use super::super::{Algorithm, dense_block::DenseBlockPlan, ops::CondenseOps};

/// Norm, ReLU and convolution need their inputs, through the checkpointer, and the batch's statistics.
#[derive(Debug, Clone)]
pub(super) struct NormReluConvState<T> {
    pub(super) inputs: [NodeId; 4],
    pub(super) mean: T,
    pub(super) variance: T,
    pub(super) epsilon: f64,
    pub(super) groups: usize,
}

#[derive(Debug)]
pub(super) struct NormReluConv;

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

/// Computes a bottleneck again that was not kept.
#[derive(Debug)]
pub(super) struct NormReluConvAgain<B> {
    pub(super) inputs: [NodeId; 4],
    pub(super) epsilon: f64,
    pub(super) groups: usize,
    pub(super) backend: PhantomData<B>,
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

/// A dense block needs its parameters, its output, the batch's statistics, and the maps between convolutions where they are kept.
#[derive(Debug, Clone)]
pub(super) struct DenseBlockState<T> {
    /// gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3
    pub(super) parameters: [T; 6],
    pub(super) output: T,
    pub(super) statistics: T,
    pub(super) bottlenecks: T,
    pub(super) plan: Arc<DenseBlockPlan>,
}

#[derive(Debug)]
pub(super) struct DenseBlock;

impl<B: CondenseOps> Backward<B, 7> for DenseBlock {
    type State = DenseBlockState<FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 7>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let state = ops.state;
        let [gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = state.parameters;
        let gradients = B::dense_block_train_backward(
            gamma_1,
            beta_1,
            weight_1,
            gamma_2,
            beta_2,
            weight_3,
            state.output,
            state.statistics,
            state.bottlenecks,
            grad,
            state.plan,
        );
        let gradients: [_; 7] = gradients.into();
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct ConvSame;

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
pub(super) struct GroupConv;

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
pub(super) struct AppendChannels;

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
pub(super) struct AppendAgain<B> {
    pub(super) x: NodeId,
    pub(super) new: NodeId,
    pub(super) backend: PhantomData<B>,
}

impl<B: CondenseOps> RetroForward for AppendAgain<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = states.get_state::<FloatTensor<B>>(&self.x);
        let new = states.get_state::<FloatTensor<B>>(&self.new);
        states.save(out_node, B::append_channels(x, new));
    }
}

#[derive(Debug)]
pub(super) struct AveragePool;

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
