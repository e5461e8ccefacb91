//! The messages: their content, their encoding, the selection of a log from DoViewChanges, and the lies that a replica
//! can tell.

pub mod byzantine;
pub mod log_selection;
pub mod message;
pub mod wire;
