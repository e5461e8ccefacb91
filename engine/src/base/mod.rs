//! Errors, exit codes, files, the terminal, and values in words.

pub mod error;
pub mod exit;
pub mod files;
pub mod format;
pub mod terminal;
