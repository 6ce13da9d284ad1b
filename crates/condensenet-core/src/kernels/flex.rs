//! The CPU kernels behind Burn's Flex backend.
//!
//! They take f32 and kernels of 1x1 and 3x3; anything else is composed.

use burn::{
    backend::{
        DType, Flex, TensorMetadata,
        flex::{FlexTensor, Layout},
    },
    tensor::{Bytes, Shape},
};

use condensenet_kernels::training::{self as cpu, BatchNorm, Gradients, NormReluConvShape};

use super::{composition, ops::CondenseOps};

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
        let mut output = vec![0.0; shape.output_len()];
        cpu::forward(
            &shape,
            x.get(),
            scale.get(),
            shift.get(),
            weight.get(),
            &mut output,
        );
        tensor(output, output_dims(&shape))
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
        let channels = shape.channels_in;
        let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
        cpu::batch_statistics(&shape, x.get(), &mut mean, &mut variance);
        let rstd = reciprocal_deviation(&variance, epsilon);
        let norm = BatchNorm {
            gamma: gamma.get(),
            beta: beta.get(),
            mean: &mean,
            rstd: &rstd,
        };
        let (scale, shift) = norm.fold();
        let mut output = vec![0.0; shape.output_len()];
        cpu::forward(&shape, x.get(), &scale, &shift, weight.get(), &mut output);
        (
            tensor(output, output_dims(&shape)),
            tensor(mean, [channels]),
            tensor(variance, [channels]),
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
        let rstd = reciprocal_deviation(variance.get(), epsilon);
        let norm = BatchNorm {
            gamma: gamma.get(),
            beta: beta.get(),
            mean: mean.get(),
            rstd: &rstd,
        };
        let channels = shape.channels_in;
        let mut grad_x = vec![0.0; shape.input_len()];
        let mut grad_gamma = vec![0.0; channels];
        let mut grad_beta = vec![0.0; channels];
        let mut grad_weight = vec![0.0; shape.weight_len()];
        let gradients = Gradients {
            x: &mut grad_x,
            gamma: &mut grad_gamma,
            beta: &mut grad_beta,
            weight: &mut grad_weight,
        };
        cpu::backward(&shape, x.get(), &norm, weight.get(), grad.get(), gradients);
        (
            tensor(grad_x, input_dims(&shape)),
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
        let mut output = vec![0.0; shape.output_len()];
        cpu::convolution_forward(&shape, x.get(), weight.get(), &mut output);
        tensor(output, output_dims(&shape))
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
        let mut grad_x = vec![0.0; shape.input_len()];
        let mut grad_weight = vec![0.0; shape.weight_len()];
        cpu::convolution_backward(
            &shape,
            x.get(),
            weight.get(),
            grad.get(),
            Some(&mut grad_x),
            &mut grad_weight,
        );
        tensor(grad_x, input_dims(&shape))
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
        cpu::convolution_backward(
            &shape,
            x.get(),
            weight.get(),
            grad.get(),
            None,
            &mut grad_weight,
        );
        tensor(grad_weight, weight_shape)
    }

    fn average_pool_2x2(x: FlexTensor) -> FlexTensor {
        if x.dtype() != DType::F32 {
            return composition::average_pool_2x2::<Self>(x);
        }
        let [batch_size, channels, height, width] = x.shape().dims();
        let (x, planes) = (FlexInput::new(&x), batch_size * channels);
        let (halved_height, halved_width) = (height / 2, width / 2);
        let mut output = vec![0.0; planes * halved_height * halved_width];
        cpu::average_pool_2x2_forward(planes, height, width, x.get(), &mut output);
        tensor(output, [batch_size, channels, halved_height, halved_width])
    }

    fn average_pool_2x2_backward(x: FlexTensor, grad: FlexTensor) -> FlexTensor {
        if x.dtype() != DType::F32 {
            return composition::average_pool_2x2_backward::<Self>(x, grad);
        }
        let [batch_size, channels, height, width] = x.shape().dims();
        let (grad, planes) = (FlexInput::new(&grad), batch_size * channels);
        let mut grad_x = vec![0.0; planes * height * width];
        cpu::average_pool_2x2_backward(planes, height, width, grad.get(), &mut grad_x);
        tensor(grad_x, x.shape())
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
fn kernel_shape(x: &FlexTensor, weight: &FlexTensor, groups: usize) -> Option<NormReluConvShape> {
    let [batch_size, channels_in, height, width] = x.shape().dims();
    let [channels_out, _, kernel_size, kernel_width] = weight.shape().dims();
    let served = x.dtype() == DType::F32
        && weight.dtype() == DType::F32
        && matches!(kernel_size, 1 | 3)
        && kernel_size == kernel_width
        && batch_size * height * width > 0;
    served.then_some(NormReluConvShape {
        batch_size,
        channels_in,
        height,
        width,
        channels_out,
        kernel_size,
        groups,
    })
}

fn reciprocal_deviation(variance: &[f32], epsilon: f64) -> Vec<f32> {
    let reciprocal = |&variance| (1.0 / (f64::from(variance) + epsilon).sqrt()) as f32;
    variance.iter().map(reciprocal).collect()
}

fn input_dims(shape: &NormReluConvShape) -> [usize; 4] {
    [
        shape.batch_size,
        shape.channels_in,
        shape.height,
        shape.width,
    ]
}

fn output_dims(shape: &NormReluConvShape) -> [usize; 4] {
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
