//! The invariants: one file each, incremental, checked at every observation. `Judge` asks each of them about those kinds
//! of observations that it cares for.

use crate::observation::Seen;
use crate::shadow::Shadow;
use crate::spec::{Config, ReplicaSet};
use crate::time::Time;

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

/// The names of all invariants, in a fixed order.
pub const NAMES: &[&str] = &[];

/// All invariants of a run.
#[derive(Debug, Default)]
pub struct Judge {}

impl Judge {
    /// Forgets everything; a new run with this configuration begins.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        let _ = (config, liars);
        todo!()
    }

    /// Judges one observation against what was known before it (`shadow` has not taken it in yet).
    pub fn observe(&mut self, seen: &Seen, shadow: &Shadow) -> Option<Violation> {
        let _ = (seen, shadow);
        todo!()
    }

    /// Whether the cluster has done all that it owes: every request that a live client session asked is answered, all
    /// replicas are up and normal in one view, and all have committed and executed the same whole log. Cheap.
    pub fn converged(&self, shadow: &Shadow) -> bool {
        let _ = shadow;
        todo!()
    }

    /// Judges the end of the run: `converged` is false when the heal phase ran out of time. What is only owed at the end
    /// is checked here (liveness, durability of what was acknowledged).
    pub fn finish(&mut self, at: Time, event: u64, shadow: &Shadow) -> Option<Violation> {
        let _ = (at, event, shadow);
        todo!()
    }

    /// How often each invariant was checked in this run, in the order of [`NAMES`].
    pub fn checks(&self) -> Vec<u64> {
        todo!()
    }
}
