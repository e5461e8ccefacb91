//! Runs: the same in every process, and with a system that dies.

mod deaths;
mod determinism;
