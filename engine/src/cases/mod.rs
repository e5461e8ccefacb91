//! Cases outside of a run: the systems that run them, the violations that come of it, the files that hold both, and what
//! can be said of one.

pub mod action_changes;
pub mod comparison;
pub mod description;
pub mod fault_classes;
pub mod kmb;
pub mod limits;
pub mod seeds;
pub mod subprocess;
pub mod systems;
pub mod violation;
