//! The trace: a rolling digest of every observation, and, when asked for, the observations themselves.

use crate::observation::Seen;

/// The trace of a run.
#[derive(Debug, Default)]
pub struct Trace {}

impl Trace {
    /// Forgets everything; a new run begins, whose observations are kept if `record` is true.
    pub fn reset(&mut self, record: bool) {
        let _ = record;
        todo!()
    }

    /// Takes in one observation: every field of it.
    pub fn observe(&mut self, seen: &Seen) {
        let _ = seen;
        todo!()
    }

    /// The digest so far.
    pub fn digest(&self) -> u64 {
        todo!()
    }

    /// How many observations were made.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Whether none was made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The observations, if they were recorded.
    pub fn recorded(&self) -> &[Seen] {
        todo!()
    }
}
