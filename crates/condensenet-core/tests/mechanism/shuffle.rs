//! The channel shuffle and its inverse.

use burn::tensor::Device;
use condensenet_core::{channel_shuffle, channel_unshuffle};

use crate::{deviation, noise_tensor, values};

#[test]
fn each_undoes_the_other() {
    let device = Device::default();
    for (channels, groups) in [(1, 1), (6, 2), (6, 3), (12, 4), (12, 12), (15, 5), (7, 1)] {
        let x = noise_tensor(30, [2, channels, 3, 4], &device);
        let there = channel_unshuffle(channel_shuffle(x.clone(), groups), groups);
        assert_eq!(deviation(there, x.clone()), 0.0, "{channels} in {groups}");
        let back = channel_shuffle(channel_unshuffle(x.clone(), groups), groups);
        assert_eq!(deviation(back, x.clone()), 0.0, "{channels} in {groups}");

        // The inverse is the shuffle with as many groups as a group has channels.
        let inverse = channel_shuffle(x.clone(), channels / groups);
        assert_eq!(deviation(channel_unshuffle(x, groups), inverse), 0.0);
    }
}

#[test]
fn channel_i_of_group_g_goes_to_i_times_groups_plus_g() {
    let (groups, per_group, plane) = (3, 4, 2 * 5);
    let x = noise_tensor(31, [2, 12, 2, 5], &Device::default());
    let (from, to) = (values(x.clone()), values(channel_shuffle(x, groups)));
    let channel = |values: &[f32], image: usize, channel: usize| -> Vec<f32> {
        values[(image * 12 + channel) * plane..][..plane].to_vec()
    };
    for image in 0..2 {
        for group in 0..groups {
            for i in 0..per_group {
                let moved = channel(&to, image, i * groups + group);
                assert_eq!(moved, channel(&from, image, group * per_group + i));
            }
        }
    }
}

#[test]
#[should_panic(expected = "channels (10) must be a multiple of groups (4)")]
fn channels_that_do_not_divide_are_refused() {
    let _ = channel_shuffle(noise_tensor(32, [1, 10, 2, 3], &Device::default()), 4);
}
