//! What is behind the command line: it runs cases of any system, searches for failures, keeps them in files, and says what
//! led to them. Others can depend on it without a terminal, a web server or an argument parser.
//!
//! - [`base`]: errors, exit codes, files, the terminal, words for values.
//! - [`cases`]: the systems under test behind one type, violations, `.kmb` files, seeds, processes that may die.
//! - [`campaigns`]: findings, the log of a campaign, data directories.
//! - [`analysis`]: minimizing, bisecting, explaining and drawing a failure.
//! - [`search`]: random and guided search, and all that serves them.
//!
//! Each imports only those before it. Every way to run something is the same: a [`sim::Case`] (drawn from a seed, decoded from
//! a fuzzer's bytes, or read from a `.kmb` file) goes into a [`cases::systems::Engine`], and a [`sim::Outcome`] comes out.
#![deny(unsafe_code)]

pub mod analysis;
pub mod base;
pub mod campaigns;
pub mod cases;
pub mod search;
