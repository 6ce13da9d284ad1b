//! The forward pass: a group's activations on padded planes, correlated with its filters.

use pulp::{Simd, WithSimd};

use super::Spatial;
use crate::training::{buffer::Buffer, moments::Moments, norm::Channel, planes::Planes};

/// The forward pass of some images.
pub(super) struct Forward<'a> {
    pub spatial: Spatial,
    pub plane: [usize; 2],
    /// From [`Spatial::pack_forward`].
    pub weights: &'a [f32],
    /// The norm of each input channel.
    pub channels: &'a [Channel],
    /// `[images, channels_in, height, width]`
    pub x: &'a [f32],
    /// Images of `image_len` floats, of which the channels from `first_channel` on are written.
    pub y: &'a mut [f32],
    pub image_len: usize,
    pub first_channel: usize,
    /// `[channels_out]`, receives the moments of what is written.
    pub moments: &'a mut [Moments],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            spatial,
            plane: [height, width],
            weights,
            channels,
            x,
            y,
            image_len,
            first_channel,
            moments,
        } = self;
        let Spatial {
            groups,
            inputs,
            outputs,
        } = spatial;
        let pixels = height * width;
        let planes = Planes::new::<S>(height, width);
        let mut activations = Buffer::take(inputs * planes.plane);
        let mut results = Buffer::take(outputs * planes.results);
        activations.fill(0.0);
        let images = x
            .chunks_exact(groups * inputs * pixels)
            .zip(y.chunks_exact_mut(image_len));
        for (x, y) in images {
            let y = &mut y[first_channel * pixels..][..groups * outputs * pixels];
            let groups = x
                .chunks_exact(inputs * pixels)
                .zip(y.chunks_exact_mut(outputs * pixels));
            for (group, (x, y)) in groups.enumerate() {
                let inside = activations
                    .chunks_exact_mut(planes.plane)
                    .zip(x.chunks_exact(pixels));
                for ((plane, x), channel) in inside.zip(&channels[group * inputs..]) {
                    planes.insert_activations(simd, plane, x, channel.norm);
                }
                let weights = &weights[group * spatial.group_len()..][..spatial.group_len()];
                planes.correlate(simd, &activations, weights, outputs, &mut results);
                let rows = results
                    .chunks_exact(planes.results)
                    .zip(y.chunks_exact_mut(pixels));
                for ((results, y), moments) in rows.zip(&mut moments[group * outputs..]) {
                    for (from, to) in planes.rows() {
                        y[to..to + width].copy_from_slice(&results[from..from + width]);
                    }
                    moments.add(simd, y);
                }
            }
        }
    }
}
