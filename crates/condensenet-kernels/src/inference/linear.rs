//! The classifier: index and a product with `[classes, features]`, weights streamed once for all images.

use super::aligned::Aligned;
use super::crew::Crew;
use super::disjoint::Disjoint;
use super::isa::Isa;
use super::simd::{Simd, SimdOp};

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
        assert!(out.len() >= images * outputs, "outputs lie outside");
        let x: &[f32] = kept;
        let out = Disjoint::new(out);
        let chunk = outputs.div_ceil(2 * crew.slots()).next_multiple_of(4);
        crew.each(outputs.div_ceil(chunk), &|unit, _| {
            for first in (unit * chunk..((unit + 1) * chunk).min(outputs)).step_by(4) {
                let rows: [usize; 4] = std::array::from_fn(|i| (first + i).min(outputs - 1));
                for image in 0..images {
                    let weights =
                        rows.map(|row| self.weights[row * self.padded..][..self.padded].as_ptr());
                    let x = x[image * self.padded..][..self.padded].as_ptr();
                    // SAFETY: `padded` values of each are there; outputs belong to one unit each.
                    unsafe {
                        let sums = isa.run(Dots {
                            weights,
                            x,
                            length: self.padded,
                        });
                        for (i, sum) in sums.into_iter().enumerate().take(outputs - first) {
                            *out.at(image * outputs + first + i) = sum + self.bias[first + i];
                        }
                    }
                }
            }
        });
    }
}

/// Four dot products with the same vector, whose length is a multiple of 16.
struct Dots {
    weights: [*const f32; 4],
    x: *const f32,
    length: usize,
}

impl SimdOp for Dots {
    type Output = [f32; 4];

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> [f32; 4] {
        // SAFETY: `length` values are readable behind every pointer.
        unsafe {
            let mut sums = [S::splat(0.0); 4];
            for at in (0..self.length).step_by(S::LANES) {
                let x = S::load(self.x.add(at));
                for (sum, weights) in sums.iter_mut().zip(self.weights) {
                    *sum = S::mul_add(S::load(weights.add(at)), x, *sum);
                }
            }
            let mut totals = [0.0; 4];
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = S::sum(sum);
            }
            totals
        }
    }
}

#[cfg(test)]
mod tests;
