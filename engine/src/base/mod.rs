//! Errors, exit codes, files, terminal output, and the text form of values.

pub mod error;
pub mod exit;
pub mod files;
pub mod format;
pub mod terminal;
