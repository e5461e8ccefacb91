//! Search for failures: random exploration, coverage-guided fuzzing, and the entry points for external fuzzers.

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
