//! Whether every number of a network is one.

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::Tensor,
};

/// Returns the path of the first parameter or running statistic that holds an infinity or no number.
pub(crate) fn first_non_finite(module: &impl Module) -> Option<String> {
    let mut search = Search::default();
    module.visit(&mut search);
    search.found
}

#[derive(Default)]
struct Search {
    path: Vec<String>,
    found: Option<String>,
}

impl ModuleVisitor for Search {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Zero times a number is zero; times anything else it is none, and no sum makes it one again.
        let nothing: f32 = (param.val() * 0.0).sum().into_scalar();
        if nothing.is_nan() && self.found.is_none() {
            self.found = Some(self.path.join("."));
        }
    }

    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use burn::{module::RunningState, nn::BatchNormConfig, tensor::Device};

    use super::*;

    #[test]
    fn whatever_is_no_number_is_named() {
        let device = Device::flex();
        let sound = BatchNormConfig::new(3).init(&device);
        assert_eq!(first_non_finite(&sound), None);
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let values = Tensor::<1>::from_floats([1.0, wrong, f32::MAX], &device);
            let mut norm = BatchNormConfig::new(3).init(&device);
            norm.beta = Param::from_tensor(values.clone());
            assert_eq!(first_non_finite(&norm), Some("beta".to_owned()), "{wrong}");
            let mut norm = BatchNormConfig::new(3).init(&device);
            norm.running_var = RunningState::new(values);
            let found = first_non_finite(&norm);
            assert_eq!(found, Some("running_var".to_owned()), "{wrong}");
        }
    }
}
