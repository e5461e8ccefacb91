//! Invariants of what clients are told: each request is executed once, in order, durably, and for its own tenant.

pub mod applied_position_monotonic;
pub mod durability;
pub mod exactly_once;
pub mod kernel_command_validation;
pub mod linearizability;
pub mod message_deduplication;
pub mod mvcc_visibility;
pub mod session_eviction;
pub mod tenant_isolation;
