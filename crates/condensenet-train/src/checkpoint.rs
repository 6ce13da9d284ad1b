//! Checkpoints on disk: a directory each, whole or not there.
//!
//! A checkpoint is written under another name, flushed, and renamed, so that a kill at any moment leaves every checkpoint that
//! was there before. Its state names every file with length and checksum; nothing is loaded that does not match. Which
//! one is the latest and which the best is read off the states: there is no pointer that could point wrong.

mod atomic;
mod directory;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use atomic::write_atomically;
pub use directory::{CheckpointDirectory, DamagedCheckpoint};
pub(crate) use state::PartialEpoch;
pub use state::{CheckpointState, SavedCheckpoint};
