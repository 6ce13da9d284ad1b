//! The backward pass: a group's output gradients on padded planes, for the filters' gradients and the input's.

use pulp::{Simd, WithSimd};

use super::Spatial;
use crate::{
    simd::{load_some, select, store_some},
    training::{
        buffer::Buffer,
        norm::{Channel, Correction, activate},
        planes::Planes,
        tile::dot_line,
    },
};

/// The backward pass of some images, up to the second norm.
pub(super) struct Backward<'a> {
    pub spatial: Spatial,
    pub plane: [usize; 2],
    /// From [`Spatial::pack_backward`].
    pub weights: &'a [f32],
    /// The norm of each input channel.
    pub channels: &'a [Channel],
    /// `[images, channels_in, height, width]`
    pub x: &'a [f32],
    /// The output, of which `corrections` ask: images of `image_len` floats; the channels from `first_channel` on are read.
    pub y: &'a [f32],
    /// As `y`, its gradient before it is corrected.
    pub grad_y: &'a [f32],
    pub image_len: usize,
    /// Completes the output's gradient, for each of its channels.
    pub corrections: &'a [Correction],
    pub first_channel: usize,
    /// As `x`, receives the gradient behind the norm where it is asked for.
    pub grad_x: Option<&'a mut [f32]>,
    /// `[channels_in]`, receives the sums of that gradient, and of its product with the distance from the mean.
    pub sums: &'a mut [[f32; 2]],
    /// In the weight's own order; overwritten.
    pub grad_weight: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
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
            grad_y,
            image_len,
            corrections,
            first_channel,
            mut grad_x,
            sums,
            grad_weight,
        } = self;
        let Spatial {
            groups,
            inputs,
            outputs,
        } = spatial;
        let pixels = height * width;
        let planes = Planes::new::<S>(height, width);
        let mut activations = Buffer::take(inputs * planes.plane);
        let mut gradients = Buffer::take(outputs * planes.plane);
        let mut results = Buffer::take(inputs * planes.results);
        activations.fill(0.0);
        gradients.fill(0.0);
        sums.fill([0.0; 2]);
        grad_weight.fill(0.0);
        let outputs_of_images = y
            .chunks_exact(image_len)
            .zip(grad_y.chunks_exact(image_len));
        let images = x.chunks_exact(groups * inputs * pixels);
        for (image, (x, (y, grad_y))) in images.zip(outputs_of_images).enumerate() {
            for group in 0..groups {
                let of_group = group * inputs..(group + 1) * inputs;
                let x = &x[of_group.start * pixels..of_group.end * pixels];
                let channels = &channels[of_group.clone()];
                let inside = activations
                    .chunks_exact_mut(planes.plane)
                    .zip(x.chunks_exact(pixels));
                for ((plane, x), channel) in inside.zip(channels) {
                    planes.insert_activations(simd, plane, x, channel.norm);
                }
                let first_output = group * outputs;
                for (output, plane) in gradients.chunks_exact_mut(planes.plane).enumerate() {
                    let at = (first_channel + first_output + output) * pixels;
                    let (y, grad_y) = (&y[at..][..pixels], &grad_y[at..][..pixels]);
                    let correction = corrections[first_output + output];
                    planes.insert_gradients(simd, plane, grad_y, y, correction);
                }
                let filters = group * spatial.group_len()..(group + 1) * spatial.group_len();
                Filters {
                    planes: &planes,
                    activations: &activations,
                    gradients: &gradients,
                    inputs,
                    outputs,
                    grad_weight: &mut grad_weight[filters.clone()],
                }
                .run(simd);
                let Some(grad_x) = grad_x.as_deref_mut() else {
                    continue;
                };
                let at = (image * groups * inputs + of_group.start) * pixels;
                let grad_x = &mut grad_x[at..][..inputs * pixels];
                planes.correlate(simd, &gradients, &weights[filters], inputs, &mut results);
                let rows = x.chunks_exact(pixels).zip(grad_x.chunks_exact_mut(pixels));
                let rows = rows.zip(results.chunks_exact(planes.results));
                for (((x, grad_x), results), (channel, sums)) in
                    rows.zip(channels.iter().zip(&mut sums[of_group]))
                {
                    let mut row_sums = [simd.splat_f32s(0.0); 2];
                    for (from, to) in planes.rows() {
                        let (results, range) = (&results[from..from + width], to..to + width);
                        let (x, grad_x) = (&x[range.clone()], &mut grad_x[range]);
                        walk_run(simd, results, x, *channel, grad_x, &mut row_sums);
                    }
                    sums[0] += simd.reduce_sum_f32s(row_sums[0]);
                    sums[1] += simd.reduce_sum_f32s(row_sums[1]);
                }
            }
        }
    }
}

/// Cuts gradients off where the ReLU did, and sums them.
#[inline(always)]
fn walk_run<S: Simd>(
    simd: S,
    results: &[f32],
    x: &[f32],
    Channel { norm, mean }: Channel,
    grad_x: &mut [f32],
    sums: &mut [S::f32s; 2],
) {
    let (norm, mean) = (norm.splat(simd), simd.splat_f32s(mean));
    let zero = simd.splat_f32s(0.0);
    let vectors = results.chunks(S::F32_LANES).zip(x.chunks(S::F32_LANES));
    for ((gradient, x), grad_x) in vectors.zip(grad_x.chunks_mut(S::F32_LANES)) {
        let (gradient, x) = (load_some::<S>(gradient), load_some::<S>(x));
        let alive = simd.greater_than_f32s(activate(simd, x, norm), norm[2]);
        let dz = select(simd, alive, gradient, zero);
        store_some::<S>(grad_x, dz);
        sums[0] = simd.add_f32s(sums[0], dz);
        sums[1] = simd.mul_add_e_f32s(dz, simd.sub_f32s(x, mean), sums[1]);
    }
}

/// The gradients of a group's filters.
struct Filters<'a> {
    planes: &'a Planes,
    activations: &'a [f32],
    gradients: &'a [f32],
    inputs: usize,
    outputs: usize,
    grad_weight: &'a mut [f32],
}

impl Filters<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let mut output = 0;
        while output < self.outputs {
            let left = self.outputs - output;
            output += match left {
                4.. => self.outputs_from::<S, 1, 4>(simd, output),
                2.. => self.outputs_from::<S, 2, 2>(simd, output),
                _ => self.outputs_from::<S, 2, 1>(simd, output),
            };
        }
    }

    /// Walks through the inputs of `O` outputs, `C` at a time.
    #[inline(always)]
    fn outputs_from<S: Simd, const C: usize, const O: usize>(
        &mut self,
        simd: S,
        output: usize,
    ) -> usize {
        let mut input = 0;
        while input + C <= self.inputs {
            self.add::<S, C, O>(simd, input, output);
            input += C;
        }
        while input < self.inputs {
            self.add::<S, 1, O>(simd, input, output);
            input += 1;
        }
        O
    }

    #[inline(always)]
    fn add<S: Simd, const C: usize, const O: usize>(
        &mut self,
        simd: S,
        input: usize,
        output: usize,
    ) {
        let Planes {
            row,
            plane,
            center,
            vectors,
            ..
        } = *self.planes;
        let inputs = &self.activations[input * plane..];
        let outputs = &self.gradients[output * plane..];
        for ky in 0..3 {
            let sums = dot_line::<S, C, O>(simd, inputs, outputs, plane, vectors, ky * row, center);
            for c in 0..C {
                for o in 0..O {
                    let filter = ((output + o) * self.inputs + input + c) * 9 + ky * 3;
                    for kx in 0..3 {
                        self.grad_weight[filter + kx] += simd.reduce_sum_f32s(sums[c][o][kx]);
                    }
                }
            }
        }
    }
}
