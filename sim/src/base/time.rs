//! Virtual time: nanoseconds since the start of a run. Nothing inside a run ever reads another clock.

/// A point in virtual time, or a span of it, in nanoseconds.
pub type Time = u64;

/// One microsecond of virtual time.
pub const MICROSECOND: Time = 1_000;
/// One millisecond of virtual time.
pub const MILLISECOND: Time = 1_000_000;
/// One second of virtual time.
pub const SECOND: Time = 1_000_000_000;
