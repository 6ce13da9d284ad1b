//! What Ctrl-C does.

use std::process;

/// The exit code of a program that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// Ends the program with 130 at an interrupt or a request to terminate.
///
/// Every file of a run is written under another name and renamed, so that ending at any moment loses no more than
/// what came after the last checkpoint.
pub(crate) fn end_with_130() {
    // A handler that can't be set leaves the system's own, which ends the program too.
    ctrlc::set_handler(|| process::exit(INTERRUPTED)).ok();
}
