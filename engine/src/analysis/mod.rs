//! Analyses of one failure: minimization, bisection, explanation, and the timeline.

pub mod bisect;
pub mod explain;
pub mod minimize;
pub mod timeline;
