//! The functions between norms and convolutions.

/// What stands between a norm and its convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activation {
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `x * min(max(x + 3, 0), 6) / 6`.
    HardSwish,
}

impl Activation {
    /// Computes the function of one number.
    #[must_use]
    pub fn of(self, x: f32) -> f32 {
        match self {
            Self::Relu => x.max(0.0),
            Self::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) * (1.0 / 6.0),
        }
    }
}
