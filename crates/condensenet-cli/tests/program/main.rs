//! The program as its users meet it: what it prints, and how it ends.

mod bench;
mod classes;
mod configuration;
mod conversion;
mod data_sets;
mod documentation;
mod endings;
mod evaluation;
mod fine_tuning;
mod interruption;
mod listings;
mod photos;
mod prediction;
mod published_weights;
mod summary;
mod support;
mod training;
mod usage;
