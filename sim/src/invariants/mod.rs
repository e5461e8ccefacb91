//! The invariants: one file each, incremental, checked at every observation. `Judge` asks each of them about those kinds
//! of observations that it cares for.
//!
//! They judge correct replicas and clients only; what a liar holds is its own affair. They never stop at a violation: it
//! may not be owed in this run, and what comes after it is judged as well. Of several violations in one observation the
//! first in `JUDGED` is reported, so the more specific name comes before the more general one.

pub mod applied_position_monotonic;
mod context;
pub mod durability;
pub mod exactly_once;
pub mod hash_chain;
pub(crate) mod kinds;
pub mod linearizability;
pub mod liveness;
pub mod log_consistency;
pub mod mvcc_visibility;
pub mod no_panic;
pub mod reconfiguration_safety;
mod record;
pub mod resource_limits;
#[cfg(test)]
mod script;
pub mod tenant_isolation;
pub mod view_monotonic;
pub mod vsr_agreement;
pub mod vsr_prefix_property;
pub mod vsr_recovery_safety;
pub mod vsr_view_change_safety;

use crate::observation::{OBSERVATION_KINDS, Observation, Seen, Who};
use crate::shadow::Shadow;
use crate::spec::{Config, ReplicaId, ReplicaSet};
use crate::time::Time;
use context::{Answered, Context, set, short};
use record::Record;

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
pub const NAMES: &[&str] = &[
    vsr_agreement::NAME,
    vsr_prefix_property::NAME,
    vsr_view_change_safety::NAME,
    vsr_recovery_safety::NAME,
    log_consistency::NAME,
    hash_chain::NAME,
    durability::NAME,
    exactly_once::NAME,
    linearizability::NAME,
    tenant_isolation::NAME,
    mvcc_visibility::NAME,
    applied_position_monotonic::NAME,
    view_monotonic::NAME,
    resource_limits::NAME,
    reconfiguration_safety::NAME,
    liveness::NAME,
    no_panic::NAME,
];

/// The invariants in the order in which they judge, with the kinds of observations that they care for.
const JUDGED: [(&str, u64); 17] = [
    (resource_limits::NAME, resource_limits::INTERESTS),
    (view_monotonic::NAME, view_monotonic::INTERESTS),
    (vsr_agreement::NAME, vsr_agreement::INTERESTS),
    (vsr_prefix_property::NAME, vsr_prefix_property::INTERESTS),
    (vsr_view_change_safety::NAME, vsr_view_change_safety::INTERESTS),
    (vsr_recovery_safety::NAME, vsr_recovery_safety::INTERESTS),
    (hash_chain::NAME, hash_chain::INTERESTS),
    (log_consistency::NAME, log_consistency::INTERESTS),
    (applied_position_monotonic::NAME, applied_position_monotonic::INTERESTS),
    (tenant_isolation::NAME, tenant_isolation::INTERESTS),
    (mvcc_visibility::NAME, mvcc_visibility::INTERESTS),
    (exactly_once::NAME, exactly_once::INTERESTS),
    (durability::NAME, durability::INTERESTS),
    (linearizability::NAME, linearizability::INTERESTS),
    (reconfiguration_safety::NAME, reconfiguration_safety::INTERESTS),
    (liveness::NAME, 0),
    (no_panic::NAME, no_panic::INTERESTS),
];

/// The place in `JUDGED` of the invariant that the world judges itself: it has a panic's message.
const NO_PANIC: usize = 16;

/// For each kind of observation the invariants that judge it: bit i is the i-th of `JUDGED`.
const INTERESTED: [u32; OBSERVATION_KINDS] = {
    let mut table = [0; OBSERVATION_KINDS];
    let mut kind = 0;
    while kind < OBSERVATION_KINDS {
        let mut judged = 0;
        while judged < NO_PANIC {
            if JUDGED[judged].1 >> kind & 1 == 1 {
                table[kind] |= 1 << judged;
            }
            judged += 1;
        }
        kind += 1;
    }
    table
};

/// How many observations of each kind were judged.
#[derive(Debug)]
struct Counts([u64; OBSERVATION_KINDS]);

impl Default for Counts {
    fn default() -> Self {
        Counts([0; OBSERVATION_KINDS])
    }
}

/// All invariants of a run.
#[derive(Debug, Default)]
pub struct Judge {
    record: Record,
    kinds: Counts,
    /// How often the end was judged.
    ends: u64,
    resource_limits: resource_limits::ResourceLimits,
    view_monotonic: view_monotonic::ViewMonotonic,
    view_change_safety: vsr_view_change_safety::ViewChangeSafety,
    mvcc: mvcc_visibility::MvccVisibility,
    exactly_once: exactly_once::ExactlyOnce,
    durability: durability::Durability,
    linearizability: linearizability::Linearizability,
    reconfiguration_safety: reconfiguration_safety::ReconfigurationSafety,
}

impl Judge {
    /// Forgets everything; a new run with this configuration begins.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        // Which replicas lie is read from the shadow, which was reset with the same set.
        let _ = liars;
        self.record.reset();
        self.kinds = Counts::default();
        self.ends = 0;
        self.resource_limits.reset(config);
        self.view_monotonic.reset();
        self.view_change_safety.reset();
        self.mvcc.reset();
        self.exactly_once.reset();
        self.durability.reset();
        self.linearizability.reset();
        self.reconfiguration_safety.reset(config);
    }

    /// Judges one observation against what was known before it (`shadow` has not taken it in yet).
    #[inline]
    pub fn observe(&mut self, seen: &Seen, shadow: &Shadow) -> Option<Violation> {
        let kind = seen.what.kind();
        match seen.who {
            Who::Replica(id) if shadow.liars.has(id) => None,
            Who::Replica(id) => {
                self.kinds.0[kind] += 1;
                let interested = INTERESTED[kind];
                if interested == 0 { None } else { self.judge_replica(interested, seen, id, shadow) }
            }
            Who::World | Who::Client(_) => {
                self.kinds.0[kind] += 1;
                self.judge_client(seen, shadow)
            }
        }
    }

    fn judge_replica(&mut self, interested: u32, seen: &Seen, id: ReplicaId, shadow: &Shadow) -> Option<Violation> {
        let me = shadow.replicas.get(id.index())?;
        let context = Context { seen, id, me, shadow, record: &self.record };
        let mut first = None;
        let mut rest = interested;
        while rest != 0 {
            let judged = rest.trailing_zeros();
            rest &= rest - 1;
            let violation = match judged {
                0 => self.resource_limits.observe(&context),
                1 => self.view_monotonic.observe(&context),
                2 => vsr_agreement::observe(&context),
                3 => vsr_prefix_property::observe(&context),
                4 => self.view_change_safety.observe(&context),
                5 => vsr_recovery_safety::observe(&context),
                6 => hash_chain::observe(&context),
                7 => log_consistency::observe(&context),
                8 => applied_position_monotonic::observe(&context),
                9 => tenant_isolation::observe(&context),
                10 => self.mvcc.observe(&context),
                11 => self.exactly_once.observe(&context),
                13 => self.linearizability.observe(&context),
                14 => self.reconfiguration_safety.observe(&context),
                // Durability judges answers, liveness the end.
                _ => None,
            };
            if let (None, Some(_)) = (&first, &violation) {
                first = violation;
            }
        }
        if let Observation::Executed { .. } = seen.what {
            self.record.executed(&seen.what);
        }
        first
    }

    fn judge_client(&mut self, seen: &Seen, shadow: &Shadow) -> Option<Violation> {
        match seen.what {
            Observation::Answered { client, session, number, answer } => {
                let asked = self.record.find(client, session, number);
                let answered = Answered { seen, shadow, record: &self.record, asked, answer };
                let isolation = tenant_isolation::answered(&answered);
                let durability = self.durability.answered(&answered);
                let linearizability = self.linearizability.answered(&answered);
                self.record.answered(asked, answer.position);
                isolation.or(durability).or(linearizability)
            }
            Observation::Invoked { client, session, number, operation } => {
                self.record.invoked(client, session, number, operation);
                None
            }
            Observation::ClientCrashed { client } => {
                self.record.client_crashed(client);
                None
            }
            _ => None,
        }
    }

    /// Whether the cluster has done all that it owes: every request that a live client session asked is answered, all
    /// replicas are up and normal in one view, and all have committed and executed the same whole log. Cheap.
    ///
    /// Only correct replicas count, and it speaks of the requests that were asked so far: the world asks once the workload
    /// has been issued.
    pub fn converged(&self, shadow: &Shadow) -> bool {
        liveness::missing(&self.record, shadow).is_none()
    }

    /// Judges the end of the run: `converged` is false when the heal phase ran out of time. What is only owed at the end
    /// is checked here (liveness, durability of what was acknowledged).
    pub fn finish(&mut self, at: Time, event: u64, shadow: &Shadow) -> Option<Violation> {
        self.ends += 1;
        // A replica that is still behind holds less than everything, and may: so durability waits for convergence.
        match liveness::missing(&self.record, shadow) {
            Some(missing) => Some(liveness::violation(&missing, at, event, &self.record, shadow)),
            None => self.durability.finish(at, event, shadow),
        }
    }

    /// How often each invariant was checked in this run, in the order of [`NAMES`].
    pub fn checks(&self) -> Vec<u64> {
        let count = |name: &&str| {
            let interests = JUDGED.iter().find(|judged| judged.0 == *name).map_or(0, |judged| judged.1);
            let judged = (0..OBSERVATION_KINDS).filter(|kind| interests >> kind & 1 == 1);
            let at_the_end = if [durability::NAME, liveness::NAME].contains(name) { self.ends } else { 0 };
            judged.map(|kind| self.kinds.0[kind]).sum::<u64>() + at_the_end
        };
        NAMES.iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_judges_under_its_own_name_and_once() {
        for name in NAMES {
            assert_eq!(JUDGED.iter().filter(|judged| judged.0 == *name).count(), 1, "{name}");
        }
        assert_eq!(NAMES.len(), JUDGED.len());
        assert_eq!(NAMES[0], "vsr_agreement");
        assert_eq!(NAMES[16], "no_panic");
        assert_eq!(JUDGED[NO_PANIC].0, no_panic::NAME);
    }

    #[test]
    fn a_clean_run_passes_every_invariant_and_each_has_checked_something() {
        let mut script = script::Script::clean_run();
        assert!(script.judge.converged(&script.shadow));
        assert_eq!(script.finish(), None);
        let unchecked: Vec<_> = NAMES.iter().zip(script.judge.checks()).filter(|(_, checks)| *checks == 0).collect();
        assert!(unchecked.is_empty(), "{unchecked:?}");
    }

    #[test]
    fn a_reset_forgets_everything() {
        let mut script = script::Script::clean_run();
        script.reset();
        assert!(script.judge.checks().iter().all(|checks| *checks == 0));
        script.replay_clean_run();
        assert_eq!(script.finish(), None);
    }

    #[test]
    fn a_liar_is_not_judged() {
        let mut script = script::Script::with_liar(2);
        script.ok(2, Observation::Committed { op: 7, entry: 0 });
        script.ok(2, Observation::Appended { op: 9, view: 9, entry: 0, parent: 0 });
    }
}
