//! The common parts of all pages: the frame and the charts.

pub(super) mod charts;
pub(super) mod frame;
