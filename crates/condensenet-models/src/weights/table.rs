//! The table of a network's tensors, and the two ways through it.

use std::collections::BTreeSet;

use super::{
    error::{StateDictError, StateDictFault, StateDictProblem},
    slot::Slot,
    state_dict::StateDict,
};

/// Every tensor of a network with its name. Filled by `names.rs`.
#[derive(Default)]
pub(super) struct Table<'a> {
    entries: Vec<(String, Slot<'a>)>,
}

impl<'a> Table<'a> {
    pub(super) fn push(&mut self, key: String, slot: Slot<'a>) {
        self.entries.push((key, slot));
    }

    /// Copies the tensors into a state dict.
    pub(super) fn write(self) -> StateDict {
        let entries = self.entries.into_iter();
        entries
            .filter_map(|(key, slot)| slot.write().map(|data| (key, data)))
            .collect()
    }

    /// Fills the network if everything fits, else says what does not and changes nothing.
    pub(super) fn read(self, state_dict: &StateDict) -> Result<(), StateDictError> {
        let faults = self.faults(state_dict);
        if !faults.is_empty() {
            return Err(StateDictError { faults });
        }
        for (key, slot) in self.entries {
            if let Some(data) = state_dict.get(&key) {
                slot.read(data);
            }
        }
        Ok(())
    }

    fn faults(&self, state_dict: &StateDict) -> Vec<StateDictFault> {
        let mut faults = Vec::new();
        let mut report = |key: &str, problem| {
            let key = key.to_owned();
            faults.push(StateDictFault { key, problem });
        };
        for (key, slot) in &self.entries {
            match (state_dict.get(key), slot.shape()) {
                (None, None) => {}
                (None, Some(expected)) => report(key, StateDictProblem::Missing { expected }),
                (Some(data), _) => {
                    if let Err(problem) = slot.check(data) {
                        report(key, problem);
                    }
                }
            }
        }
        let known: BTreeSet<&str> = self.entries.iter().map(|(key, _)| key.as_str()).collect();
        for (key, data) in state_dict.iter().filter(|(key, _)| !known.contains(key)) {
            let found = data.shape().to_vec();
            report(key, StateDictProblem::LeftOver { found });
        }
        faults
    }
}
