//! Names what a network takes an image for.

use std::fmt;

use serde::Serialize;

/// A class, and how likely the network holds it to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Index of the class: the place of its logit.
    pub class: usize,
    /// Name of the class, where names are known.
    pub name: Option<String>,
    /// The softmax of the logits, from 0 to 1.
    pub probability: f32,
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.probability;
        match &self.name {
            Some(name) => write!(f, "{percent:6.2} %  {name}"),
            None => write!(f, "{percent:6.2} %  class {}", self.class),
        }
    }
}

/// Returns the `k` likeliest classes of an image, the likeliest first.
///
/// Fewer where there are fewer classes. Of two classes of one probability the one with the smaller index comes first, and
/// one whose probability is not a number comes last. A class beyond the names has none.
///
/// # Example
/// ```
/// use condensenet_runtime::top_k;
///
/// let names = ["cat", "dog", "horse"].map(String::from);
/// let best = top_k(&[0.0, 2.0, 1.0], 2, Some(&names));
/// assert_eq!(best[0].name.as_deref(), Some("dog"));
/// assert_eq!(best[1].class, 2);
/// ```
#[must_use]
pub fn top_k(logits: &[f32], k: usize, class_names: Option<&[String]>) -> Vec<Prediction> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    let probabilities: Vec<f32> = powers.iter().map(|power| power / sum).collect();
    let rank = |class: usize| match probabilities[class] {
        value if value.is_nan() => f32::NEG_INFINITY,
        value => value,
    };
    let mut classes: Vec<usize> = (0..logits.len()).collect();
    classes.sort_by(|&one, &other| rank(other).total_cmp(&rank(one)));
    classes.truncate(k);
    let predicted = classes.into_iter().map(|class| Prediction {
        class,
        name: class_names.and_then(|names| names.get(class)).cloned(),
        probability: probabilities[class],
    });
    predicted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_classes_come_first_with_their_names() {
        let names = ["ant", "bee", "cat"].map(String::from);
        let best = top_k(&[1.0, 3.0, 1.0, 2.0], 9, Some(&names));
        let classes: Vec<usize> = best.iter().map(|one| one.class).collect();
        assert_eq!(classes, [1, 3, 0, 2]);
        let sum: f64 = [1.0_f64, 3.0, 1.0, 2.0].iter().map(|one| one.exp()).sum();
        let expected = 3.0_f64.exp() / sum;
        assert!((f64::from(best[0].probability) - expected).abs() < 1e-6);
        let shown = format!(" {:5.2} %  bee", 100.0 * expected);
        assert_eq!(best[0].to_string(), shown);
        assert_eq!(best[1].name, None);
        assert!(best[1].to_string().ends_with("class 3"));
        // Numbers that are none stop nothing.
        assert_eq!(top_k(&[0.0, f32::NAN, 0.0, 0.0], 9, None).len(), 4);
        assert!(top_k(&[1.0], 0, None).is_empty());
    }
}
