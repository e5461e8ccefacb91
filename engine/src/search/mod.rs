//! The search for failures: at random, guided by the states that runs reach, and from outside by another fuzzer.

pub mod bench;
pub mod corpus;
pub mod counters;
pub mod explore;
pub mod formats;
pub mod fuzz_entry;
pub mod fuzzing;
pub mod matrix;
pub mod mutator;
pub mod packed;
pub mod summary;
pub mod targets;
