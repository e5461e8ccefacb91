//! The vocabulary of protocols: messages, lies, and the observations in which everything that happens is reported.

#[macro_use]
mod declare;
mod digest;
pub mod fault;
pub mod lie;
pub mod message;
pub mod observation;
pub mod reason;

pub(crate) use observation::kinds;
