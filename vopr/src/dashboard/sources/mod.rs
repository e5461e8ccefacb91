//! The sources of the pages: the data directory, replays of its failures, and the measured kill matrix.

pub(super) mod kills;
pub(crate) mod replay;
pub(super) mod store;
