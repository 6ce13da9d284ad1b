//! The CPU kernels behind Burn's Flex backend.
//!
//! They take f32 and kernels of 1x1 and 3x3; anything else is composed.

use std::sync::Arc;

use burn::{
    backend::{
        DType, Flex, TensorMetadata,
        flex::{FlexTensor, Layout},
    },
    tensor::{Bytes, Shape},
};

use condensenet_kernels::training::{
    self, Buffer,
    convolution::{self, BatchNorm, ConvolutionShape},
    dense_block::{self, DenseBlock},
};

use super::{
    composition,
    dense_block::{Connections, DenseBlockPlan},
    ops::CondenseOps,
    pooled::pooled_tensor,
};

impl CondenseOps for Flex {
    fn norm_relu_conv2d(
        x: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        weight: FlexTensor,
        groups: usize,
    ) -> FlexTensor {
        let Some(shape) = kernel_shape(&x, &weight, groups) else {
            return composition::norm_relu_conv2d::<Self>(x, scale, shift, weight, groups);
        };
        let [x, scale, shift, weight] = [&x, &scale, &shift, &weight].map(FlexInput::new);
        let mut output = Buffer::take(shape.output_len());
        convolution::forward_folded(
            &shape,
            x.get(),
            scale.get(),
            shift.get(),
            weight.get(),
            &mut output,
        );
        pooled_tensor(output, output_dims(&shape))
    }

    fn norm_relu_conv2d_train(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        weight: FlexTensor,
        epsilon: f64,
        groups: usize,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let Some(shape) = kernel_shape(&x, &weight, groups) else {
            return composition::norm_relu_conv2d_train::<Self>(
                x, gamma, beta, weight, epsilon, groups,
            );
        };
        let [x, gamma, beta, weight] = [&x, &gamma, &beta, &weight].map(FlexInput::new);
        let norm = BatchNorm {
            gamma: gamma.get(),
            beta: beta.get(),
            epsilon,
        };
        let mut output = Buffer::take(shape.output_len());
        let statistics = convolution::forward(&shape, &norm, x.get(), weight.get(), &mut output);
        (
            pooled_tensor(output, output_dims(&shape)),
            tensor(statistics.mean, [shape.channels_in]),
            tensor(statistics.variance, [shape.channels_in]),
        )
    }

    fn norm_relu_conv2d_train_backward(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        weight: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        grad: FlexTensor,
        epsilon: f64,
        groups: usize,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let Some(shape) = kernel_shape(&x, &weight, groups) else {
            return composition::norm_relu_conv2d_train_backward::<Self>(
                x, gamma, beta, weight, mean, variance, grad, epsilon, groups,
            );
        };
        let weight_shape = weight.shape();
        let [x, gamma, beta, weight, mean, variance, grad] =
            [&x, &gamma, &beta, &weight, &mean, &variance, &grad].map(FlexInput::new);
        let norm = BatchNorm {
            gamma: gamma.get(),
            beta: beta.get(),
            epsilon,
        };
        let statistics = convolution::BatchStatistics {
            mean: mean.get().to_vec(),
            variance: variance.get().to_vec(),
        };
        let channels = shape.channels_in;
        let mut grad_x = Buffer::take(shape.input_len());
        let mut grad_gamma = vec![0.0; channels];
        let mut grad_beta = vec![0.0; channels];
        let mut grad_weight = vec![0.0; shape.weight_len()];
        let gradients = convolution::Gradients {
            x: &mut grad_x,
            gamma: &mut grad_gamma,
            beta: &mut grad_beta,
            weight: &mut grad_weight,
        };
        convolution::backward(
            &shape,
            &norm,
            &statistics,
            x.get(),
            weight.get(),
            grad.get(),
            gradients,
        );
        (
            pooled_tensor(grad_x, input_dims(&shape)),
            tensor(grad_gamma, [channels]),
            tensor(grad_beta, [channels]),
            tensor(grad_weight, weight_shape),
        )
    }

    fn conv2d_same(x: FlexTensor, weight: FlexTensor, groups: usize) -> FlexTensor {
        let Some(shape) = kernel_shape(&x, &weight, groups) else {
            return composition::conv2d_same::<Self>(x, weight, groups);
        };
        let [x, weight] = [&x, &weight].map(FlexInput::new);
        let mut output = Buffer::take(shape.output_len());
        convolution::forward_plain(&shape, x.get(), weight.get(), &mut output);
        pooled_tensor(output, output_dims(&shape))
    }

    fn conv2d_same_x_backward(
        x: FlexTensor,
        weight: FlexTensor,
        grad: FlexTensor,
        groups: usize,
    ) -> FlexTensor {
        let Some(shape) = kernel_shape(&x, &weight, groups) else {
            return composition::conv2d_same_x_backward::<Self>(x, weight, grad, groups);
        };
        let [x, weight, grad] = [&x, &weight, &grad].map(FlexInput::new);
        let mut grad_x = Buffer::take(shape.input_len());
        let mut grad_weight = vec![0.0; shape.weight_len()];
        convolution::backward_plain(
            &shape,
            x.get(),
            weight.get(),
            grad.get(),
            Some(&mut grad_x),
            &mut grad_weight,
        );
        pooled_tensor(grad_x, input_dims(&shape))
    }

    fn conv2d_same_weight_backward(
        x: FlexTensor,
        weight: FlexTensor,
        grad: FlexTensor,
        groups: usize,
    ) -> FlexTensor {
        let Some(shape) = kernel_shape(&x, &weight, groups) else {
            return composition::conv2d_same_weight_backward::<Self>(x, weight, grad, groups);
        };
        let weight_shape = weight.shape();
        let [x, weight, grad] = [&x, &weight, &grad].map(FlexInput::new);
        let mut grad_weight = vec![0.0; shape.weight_len()];
        convolution::backward_plain(
            &shape,
            x.get(),
            weight.get(),
            grad.get(),
            None,
            &mut grad_weight,
        );
        tensor(grad_weight, weight_shape)
    }

    fn dense_block_train(
        x: FlexTensor,
        gamma_1: FlexTensor,
        beta_1: FlexTensor,
        weight_1: FlexTensor,
        gamma_2: FlexTensor,
        beta_2: FlexTensor,
        weight_3: FlexTensor,
        plan: Arc<DenseBlockPlan>,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [batch_size, channels_in, height, width] = x.shape().dims();
        let block = described(&plan, [batch_size, channels_in, height, width]);
        let parameters = [&gamma_1, &beta_1, &weight_1, &gamma_2, &beta_2, &weight_3];
        let (x, parameters) = (FlexInput::new(&x), parameters.map(FlexInput::new));
        let mut output = Buffer::take(block.output_len());
        let kept = if plan.recompute {
            0
        } else {
            block.bottlenecks_len()
        };
        let mut bottlenecks = Buffer::take(kept);
        let statistics = dense_block::forward(
            &block,
            &block_parameters(&parameters, &plan),
            x.get(),
            &mut output,
            (!plan.recompute).then_some(&mut *bottlenecks),
        );
        let statistics = [
            statistics.mean,
            statistics.variance,
            statistics.bottleneck_mean,
            statistics.bottleneck_variance,
        ]
        .concat();
        let statistics_len = statistics.len();
        (
            pooled_tensor(output, [batch_size, block.channels_out(), height, width]),
            tensor(statistics, [statistics_len]),
            pooled_tensor(bottlenecks, [kept]),
        )
    }

    fn dense_block_train_backward(
        gamma_1: FlexTensor,
        beta_1: FlexTensor,
        weight_1: FlexTensor,
        gamma_2: FlexTensor,
        beta_2: FlexTensor,
        weight_3: FlexTensor,
        output: FlexTensor,
        statistics: FlexTensor,
        bottlenecks: FlexTensor,
        mut grad: FlexTensor,
        plan: Arc<DenseBlockPlan>,
    ) -> (
        FlexTensor,
        FlexTensor,
        FlexTensor,
        FlexTensor,
        FlexTensor,
        FlexTensor,
        FlexTensor,
    ) {
        let [batch_size, channels_out, height, width] = output.shape().dims();
        let channels_in = channels_out - plan.layers.len() * plan.growth_rate;
        let block = described(&plan, [batch_size, channels_in, height, width]);
        let parameters = [&gamma_1, &beta_1, &weight_1, &gamma_2, &beta_2, &weight_3];
        let shapes = parameters.map(TensorMetadata::shape);
        let parameters = parameters.map(FlexInput::new);
        let [output, statistics, kept] = [&output, &statistics, &bottlenecks].map(FlexInput::new);
        let (rows, between) = (
            block.channels_before(plan.layers.len().saturating_sub(1)),
            block.norm_2_len(),
        );
        let (mean, rest) = statistics.get().split_at(rows);
        let (variance, rest) = rest.split_at(rows);
        let (bottleneck_mean, bottleneck_variance) = rest.split_at(between);
        let statistics = dense_block::BatchStatistics {
            mean: mean.to_vec(),
            variance: variance.to_vec(),
            bottleneck_mean: bottleneck_mean.to_vec(),
            bottleneck_variance: bottleneck_variance.to_vec(),
        };
        let mut grad_x = Buffer::take(block.input_len());
        let mut gradients = shapes
            .each_ref()
            .map(|shape| vec![0.0; shape.num_elements()]);
        let [gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = &mut gradients;
        let into = dense_block::Gradients {
            x: &mut grad_x,
            gamma_1,
            beta_1,
            weight_1,
            gamma_2,
            beta_2,
            weight_3,
        };
        // Gradients are gathered in the output's, which nobody else needs as a rule.
        let is_whole = grad.layout().start_offset() == 0
            && grad.is_contiguous()
            && grad.bytes().len() == block.output_len() * size_of::<f32>();
        let mut copy = None;
        let grad_output = match grad.try_storage_mut::<f32>().filter(|_| is_whole) {
            Some(owned) => owned,
            None => {
                let grad = FlexInput::new(&grad);
                let copy = copy.insert(Buffer::take(block.output_len()));
                copy.copy_from_slice(grad.get());
                copy
            }
        };
        dense_block::backward(
            &block,
            &block_parameters(&parameters, &plan),
            output.get(),
            &statistics,
            (!plan.recompute).then_some(kept.get()),
            grad_output,
            into,
        );
        let [gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] = gradients;
        let [
            of_gamma_1,
            of_beta_1,
            of_weight_1,
            of_gamma_2,
            of_beta_2,
            of_weight_3,
        ] = shapes;
        (
            pooled_tensor(grad_x, [batch_size, channels_in, height, width]),
            tensor(gamma_1, of_gamma_1),
            tensor(beta_1, of_beta_1),
            tensor(weight_1, of_weight_1),
            tensor(gamma_2, of_gamma_2),
            tensor(beta_2, of_beta_2),
            tensor(weight_3, of_weight_3),
        )
    }

    fn average_pool_2x2(x: FlexTensor) -> FlexTensor {
        if x.dtype() != DType::F32 {
            return composition::average_pool_2x2::<Self>(x);
        }
        let [batch_size, channels, height, width] = x.shape().dims();
        let (x, planes) = (FlexInput::new(&x), batch_size * channels);
        let (halved_height, halved_width) = (height / 2, width / 2);
        let mut output = Buffer::take(planes * halved_height * halved_width);
        training::average_pool_2x2_forward(planes, height, width, x.get(), &mut output);
        pooled_tensor(output, [batch_size, channels, halved_height, halved_width])
    }

    fn average_pool_2x2_backward(x: FlexTensor, grad: FlexTensor) -> FlexTensor {
        if x.dtype() != DType::F32 {
            return composition::average_pool_2x2_backward::<Self>(x, grad);
        }
        let [batch_size, channels, height, width] = x.shape().dims();
        let (grad, planes) = (FlexInput::new(&grad), batch_size * channels);
        let mut grad_x = Buffer::take(planes * height * width);
        training::average_pool_2x2_backward(planes, height, width, grad.get(), &mut grad_x);
        pooled_tensor(grad_x, x.shape())
    }
}

/// The block for the kernels, for an input of `[batch_size, channels_in, height, width]`.
fn described(
    plan: &DenseBlockPlan,
    [batch_size, channels_in, height, width]: [usize; 4],
) -> DenseBlock {
    let connect = |(layer, connections): (usize, &Connections)| match connections {
        Connections::Grouped(groups) => {
            let channels_in = channels_in + layer * plan.growth_rate;
            training::Connections::grouped(channels_in, plan.bottleneck, *groups)
        }
        Connections::Learned { groups, mask } => {
            training::Connections::learned(mask, *groups, plan.bottleneck)
        }
    };
    DenseBlock {
        batch_size,
        channels_in,
        height,
        width,
        bottleneck: plan.bottleneck,
        growth_rate: plan.growth_rate,
        groups_3x3: plan.groups_3x3,
        layers: plan.layers.iter().enumerate().map(connect).collect(),
    }
}

fn block_parameters<'a>(
    parameters: &'a [FlexInput; 6],
    plan: &DenseBlockPlan,
) -> dense_block::Parameters<'a> {
    let [gamma_1, beta_1, weight_1, gamma_2, beta_2, weight_3] =
        parameters.each_ref().map(FlexInput::get);
    dense_block::Parameters {
        gamma_1,
        beta_1,
        weight_1,
        gamma_2,
        beta_2,
        weight_3,
        epsilon: plan.epsilon,
    }
}

/// A tensor as the kernels read it: contiguous f32.
struct FlexInput(FlexTensor);

impl FlexInput {
    fn new(tensor: &FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    fn get(&self) -> &[f32] {
        self.0
            .as_slice::<f32>()
            .expect("a contiguous tensor of f32 is a slice of f32")
    }
}

/// Returns the shape for the kernels, or `None` where they don't serve.
fn kernel_shape(x: &FlexTensor, weight: &FlexTensor, groups: usize) -> Option<ConvolutionShape> {
    let [batch_size, channels_in, height, width] = x.shape().dims();
    let [channels_out, _, kernel_size, kernel_width] = weight.shape().dims();
    let served = x.dtype() == DType::F32
        && weight.dtype() == DType::F32
        && matches!(kernel_size, 1 | 3)
        && kernel_size == kernel_width
        && batch_size * height * width > 0;
    served.then_some(ConvolutionShape {
        batch_size,
        channels_in,
        height,
        width,
        channels_out,
        kernel_size,
        groups,
    })
}

fn input_dims(shape: &ConvolutionShape) -> [usize; 4] {
    [
        shape.batch_size,
        shape.channels_in,
        shape.height,
        shape.width,
    ]
}

fn output_dims(shape: &ConvolutionShape) -> [usize; 4] {
    [
        shape.batch_size,
        shape.channels_out,
        shape.height,
        shape.width,
    ]
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::new(
        Bytes::from_elems(values),
        Layout::contiguous(shape.into()),
        DType::F32,
    )
}
