//! Who computes an operation that two can compute.

/// How a backend computes an operation that this crate has a kernel for and Burn a composition.
///
/// Backends without such a kernel compute the same whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// The faster of the two, timed once for each shape on each device.
    #[default]
    Measured,
    /// The kernel of this crate, where it serves the shape.
    Kernel,
    /// Burn's own operations.
    Composition,
}
