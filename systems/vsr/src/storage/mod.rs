//! The disk: its layout, and the order in which writes become durable.

pub mod journal;
pub mod layout;
