//! Data sets, recipes, training, evaluation and conversion for CondenseNets on Burn.

pub mod data;
