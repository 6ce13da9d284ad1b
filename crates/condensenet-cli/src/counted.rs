//! Counts with what they count.

/// Writes a count: `1 step`, `2 steps`, `2 classes`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let ending = match count {
        1 => "",
        _ if one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {one}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "step"), "1 step");
        assert_eq!(counted(1, "class"), "1 class");
        assert_eq!(counted(0, "step"), "0 steps");
        assert_eq!(counted(2, "class"), "2 classes");
        assert_eq!(counted(3, "epoch"), "3 epochs");
    }
}
