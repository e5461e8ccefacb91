//! Tests of runs: determinism, and processes that die.

mod deaths;
mod determinism;
