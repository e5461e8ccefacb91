//! Commands that search: at random, guided, for every planted bug, and what serves them.

pub(crate) mod bench;
pub(crate) mod bench_trial;
pub(crate) mod corpus;
pub(crate) mod digests;
pub(crate) mod fuzz;
pub(crate) mod fuzz_worker;
pub(crate) mod matrix;
pub(crate) mod run;
