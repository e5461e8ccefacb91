//! The exit codes. Scripts and CI depend on them: they do not change.

/// Every run passed.
pub const CLEAN: u8 = 0;
/// A violation was found, or the runs proved nothing.
pub const VIOLATION: u8 = 1;
/// Wrong arguments, an unknown name, or a file that is not what it should be.
pub const USAGE: u8 = 2;
/// A file could not be read or written.
pub const IO: u8 = 3;
/// vopr itself is at fault; as for every Rust program that panics.
pub const INTERNAL: u8 = 101;
/// All of them.
pub const ALL: [u8; 5] = [CLEAN, VIOLATION, USAGE, IO, INTERNAL];
