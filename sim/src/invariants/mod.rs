//! The invariants: one file each, incremental, checked at every observation. `Judge` asks each of them about those kinds
//! of observations that it cares for.
//!
//! They judge correct replicas and clients only; what a liar holds is its own affair. They never stop at a violation: it
//! may not be owed in this run, and what comes after it is judged as well. Of several violations in one observation the
//! first in `JUDGED` is reported, so the more specific name comes before the more general one.

pub mod applied_position_monotonic;
pub mod availability;
pub mod clock_offset_detection;
pub mod commit_timestamp_order;
mod context;
pub mod corruption_detection;
pub mod durability;
pub mod exactly_once;
pub mod hash_chain;
pub mod kernel_command_validation;
pub(crate) mod kinds;
pub mod linearizability;
pub mod liveness;
pub mod log_consistency;
pub mod message_deduplication;
pub mod mvcc_visibility;
pub mod needless_view_change;
pub mod no_panic;
mod patience;
pub mod primary_abdication;
pub mod reconfiguration_safety;
mod record;
pub mod repair_budget;
pub mod repair_efficiency;
pub mod resource_limits;
#[cfg(test)]
mod script;
pub mod scrub_completeness;
pub mod scrub_rate;
pub mod scrub_repair;
pub mod session_eviction;
mod sessions;
pub mod state_transfer;
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
use crate::workload::Answer;
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
    commit_timestamp_order::NAME,
    clock_offset_detection::NAME,
    state_transfer::NAME,
    session_eviction::NAME,
    message_deduplication::NAME,
    kernel_command_validation::NAME,
    corruption_detection::NAME,
    scrub_completeness::NAME,
    scrub_rate::NAME,
    scrub_repair::NAME,
    repair_budget::NAME,
    repair_efficiency::NAME,
    needless_view_change::NAME,
    primary_abdication::NAME,
    availability::NAME,
    reconfiguration_safety::NAME,
    liveness::NAME,
    no_panic::NAME,
];

/// The invariants in the order in which they judge, with the kinds of observations that they care for.
const JUDGED: [(&str, u128); 32] = [
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
    (kernel_command_validation::NAME, kernel_command_validation::INTERESTS),
    (session_eviction::NAME, session_eviction::INTERESTS),
    (exactly_once::NAME, exactly_once::INTERESTS),
    (message_deduplication::NAME, message_deduplication::INTERESTS),
    (durability::NAME, durability::INTERESTS),
    (linearizability::NAME, linearizability::INTERESTS),
    (commit_timestamp_order::NAME, commit_timestamp_order::INTERESTS),
    (clock_offset_detection::NAME, clock_offset_detection::INTERESTS),
    (scrub_completeness::NAME, scrub_completeness::INTERESTS),
    (scrub_rate::NAME, scrub_rate::INTERESTS),
    (scrub_repair::NAME, scrub_repair::INTERESTS),
    (corruption_detection::NAME, corruption_detection::INTERESTS),
    (repair_budget::NAME, repair_budget::INTERESTS),
    (repair_efficiency::NAME, repair_efficiency::INTERESTS),
    (needless_view_change::NAME, needless_view_change::INTERESTS),
    (primary_abdication::NAME, primary_abdication::INTERESTS),
    (availability::NAME, availability::INTERESTS),
    (state_transfer::NAME, state_transfer::INTERESTS),
    (reconfiguration_safety::NAME, reconfiguration_safety::INTERESTS),
    (liveness::NAME, 0),
    (no_panic::NAME, no_panic::INTERESTS),
];

/// The place in `JUDGED` of the invariant that the world judges itself: it has a panic's message.
const NO_PANIC: usize = 31;

/// The place in `JUDGED` of the invariant that cares for all that the record has to know of replicas.
const SESSION_EVICTION: usize = 12;
/// The places of those that judge only where the configuration promises something.
const PRIMARY_ABDICATION: u32 = 26;
const AVAILABILITY: u32 = 27;

/// For each kind of observation the invariants that judge it: bit i is the i-th of `JUDGED`.
const INTERESTED: [u64; OBSERVATION_KINDS] = {
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
    /// The invariants that do not judge in this run: bit i is the i-th of `JUDGED`.
    idle: u64,
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
    timestamps: commit_timestamp_order::CommitTimestampOrder,
    clocks: clock_offset_detection::ClockOffsetDetection,
    corruption: corruption_detection::CorruptionDetection,
    scrub_completeness: scrub_completeness::ScrubCompleteness,
    scrub_rate: scrub_rate::ScrubRate,
    scrub_repair: scrub_repair::ScrubRepair,
    repair_budget: repair_budget::RepairBudget,
    repair_efficiency: repair_efficiency::RepairEfficiency,
    needless_view_change: needless_view_change::NeedlessViewChange,
    primary_abdication: primary_abdication::PrimaryAbdication,
    availability: availability::Availability,
    state_transfer: state_transfer::StateTransfer,
}

impl Judge {
    /// Forgets everything; a new run with this configuration begins.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        self.record.reset(config.cluster.sessions_max);
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
        self.timestamps.reset();
        self.clocks.reset(config);
        self.corruption.reset();
        self.scrub_completeness.reset(config);
        self.scrub_rate.reset(config);
        self.scrub_repair.reset(config);
        self.repair_budget.reset(config);
        self.repair_efficiency.reset(config);
        self.needless_view_change.reset(config, liars);
        self.primary_abdication.reset(config);
        self.availability.reset(config);
        let abdication = primary_abdication::PrimaryAbdication::promised(config);
        let availability = availability::Availability::promised(config, liars);
        self.idle = u64::from(!abdication) << PRIMARY_ABDICATION | u64::from(!availability) << AVAILABILITY;
        self.state_transfer.reset(config);
    }

    /// Judges one observation against what was known before it (`shadow` has not taken it in yet).
    #[inline]
    pub fn observe(&mut self, seen: &Seen, shadow: &Shadow) -> Option<Violation> {
        let kind = seen.what.kind();
        match seen.who {
            Who::Replica(id) if shadow.liars.has(id) => None,
            Who::Replica(id) => {
                self.kinds.0[kind] += 1;
                let interested = INTERESTED[kind] & !self.idle;
                if interested == 0 { None } else { self.judge_replica(interested, seen, id, shadow) }
            }
            Who::World | Who::Client(_) => {
                self.kinds.0[kind] += 1;
                if let Observation::Healed = seen.what {
                    self.state_transfer.healed(seen.at, shadow);
                }
                self.judge_client(seen, shadow)
            }
        }
    }

    fn judge_replica(&mut self, interested: u64, seen: &Seen, id: ReplicaId, shadow: &Shadow) -> Option<Violation> {
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
                11 => kernel_command_validation::observe(&context),
                12 => session_eviction::observe(&context),
                13 => self.exactly_once.observe(&context),
                14 => message_deduplication::observe(&context),
                16 => self.linearizability.observe(&context),
                17 => self.timestamps.observe(&context),
                18 => self.clocks.observe(&context),
                19 => self.scrub_completeness.observe(&context),
                20 => self.scrub_rate.observe(&context),
                21 => self.scrub_repair.observe(&context),
                22 => self.corruption.observe(&context),
                23 => self.repair_budget.observe(&context),
                24 => self.repair_efficiency.observe(&context),
                25 => self.needless_view_change.observe(&context),
                PRIMARY_ABDICATION => self.primary_abdication.observe(&context),
                AVAILABILITY => self.availability.observe(&context),
                28 => self.state_transfer.observe(&context),
                29 => self.reconfiguration_safety.observe(&context),
                // Durability judges answers, liveness the end.
                _ => None,
            };
            if let (None, Some(_)) = (&first, &violation) {
                first = violation;
            }
        }
        if JUDGED[SESSION_EVICTION].1 >> seen.what.kind() & 1 == 1 {
            self.record.executed(id, &seen.what);
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
                self.availability.answered();
                isolation.or(durability).or(linearizability)
            }
            Observation::Invoked { client, session, number, operation } => {
                self.record.invoked(client, session, number, operation);
                None
            }
            Observation::ClientCrashed { client } => {
                self.record.client_gave_up(client);
                self.availability.answered();
                None
            }
            Observation::Registering { client, .. } => {
                self.record.sessions.asks(client);
                None
            }
            Observation::SessionRegistered { client, .. } | Observation::SessionEvicted { client, .. } => {
                let told = Answered { seen, shadow, record: &self.record, asked: None, answer: Answer::default() };
                let violation = session_eviction::told(&told);
                match seen.what {
                    Observation::SessionEvicted { .. } => self.record.client_gave_up(client),
                    _ => self.record.sessions.asks_no_more(client),
                }
                violation
            }
            Observation::Healed => {
                self.scrub_completeness.healed(seen.at);
                self.scrub_repair.healed(seen.at);
                None
            }
            Observation::Retried { .. } if self.idle >> AVAILABILITY & 1 == 0 => {
                self.availability.retried(seen, shadow)
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
        let behind = self.state_transfer.finish(at, event);
        if behind.is_some() {
            return behind;
        }
        // A replica that is still behind holds less than everything, and may: so durability waits for convergence.
        if let Some(missing) = liveness::missing(&self.record, shadow) {
            return Some(liveness::violation(&missing, at, event, &self.record, shadow));
        }
        let durability = self.durability.finish(at, event, shadow);
        durability.or_else(|| self.scrub_completeness.finish(at, event, shadow))
    }

    /// How often each invariant was checked in this run, in the order of [`NAMES`].
    pub fn checks(&self) -> Vec<u64> {
        let count = |name: &&str| {
            let place = JUDGED.iter().position(|judged| judged.0 == *name).unwrap_or(NO_PANIC);
            let interests = if self.idle >> place & 1 == 0 { JUDGED[place].1 } else { 0 };
            let judged = (0..OBSERVATION_KINDS).filter(|kind| interests >> kind & 1 == 1);
            let at_the_end =
                if [durability::NAME, scrub_completeness::NAME, liveness::NAME].contains(name) { self.ends } else { 0 };
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
        assert_eq!(NAMES[31], "no_panic");
        assert_eq!(JUDGED[NO_PANIC].0, no_panic::NAME);
        assert_eq!(JUDGED[SESSION_EVICTION].0, session_eviction::NAME);
        assert_eq!(JUDGED[PRIMARY_ABDICATION as usize].0, primary_abdication::NAME);
        assert_eq!(JUDGED[AVAILABILITY as usize].0, availability::NAME);
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
