//! Which inputs each group keeps: pure functions over plain numbers, no tensors.
//!
//! Condensing happens C - 1 times in a whole training, so it is written for exactness: ties are decided by index, as a
//! stable sort does, and sums are taken in f64.

use std::fmt;

/// Which inputs each group of a learned group convolution keeps: `[groups, channels_in]`, true = kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    groups: usize,
    channels_in: usize,
    kept: Vec<bool>,
}

impl Mask {
    /// Creates the mask that keeps everything.
    #[must_use]
    pub fn all_kept(groups: usize, channels_in: usize) -> Self {
        Self::from_rows(groups, channels_in, vec![true; groups * channels_in])
    }

    /// Creates a mask from its rows, one group after the other.
    ///
    /// # Panics
    /// Panics with "a mask of G groups and I inputs has G * I entries" if `kept` has another length.
    #[must_use]
    pub fn from_rows(groups: usize, channels_in: usize, kept: Vec<bool>) -> Self {
        assert_eq!(
            kept.len(),
            groups * channels_in,
            "a mask of {groups} groups and {channels_in} inputs has {groups} * {channels_in} entries"
        );
        Self {
            groups,
            channels_in,
            kept,
        }
    }

    /// Returns the number of groups.
    #[must_use]
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// Returns the number of inputs.
    #[must_use]
    pub const fn channels_in(&self) -> usize {
        self.channels_in
    }

    /// Returns the row of `group`: for each input, whether it is kept.
    #[must_use]
    pub fn row(&self, group: usize) -> &[bool] {
        &self.kept[group * self.channels_in..][..self.channels_in]
    }

    /// Returns how many inputs `group` keeps.
    #[must_use]
    pub fn kept_count(&self, group: usize) -> usize {
        self.row(group).iter().filter(|&&kept| kept).count()
    }

    /// Returns the inputs that `group` keeps, in ascending order.
    #[must_use]
    pub fn kept_channels(&self, group: usize) -> Vec<usize> {
        (0..self.channels_in)
            .filter(|&channel| self.row(group)[channel])
            .collect()
    }

    /// Returns all entries, row by row.
    #[must_use]
    pub fn entries(&self) -> &[bool] {
        &self.kept
    }

    /// Drops, in each group, the kept inputs of least importance until `target` are left.
    ///
    /// Inputs that are dropped already are no candidates, whatever their importance; a group that keeps `target` inputs or
    /// fewer stays as it is, so that condensing twice changes nothing. Of two equal importances the lower input goes first.
    ///
    /// `importance` is `[groups, channels_in]`, as [`importance`] gives it.
    ///
    /// # Panics
    /// Panics with "importance has one value per mask entry" if the lengths differ.
    #[must_use]
    pub fn condensed(&self, importance: &[f64], target: usize) -> Self {
        assert_eq!(
            importance.len(),
            self.kept.len(),
            "importance has one value per mask entry"
        );
        let mut kept = self.kept.clone();
        for group in 0..self.groups {
            let row = &importance[group * self.channels_in..][..self.channels_in];
            let mut candidates = self.kept_channels(group);
            candidates.sort_by(|&a, &b| row[a].total_cmp(&row[b]));
            let surplus = candidates.len().saturating_sub(target);
            for &channel in &candidates[..surplus] {
                kept[group * self.channels_in + channel] = false;
            }
        }
        Self::from_rows(self.groups, self.channels_in, kept)
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<usize> = (0..self.groups).map(|g| self.kept_count(g)).collect();
        f.debug_struct("Mask")
            .field("groups", &self.groups)
            .field("channels_in", &self.channels_in)
            .field("kept_per_group", &counts)
            .finish()
    }
}

/// Computes the importance of each input for each group: the L1 norm of the weights that connect them.
///
/// `weight` is `[channels_out, channels_in]`; output `o` belongs to group `o % groups`. Returns `[groups, channels_in]`.
/// Weights of dropped inputs count like any other: [`Mask::condensed`] never looks at them.
///
/// # Panics
/// Panics with "weight has channels_out * channels_in elements" if its length is no multiple of both.
///
/// # Source
/// Paper, section 3.2 ("averaged absolute value of weights"; the sum orders alike).
#[must_use]
pub fn importance(weight: &[f32], channels_in: usize, groups: usize) -> Vec<f64> {
    assert!(
        weight.len().is_multiple_of(channels_in * groups),
        "weight has channels_out * channels_in elements"
    );
    let mut sums = vec![0.0; groups * channels_in];
    for (output, row) in weight.chunks_exact(channels_in).enumerate() {
        let group_sums = &mut sums[(output % groups) * channels_in..][..channels_in];
        for (sum, value) in group_sums.iter_mut().zip(row) {
            *sum += f64::from(value.abs());
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_belong_to_groups_in_turns() {
        // Outputs 0 and 2 form group 0, output 1 and 3 group 1.
        let weight = [1.0, -2.0, 10.0, 20.0, -3.0, 4.0, 30.0, -40.0];
        assert_eq!(importance(&weight, 2, 2), [4.0, 6.0, 40.0, 60.0]);
    }

    #[test]
    fn the_least_important_inputs_go_first() {
        let mask = Mask::all_kept(2, 4);
        let condensed = mask.condensed(&[0.4, 0.1, 0.3, 0.2, 1.0, 2.0, 3.0, 4.0], 2);
        assert_eq!(condensed.kept_channels(0), [0, 2]);
        assert_eq!(condensed.kept_channels(1), [2, 3]);
    }

    #[test]
    fn of_equals_the_lower_input_goes_first() {
        let condensed = Mask::all_kept(1, 4).condensed(&[0.5; 4], 3);
        assert_eq!(condensed.kept_channels(0), [1, 2, 3]);
    }

    #[test]
    fn a_kept_input_of_zero_weight_does_not_hide_behind_dropped_ones() {
        // Inputs 0 and 1 are gone; input 3 has no weight at all but still counts as kept.
        let mask = Mask::from_rows(1, 4, vec![false, false, true, true]);
        let condensed = mask.condensed(&[0.0, 0.0, 5.0, 0.0], 1);
        assert_eq!(condensed.kept_channels(0), [2]);
    }

    #[test]
    fn condensing_to_the_same_count_twice_changes_nothing() {
        let once = Mask::all_kept(1, 8).condensed(&[8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 4);
        let twice = once.condensed(&[1.0; 8], 4);
        assert_eq!(once, twice);
    }

    #[test]
    fn a_mask_never_grows() {
        let mask = Mask::from_rows(1, 4, vec![false, true, false, true]);
        assert_eq!(mask.condensed(&[9.0; 4], 3), mask);
    }
}
