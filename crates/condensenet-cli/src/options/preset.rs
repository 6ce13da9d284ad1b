//! A preset by name, with a hint for a slip of the fingers.

use condensenet::Preset;

/// Reads the name of a preset; an unknown one is answered with the nearest, and with all.
pub(crate) fn parse_preset(name: &str) -> Result<Preset, String> {
    name.parse().map_err(|unknown: condensenet::UnknownPreset| {
        let names = Preset::ALL.map(Preset::name);
        match nearest(&name.to_ascii_lowercase().replace('-', "_"), &names) {
            Some(meant) => format!("{unknown}; did you mean {meant}?"),
            None => unknown.to_string(),
        }
    })
}

/// Returns the known name that takes the fewest slips to get to, if these are few.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let slips = known.iter().map(|known| (slips(name, known), *known));
    let (slips, known) = slips.min_by_key(|(slips, _)| *slips)?;
    (slips <= 2).then_some(known)
}

/// Counts characters to insert, to remove and to replace: Levenshtein's distance.
fn slips(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (one, other, count) in [
            ("", "", 0),
            ("abc", "abx", 1),
            ("kitten", "sitting", 3),
            ("ab", "", 2),
        ] {
            assert_eq!(slips(one, other), count, "{one} {other}");
        }
    }

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        let error = parse_preset("cifar86").unwrap_err();
        assert!(error.ends_with("did you mean cifar_86?"), "{error}");
        let error = parse_preset("resnet").unwrap_err();
        assert!(!error.contains("did you mean"), "{error}");
    }
}
