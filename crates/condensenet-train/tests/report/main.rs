//! Reports: their numbers, their pages, and what they do with runs that are not whole.

mod broken;
mod numbers;
mod pages;
mod support;
