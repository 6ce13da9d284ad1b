//! The 3x3 convolution of a layer, by groups, on padded planes.

use pulp::{Simd, WithSimd};

use super::{
    DenseBlock,
    moments::Moments,
    norm::{Affine, Correction, activate},
    planes::{Planes, filters},
    tile::dot_line,
    workspace::Buffer,
};
use crate::simd::{load_some, select, store_some};

/// A layer's 3x3 convolution.
#[derive(Clone, Copy)]
pub(super) struct Spatial {
    groups: usize,
    /// Inputs of a group.
    inputs: usize,
    /// Outputs of a group.
    outputs: usize,
}

impl Spatial {
    pub(super) fn new(block: &DenseBlock) -> Self {
        Self {
            groups: block.groups_3x3,
            inputs: block.bottleneck / block.groups_3x3,
            outputs: block.growth_rate / block.groups_3x3,
        }
    }

    pub(super) fn weight_len(&self) -> usize {
        self.groups * self.group_len()
    }

    fn group_len(&self) -> usize {
        self.inputs * self.outputs * 9
    }

    /// Packs weights for the forward pass: in each group, tiles of outputs.
    pub(super) fn pack_forward(&self, weight: &[f32]) -> Vec<f32> {
        self.pack(self.outputs, self.inputs, |group, output, input, tap| {
            weight[group * self.group_len() + (output * self.inputs + input) * 9 + tap]
        })
    }

    /// Packs weights for the gradient of the input: inputs and outputs change places, and filters turn by 180 degrees.
    pub(super) fn pack_backward(&self, weight: &[f32]) -> Vec<f32> {
        self.pack(self.inputs, self.outputs, |group, input, output, tap| {
            weight[group * self.group_len() + (output * self.inputs + input) * 9 + 8 - tap]
        })
    }

    fn pack(
        &self,
        rows: usize,
        columns: usize,
        weight: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Vec<f32> {
        let mut packed = Vec::with_capacity(self.weight_len());
        for group in 0..self.groups {
            let mut first = 0;
            while first < rows {
                let size = filters(rows - first);
                for column in 0..columns {
                    for tap in 0..9 {
                        packed.extend(
                            (first..first + size).map(|row| weight(group, row, column, tap)),
                        );
                    }
                }
                first += size;
            }
        }
        packed
    }
}

/// The forward pass of some images.
pub(super) struct Forward<'a> {
    pub block: &'a DenseBlock,
    pub spatial: Spatial,
    /// From [`Spatial::pack_forward`].
    pub weights: &'a [f32],
    /// The second norm, one for each of its channels.
    pub norm: &'a [Affine],
    /// `[images, bottleneck, height, width]`
    pub x: &'a [f32],
    /// Whole images of the block, of which the channels from `first_channel` on are written.
    pub y: &'a mut [f32],
    pub first_channel: usize,
    /// `[growth_rate]`, receives the moments of the new channels.
    pub moments: &'a mut [Moments],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            block,
            spatial,
            weights,
            norm,
            x,
            y,
            first_channel,
            moments,
        } = self;
        let Spatial {
            inputs, outputs, ..
        } = spatial;
        let pixels = block.pixels();
        let planes = Planes::new::<S>(block.height, block.width);
        let mut activations = Buffer::take(inputs * planes.plane);
        let mut results = Buffer::take(outputs * planes.results);
        activations.fill(0.0);
        let images = x
            .chunks_exact(block.bottleneck * pixels)
            .zip(y.chunks_exact_mut(block.image_len()));
        for (x, y) in images {
            let y = &mut y[first_channel * pixels..][..block.growth_rate * pixels];
            let groups = x
                .chunks_exact(inputs * pixels)
                .zip(y.chunks_exact_mut(outputs * pixels));
            for (group, (x, y)) in groups.enumerate() {
                let inside = activations
                    .chunks_exact_mut(planes.plane)
                    .zip(x.chunks_exact(pixels));
                for ((plane, x), &norm) in inside.zip(&norm[group * inputs..]) {
                    planes.insert_activations(simd, plane, x, norm);
                }
                let weights = &weights[group * spatial.group_len()..][..spatial.group_len()];
                planes.correlate(simd, &activations, weights, outputs, &mut results);
                let rows = results
                    .chunks_exact(planes.results)
                    .zip(y.chunks_exact_mut(pixels));
                for ((results, y), moments) in rows.zip(&mut moments[group * outputs..]) {
                    for (from, to, length) in planes.runs() {
                        y[to..to + length].copy_from_slice(&results[from..from + length]);
                    }
                    moments.add(simd, y);
                }
            }
        }
    }
}

/// The backward pass of some images, up to the second norm.
pub(super) struct Backward<'a> {
    pub block: &'a DenseBlock,
    pub spatial: Spatial,
    /// From [`Spatial::pack_backward`].
    pub weights: &'a [f32],
    /// The second norm, one for each of its channels, and its mean.
    pub norm: &'a [(Affine, f32)],
    /// `[images, bottleneck, height, width]`
    pub x: &'a [f32],
    /// Whole images of the block; their channels from `first_channel` on are read.
    pub y: &'a [f32],
    /// As `y`, their gradients as far as later layers contributed to them.
    pub grad_y: &'a [f32],
    /// Completes the gradients, for each of the layer's channels.
    pub corrections: &'a [Correction],
    pub first_channel: usize,
    /// `[images, bottleneck, height, width]`, receives the gradient behind the norm.
    pub grad_x: &'a mut [f32],
    /// `[bottleneck]`, receives the sums of that gradient, and of its product with the distance from the mean.
    pub sums: &'a mut [[f32; 2]],
    /// In the weight's own order; overwritten.
    pub grad_weight: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            block,
            spatial,
            weights,
            norm,
            x,
            y,
            grad_y,
            corrections,
            first_channel,
            grad_x,
            sums,
            grad_weight,
        } = self;
        let Spatial {
            groups,
            inputs,
            outputs,
        } = spatial;
        let pixels = block.pixels();
        let planes = Planes::new::<S>(block.height, block.width);
        let mut activations = Buffer::take(inputs * planes.plane);
        let mut gradients = Buffer::take(outputs * planes.plane);
        let mut results = Buffer::take(inputs * planes.results);
        activations.fill(0.0);
        gradients.fill(0.0);
        sums.fill([0.0; 2]);
        grad_weight.fill(0.0);
        let image_len = block.bottleneck * pixels;
        let images = x
            .chunks_exact(image_len)
            .zip(grad_x.chunks_exact_mut(image_len));
        let images = images.zip(
            y.chunks_exact(block.image_len())
                .zip(grad_y.chunks_exact(block.image_len())),
        );
        for ((x, grad_x), (y, grad_y)) in images {
            for group in 0..groups {
                let channels = group * inputs..(group + 1) * inputs;
                let x = &x[channels.start * pixels..channels.end * pixels];
                let grad_x = &mut grad_x[channels.start * pixels..channels.end * pixels];
                let norm = &norm[channels.clone()];
                let inside = activations
                    .chunks_exact_mut(planes.plane)
                    .zip(x.chunks_exact(pixels));
                for ((plane, x), &(norm, _)) in inside.zip(norm) {
                    planes.insert_activations(simd, plane, x, norm);
                }
                let first_output = group * outputs;
                for (output, plane) in gradients.chunks_exact_mut(planes.plane).enumerate() {
                    let at = (first_channel + first_output + output) * pixels;
                    let (y, grad_y) = (&y[at..][..pixels], &grad_y[at..][..pixels]);
                    planes.insert_gradients(
                        simd,
                        plane,
                        grad_y,
                        y,
                        corrections[first_output + output],
                    );
                }
                let of_group = group * spatial.group_len();
                let filters = Filters {
                    planes: &planes,
                    activations: &activations,
                    gradients: &gradients,
                    inputs,
                    outputs,
                    grad_weight: &mut grad_weight[of_group..][..spatial.group_len()],
                };
                filters.run(simd);
                let weights = &weights[of_group..][..spatial.group_len()];
                planes.correlate(simd, &gradients, weights, inputs, &mut results);
                let rows = x.chunks_exact(pixels).zip(grad_x.chunks_exact_mut(pixels));
                let rows = rows.zip(results.chunks_exact(planes.results));
                for (((x, grad_x), results), (&norm, sums)) in
                    rows.zip(norm.iter().zip(&mut sums[channels]))
                {
                    let mut row_sums = [simd.splat_f32s(0.0); 2];
                    for (from, to, length) in planes.runs() {
                        let results = &results[from..from + length];
                        let range = to..to + length;
                        walk_run(
                            simd,
                            results,
                            &x[range.clone()],
                            norm,
                            &mut grad_x[range],
                            &mut row_sums,
                        );
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
    (norm, mean): (Affine, f32),
    grad_x: &mut [f32],
    sums: &mut [S::f32s; 2],
) {
    let (norm, mean) = (norm.splat(simd), simd.splat_f32s(mean));
    let zero = simd.splat_f32s(0.0);
    let vectors = results.chunks(S::F32_LANES).zip(x.chunks(S::F32_LANES));
    for ((gradient, x), grad_x) in vectors.zip(grad_x.chunks_mut(S::F32_LANES)) {
        let (gradient, x) = (load_some::<S>(gradient), load_some::<S>(x));
        let alive = simd.greater_than_f32s(activate(simd, x, norm), zero);
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
            ref positions,
            ..
        } = *self.planes;
        let inputs = &self.activations[input * plane..];
        let outputs = &self.gradients[output * plane..];
        for ky in 0..3 {
            let sums =
                dot_line::<S, C, O>(simd, inputs, outputs, plane, positions, ky * row, center);
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
