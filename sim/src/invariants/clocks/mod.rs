//! Invariants of clocks: commit timestamps are ordered, and a clock that is off is noticed.

pub mod clock_offset_detection;
pub mod commit_timestamp_order;
