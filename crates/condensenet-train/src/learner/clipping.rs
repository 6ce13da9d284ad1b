//! Limits to gradients.

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::Tensor,
};

use crate::recipe::GradientClipping;

/// What PyTorch adds to the norm before it divides by it.
const EPSILON: f64 = 1e-6;

/// Limits the gradients of a module.
pub(super) fn clip(
    mut gradients: GradientsParams,
    module: &impl Module,
    clipping: GradientClipping,
) -> GradientsParams {
    match clipping {
        GradientClipping::Value(limit) => {
            let clamp = Change::Clamp(limit);
            module.visit(&mut Changing(&mut gradients, clamp));
        }
        GradientClipping::Norm(limit) => {
            let norm = global_norm(&gradients, module);
            let factor = limit / (norm + EPSILON);
            if factor < 1.0 {
                module.visit(&mut Changing(&mut gradients, Change::Scale(factor)));
            }
        }
    }
    gradients
}

/// Returns the L2 norm of all gradients together.
fn global_norm(gradients: &GradientsParams, module: &impl Module) -> f64 {
    let mut squares = Squares {
        gradients,
        sum: None,
    };
    module.visit(&mut squares);
    let sum: f32 = squares.sum.map_or(0.0, Tensor::into_scalar);
    f64::from(sum).sqrt()
}

/// Adds up the gradients' squares, where they are.
struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let square = gradient.powi_scalar(2).sum();
            self.sum = Some(match self.sum.take() {
                None => square,
                Some(sum) => sum + square,
            });
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Scale(f64),
    Clamp(f64),
}

struct Changing<'a>(&'a mut GradientsParams, Change);

impl ModuleVisitor for Changing<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.0.remove::<D>(param.id) {
            let gradient = match self.1 {
                Change::Scale(factor) => gradient * factor,
                Change::Clamp(limit) => gradient.clamp(-limit, limit),
            };
            self.0.register(param.id, gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::{
        nn::{Linear, LinearConfig},
        tensor::Device,
    };

    use super::*;

    /// A layer with the gradients 3, 0, -4, 12 in its weight and 84 in its bias: a norm of 85.
    fn layer() -> (Linear, GradientsParams) {
        let device = Device::flex();
        let layer = LinearConfig::new(4, 1).init(&device);
        let mut gradients = GradientsParams::new();
        let of_weight = Tensor::<2>::from_floats([[3.0], [0.0], [-4.0], [12.0]], &device);
        gradients.register(layer.weight.id, of_weight);
        let bias = layer.bias.as_ref().unwrap();
        gradients.register(bias.id, Tensor::<1>::from_floats([84.0], &device));
        (layer, gradients)
    }

    fn clipped(clipping: GradientClipping) -> Vec<f32> {
        let (layer, gradients) = layer();
        let gradients = clip(gradients, &layer, clipping);
        let weight = gradients.get::<2>(layer.weight.id).unwrap().into_data();
        let bias = layer.bias.as_ref().unwrap();
        let bias = gradients.get::<1>(bias.id).unwrap().into_data();
        weight.iter().chain(bias.iter()).collect()
    }

    #[track_caller]
    fn assert_close(found: &[f32], expected: &[f32]) {
        let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
        assert!(found.iter().zip(expected).all(close), "{found:?}");
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn the_norm_of_all_gradients_together_is_what_is_limited() {
        // A tenth of 85; by itself the weight's norm of 13 would have been scaled by less than the bias's 84.
        let found = clipped(GradientClipping::Norm(8.5));
        assert_close(&found, &[0.3, 0.0, -0.4, 1.2, 8.4]);
    }

    #[test]
    fn gradients_within_the_limit_stay_as_they_are() {
        let found = clipped(GradientClipping::Norm(85.1));
        assert_eq!(found, [3.0, 0.0, -4.0, 12.0, 84.0]);
        let found = clipped(GradientClipping::Value(84.0));
        assert_eq!(found, [3.0, 0.0, -4.0, 12.0, 84.0]);
    }

    #[test]
    fn each_element_is_moved_between_the_limits() {
        let found = clipped(GradientClipping::Value(3.5));
        assert_eq!(found, [3.0, 0.0, -3.5, 3.5, 3.5]);
    }
}
