//! Squeeze and excitation: rows weighed by what their averages say.

use super::{crew::Crew, isa::Isa, linear::Linear, spatial::Area};
use crate::{
    aligned::Aligned,
    simd::{load_some, store_some},
};
use pulp::{Simd, WithSimd};

/// A packed squeeze and excitation.
#[derive(Debug, Clone)]
pub struct SqueezeExcitation {
    squeeze: Linear,
    excite: Linear,
}

/// Memory for one.
#[derive(Debug, Default)]
struct Scratch {
    means: Aligned,
    hidden: Aligned,
    factors: Aligned,
    kept: Aligned,
}

/// Memory of squeeze and excitation, grown at the first call of a size.
#[derive(Debug, Default)]
pub struct SqueezeScratch(Scratch);

impl SqueezeScratch {
    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Scratch {
            means,
            hidden,
            factors,
            kept,
        } = &self.0;
        4 * (means.len() + hidden.len() + factors.len() + kept.len())
    }
}

impl SqueezeExcitation {
    /// Packs the weights `[hidden, channels]` and `[channels, hidden]`.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    #[must_use]
    pub fn pack(channels: usize, squeeze: &[f32], excite: &[f32]) -> Self {
        let hidden = squeeze.len() / channels;
        Self {
            squeeze: Linear::pack(channels, None, squeeze, &vec![0.0; hidden]),
            excite: Linear::pack(hidden, None, excite, &vec![0.0; channels]),
        }
    }

    /// Multiply-adds per image.
    #[must_use]
    pub fn flops(&self) -> usize {
        self.squeeze.flops() + self.excite.flops()
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.squeeze.bytes() + self.excite.bytes()
    }

    /// Weighs features `[image][channel]`.
    ///
    /// # Panics
    /// If the slice is too short.
    pub fn run_features(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        images: usize,
        features: &mut [f32],
        scratch: &mut SqueezeScratch,
    ) {
        let count = images * self.excite.outputs();
        let Scratch {
            hidden,
            factors,
            kept,
            ..
        } = &mut scratch.0;
        self.factors(crew, isa, images, &features[..count], hidden, factors, kept);
        for (feature, factor) in features.iter_mut().zip(&factors[..count]) {
            *feature *= factor;
        }
    }

    /// Weighs rows of images that lie behind one another.
    ///
    /// # Panics
    /// If there are too few rows.
    pub fn run_rows(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        area: Area,
        rows: &mut [f32],
        scratch: &mut SqueezeScratch,
    ) {
        let (channels, pixels) = (self.excite.outputs(), area.height * area.width);
        let (stride, count) = (area.stride(), area.images * channels);
        let Scratch {
            means,
            hidden,
            factors,
            kept,
        } = &mut scratch.0;
        means.reserve(count);
        for (channel, row) in rows.chunks(stride).take(channels).enumerate() {
            let images = row.chunks_exact(pixels).take(area.images);
            for (image, values) in images.enumerate() {
                means[image * channels + channel] = isa.run(Sum(values)) / pixels as f32;
            }
        }
        self.factors(
            crew,
            isa,
            area.images,
            &means[..count],
            hidden,
            factors,
            kept,
        );
        for (channel, row) in rows.chunks_mut(stride).take(channels).enumerate() {
            let images = row.chunks_exact_mut(pixels).take(area.images);
            for (image, values) in images.enumerate() {
                let factor = factors[image * channels + channel];
                isa.run(Scale { values, factor });
            }
        }
    }

    /// Computes the factors `[image][channel]` of averages.
    fn factors(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        images: usize,
        means: &[f32],
        hidden: &mut Aligned,
        factors: &mut Aligned,
        kept: &mut Aligned,
    ) {
        let (inside, channels) = (self.squeeze.outputs(), self.excite.outputs());
        hidden.reserve(images * inside);
        factors.reserve(images * channels);
        let hidden = &mut hidden[..images * inside];
        self.squeeze.run(crew, isa, images, means, kept, hidden);
        for value in hidden.iter_mut() {
            *value = value.max(0.0);
        }
        let factors = &mut factors[..images * channels];
        self.excite.run(crew, isa, images, hidden, kept, factors);
        for value in factors {
            *value = 1.0 / (1.0 + (-*value).exp());
        }
    }
}

struct Sum<'a>(&'a [f32]);

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let vectors = self.0.chunks(S::F32_LANES);
        let sums = vectors.fold(simd.splat_f32s(0.0), |sums, vector| {
            simd.add_f32s(sums, load_some::<S>(vector))
        });
        simd.reduce_sum_f32s(sums)
    }
}

struct Scale<'a> {
    values: &'a mut [f32],
    factor: f32,
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let factor = simd.splat_f32s(self.factor);
        for values in self.values.chunks_mut(S::F32_LANES) {
            store_some::<S>(values, simd.mul_f32s(load_some::<S>(values), factor));
        }
    }
}
