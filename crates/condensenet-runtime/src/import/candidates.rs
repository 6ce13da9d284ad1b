//! Finds the network in a checkpoint, whatever was wrapped around it.
//!
//! The names of a network's tensors begin with `features.` and its classifier's name. What stands before them is the
//! way to the network: keys of dictionaries (`state_dict`, `ema`), attributes of objects, prefixes that tools put in front of
//! names (`module.`, `_orig_mod.`), or the name of a field (`model.`, `backbone.`). None of it has to be known in
//! advance. A checkpoint with two ways holds two networks, and is not chosen from without being asked.

use std::collections::{BTreeMap, BTreeSet};

/// What tools put between the names, anywhere: `DataParallel`, `torch.compile`, FSDP and activation checkpoints.
const WRAPPERS: [&str; 4] = [
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
];

/// The first layers that the networks have, after `features`.
const STEMS: [&str; 3] = ["conv0", "init_conv", "init_block"];

/// What the names of a network begin with.
const PARTS: [&str; 4] = ["features", "classifier", "output", "fc"];

/// Returns what stands before the names of each network in these paths, with the dot at its end.
pub(super) fn prefixes<'a>(paths: &(impl Iterator<Item = &'a str> + Clone)) -> Vec<&'a str> {
    let stems: BTreeSet<&str> = paths.clone().filter_map(before_stem).collect();
    // The state of an optimizer may have the names of the parameters, but knows no statistics.
    let with_statistics = |prefix: &&str| {
        let mut paths = paths.clone();
        paths.any(|path| path.starts_with(prefix) && path.ends_with(".running_mean"))
    };
    stems.into_iter().filter(with_statistics).collect()
}

/// What stands before the name of a first layer's weight.
fn before_stem(path: &str) -> Option<&str> {
    if path.rsplit('.').next() != Some("weight") {
        return None;
    }
    let mut start = path.len();
    // From the end, because a network may itself be the features of something.
    for segment in path.rsplit('.') {
        start -= segment.len();
        if segment == "features" {
            let mut behind = path[start..].split('.').skip(1);
            let first = behind.find(|segment| !WRAPPERS.contains(segment));
            return first
                .is_some_and(|first| STEMS.contains(&first))
                .then_some(&path[..start]);
        }
        start = start.saturating_sub(1);
    }
    None
}

/// The name of a tensor in its network, without what tools put in between; `None` if it is not part of it.
pub(super) fn name(path: &str, prefix: &str) -> Option<String> {
    let segments = path.strip_prefix(prefix)?.split('.');
    let segments = segments.filter(|segment| !WRAPPERS.contains(segment));
    let segments: Vec<&str> = segments.collect();
    let first = segments.first()?;
    (segments.len() > 1 && PARTS.contains(first)).then(|| segments.join("."))
}

/// How a way is written in messages and in options.
pub(super) fn key(prefix: &str) -> &str {
    match prefix.strip_suffix('.') {
        Some(key) => key,
        None => ".",
    }
}

/// The ways that a key of the user means: that way itself, or all that begin with it.
pub(super) fn matching<'a>(prefixes: &[&'a str], wanted: &str) -> Vec<&'a str> {
    let exact = prefixes.iter().filter(|prefix| key(prefix) == wanted);
    let exact: Vec<&str> = exact.copied().collect();
    if !exact.is_empty() {
        return exact;
    }
    let begin = format!("{wanted}.");
    let inside = prefixes.iter().filter(|prefix| prefix.starts_with(&begin));
    inside.copied().collect()
}

/// What a checkpoint holds beside the network: entries next to the way that leads to it, and tensors next to its own,
/// counted under their first name.
pub(super) fn beside<'a>(
    entries: impl Iterator<Item = (&'a str, usize)>,
    prefix: &str,
) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, parent) in entries {
        let leads_to_it = |path: &str| {
            let rest = prefix.strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let next_to_it = parent == 0 || leads_to_it(&path[..parent]);
        let inner = path[parent..].trim_start_matches('.');
        let of_python = inner.starts_with('_') || inner == "training";
        if leads_to_it(path) || !next_to_it || of_python || is_part(path, prefix) {
            continue;
        }
        // The first name that differs from the way.
        let common = common_names(path, prefix);
        let end = path[common..]
            .find('.')
            .map_or(path.len(), |at| common + at);
        *counts.entry(&path[..end]).or_default() += 1;
    }
    let counts = counts.into_iter();
    let written = counts.map(|(name, count)| match count {
        1 => name.to_owned(),
        _ => format!("{name} ({count} tensors)"),
    });
    written.collect()
}

/// Says whether a path is that of a part itself, such as `features` where modules are nested.
fn is_part(path: &str, prefix: &str) -> bool {
    let inside = path.strip_prefix(prefix);
    inside.is_some_and(|inside| {
        let mut segments = inside.split('.').filter(|name| !WRAPPERS.contains(name));
        segments.next().is_none_or(|first| PARTS.contains(&first))
    })
}

/// The length of the names that both begin with, dots included.
fn common_names(path: &str, prefix: &str) -> usize {
    let mut common = 0;
    for name in prefix.split_inclusive('.') {
        if !path[common..].starts_with(name) {
            break;
        }
        common += name.len();
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_ends_where_the_names_of_a_network_begin() {
        for (path, expected) in [
            ("features.conv0.weight", Some("")),
            ("features.module.conv0.weight", Some("")),
            (
                "state_dict.module.features.init_conv.weight",
                Some("state_dict.module."),
            ),
            (
                "a.features.features.init_block.conv.weight",
                Some("a.features."),
            ),
            (
                "module._orig_mod.net.features.conv0.weight",
                Some("module._orig_mod.net."),
            ),
            ("features.conv0.bias", None),
            ("features.denseblock1.denselayer1.conv1.weight", None),
            ("conv0.weight", None),
        ] {
            assert_eq!(before_stem(path), expected, "{path}");
        }
    }

    #[test]
    fn a_key_means_the_way_itself_or_what_lies_inside() {
        let prefixes = ["", "ema.module.", "ema.old.", "model."];
        for (wanted, expected) in [
            (".", &[""][..]),
            ("model", &["model."]),
            ("ema.module", &["ema.module."]),
            ("ema", &["ema.module.", "ema.old."]),
            ("em", &[]),
        ] {
            assert_eq!(matching(&prefixes, wanted), expected, "{wanted}");
        }
    }

    #[test]
    fn what_stands_beside_the_network_is_named_once() {
        let entries = [
            ("epoch", 0),
            ("state", 0),
            ("state.net.features.conv0.weight", 5),
            ("state.net.head.a", 5),
            ("state.net.head.b", 5),
            ("state.loss.weight", 5),
            ("optimizer", 0),
            ("optimizer.state", 9),
        ];
        let beside = beside(entries.into_iter(), "state.net.");
        let expected = [
            "epoch",
            "optimizer",
            "state.loss",
            "state.net.head (2 tensors)",
        ];
        assert_eq!(beside, expected);
    }
}
