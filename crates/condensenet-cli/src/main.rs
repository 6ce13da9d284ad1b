//! The `condensenet` program.
fn main() {}
