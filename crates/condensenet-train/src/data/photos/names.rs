//! A million short names without a million allocations.

/// Holds names in order, in one string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    text: String,
    ends: Vec<usize>,
}

/// What stands between names in the text: no name of a file has it.
const SEPARATOR: char = '\0';

impl Names {
    pub(super) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
        self.text.push(SEPARATOR);
    }

    pub(super) fn append(&mut self, other: &Self) {
        let offset = self.text.len();
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| end + offset));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &str {
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1] + 1,
        };
        &self.text[start..self.ends[index]]
    }

    /// Returns all names, each with a separator behind it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Reads what [`text`](Self::text) gave.
    pub(super) fn of_text(text: String) -> Option<Self> {
        if !(text.is_empty() || text.ends_with(SEPARATOR)) {
            return None;
        }
        let ends = text.match_indices(SEPARATOR).map(|(at, _)| at).collect();
        Some(Self { text, ends })
    }
}
