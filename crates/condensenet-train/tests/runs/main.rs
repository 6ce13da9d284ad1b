//! Training runs: killed, resumed, fed with bad files, condensed, evaluated.

mod bad_input;
mod condensing;
mod evaluation;
mod failures;
mod learning;
mod resume;
mod support;
mod workers;
