//! Tensors whose memory comes from the kernels' pool and goes back to it.
#![allow(
    unsafe_code,
    reason = "Burn asks for the memory of a tensor as bytes that may be uninitialized"
)]

use std::mem::MaybeUninit;

use burn::{
    backend::{
        DType,
        flex::{FlexTensor, Layout},
    },
    tensor::{AllocationProperty, Bytes, Shape},
};
use burn_std::{AccessError, AccessPolicy, AllocationController};
use condensenet_kernels::training::Buffer;

/// Makes a tensor of a buffer. Dropped, it leaves its memory to the next that asks.
pub(super) fn pooled_tensor(buffer: Buffer, shape: impl Into<Shape>) -> FlexTensor {
    let len = size_of_val(&*buffer);
    let controller = Box::new(PooledMemory(buffer));
    // SAFETY: all `len` bytes of the buffer are initialized; a pool's memory is never but floats.
    let bytes = unsafe { Bytes::from_controller(controller, len) };
    FlexTensor::new(bytes, Layout::contiguous(shape.into()), DType::F32)
}

struct PooledMemory(Buffer);

impl AllocationController for PooledMemory {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _policy: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let floats: &mut [f32] = &mut self.0;
        let len = size_of_val(floats);
        // SAFETY: the same memory for as long as the buffer is borrowed; bytes have no alignment to keep, and the caller writes
        // none that is uninitialized, so that the floats stay floats.
        Ok(unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), len) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let floats: &[f32] = &self.0;
        // SAFETY: the same memory for as long as the buffer is borrowed; bytes have no alignment to keep.
        Ok(unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) })
    }
}
