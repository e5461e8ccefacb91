//! The foundation: ids, time, random numbers, the event queue, the disk's terms, panics, values in words.

pub mod ids;
pub mod panics;
pub mod queue;
pub mod random;
pub mod storage;
pub mod time;
pub mod words;
