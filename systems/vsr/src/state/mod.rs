//! The parts of a replica's state, each with its rules: state machine, client table, membership, clock, checkpoints.

pub mod checkpoint;
pub mod clock;
pub mod membership;
pub mod sessions;
pub mod store;
