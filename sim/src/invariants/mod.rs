//! The invariants: one file each, incremental, checked at every observation. `Checkers` asks each of them about those kinds
//! of observations that it cares for.
//!
//! They judge correct replicas and clients only; what a liar holds is its own affair. They never stop at a violation: it
//! may not be owed in this run, and what comes after it is judged as well. Of several violations in one observation the
//! first in `JUDGED` is reported, so the more specific name comes before the more general one.

pub mod clients;
pub mod clocks;
pub mod disks;
pub mod guarantees;
#[cfg(test)]
mod harness;
pub mod process;
pub mod progress;
pub mod replication;
mod support;

pub use support::Violation;

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::config::workload::Answer;
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::{OBSERVATION_KINDS, Observation, Seen, Who};
use clients::{
    applied_position_monotonic, durability, exactly_once, kernel_command_validation, linearizability,
    message_deduplication, mvcc_visibility, session_eviction, tenant_isolation,
};
use clocks::{clock_offset_detection, commit_timestamp_order};
use disks::{corruption_detection, scrub_completeness, scrub_rate, scrub_repair};
use process::{no_panic, resource_limits};
use progress::{availability, liveness, needless_view_change, primary_abdication, repair_budget, repair_efficiency};
use replication::{
    hash_chain, log_consistency, reconfiguration_safety, state_transfer, view_monotonic, vsr_agreement,
    vsr_prefix_property, vsr_recovery_safety, vsr_view_change_safety,
};
use support::history::History;
use support::kinds;
use support::{Answered, Context};

/// An invariant as the judge knows it.
struct Judged {
    name: &'static str,
    /// The kinds of observations that it cares for.
    interests: u128,
    /// Judges an observation of a correct replica.
    observe: fn(&mut Each, &Context<'_>) -> Option<Box<Violation>>,
    /// Whether a configuration, with these liars, promises anything that it could judge.
    promised: fn(&Config, ReplicaSet) -> bool,
}

impl Judged {
    const fn new(
        name: &'static str,
        interests: u128,
        observe: fn(&mut Each, &Context<'_>) -> Option<Box<Violation>>,
    ) -> Self {
        Judged { name, interests, observe, promised: |_, _| true }
    }

    /// One that judges answers, the end, or what the world has seen, and no observation of a replica.
    const fn elsewhere(name: &'static str, interests: u128) -> Self {
        Judged::new(name, interests, |_, _| None)
    }

    const fn where_promised(mut self, promised: fn(&Config, ReplicaSet) -> bool) -> Self {
        self.promised = promised;
        self
    }
}

/// The invariants in the order in which they judge.
const JUDGED: [Judged; 32] = [
    Judged::new(resource_limits::NAME, resource_limits::INTERESTS, |each, context| {
        each.resource_limits.observe(context)
    }),
    Judged::new(view_monotonic::NAME, view_monotonic::INTERESTS, |each, context| each.view_monotonic.observe(context)),
    Judged::new(vsr_agreement::NAME, vsr_agreement::INTERESTS, |_, context| vsr_agreement::observe(context)),
    Judged::new(vsr_prefix_property::NAME, vsr_prefix_property::INTERESTS, |_, context| {
        vsr_prefix_property::observe(context)
    }),
    Judged::new(vsr_view_change_safety::NAME, vsr_view_change_safety::INTERESTS, |each, context| {
        each.view_change_safety.observe(context)
    }),
    Judged::new(vsr_recovery_safety::NAME, vsr_recovery_safety::INTERESTS, |_, context| {
        vsr_recovery_safety::observe(context)
    }),
    Judged::new(hash_chain::NAME, hash_chain::INTERESTS, |_, context| hash_chain::observe(context)),
    Judged::new(log_consistency::NAME, log_consistency::INTERESTS, |_, context| log_consistency::observe(context)),
    Judged::new(applied_position_monotonic::NAME, applied_position_monotonic::INTERESTS, |_, context| {
        applied_position_monotonic::observe(context)
    }),
    Judged::new(tenant_isolation::NAME, tenant_isolation::INTERESTS, |_, context| tenant_isolation::observe(context)),
    Judged::new(mvcc_visibility::NAME, mvcc_visibility::INTERESTS, |each, context| each.mvcc.observe(context)),
    Judged::new(kernel_command_validation::NAME, kernel_command_validation::INTERESTS, |_, context| {
        kernel_command_validation::observe(context)
    }),
    Judged::new(session_eviction::NAME, session_eviction::INTERESTS, |_, context| session_eviction::observe(context)),
    Judged::new(exactly_once::NAME, exactly_once::INTERESTS, |each, context| each.exactly_once.observe(context)),
    Judged::new(message_deduplication::NAME, message_deduplication::INTERESTS, |_, context| {
        message_deduplication::observe(context)
    }),
    Judged::elsewhere(durability::NAME, durability::INTERESTS),
    Judged::new(linearizability::NAME, linearizability::INTERESTS, |each, context| {
        each.linearizability.observe(context)
    }),
    Judged::new(commit_timestamp_order::NAME, commit_timestamp_order::INTERESTS, |each, context| {
        each.timestamps.observe(context)
    }),
    Judged::new(clock_offset_detection::NAME, clock_offset_detection::INTERESTS, |each, context| {
        each.clocks.observe(context)
    }),
    Judged::new(scrub_completeness::NAME, scrub_completeness::INTERESTS, |each, context| {
        each.scrub_completeness.observe(context)
    })
    .where_promised(|config, _| config.cluster.scrub_iops > 0),
    Judged::new(scrub_rate::NAME, scrub_rate::INTERESTS, |each, context| each.scrub_rate.observe(context))
        .where_promised(|config, _| config.cluster.scrub_iops > 0),
    Judged::new(scrub_repair::NAME, scrub_repair::INTERESTS, |each, context| each.scrub_repair.observe(context))
        .where_promised(|config, _| config.cluster.scrub_iops > 0),
    Judged::new(corruption_detection::NAME, corruption_detection::INTERESTS, |each, context| {
        each.corruption.observe(context)
    }),
    Judged::new(repair_budget::NAME, repair_budget::INTERESTS, |each, context| each.repair_budget.observe(context)),
    Judged::new(repair_efficiency::NAME, repair_efficiency::INTERESTS, |each, context| {
        each.repair_efficiency.observe(context)
    }),
    Judged::new(needless_view_change::NAME, needless_view_change::INTERESTS, |each, context| {
        each.needless_view_change.observe(context)
    }),
    Judged::new(primary_abdication::NAME, primary_abdication::INTERESTS, |each, context| {
        each.primary_abdication.observe(context)
    })
    .where_promised(|config, _| primary_abdication::PrimaryAbdication::promised(config)),
    Judged::new(availability::NAME, availability::INTERESTS, |each, context| each.availability.observe(context))
        .where_promised(availability::Availability::promised),
    Judged::new(state_transfer::NAME, state_transfer::INTERESTS, |each, context| each.state_transfer.observe(context)),
    Judged::new(reconfiguration_safety::NAME, reconfiguration_safety::INTERESTS, |each, context| {
        each.reconfiguration_safety.observe(context)
    }),
    Judged::elsewhere(liveness::NAME, 0),
    Judged::elsewhere(no_panic::NAME, no_panic::INTERESTS),
];

/// The names of all invariants, in the order in which they judge.
pub const NAMES: &[&str] = &{
    let mut names = [""; JUDGED.len()];
    let mut judged = 0;
    while judged < JUDGED.len() {
        names[judged] = JUDGED[judged].name;
        judged += 1;
    }
    names
};

/// The kinds of observations that an invariant judges by, as bits: bit k is `Observation::kind` k.
pub fn interests(invariant: &str) -> u128 {
    JUDGED.iter().find(|judged| judged.name == invariant).map_or(0, |judged| judged.interests)
}

/// For each kind of observation the invariants that care for it: bit i is the i-th of `JUDGED`.
const INTERESTED: [u64; OBSERVATION_KINDS] = {
    let mut table = [0; OBSERVATION_KINDS];
    let mut kind = 0;
    while kind < OBSERVATION_KINDS {
        let mut judged = 0;
        while judged < JUDGED.len() {
            if JUDGED[judged].interests >> kind & 1 == 1 {
                table[kind] |= 1 << judged;
            }
            judged += 1;
        }
        kind += 1;
    }
    table
};

/// What is done to a replica. Of a liar it counts as well: its links are others' links, too.
const DONE_TO: u128 = kinds::CONDITIONS | kinds::CRASHED | kinds::RESTARTED | kinds::PAUSED | kinds::RESUMED;

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
pub struct Checkers {
    history: History,
    kinds: Counts,
    /// The invariants that do not judge in this run: bit i is the i-th of `JUDGED`.
    idle: u64,
    /// How often the end was judged.
    ends: u64,
    each: Each,
}

/// What those invariants know that have to remember something.
#[derive(Debug, Default)]
struct Each {
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

impl Checkers {
    /// Forgets everything; a new run with this configuration begins, of a system that is `exempt` from some invariants.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet, exempt: &[(&str, &str)]) {
        self.history.reset(config.cluster.sessions_max);
        self.kinds = Counts::default();
        self.ends = 0;
        self.each.resource_limits.reset(config);
        self.each.view_monotonic.reset();
        self.each.view_change_safety.reset();
        self.each.mvcc.reset();
        self.each.exactly_once.reset();
        self.each.durability.reset();
        self.each.linearizability.reset();
        self.each.reconfiguration_safety.reset(config);
        self.each.timestamps.reset();
        self.each.clocks.reset(config);
        self.each.corruption.reset();
        self.each.scrub_completeness.reset(config);
        self.each.scrub_rate.reset(config);
        self.each.scrub_repair.reset(config);
        self.each.repair_budget.reset(config);
        self.each.repair_efficiency.reset(config);
        self.each.needless_view_change.reset(config, liars);
        self.each.primary_abdication.reset(config);
        self.each.availability.reset(config, liars);
        self.each.state_transfer.reset(config);
        let idle = |(place, judged): (usize, &Judged)| {
            let exempt = exempt.iter().any(|(name, _)| *name == judged.name);
            u64::from(exempt || !(judged.promised)(config, liars)) << place
        };
        self.idle = JUDGED.iter().enumerate().map(idle).sum();
    }

    /// Judges one observation against what was known before it (`cluster_view` has not taken it in yet).
    #[inline]
    pub fn observe(&mut self, seen: &Seen, cluster_view: &ClusterView) -> Option<Box<Violation>> {
        let kind = seen.what.kind();
        match seen.who {
            Who::Replica(id) if cluster_view.liars.has(id) && DONE_TO >> kind & 1 == 0 => None,
            Who::Replica(id) => {
                self.kinds.0[kind] += 1;
                let interested = INTERESTED[kind] & !self.idle;
                if interested == 0 { None } else { self.judge_replica(interested, seen, id, cluster_view) }
            }
            Who::World | Who::Client(_) => {
                self.kinds.0[kind] += 1;
                self.judge_client(seen, cluster_view)
            }
        }
    }

    fn judge_replica(
        &mut self,
        interested: u64,
        seen: &Seen,
        id: ReplicaId,
        cluster_view: &ClusterView,
    ) -> Option<Box<Violation>> {
        let me = cluster_view.replicas.get(id.index())?;
        let context = Context { seen, id, me, cluster_view, history: &self.history };
        let mut first = None;
        let mut rest = interested;
        while rest != 0 {
            let judged = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            first = first.or((JUDGED[judged].observe)(&mut self.each, &context));
        }
        if session_eviction::INTERESTS >> seen.what.kind() & 1 == 1 {
            self.history.executed(id, &seen.what);
        }
        first
    }

    fn judge_client(&mut self, seen: &Seen, cluster_view: &ClusterView) -> Option<Box<Violation>> {
        match seen.what {
            Observation::Answered { client, session, number, answer } => {
                let asked = self.history.find(client, session, number);
                let answered = Answered { seen, cluster_view, history: &self.history, asked, answer };
                let isolation = tenant_isolation::answered(&answered);
                let durability = self.each.durability.answered(&answered);
                let linearizability = self.each.linearizability.answered(&answered);
                self.history.answered(asked, answer.position);
                self.each.availability.answered();
                isolation.or(durability).or(linearizability)
            }
            Observation::Invoked { client, session, number, operation } => {
                self.history.invoked(client, session, number, operation);
                None
            }
            Observation::ClientCrashed { client } => {
                self.history.client_gave_up(client);
                self.each.availability.answered();
                None
            }
            Observation::Registering { client, .. } => {
                self.history.sessions.asks(client);
                None
            }
            Observation::SessionRegistered { client, .. } | Observation::SessionEvicted { client, .. } => {
                let told =
                    Answered { seen, cluster_view, history: &self.history, asked: None, answer: Answer::default() };
                let violation = session_eviction::told(&told);
                match seen.what {
                    Observation::SessionEvicted { .. } => self.history.client_gave_up(client),
                    _ => self.history.sessions.asks_no_more(client),
                }
                violation
            }
            Observation::Healed => {
                self.each.state_transfer.healed(seen.at, cluster_view);
                self.each.scrub_completeness.healed(seen.at);
                self.each.scrub_repair.healed(seen.at);
                None
            }
            Observation::Retried { .. } => self.each.availability.retried(seen, cluster_view),
            _ => None,
        }
    }

    /// Whether the cluster has done all that it owes: every request that a live client session asked is answered, all
    /// replicas are up and normal in one view, and all have committed and executed the same whole log. Cheap.
    ///
    /// Only correct replicas count, and it speaks of the requests that were asked so far: the world asks once the workload
    /// has been issued.
    pub fn converged(&self, cluster_view: &ClusterView) -> bool {
        liveness::missing(&self.history, cluster_view).is_none()
    }

    /// Judges the end of the run: `converged` is false when the heal phase ran out of time. What is only owed at the end
    /// is checked here (liveness, durability of what was acknowledged).
    pub fn finish(&mut self, at: Time, event: u64, cluster_view: &ClusterView) -> Option<Box<Violation>> {
        self.ends += 1;
        let behind = self.each.state_transfer.finish(at, event);
        if behind.is_some() {
            return behind;
        }
        // A replica that is still behind holds less than everything, and may: so durability waits for convergence.
        if let Some(missing) = liveness::missing(&self.history, cluster_view) {
            return Some(Box::new(liveness::violation(&missing, at, event, &self.history, cluster_view)));
        }
        let durability = self.each.durability.finish(at, event, cluster_view);
        durability.or_else(|| self.each.scrub_completeness.finish(at, event, cluster_view))
    }

    /// How often each invariant was checked in this run, in the order of [`NAMES`].
    pub fn checks(&self) -> Vec<u64> {
        let count = |(place, judged): (usize, &Judged)| {
            if self.idle >> place & 1 == 1 {
                return 0;
            }
            let kinds = (0..OBSERVATION_KINDS).filter(|kind| judged.interests >> kind & 1 == 1);
            let at_the_end = [durability::NAME, scrub_completeness::NAME, liveness::NAME].contains(&judged.name);
            kinds.map(|kind| self.kinds.0[kind]).sum::<u64>() + if at_the_end { self.ends } else { 0 }
        };
        JUDGED.iter().enumerate().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_has_a_name_of_its_own() {
        for name in NAMES {
            assert_eq!(NAMES.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn a_clean_run_passes_every_invariant_and_each_has_checked_something() {
        let mut script = harness::Script::clean_run();
        assert!(script.checkers.converged(&script.cluster_view));
        assert_eq!(script.finish(), None);
        let unchecked: Vec<_> = NAMES.iter().zip(script.checkers.checks()).filter(|(_, checks)| *checks == 0).collect();
        assert!(unchecked.is_empty(), "{unchecked:?}");
    }

    #[test]
    fn a_reset_forgets_everything() {
        let mut script = harness::Script::clean_run();
        script.reset();
        assert!(script.checkers.checks().iter().all(|checks| *checks == 0));
        script.replay_clean_run();
        assert_eq!(script.finish(), None);
    }

    #[test]
    fn a_liar_is_not_judged() {
        let mut script = harness::Script::with_liar(2);
        script.ok(2, Observation::Committed { op: 7, entry: 0 });
        script.ok(2, Observation::Appended { op: 9, view: 9, entry: 0, parent: 0 });
    }
}
