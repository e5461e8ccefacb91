//! Runs: the same everywhere, of every system, and with one that dies.

mod deaths;
mod determinism;
mod findings;
mod systems;
