//! A dense block as one operation on maps as tensors hold them: `[batch, channels, height, width]` in, the same with the
//! layers' channels behind them out.
//!
//! Images pass through a buffer of the kernels' own layout, in which every layer appends its rows; what is copied is the
//! block's input and, once, its result. Small maps go side by side, so that they fill whole vectors.

use super::{
    crew::Crew,
    dense_layer::{DenseLayer, Workbench},
    isa::Isa,
    pointwise::{Pointwise, PointwiseParts},
    reactivation::{Reactivation, ReactivationParts},
    spatial::{Area, Spatial},
    squeeze_excitation::SqueezeExcitation,
};
use crate::aligned::Aligned;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// What a dense layer at test time is made of.
#[derive(Debug, Clone, Copy)]
pub struct DenseLayerParts<'a> {
    /// The 1x1 with the norm in front of it, and the norm in front of the 3x3 as the one behind.
    pub pointwise: PointwiseParts<'a>,
    /// `[growth, bottleneck / groups, 3, 3]`.
    pub weight_3x3: &'a [f32],
    /// Groups of the 3x3.
    pub groups_3x3: usize,
    /// Channels that the layer adds.
    pub growth: usize,
    /// The weights `[hidden, growth]` and `[growth, hidden]` of what weighs the new channels.
    pub squeeze_excitation: Option<[&'a [f32]; 2]>,
    /// What adds to the old channels.
    pub reactivation: Option<ReactivationParts<'a>>,
}

/// A dense block, packed.
#[derive(Debug)]
pub struct DenseBlock {
    layers: Vec<DenseLayer>,
    channels_in: usize,
    channels_out: usize,
}

/// Pixels of a map below which several images go side by side, and about as many as they then have together.
const SMALL_MAP: usize = 8 * 8;
const SIDE_BY_SIDE: usize = 512;

/// Multiply-adds below which a second thread costs more than it brings.
const FLOPS_PER_THREAD: usize = 1 << 20;

/// Memory for one task.
#[derive(Debug, Default)]
struct Space {
    block: Aligned,
    bench: Workbench,
    slots: usize,
}

/// Memory that waits for the next call.
static SPACES: Mutex<Vec<Space>> = Mutex::new(Vec::new());

impl Space {
    fn take(slots: usize) -> Self {
        let mut spaces = SPACES.lock().unwrap_or_else(PoisonError::into_inner);
        let found = spaces.iter().rposition(|space| space.slots == slots);
        found.map_or_else(
            || Self {
                block: Aligned::default(),
                bench: Workbench::new(slots),
                slots,
            },
            |at| spaces.swap_remove(at),
        )
    }

    fn give_back(self) {
        let mut spaces = SPACES.lock().unwrap_or_else(PoisonError::into_inner);
        if spaces.len() <= rayon::current_num_threads() {
            spaces.push(self);
        }
    }
}

impl DenseBlock {
    /// Packs the layers of a block of `channels_in` channels, first to last.
    ///
    /// # Panics
    /// If the lengths don't fit each other, or a layer reads channels that are not there yet: "a layer reads channel C of N".
    #[must_use]
    pub fn pack(channels_in: usize, layers: &[DenseLayerParts<'_>]) -> Self {
        let mut channels_out = channels_in;
        for parts in layers {
            let reactivated = parts.reactivation.map_or(&[][..], |parts| parts.index);
            let largest = parts.pointwise.index.iter().chain(reactivated).max();
            assert!(
                largest.is_none_or(|&channel| (channel as usize) < channels_out),
                "a layer reads channel {largest:?} of {channels_out}"
            );
            channels_out += parts.growth;
        }
        let pack =
            |parts: &DenseLayerParts<'_>| {
                DenseLayer::new(
                    Pointwise::pack(parts.pointwise),
                    Spatial::pack(parts.groups_3x3, parts.growth, parts.weight_3x3),
                )
                .with_squeeze_excitation(parts.squeeze_excitation.map(|[squeeze, excite]| {
                    SqueezeExcitation::pack(parts.growth, squeeze, excite)
                }))
                .with_reactivation(parts.reactivation.map(Reactivation::pack))
            };
        Self {
            layers: layers.par_iter().map(pack).collect(),
            channels_in,
            channels_out,
        }
    }

    /// Channels of the result: those of the input, then those of each layer.
    #[must_use]
    pub fn channels_out(&self) -> usize {
        self.channels_out
    }

    /// Computes the block on the threads of the current rayon pool.
    ///
    /// # Shapes
    /// - x: `[batch_size, channels_in, height, width]`
    /// - output: `[batch_size, channels_out, height, width]`
    ///
    /// # Panics
    /// If `x` is not as long as the sizes ask.
    #[must_use]
    pub fn forward(
        &self,
        isa: Isa,
        x: &[f32],
        batch_size: usize,
        height: usize,
        width: usize,
    ) -> Vec<f32> {
        let pixels = height * width;
        let (image_in, image_out) = (self.channels_in * pixels, self.channels_out * pixels);
        assert_eq!(
            x.len(),
            batch_size * image_in,
            "x is [batch_size, channels_in, height, width]"
        );
        let mut out = vec![0.0; batch_size * image_out];
        if out.is_empty() {
            return out;
        }
        let per_pixel: usize = self.layers.iter().map(DenseLayer::flops_per_pixel).sum();
        let flops = per_pixel * pixels * batch_size;
        let threads = rayon::current_num_threads()
            .min(flops / FLOPS_PER_THREAD)
            .max(1);
        let together = if pixels > SMALL_MAP {
            1
        } else {
            SIDE_BY_SIDE
                .div_ceil(pixels)
                .min(batch_size.div_ceil(threads))
        };
        let area = |images: usize| Area {
            images,
            height,
            width,
        };
        let pieces = x.chunks(together * image_in);
        let tasks = pieces.len();
        if threads == 1 || tasks < threads {
            let mut space = Space::take(threads);
            Crew::with(threads, |crew| {
                for (x, out) in pieces.zip(out.chunks_mut(together * image_out)) {
                    self.run(crew, isa, area(x.len() / image_in), x, out, &mut space);
                }
            });
            space.give_back();
        } else {
            x.par_chunks(together * image_in)
                .zip(out.par_chunks_mut(together * image_out))
                .for_each_init(
                    || Held(Some(Space::take(1))),
                    |space, (x, out)| {
                        let area = area(x.len() / image_in);
                        if let Some(space) = &mut space.0 {
                            self.run(&Crew::alone(), isa, area, x, out, space);
                        }
                    },
                );
        }
        out
    }

    /// Passes some images through the block's buffer.
    fn run(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        area: Area,
        x: &[f32],
        out: &mut [f32],
        space: &mut Space,
    ) {
        let (stride, pixels) = (area.stride(), area.height * area.width);
        let Space { block, bench, .. } = space;
        block.reserve(self.channels_out * stride);
        for (image, x) in x.chunks_exact(self.channels_in * pixels).enumerate() {
            let rows = block.chunks_exact_mut(stride);
            for (row, x) in rows.zip(x.chunks_exact(pixels)) {
                row[image * pixels..][..pixels].copy_from_slice(x);
            }
        }
        let mut channels = self.channels_in;
        for layer in &self.layers {
            layer.run(crew, isa, area, block, channels, bench);
            channels += layer.growth();
        }
        for (image, out) in out.chunks_exact_mut(self.channels_out * pixels).enumerate() {
            let rows = block.chunks_exact(stride);
            for (row, out) in rows.zip(out.chunks_exact_mut(pixels)) {
                out.copy_from_slice(&row[image * pixels..][..pixels]);
            }
        }
    }
}

/// Gives its space back when the thread is done.
struct Held(Option<Space>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(space) = self.0.take() {
            space.give_back();
        }
    }
}

#[cfg(test)]
mod tests;
