//! The exit codes. Scripts and CI depend on them, so they do not change.

/// Every run passed.
pub const CLEAN: u8 = 0;
/// A violation was found, or the runs were vacuous.
pub const VIOLATION: u8 = 1;
/// Wrong arguments, an unknown name, or an invalid file.
pub const USAGE: u8 = 2;
/// A file could not be read or written.
pub const IO: u8 = 3;
/// A bug of vopr itself. This is the exit code of every Rust program that panics.
pub const INTERNAL: u8 = 101;
/// All of them.
pub const ALL: [u8; 5] = [CLEAN, VIOLATION, USAGE, IO, INTERNAL];
