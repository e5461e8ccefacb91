//! What all pages have in common: the frame around them, and drawings.

pub(super) mod charts;
pub(super) mod frame;
