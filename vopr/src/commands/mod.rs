//! The commands, one per file. Each parses its arguments, calls the engine once, and prints the result.

pub(crate) mod failure;
pub(crate) mod overview;
pub(crate) mod search;
