//! Where the pages get their content: the data directory, runs of its failures, and the measured kill matrix.

pub(super) mod kills;
pub(crate) mod replay;
pub(super) mod store;
