//! Where a 3x3 reads: rows of the map around a tile of outputs, with zeros above and below it.

#![allow(
    unsafe_code,
    reason = "rows are checked once, not at each of their loads"
)]

use super::{
    spatial::Area,
    winograd::{FREQUENCIES, ROWS},
};
use pulp::Simd;
use std::{marker::PhantomData, ops::Range};

/// Input rows of [`ROWS`] output rows.
pub(crate) const ROWS_IN: usize = ROWS + 2;
const _: () = assert!(ROWS_IN == FREQUENCIES);

/// Rows of the inputs, which may be a part of the map.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// With at least one value in front of the first row, and a vector behind the last.
    pub values: &'a [f32],
    /// Where row 0 of channel 0 begins, or would begin, negative where the rows begin further down.
    pub start: isize,
    pub channel_stride: usize,
    /// As long as a row with a vector in front of it and behind it; for what lies above and below the map.
    pub zeros: &'a [f32],
}

impl<'a> Source<'a> {
    /// The rows around output rows `row..row + ROWS` of an image, of some channels.
    ///
    /// # Panics
    /// If a row lies outside of the values.
    pub(crate) fn rows(
        &self,
        area: Area,
        image: usize,
        row: usize,
        channels: Range<usize>,
    ) -> SourceRows<'a> {
        let margin = crate::aligned::LINE;
        let mut rows = [(&self.zeros[margin - 1..], 0); ROWS_IN];
        for (i, place) in rows.iter_mut().enumerate() {
            if (1..=area.height).contains(&(row + i)) {
                let pixels = (image * area.height + row + i - 1) * area.width;
                let offset = (channels.start * self.channel_stride + pixels) as isize;
                // A negative start wraps around and is refused.
                let start = (self.start + offset - 1) as usize;
                *place = (&self.values[start..], self.channel_stride);
            }
        }
        SourceRows::new(rows, channels.len(), area.width)
    }
}

/// The rows around a tile, of each of some channels, with the column in front of them; or those of its products, without.
///
/// The `unsafe` block below relies on: for each row, `(start, stride)`, `start + channel * stride + x` is readable for every
/// `channel < channels` and `x < room`, for `'a`. [`SourceRows::new`] checks it, and nothing changes it.
#[derive(Clone, Copy)]
pub(crate) struct SourceRows<'a> {
    rows: [(*const f32, usize); ROWS_IN],
    channels: usize,
    room: usize,
    borrow: PhantomData<&'a [f32]>,
}

impl<'a> SourceRows<'a> {
    /// Takes slices that begin with the column in front of the first channel's row, and the distance of the other channels'.
    fn new(rows: [(&'a [f32], usize); ROWS_IN], channels: usize, width: usize) -> Self {
        let room = rows.map(|(values, stride)| {
            let last = channels.saturating_sub(1).saturating_mul(stride);
            values.len().saturating_sub(last)
        });
        let room = room.into_iter().min().unwrap_or(0);
        assert!(
            room > width,
            "channels lie outside: rows of {room} values for {width} pixels"
        );
        Self {
            rows: rows.map(|(values, stride)| (values.as_ptr(), stride)),
            channels,
            room,
            borrow: PhantomData,
        }
    }

    /// The rows of the products of a tile, each of which begins at `(row * channels + channel) * stride`.
    pub(crate) fn of_products(
        products: &'a [f32],
        stride: usize,
        channels: usize,
        width: usize,
    ) -> Self {
        let mut rows = [(products, stride); ROWS_IN];
        for (i, (row, _)) in rows.iter_mut().enumerate() {
            *row = &products[i * channels * stride..];
        }
        Self::new(rows, channels, width.saturating_sub(1))
    }

    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// The rows of a channel.
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline(always)]
    pub(crate) fn channel(&self, channel: usize) -> ChannelRows<'a> {
        assert!(channel < self.channels);
        let mut rows = [std::ptr::null(); ROWS_IN];
        for (row, (start, stride)) in rows.iter_mut().zip(self.rows) {
            *row = start.wrapping_add(channel * stride);
        }
        ChannelRows {
            rows,
            room: self.room,
            borrow: PhantomData,
        }
    }
}

/// The rows of one channel: by the invariant of [`SourceRows`], `room` values
/// are readable behind each pointer.
#[derive(Clone, Copy)]
pub(crate) struct ChannelRows<'a> {
    rows: [*const f32; ROWS_IN],
    room: usize,
    borrow: PhantomData<&'a [f32]>,
}

impl ChannelRows<'_> {
    /// Loads a vector of a row, from the value at `x` on.
    ///
    /// # Panics
    /// If the row ends before the vector does.
    #[inline(always)]
    pub(crate) fn load<S: Simd>(&self, row: usize, x: usize) -> S::f32s {
        let end = x.saturating_add(S::F32_LANES);
        assert!(end <= self.room);
        // SAFETY: the type's invariant, for columns that were checked. Any bits make a vector of floats.
        unsafe { self.rows[row].add(x).cast::<S::f32s>().read_unaligned() }
    }
}
