//! Kernel or composition: each shape is timed once on each device, as Burn times its own kernels.
//!
//! The choices are kept with Burn's: as long as the process runs, or on disk where CubeCL is built with `persistence`. Shapes
//! are told apart as they are, except for the number of pixels, which is rounded up to a power of two: the last batch of an
//! epoch is seldom timed again.

use burn::backend::TensorMetadata;
use burn_cubecl::{
    CubeTuneId,
    cubecl::{
        client::Client,
        tune::{LocalTuner, Tunable, TunableSet, local_tuner},
    },
    tensor::CubeTensor,
};

use super::plan::Problem;

/// What tells one choice from another.
type Key = String;

/// The choices of an operation, on each device.
pub(super) type Tuner = LocalTuner<Key, CubeTuneId>;

pub(super) static FORWARD: Tuner = local_tuner!("forward");
pub(super) static X_GRADIENT: Tuner = local_tuner!("x_gradient");
pub(super) static WEIGHT_GRADIENT: Tuner = local_tuner!("weight_gradient");
pub(super) static CONDENSED: Tuner = local_tuner!("condensed");

/// Two ways to the same result.
#[derive(Debug)]
pub(super) struct Ways<I> {
    pub(super) kernel: fn(I) -> CubeTensor,
    pub(super) composition: fn(I) -> CubeTensor,
}

/// Where a choice is made, and for which shape.
pub(super) struct Site {
    client: Client,
    device: CubeTuneId,
    key: Key,
}

impl Site {
    pub(super) fn of(x: &CubeTensor, problem: &Problem) -> Self {
        Self {
            client: x.client.clone(),
            device: CubeTuneId::new(&x.client, &x.device),
            key: key(x, problem),
        }
    }
}

fn key(x: &CubeTensor, problem: &Problem) -> Key {
    let Problem {
        pixels,
        groups,
        inputs,
        outputs,
        kernel_size,
    } = problem;
    let pixels = pixels.next_power_of_two();
    let [_, channels, _, width] = x.shape().dims();
    let width = width.next_power_of_two();
    let dtype = x.dtype;
    format!(
        "{dtype:?} {channels} x {pixels} by {width}, {groups} x {inputs} to {outputs}, kernel {kernel_size}"
    )
}

/// Computes by the faster way. A tuner serves one pair of ways.
pub(super) fn faster<I>(tuner: &'static Tuner, site: Site, ways: &Ways<I>, inputs: I) -> CubeTensor
where
    I: Clone + Send + Sync + 'static,
{
    let Site {
        client,
        device,
        key,
    } = site;
    let &Ways {
        kernel,
        composition,
    } = ways;
    let candidates = tuner.init(&device, move || {
        let key = |(key, _): &(Key, I)| key.clone();
        TunableSet::<Key, (Key, I), CubeTensor>::new_cloning_inputs(key)
            .with(Tunable::new("kernel", move |(_, inputs): (Key, I)| {
                Ok::<_, String>(kernel(inputs))
            }))
            .with(Tunable::new("composition", move |(_, inputs): (Key, I)| {
                Ok::<_, String>(composition(inputs))
            }))
    });
    tuner.execute(&device, &client, candidates, (key, inputs))
}
