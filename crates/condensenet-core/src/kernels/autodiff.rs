//! Gradients of the operations, for every backend: recompute, don't keep.

use burn::backend::{
    Autodiff, AutodiffBackend,
    autodiff::{
        NodeId,
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use super::ops::CondenseOps;

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

#[derive(Debug)]
struct ConvSame;

impl<B: CondenseOps> Backward<B, 2> for ConvSame {
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
    // `norm_relu_conv2d` keeps its default, composed of differentiable operations: for norms that are frozen.

    fn norm_relu_conv2d_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        epsilon: f64,
        groups: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [x.node(), gamma.node(), beta.node(), weight.node()];
        let prepared = NormReluConv.prepare::<C>(nodes).compute_bound().stateful();
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
