//! Readers of the observation stream that do not judge: cluster view, coverage, marks, triggers, trace, outcomes.

pub mod cluster_view;
pub mod coverage;
pub mod mark;
pub mod outcomes;
pub mod trace;
pub mod triggers;
