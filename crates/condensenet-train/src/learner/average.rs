//! The exponential moving average of a network's weights.

use std::{any::Any, collections::VecDeque};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Bool, Int, Tensor},
};

use super::Network;

/// The average of a network's weights, and of its norms' running statistics, over its steps.
///
/// What is no floating-point number, above all the masks, is the network's own.
///
/// # Source
/// Polyak and Juditsky, 1992, with a decay as in TensorFlow's `ExponentialMovingAverage` and in timm's `ModelEmaV2`, which
/// averages the running statistics too.
#[derive(Debug, Clone)]
pub(crate) struct AveragedNetwork {
    network: Network,
    decay: f64,
}

impl AveragedNetwork {
    /// Begins with the weights as they are.
    pub(crate) fn new(network: &Network, decay: f64) -> Self {
        let network = network.valid();
        Self { network, decay }
    }

    /// Goes on with an average as it was.
    #[must_use]
    pub(crate) fn resumed(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// Returns the average, for use at test time.
    pub(crate) const fn network(&self) -> &Network {
        &self.network
    }

    /// Takes the network after a step into account.
    pub(crate) fn update(&mut self, network: &Network) {
        self.network = blend(self.network.clone(), &network.valid(), self.decay);
    }
}

/// Returns `decay * average + (1 - decay) * now`, number by number, with everything else as it is now.
fn blend<M: Module>(average: M, now: &M, decay: f64) -> M {
    let mut values = Values::default();
    now.visit(&mut values);
    average.map(&mut Blend {
        values: values.0,
        decay,
    })
}

/// The values of a module, in the order in which it is gone through.
#[derive(Default)]
struct Values(VecDeque<Box<dyn Any>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push_back(Box::new(param.val()));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.0.push_back(Box::new(param.val()));
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.0.push_back(Box::new(param.val()));
    }
}

struct Blend {
    values: VecDeque<Box<dyn Any>>,
    decay: f64,
}

impl Blend {
    fn next<T: 'static>(&mut self) -> T {
        let value = self.values.pop_front().and_then(|it| it.downcast().ok());
        *value.expect("a network and its average are gone through in the same order")
    }
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let now: Tensor<D> = self.next();
        let decay = self.decay;
        param.map(|average| average * decay + now * (1.0 - decay))
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let now = self.next();
        param.map(|_| now)
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        let now = self.next();
        param.map(|_| now)
    }
}

#[cfg(test)]
mod tests {
    use burn::{
        module::RunningState,
        nn::{BatchNorm, BatchNormConfig},
        tensor::Device,
    };
    use condensenet_core::LearnedGroupConv;
    use condensenet_models::{AnyNetwork, CondenseNetConfig, InitNetwork};

    use super::*;

    #[test]
    fn weights_and_running_statistics_are_averaged_number_by_number() {
        let device = Device::flex();
        let norm = |gamma: [f32; 2], mean: [f32; 2]| {
            let mut norm: BatchNorm = BatchNormConfig::new(2).init(&device);
            norm.gamma = Param::from_tensor(Tensor::from_floats(gamma, &device));
            norm.running_mean = RunningState::new(Tensor::from_floats(mean, &device));
            norm
        };
        let average = norm([1.0, -2.0], [10.0, 0.0]);
        let average = blend(average, &norm([2.0, 2.0], [0.0, 8.0]), 0.75);
        let average = blend(average, &norm([0.25, 1.0], [1.5, 0.0]), 0.75);
        let read = |tensor: Tensor<1>| tensor.into_data().iter::<f32>().collect::<Vec<_>>();
        // 0.75 * 1 + 0.25 * 2 = 1.25, 0.75 * 1.25 + 0.25 * 0.25 = 1; 0.75 * -2 + 0.25 * 2 = -1, and so on.
        assert_eq!(read(average.gamma.val()), [1.0, -0.5]);
        assert_eq!(read(average.running_mean.value()), [6.0, 1.5]);
        assert_eq!(read(average.running_var.value()), [1.0, 1.0]);
    }

    #[test]
    fn the_masks_are_the_networks_own_and_the_network_stays_as_it_is() {
        let device = Device::flex().autodiff();
        let config = CondenseNetConfig::new(vec![1, 1], vec![4, 8]);
        let mut network: AnyNetwork = config.init(&device).unwrap();
        let mut average = AveragedNetwork::new(&network, 0.9);
        assert_eq!(average.network().stage(), 0);
        network.condense_to(2);
        let weight = |network: &Network| {
            let first = network.learned_convs().next();
            first.expect("it learns groups").weight.val()
        };
        let before = weight(&network).into_data();
        average.update(&network);
        assert_eq!(average.network().stage(), 2);
        let masks = |network: &Network| {
            let masks = network.learned_convs().map(LearnedGroupConv::mask);
            masks.collect::<Vec<_>>()
        };
        assert_eq!(masks(average.network()), masks(&network));
        assert_eq!(weight(&network).into_data(), before);
        assert!(weight(&network).is_require_grad());
    }
}
