//! What can be said about one failure: a smaller one, the event that caused it, its story, its picture.

pub mod bisect;
pub mod explain;
pub mod minimize;
pub mod timeline;
