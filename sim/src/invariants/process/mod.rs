//! Invariants of a replica as a process: it does not panic, and it holds a bounded amount of memory.

pub mod no_panic;
pub mod resource_limits;
