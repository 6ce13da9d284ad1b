//! Many comparisons, one report.

use burn::tensor::Tensor;

use crate::cases::Case;

/// Collects what differs by more than the tolerance, relative to the largest value expected.
pub(crate) struct Comparison {
    failures: Vec<String>,
    compared: usize,
}

impl Comparison {
    pub(crate) const fn new() -> Self {
        Self {
            failures: Vec::new(),
            compared: 0,
        }
    }

    pub(crate) fn check<const D: usize>(
        &mut self,
        what: &str,
        case: Case,
        found: Tensor<D>,
        expected: Tensor<D>,
    ) {
        self.compared += 1;
        if found.dims() != expected.dims() {
            let (found, expected) = (found.dims(), expected.dims());
            self.failures.push(format!(
                "{what}, {case:?}: shape {found:?} for {expected:?}"
            ));
            return;
        }
        let found: Vec<f64> = found.into_data().iter().collect();
        let expected: Vec<f64> = expected.into_data().iter().collect();
        let largest = expected
            .iter()
            .fold(1.0, |largest: f64, v| largest.max(v.abs()));
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let worst = worst.fold(
            0.0,
            |worst, d| if d > worst || d.is_nan() { d } else { worst },
        );
        // 32-bit sums over some hundred terms, in another order.
        if worst > 2e-5 * largest || worst.is_nan() {
            self.failures
                .push(format!("{what}, {case:?}: {worst:.1e} of {largest:.1e}"));
        }
    }

    pub(crate) fn finish(self) {
        let (failed, compared) = (self.failures.len(), self.compared);
        let list = self.failures.join("\n");
        assert!(compared > 50, "{compared} comparisons are too few");
        assert!(failed == 0, "{failed} of {compared} differ\n{list}");
    }
}
