//! The readers of the observation stream that judge nothing: the state of the cluster, coverage, marks, triggers, the trace.

pub mod cluster_view;
pub mod coverage;
pub mod mark;
pub mod outcomes;
pub mod trace;
pub mod triggers;
