//! The transform in vectors of 256 bits.

use std::arch::x86_64::{__m128i, __m256i};

use pulp::cast;
use pulp::x86::V3;

use super::{Block, HALF_OF_COLUMNS, HALF_OF_ROWS, Transform};

/// For processors that have AVX2.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Avx2(pub(in super::super) V3);

impl Transform for Avx2 {
    #[inline(always)]
    fn whole(self, block: &Block, output: &mut [u8], stride: usize) {
        let avx2 = self.0.avx2;
        let rows: [__m128i; 8] = cast(*block);
        let [x04, x15, x26, x37] = self.columns::<11>(rows, HALF_OF_COLUMNS);
        let [x0, x4]: [__m128i; 2] = cast(x04);
        let [x1, x5]: [__m128i; 2] = cast(x15);
        let [x2, x6]: [__m128i; 2] = cast(x26);
        let [x3, x7]: [__m128i; 2] = cast(x37);
        let rows = [x0, x1, x2, x3, x4, x5, x6, x7];
        let [r04, r15, r26, r37] = self.columns::<18>(rows, HALF_OF_ROWS);
        let r0145: [u64; 4] = cast(avx2._mm256_packus_epi16(r04, r15));
        let r2367: [u64; 4] = cast(avx2._mm256_packus_epi16(r26, r37));
        let rows = [
            r0145[0], r0145[1], r2367[0], r2367[1], r0145[2], r0145[3], r2367[2], r2367[3],
        ];
        for (row, output) in rows.iter().zip(output.chunks_mut(stride)) {
            output[..8].copy_from_slice(&row.to_le_bytes());
        }
    }
}

impl Avx2 {
    /// Transforms eight columns and returns them transposed: 0 and 4, 1 and 5, 2 and 6, 3 and 7.
    #[inline(always)]
    fn columns<const BITS: i32>(self, x: [__m128i; 8], half: i32) -> [__m256i; 4] {
        let half: __m256i = cast([half; 8]);
        let x04 = self.pair(x[0], x[4]);
        let x26 = self.pair(x[2], x[6]);
        let even0 = self.add(self.mix(x04, 1 << 13, 1 << 13), half);
        let even1 = self.add(self.mix(x04, 1 << 13, -(1 << 13)), half);
        let even2 = self.mix(x26, 4433, 4433 - 15137);
        let even3 = self.mix(x26, 4433 + 6270, 4433);
        let (a0, a3) = (self.add(even0, even3), self.sub(even0, even3));
        let (a1, a2) = (self.add(even1, even2), self.sub(even1, even2));

        let x73 = self.pair(x[7], x[3]);
        let x51 = self.pair(x[5], x[1]);
        let x71 = self.pair(x[7], x[1]);
        let x53 = self.pair(x[5], x[3]);
        let z3 = self.add(
            self.mix(x73, 9633 - 16069, 9633 - 16069),
            self.mix(x51, 9633, 9633),
        );
        let z4 = self.add(
            self.mix(x73, 9633, 9633),
            self.mix(x51, 9633 - 3196, 9633 - 3196),
        );
        let odd0 = self.add(self.mix(x71, 2446 - 7373, -7373), z3);
        let odd1 = self.add(self.mix(x53, 16819 - 20995, -20995), z4);
        let odd2 = self.add(self.mix(x53, -20995, 25172 - 20995), z3);
        let odd3 = self.add(self.mix(x71, -7373, 12299 - 7373), z4);

        self.transpose([
            self.pack::<BITS>(self.add(a0, odd3), self.sub(a3, odd0)),
            self.pack::<BITS>(self.add(a1, odd2), self.sub(a2, odd1)),
            self.pack::<BITS>(self.add(a2, odd1), self.sub(a1, odd2)),
            self.pack::<BITS>(self.add(a3, odd0), self.sub(a0, odd3)),
        ])
    }

    #[inline(always)]
    fn add(self, one: __m256i, other: __m256i) -> __m256i {
        self.0.avx2._mm256_add_epi32(one, other)
    }

    #[inline(always)]
    fn sub(self, one: __m256i, other: __m256i) -> __m256i {
        self.0.avx2._mm256_sub_epi32(one, other)
    }

    /// Adds the two rows of a pair, each times a factor.
    #[inline(always)]
    fn mix(self, pair: __m256i, one: i16, other: i16) -> __m256i {
        let factors: __m256i = cast([[one, other]; 8]);
        self.0.avx2._mm256_madd_epi16(pair, factors)
    }

    /// Divides two rows by a power of two and makes them narrow.
    #[inline(always)]
    fn pack<const BITS: i32>(self, one: __m256i, other: __m256i) -> __m256i {
        let avx2 = self.0.avx2;
        avx2._mm256_packs_epi32(
            avx2._mm256_srai_epi32::<BITS>(one),
            avx2._mm256_srai_epi32::<BITS>(other),
        )
    }

    /// Puts the values of two rows beside each other, by columns.
    #[inline(always)]
    fn pair(self, one: __m128i, other: __m128i) -> __m256i {
        let sse2 = self.0.sse2;
        cast([
            sse2._mm_unpacklo_epi16(one, other),
            sse2._mm_unpackhi_epi16(one, other),
        ])
    }

    /// Transposes rows 0 and 4, 1 and 5, 2 and 6, 3 and 7, as packing has left them: half of each row in each lane.
    #[inline(always)]
    fn transpose(self, [r04, r15, r26, r37]: [__m256i; 4]) -> [__m256i; 4] {
        let avx2 = self.0.avx2;
        let r01 = avx2._mm256_unpacklo_epi16(r04, r15);
        let r23 = avx2._mm256_unpacklo_epi16(r26, r37);
        let r45 = avx2._mm256_unpackhi_epi16(r04, r15);
        let r67 = avx2._mm256_unpackhi_epi16(r26, r37);
        let upper = avx2._mm256_unpacklo_epi32(r01, r23);
        let lower = avx2._mm256_unpacklo_epi32(r45, r67);
        let upper_next = avx2._mm256_unpackhi_epi32(r01, r23);
        let lower_next = avx2._mm256_unpackhi_epi32(r45, r67);
        [
            avx2._mm256_unpacklo_epi64(upper, lower),
            avx2._mm256_unpackhi_epi64(upper, lower),
            avx2._mm256_unpacklo_epi64(upper_next, lower_next),
            avx2._mm256_unpackhi_epi64(upper_next, lower_next),
        ]
    }
}
