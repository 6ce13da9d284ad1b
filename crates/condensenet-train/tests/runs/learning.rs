use burn::tensor::Device;
use condensenet_core::LearnedGroupConv;
use condensenet_models::{AnyNetwork, CondenseNetConfig, InitNetwork};
use condensenet_train::{Recipe, RunConfig, read_metrics};

use crate::support::{alone, config, finish, images, network, recipe};

#[test]
fn a_small_network_learns_the_built_in_images() {
    let _alone = alone();
    let network = CondenseNetConfig::new(vec![2, 2], vec![4, 8]);
    let recipe = Recipe::new()
        .with_epochs(6)
        .with_batch_size(16)
        .with_seed(2);
    let (_root, run, _) = finish(RunConfig::new(network, recipe, images(400, 100)));
    let metrics = read_metrics(&run.metrics_path()).unwrap();
    let losses: Vec<f64> = metrics.iter().map(|line| line.train["loss"]).collect();
    // Ten classes: who knows nothing has ln 10 = 2.30 and 90 %.
    assert!(
        losses[5] < 0.85 * losses[0] && losses[5] < 1.9,
        "{losses:?}"
    );
    let error = metrics[5].valid["top_1_error"];
    assert!(error < 75.0, "{error} %");
}

/// The sum over layers and inputs of the L2 norm of each group's weights, as the paper's equation 1 has it.
fn group_norms(network: &AnyNetwork) -> f64 {
    let of_layer = |layer: &LearnedGroupConv| {
        let [channels_out, channels_in, _, _] = layer.weight.dims();
        let weight: Vec<f32> = layer.masked_weight().into_data().iter().collect();
        let groups = layer.groups;
        let mut squares = vec![0.0; groups * channels_in];
        for output in 0..channels_out {
            for input in 0..channels_in {
                let value = f64::from(weight[output * channels_in + input]);
                squares[output % groups * channels_in + input] += value * value;
            }
        }
        squares.into_iter().map(f64::sqrt).sum::<f64>()
    };
    network.learned_convs().map(of_layer).sum()
}

#[test]
fn the_group_lasso_pulls_the_weights_of_groups_down() {
    let _alone = alone();
    let fresh = network().init::<AnyNetwork>(&Device::flex()).unwrap();
    let term: f32 = fresh.group_lasso().unwrap().into_scalar();
    let expected = group_norms(&fresh);
    assert!((f64::from(term) - expected).abs() < 1e-4 * expected);

    // Half of the training it counts, until everything is condensed.
    let norms = [0.0, 1e-2].map(|weight| {
        let (_root, _, network) = finish(config(recipe(4).with_group_lasso(weight)));
        group_norms(&network)
    });
    assert!(norms[1] < 0.95 * norms[0], "{norms:?}");
}
