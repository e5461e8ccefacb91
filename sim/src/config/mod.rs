//! The configuration of a run, and what clients ask for: plain data, checked before a run is built from it.

pub mod membership;
pub mod model;
pub mod settings;
pub mod spec;
pub mod workload;
