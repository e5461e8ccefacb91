//! Invariants of disks: damage is noticed, searched for within a budget, and repaired.

pub mod corruption_detection;
pub mod scrub_completeness;
pub mod scrub_rate;
pub mod scrub_repair;
