//! vopr: a coverage-guided fuzzer for consensus protocols. This library is the command line and what is behind it.
//!
//! Every command walks the same road: a [`sim::Case`] (drawn from a seed, decoded from a fuzzer's bytes, or read from a
//! [`kmb`] file) goes into an [`engine::Engine`], and a [`sim::Outcome`] comes out.

mod arguments;
mod bench;
mod bisect;
mod cli;
mod commands;
mod corpus;
pub mod counters;
#[cfg(feature = "dashboard")]
mod dashboard;
mod data;
pub mod engine;
mod error;
pub mod exit;
mod explain;
mod explore;
mod faults;
mod files;
pub mod fuzz_entry;
mod fuzzing;
mod guarded;
pub mod kmb;
mod limits;
mod matrix;
mod minimize;
pub mod mutator;
mod output;
pub mod packed;
mod report;
mod reports;
mod seeds;
mod selection;
mod tally;
pub mod timeline;
#[cfg(feature = "tui")]
mod tui;
mod words;

pub use cli::main;
pub use error::Error;
pub use fuzzing::{Driver, Harness, Next};
