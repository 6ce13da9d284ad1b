//! How far a device may differ from the reference, and why.

/// What stands between two results, and so how far apart they may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Copies, comparisons and integers: nothing is rounded.
    Exact,
    /// One operation or layer, forward and backward: sums in another order.
    Layer,
    /// A network, forward and backward: the differences of its layers add up.
    Network,
    /// A training of some steps: each step works on the differences of the last.
    Training,
}

impl Depth {
    pub(crate) const ALL: [Self; 4] = [Self::Exact, Self::Layer, Self::Network, Self::Training];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Layer => "layer",
            Self::Network => "network",
            Self::Training => "training",
        }
    }
}

/// Returns the largest difference that a family of devices is allowed, relative to the largest value of the tensor.
///
/// 32-bit floats carry 6e-8. A sum over some hundred terms in another order differs by some 1e-6 of the largest term.
/// Backends that run on a GPU may fuse multiplications and additions, and use their own square roots and divisions, which
/// are good to some units in the last place.
///
/// The tensor units of CUDA and ROCm devices may round the factors of a product to 10 bits (TF32): 1e-3 each. Those lines
/// are expectations until somebody has measured them.
pub(crate) fn tolerance(family: &str, depth: Depth) -> f64 {
    let [layer, network, training] = match family {
        "flex" | "ndarray" => [2e-5, 5e-5, 1e-3],
        "cuda" | "rocm" => [5e-3, 1e-2, 5e-2],
        _ => [5e-5, 1e-4, 2e-3],
    };
    match depth {
        Depth::Exact => 0.0,
        Depth::Layer => layer,
        Depth::Network => network,
        Depth::Training => training,
    }
}
