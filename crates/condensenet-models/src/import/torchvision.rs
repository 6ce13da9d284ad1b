//! The names that torchvision's DenseNets had before it renamed their layers.

use condensenet_runtime::StateDict;

/// Layers that were numbered with a dot (`norm.1`, `conv.2`), and lost it (`norm1`, `conv2`) when
/// PyTorch forbade dots in names. The published weights still have it.
const NUMBERED: [&str; 4] = ["norm.1", "conv.1", "norm.2", "conv.2"];

/// Gives every tensor its current name, and says how many had an old one.
pub(super) fn renamed(state_dict: StateDict) -> (StateDict, usize) {
    let mut count = 0;
    let tensors = state_dict.into_iter().map(|(key, tensor)| {
        let key = match current(&key) {
            Some(current) => {
                count += 1;
                current
            }
            None => key,
        };
        (key, tensor)
    });
    let tensors = tensors.collect();
    (tensors, count)
}

/// The current name of a tensor that has an old one.
fn current(key: &str) -> Option<String> {
    let rest = key.strip_prefix("features.denseblock")?;
    let (_, in_block) = rest.split_once(".denselayer")?;
    let (layer, numbered) = in_block.split_once('.')?;
    layer.parse::<usize>().ok()?;
    let found = NUMBERED.iter().find(|old| {
        let behind = numbered.strip_prefix(**old);
        behind.is_some_and(|behind| behind.starts_with('.'))
    })?;
    let layer_end = key.len() - numbered.len();
    let behind = &numbered[found.len()..];
    Some(format!(
        "{}{}{behind}",
        &key[..layer_end],
        found.replace('.', "")
    ))
}

#[cfg(test)]
mod tests {
    use super::current;

    #[test]
    fn only_the_numbered_layers_of_a_dense_layer_are_renamed() {
        for (old, expected) in [
            ("norm.1.weight", Some("norm1.weight")),
            ("conv.2.weight", Some("conv2.weight")),
            ("norm.2.running_var", Some("norm2.running_var")),
            ("norm1.weight", None),
            ("norm.10.weight", None),
            ("conv.1", None),
        ] {
            let path = "features.denseblock2.denselayer13.";
            let expected = expected.map(|name| format!("{path}{name}"));
            assert_eq!(current(&format!("{path}{old}")), expected, "{old}");
        }
        assert_eq!(current("features.transition1.norm.1.weight"), None);
        assert_eq!(
            current("features.denseblock_1.denselayer_1.norm.1.weight"),
            None
        );
    }
}
