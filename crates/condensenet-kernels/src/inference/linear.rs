//! The classifier: index and a product with `[classes, features]`, weights streamed once for all images.

use super::{
    cell::{Cell, Cut},
    crew::Crew,
    isa::Isa,
};
use crate::{
    aligned::Aligned,
    simd::{load, mul_add},
};
use pulp::{Simd, WithSimd};

/// A packed linear layer, with the index that picks its inputs.
#[derive(Debug, Clone)]
pub struct Linear {
    index: Option<Vec<u32>>,
    features: usize,
    /// `[outputs][padded]`.
    weights: Aligned,
    padded: usize,
    bias: Vec<f32>,
}

impl Linear {
    /// Packs a weight `[outputs, kept]`.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    #[must_use]
    pub fn pack(features: usize, index: Option<&[u32]>, weight: &[f32], bias: &[f32]) -> Self {
        let kept = index.map_or(features, <[u32]>::len);
        assert_eq!(kept * bias.len(), weight.len(), "weight is [outputs, kept]");
        assert!(
            index.is_none_or(|index| index.iter().all(|&c| (c as usize) < features)),
            "index lies outside"
        );
        let padded = kept.next_multiple_of(16);
        let mut weights = Aligned::zeros(bias.len() * padded);
        for (to, from) in weights
            .chunks_exact_mut(padded)
            .zip(weight.chunks_exact(kept))
        {
            to[..kept].copy_from_slice(from);
        }
        Self {
            index: index.map(<[u32]>::to_vec),
            features,
            weights,
            padded,
            bias: bias.to_vec(),
        }
    }

    /// Outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Bytes of packed weights.
    #[must_use]
    pub fn bytes(&self) -> usize {
        4 * self.weights.len()
    }

    /// Multiply-adds per image.
    #[must_use]
    pub fn flops(&self) -> usize {
        self.outputs() * self.index.as_ref().map_or(self.features, Vec::len)
    }

    /// Computes `out[image][output]` of `features[image][feature]`; `kept` is scratch.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn run(
        &self,
        crew: &Crew<'_>,
        isa: Isa,
        images: usize,
        features: &[f32],
        kept: &mut Aligned,
        out: &mut [f32],
    ) {
        kept.reserve(images * self.padded);
        for image in 0..images {
            let from = &features[image * self.features..][..self.features];
            let to = &mut kept[image * self.padded..][..self.padded];
            match &self.index {
                Some(index) => to
                    .iter_mut()
                    .zip(index)
                    .for_each(|(to, &i)| *to = from[i as usize]),
                None => to[..from.len()].copy_from_slice(from),
            }
        }
        let outputs = self.outputs();
        let x: &[f32] = kept;
        let out = Cell::new(out, images, outputs, outputs);
        let chunk = outputs.div_ceil(2 * crew.slots()).next_multiple_of(4);
        out.each(crew, Cut::columns(chunk), |at, mut out, _| {
            for first in at.columns.clone().step_by(4) {
                let here = first..(first + 4).min(at.columns.end);
                let weights: [&[f32]; 4] = std::array::from_fn(|i| {
                    let output = (first + i).min(outputs - 1);
                    &self.weights[output * self.padded..][..self.padded]
                });
                for (image, x) in x.chunks_exact(self.padded).take(images).enumerate() {
                    let sums = isa.run(Dots { weights, x });
                    let out = &mut out.row(image)[first - at.columns.start..];
                    for ((out, sum), output) in out.iter_mut().zip(sums).zip(here.clone()) {
                        *out = sum + self.bias[output];
                    }
                }
            }
        });
    }
}

/// Four dot products with the same vector, whose length is a multiple of 16.
struct Dots<'a> {
    weights: [&'a [f32]; 4],
    x: &'a [f32],
}

impl WithSimd for Dots<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 4] {
        let mut sums = [simd.splat_f32s(0.0); 4];
        let weights = self.weights.map(|weights| &weights[..self.x.len()]);
        for at in (0..self.x.len()).step_by(S::F32_LANES) {
            let x = load::<S>(&self.x[at..]);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = mul_add(simd, load::<S>(&weights[at..]), x, *sum);
            }
        }
        let mut totals = [0.0; 4];
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = simd.reduce_sum_f32s(sum);
        }
        totals
    }
}

#[cfg(test)]
mod tests;
