//! Invariants of the replicated log: one history, which no view change, recovery or state transfer loses.

pub mod hash_chain;
pub mod log_consistency;
pub mod reconfiguration_safety;
pub mod state_transfer;
pub mod view_monotonic;
pub mod vsr_agreement;
pub mod vsr_prefix_property;
pub mod vsr_recovery_safety;
pub mod vsr_view_change_safety;
