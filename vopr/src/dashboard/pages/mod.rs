//! The pages, one per file.

pub(super) mod coverage;
pub(super) mod failure;
pub(super) mod invariant;
pub(super) mod overview;
pub(super) mod scenario;
