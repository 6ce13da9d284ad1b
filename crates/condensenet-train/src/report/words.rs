//! Numbers and descriptions as people read them.

use condensenet_models::NetworkConfig;
use serde_json::Value;

use super::RunReport;

impl RunReport {
    /// Describes the network: `CondenseNet 14-14-14, growth 8-16-32, C = G = 4`.
    pub(super) fn network_in_words(&self) -> String {
        let network = &self.config.network;
        let numbers = |numbers: &[usize]| {
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            numbers.join("-")
        };
        format!(
            "{} {}, growth {}{}",
            kind(network),
            numbers(&network.layers_per_block),
            numbers(&network.growth_rates),
            condensing(network)
        )
    }

    /// Describes the images: `cifar10, 10 000 training images`.
    pub(super) fn images_in_words(&self) -> String {
        // Whatever sources of images there will be, they say their kind and, where it is chosen, how many.
        let source = serde_json::to_value(&self.config.data).unwrap_or_default();
        let kind = source.get("kind").and_then(Value::as_str);
        let kind = kind.unwrap_or("images").replace('_', " ");
        match source.get("train_images").and_then(Value::as_u64) {
            Some(count) => format!("{kind}, {} training images", grouped(count)),
            None => kind,
        }
    }
}

fn kind(network: &NetworkConfig) -> &'static str {
    match network.kind() {
        "condensenet" => "CondenseNet",
        "light_condensenet" => "light CondenseNet",
        _ => "DenseNet",
    }
}

fn condensing(network: &NetworkConfig) -> String {
    match (network.condensation_factor, network.groups_1x1) {
        (None, _) => String::new(),
        (Some(factor), groups) if groups == factor => format!(", C = G = {factor}"),
        (Some(factor), groups) => format!(", C = {factor}, G = {groups}"),
    }
}

/// Writes a count with its digits in groups of three: `1 451 594`, with spaces that do not break.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Writes a count with what is counted: `1 epoch`, `2 epochs`.
pub(super) fn counted(count: usize, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {one}{ending}", grouped(count as u64))
}

/// Writes a count with three digits and a prefix: `1.45 M`.
pub(super) fn short(count: u64) -> String {
    let (value, prefix) = match count {
        0..1_000 => return count.to_string(),
        1_000..1_000_000 => (count as f64 / 1e3, "k"),
        1_000_000..1_000_000_000 => (count as f64 / 1e6, "M"),
        _ => (count as f64 / 1e9, "G"),
    };
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$}\u{202f}{prefix}")
}

/// Writes a whole number, or a dash.
pub(super) fn whole(value: Option<usize>) -> String {
    value.map_or_else(|| "\u{2013}".to_owned(), |value| value.to_string())
}

/// Writes a percentage with two decimals, or a dash.
pub(super) fn percent(value: Option<f64>) -> String {
    value.map_or_else(
        || "\u{2013}".to_owned(),
        |value| format!("{value:.2}\u{202f}%"),
    )
}

/// Writes a loss or a rate with four decimals, or a dash.
pub(super) fn loss(value: Option<f64>) -> String {
    value.map_or_else(|| "\u{2013}".to_owned(), |value| format!("{value:.4}"))
}

/// Writes a time: `2 h 05 min`, `3 min 20 s`, `12 s`.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}\u{202f}s"),
        (0, _) => format!("{minutes}\u{202f}min {:02}\u{202f}s", seconds % 60),
        _ => format!("{hours}\u{202f}h {minutes:02}\u{202f}min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_in_groups_of_three() {
        let plain = |count| grouped(count).replace('\u{202f}', " ");
        assert_eq!(plain(0), "0");
        assert_eq!(plain(999), "999");
        assert_eq!(plain(1_000), "1 000");
        assert_eq!(plain(1_451_594), "1 451 594");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(0, "epoch"), "0 epochs");
        assert_eq!(counted(1, "epoch"), "1 epoch");
        assert_eq!(counted(12, "step"), "12 steps");
    }

    #[test]
    fn short_counts_have_three_digits() {
        let plain = |count| short(count).replace('\u{202f}', " ");
        for (count, text) in [
            (999, "999"),
            (1_451_594, "1.45 M"),
            (65_816_394, "65.8 M"),
            (274_000_000, "274 M"),
            (4_000_000_000, "4.00 G"),
        ] {
            assert_eq!(plain(count), text);
        }
    }

    #[test]
    fn times_are_told_in_two_units() {
        let plain = |seconds| duration(seconds).replace('\u{202f}', " ");
        assert_eq!(plain(12.4), "12 s");
        assert_eq!(plain(200.0), "3 min 20 s");
        assert_eq!(plain(7_500.0), "2 h 05 min");
    }
}
