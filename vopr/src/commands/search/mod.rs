//! Commands that search for failures: random exploration, guided fuzzing, the kill matrix, and their helpers.

pub(crate) mod bench;
pub(crate) mod bench_trial;
pub(crate) mod corpus;
pub(crate) mod digests;
pub(crate) mod fuzz;
pub(crate) mod fuzz_worker;
pub(crate) mod matrix;
pub(crate) mod run;
