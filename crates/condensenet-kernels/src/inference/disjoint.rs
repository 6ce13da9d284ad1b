//! One buffer that several threads write at different places.

use super::aligned::Aligned;
use std::marker::PhantomData;

/// A mutable slice that units of one phase share, each writing values that no other touches.
pub(crate) struct Disjoint<'a, T = f32> {
    start: *mut T,
    length: usize,
    borrow: PhantomData<&'a mut [T]>,
}

impl<T> Clone for Disjoint<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Disjoint<'_, T> {}

// SAFETY: it is a borrowed `&mut [T]` cut up by hand; who cuts promises disjointness in `range`.
unsafe impl<T: Send> Send for Disjoint<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            length: slice.len(),
            borrow: PhantomData,
        }
    }

    /// Returns a pointer to the value at `index`, which may be one past the end.
    pub(crate) fn at(self, index: usize) -> *mut T {
        assert!(
            index <= self.length,
            "index {index} lies outside {} values",
            self.length
        );
        // SAFETY: within the allocation or one past its end.
        unsafe { self.start.add(index) }
    }

    /// Returns one element for exclusive use.
    ///
    /// # Safety
    /// No other unit uses the element at the same time.
    #[allow(
        clippy::mut_from_ref,
        reason = "that is the point of this type; the contract says who may"
    )]
    pub(crate) unsafe fn element(self, index: usize) -> &'a mut T {
        assert!(
            index < self.length,
            "index {index} lies outside {} values",
            self.length
        );
        // SAFETY: in range; exclusive by contract.
        unsafe { &mut *self.start.add(index) }
    }
}

/// A shared buffer as a pointer, for kernels that read whole vectors into the slack behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    start: *const f32,
    borrow: PhantomData<&'a [f32]>,
}

// SAFETY: it is a shared borrow of `[f32]`.
unsafe impl Send for Reading<'_> {}
// SAFETY: as above.
unsafe impl Sync for Reading<'_> {}

impl<'a> Reading<'a> {
    pub(crate) fn new(buffer: &'a Aligned) -> Self {
        Self {
            start: buffer.as_ptr(),
            borrow: PhantomData,
        }
    }

    /// The first `count` values to read, the others to write.
    pub(crate) fn split(buffer: &'a mut Aligned, count: usize) -> (Self, &'a mut [f32]) {
        let length = buffer.len();
        assert!(count <= length, "{count} values are more than {length}");
        let start = buffer.as_mut_ptr();
        // SAFETY: the slice covers `count..length` of an exclusive borrow; who reads keeps to values before
        // `count`, or to those behind them that nobody writes.
        let rest = unsafe { std::slice::from_raw_parts_mut(start.add(count), length - count) };
        (
            Self {
                start,
                borrow: PhantomData,
            },
            rest,
        )
    }

    pub(crate) fn start(self) -> *const f32 {
        self.start
    }
}
