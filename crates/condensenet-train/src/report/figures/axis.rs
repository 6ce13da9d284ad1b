//! Round numbers along an axis.

/// Returns round numbers from `from` to `to`, about `count` of them: 1, 2 or 5 times a power of ten apart.
pub(crate) fn ticks(from: f64, to: f64, count: usize) -> Vec<f64> {
    let step = round_step((to - from) / count.max(1) as f64);
    let (first, last) = (
        (from / step).ceil() as i64,
        (to / step + 1e-9).floor() as i64,
    );
    (first..=last).map(|tick| tick as f64 * step).collect()
}

/// Returns whole numbers from 0 to `to`, about `count` of them.
pub(crate) fn whole_ticks(to: f64, count: usize) -> Vec<f64> {
    let step = round_step(to / count.max(1) as f64).max(1.0);
    let last = (to / step + 1e-9).floor() as i64;
    (0..=last).map(|tick| tick as f64 * step).collect()
}

/// Returns the round number at or above `value` that ends an axis from 0.
pub(crate) fn round_end(value: f64, count: usize) -> f64 {
    let step = round_step(value.max(f64::MIN_POSITIVE) / count as f64);
    (value / step - 1e-9).ceil().max(1.0) * step
}

/// Writes a tick with as many decimals as its neighbors need.
pub(crate) fn label(value: f64, ticks: &[f64]) -> String {
    let step = match ticks {
        [first, second, ..] => second - first,
        _ => value.abs().max(1.0),
    };
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 8.0) as usize;
    format!("{value:.decimals$}")
}

fn round_step(step: f64) -> f64 {
    if !(step.is_finite() && step > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let factor = factors
        .into_iter()
        .find(|factor| factor * power >= step * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(31.0, 47.0, 4), [35.0, 40.0, 45.0]);
        assert_eq!(whole_ticks(3.0, 6), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(
            whole_ticks(300.0, 6),
            [0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]
        );
    }

    #[test]
    fn an_axis_ends_at_or_above_its_largest_value() {
        for value in [1e-7, 0.03, 0.1, 2.31, 69.55, 1234.0] {
            let end = round_end(value, 5);
            assert!(end >= value && end <= value * 1.5, "{value}: {end}");
        }
    }

    #[test]
    fn labels_have_the_decimals_of_their_step() {
        let ticks = ticks(0.0, 0.1, 5);
        assert_eq!(label(ticks[1], &ticks), "0.02");
        assert_eq!(label(50.0, &[0.0, 50.0]), "50");
        assert_eq!(label(0.5, &[0.0, 0.5]), "0.5");
    }
}
