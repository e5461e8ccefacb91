//! A violation: a broken invariant, as a run reports it. Names are not copied here; `engine` has the form that leaves a run.

use crate::base::ids::ReplicaSet;
use crate::base::time::Time;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// Which rule of the invariant, as a short fixed phrase: findings are grouped by it.
    pub rule: &'static str,
    /// When, in virtual time.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The replicas concerned.
    pub replicas: ReplicaSet,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub seen: String,
}
