//! The vocabulary of protocols: messages, lies, and the observations in which everything that happens is reported.

pub(crate) mod kinds;
pub mod lie;
pub mod message;
pub mod observation;
pub mod reason;
