//! Reaches every learned group convolution of a module, wherever it stands in it.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Bool, Tensor},
};

use crate::{
    lasso::group_lasso,
    learned_group_conv::{mask_of, mask_tensor, masked},
    mask::importance,
    schedule::CondensationSchedule,
};

/// What Burn calls a [`LearnedGroupConv`](crate::LearnedGroupConv) while it walks through a module.
const CONTAINER: &str = "Struct:LearnedGroupConv";

/// Drops inputs of every [`LearnedGroupConv`](crate::LearnedGroupConv) in a module, as
/// [`LearnedGroupConv::condense_to`](crate::LearnedGroupConv::condense_to) does in one.
///
/// The schedule's condensation factor is that of the layers. Call it after the optimizer's step, with the stage of the progress
/// made so far: the next step is then the first with the new masks. The weights of dropped inputs stay, and decay as the
/// optimizer decays them; they get no gradient, and what momentum is left moves nothing that is seen.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use condensenet_core::{CondensationSchedule, LearnedGroupConvConfig, condense_every};
///
/// let device = Device::flex();
/// let config = LearnedGroupConvConfig::new(16, 32);
/// let layers = vec![config.init(&device), config.init(&device)];
/// let schedule = CondensationSchedule::new(4);
/// let layers = condense_every(layers, schedule, schedule.stage_at(0.5));
/// assert!(layers.iter().all(|layer| layer.mask().kept_count(0) == 4));
/// ```
#[must_use]
pub fn condense_every<M: Module>(module: M, schedule: CondensationSchedule, stage: usize) -> M {
    module.map(&mut Condense {
        schedule,
        stage,
        field: None,
        weight: None,
    })
}

/// Returns the sum of the group lassos of every [`LearnedGroupConv`](crate::LearnedGroupConv) in a module, `[1]`, to be added
/// to the loss with some weight; or `None` if there is none.
///
/// Once the layers are fully condensed it pushes on nothing but the inputs that stay: leave it out from there on.
///
/// # Source
/// Paper, section 3.2, equation 1.
#[must_use]
pub fn group_lasso_of_every<M: Module>(module: &M) -> Option<Tensor<1>> {
    let mut sum = Lasso::default();
    module.visit(&mut sum);
    sum.sum
}

/// A field that matters here.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    Weight,
    Mask,
}

fn field(name: &str, container: &str) -> Option<Field> {
    match (name, container) {
        ("weight", CONTAINER) => Some(Field::Weight),
        ("mask", CONTAINER) => Some(Field::Mask),
        _ => None,
    }
}

struct Condense {
    schedule: CondensationSchedule,
    stage: usize,
    field: Option<Field>,
    /// Of the layer that is walked through: fields come in the order of their declaration.
    weight: Option<Tensor<4>>,
}

impl ModuleMapper for Condense {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.field = field(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.field = None;
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.field == Some(Field::Weight) {
            self.weight = Some(four_dimensions(param.val()));
        }
        param
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        let weight = self.weight.take_if(|_| self.field == Some(Field::Mask));
        let Some(weight) = weight else {
            return param;
        };
        let tensor = param.val();
        let mask = mask_of(tensor.clone());
        let channels_in = mask.channels_in();
        let target = self.schedule.kept_channels(channels_in, self.stage);
        if (0..mask.groups()).all(|group| mask.kept_count(group) <= target) {
            return param;
        }
        let weight: Vec<f32> = weight.into_data().iter::<f32>().collect();
        let condensed = mask.condensed(&importance(&weight, channels_in, mask.groups()), target);
        let condensed = mask_tensor(&condensed, &tensor.device());
        Param::initialized(param.id, condensed.reshape(tensor.dims()))
    }
}

#[derive(Default)]
struct Lasso {
    field: Option<Field>,
    weight: Option<Tensor<4>>,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for Lasso {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.field = field(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.field = None;
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.field == Some(Field::Weight) {
            self.weight = Some(four_dimensions(param.val()));
        }
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        let weight = self.weight.take_if(|_| self.field == Some(Field::Mask));
        let Some(weight) = weight else {
            return;
        };
        let mask = param.val();
        let dims: [usize; D] = mask.dims();
        let (groups, channels_in) = (dims[0], dims[D - 1]);
        let lasso = group_lasso(masked(weight, mask.reshape([groups, channels_in])), groups);
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + lasso,
            None => lasso,
        });
    }
}

fn four_dimensions<const D: usize>(weight: Tensor<D>) -> Tensor<4> {
    let dims = weight.dims();
    weight.reshape([dims[0], dims[1], 1, 1])
}

#[cfg(test)]
mod tests {
    use burn::{
        nn::{Linear, LinearConfig},
        tensor::Device,
    };

    use super::*;
    use crate::{GroupConv, GroupConvConfig, LearnedGroupConv, LearnedGroupConvConfig};

    /// A module with learned convolutions in a vector, in an option and in a module of its own, among others.
    #[derive(Module, Debug)]
    struct Outer {
        before: LearnedGroupConv,
        inner: Vec<Inner>,
        maybe: Option<LearnedGroupConv>,
        classifier: Linear,
    }

    #[derive(Module, Debug)]
    struct Inner {
        narrow: LearnedGroupConv,
        wide: GroupConv,
    }

    impl Outer {
        fn new(device: &Device) -> Self {
            let learned = |channels_in| {
                let config = LearnedGroupConvConfig::new(channels_in, 32);
                config.with_groups(8).init(device)
            };
            let inner = |_| Inner {
                narrow: learned(16),
                wide: GroupConvConfig::new(32, 16).init(device),
            };
            Self {
                before: learned(24),
                inner: (0..2).map(inner).collect(),
                maybe: Some(learned(8)),
                classifier: LinearConfig::new(8, 8).init(device),
            }
        }

        fn learned(&self) -> Vec<&LearnedGroupConv> {
            let inner = self.inner.iter().map(|inner| &inner.narrow);
            let others = std::iter::once(&self.before).chain(&self.maybe);
            others.chain(inner).collect()
        }
    }

    #[test]
    fn condensing_a_module_is_condensing_each_of_its_layers() {
        let module = Outer::new(&Device::flex());
        let schedule = CondensationSchedule::new(4);
        let mut expected: Vec<LearnedGroupConv> = module.learned().into_iter().cloned().collect();
        let mut module = module;
        // Stages may be skipped, and an earlier one changes nothing.
        for stage in [0, 1, 3, 2] {
            module = condense_every(module, schedule, stage);
            for layer in &mut expected {
                layer.condense_to(stage);
            }
            for (layer, expected) in module.learned().into_iter().zip(&expected) {
                assert_eq!(layer.mask(), expected.mask(), "stage {stage}");
                assert_eq!(layer.mask.id, expected.mask.id, "stage {stage}");
            }
        }
        assert!(module.learned().iter().all(|layer| layer.convert().is_ok()));
    }

    #[test]
    fn the_lasso_of_a_module_is_the_sum_over_its_layers_with_their_gradients() {
        let device = Device::flex().autodiff();
        let schedule = CondensationSchedule::new(4);
        let module = condense_every(Outer::new(&device), schedule, 1);
        let expected = module
            .learned()
            .into_iter()
            .map(LearnedGroupConv::group_lasso);
        let expected = expected.reduce(|sum, lasso| sum + lasso).unwrap();
        let sum = group_lasso_of_every(&module).unwrap();
        let difference = (sum.clone() - expected.clone()).abs().into_scalar::<f32>();
        assert!(difference < 1e-4, "{difference}");
        let [found, expected] = [sum, expected].map(|lasso| {
            let gradients = lasso.backward();
            let of = |layer: &LearnedGroupConv| layer.weight.grad(&gradients).unwrap().into_data();
            module.learned().into_iter().map(of).collect::<Vec<_>>()
        });
        for (found, expected) in found.iter().zip(&expected) {
            found.assert_approx_eq(expected, burn::tensor::Tolerance::<f32>::absolute(1e-6));
        }
        assert!(group_lasso_of_every(&LinearConfig::new(2, 2).init(&device)).is_none());
    }
}
