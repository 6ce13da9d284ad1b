//! Training runs: killed, resumed, fed with bad files, condensed, evaluated.

mod bad_input;
mod condensing;
mod damage;
mod disk;
mod evaluation;
mod failures;
mod fine_tuning;
mod foreign;
mod learning;
mod precision;
mod resume;
mod stopping;
mod support;
mod workers;
