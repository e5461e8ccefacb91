//! The disk: where everything stands, and in which order it becomes durable.

pub mod journal;
pub mod layout;
