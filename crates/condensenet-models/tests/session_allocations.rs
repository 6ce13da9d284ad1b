//! What a compiled network asks of the allocator: nothing, once it has seen a size.

use burn::tensor::Device;
use condensenet_models::{AnyNetwork, CondenseNetConfig};

/// The allocations that a piece of work makes on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn a_call_on_one_thread_allocates_nothing_after_the_first() {
    let configs = [
        CondenseNetConfig::new(vec![2, 2], vec![8, 16]),
        CondenseNetConfig::v2(vec![1, 1, 1, 1], vec![8, 8, 16, 16], 8, 20),
    ];
    let sizes = [(1, 32, 32), (5, 32, 32), (3, 33, 47)];
    let cases = configs
        .iter()
        .flat_map(|config| sizes.map(|size| (config, size)));
    for (config, (batch_size, height, width)) in cases {
        let network = AnyNetwork::init_converted(config, Some(0.5), &Device::default());
        let session = network.unwrap().compile().unwrap().with_threads(1);
        let images = vec![0.5; batch_size * 3 * height * width];
        let mut logits = vec![0.0; batch_size * 10];
        let mut call = || {
            session
                .run(&images, batch_size, height, width, &mut logits)
                .unwrap();
        };
        let case = format!("{}, {batch_size} images of {height}x{width}", config.kind());
        assert!(
            allocations(&mut call) > 0,
            "{case}: the first call makes room"
        );
        for later in 1..4 {
            assert_eq!(
                allocations(&mut call),
                0,
                "{case}, call {later} after the first"
            );
        }
    }
}
