//! The commands, one a file: arguments in, one call of what does the work, and what is printed.

pub(crate) mod failure;
pub(crate) mod overview;
pub(crate) mod search;
