//! The invariants: one file each, incremental, checked at every observation. `Checkers` calls each of them for the
//! kinds of observations in its `INTERESTS`.
//!
//! They judge correct replicas and clients only; the state of a liar is not judged. They do not stop at a violation,
//! because it may not be owed in this run, and later observations are judged as well. Of several violations in one
//! observation the first in `invariants!` is reported, so a more specific invariant stands before a more general one.

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
use support::{Answered, Context, Invariant, kinds};

/// An invariant as the checkers know it.
struct Judged {
    name: &'static str,
    sentence: &'static str,
    interests: u128,
    observe: fn(&mut Each, &Context<'_>) -> Option<Box<Violation>>,
    promised: fn(&Config, ReplicaSet) -> bool,
}

impl Judged {
    const fn of<I: Invariant>(observe: fn(&mut Each, &Context<'_>) -> Option<Box<Violation>>) -> Self {
        Judged { name: I::NAME, sentence: I::SENTENCE, interests: I::INTERESTS, observe, promised: I::promised }
    }
}

/// Declares the invariants, each by its module and its type.
macro_rules! invariants {
    ($($module:ident: $type:ident,)*) => {
        /// The files of the invariants, without their ending.
        const MODULES: &[&str] = &[$(stringify!($module)),*];
        const COUNT: usize = MODULES.len();

        /// The invariants in the order in which they judge.
        const JUDGED: [Judged; COUNT] =
            [$(Judged::of::<$module::$type>(|each, context| each.$module.observe(context))),*];

        /// What the invariants remember.
        #[derive(Debug, Default)]
        struct Each {
            $($module: $module::$type,)*
        }

        impl Each {
            fn reset(&mut self, config: &Config, liars: ReplicaSet) {
                $(self.$module.reset(config, liars);)*
            }
        }
    };
}

invariants! {
    resource_limits: ResourceLimits,
    view_monotonic: ViewMonotonic,
    vsr_agreement: VsrAgreement,
    vsr_prefix_property: VsrPrefixProperty,
    vsr_view_change_safety: ViewChangeSafety,
    vsr_recovery_safety: VsrRecoverySafety,
    hash_chain: HashChain,
    log_consistency: LogConsistency,
    applied_position_monotonic: AppliedPositionMonotonic,
    tenant_isolation: TenantIsolation,
    mvcc_visibility: MvccVisibility,
    kernel_command_validation: KernelCommandValidation,
    session_eviction: SessionEviction,
    exactly_once: ExactlyOnce,
    message_deduplication: MessageDeduplication,
    durability: Durability,
    linearizability: Linearizability,
    commit_timestamp_order: CommitTimestampOrder,
    clock_offset_detection: ClockOffsetDetection,
    scrub_completeness: ScrubCompleteness,
    scrub_rate: ScrubRate,
    scrub_repair: ScrubRepair,
    corruption_detection: CorruptionDetection,
    repair_budget: RepairBudget,
    repair_efficiency: RepairEfficiency,
    needless_view_change: NeedlessViewChange,
    primary_abdication: PrimaryAbdication,
    availability: Availability,
    state_transfer: StateTransfer,
    reconfiguration_safety: ReconfigurationSafety,
    liveness: Liveness,
    no_panic: NoPanic,
}

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

/// What an invariant says, in a sentence.
pub fn sentence(invariant: &str) -> Option<&'static str> {
    JUDGED.iter().find(|judged| judged.name == invariant).map(|judged| judged.sentence)
}

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

impl Checkers {
    /// Forgets everything; a new run with this configuration begins, of a system that is `exempt` from some invariants.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet, exempt: &[(&str, &str)]) {
        self.history.reset(config.cluster.sessions_max);
        self.kinds = Counts::default();
        self.ends = 0;
        self.each.reset(config, liars);
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
    fn an_invariant_has_the_name_of_its_file() {
        assert_eq!(NAMES, MODULES);
    }

    #[test]
    fn the_sentence_of_an_invariant_is_the_first_of_its_file() {
        for Judged { name, sentence, .. } in JUDGED {
            let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/invariants")).unwrap();
            let files = folders.map(|folder| folder.unwrap().path().join(name).with_extension("rs"));
            let text =
                files.into_iter().find_map(|file| std::fs::read_to_string(file).ok()).expect("a file of its name");
            let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
            let first = lines.collect::<Vec<_>>().join(" ");
            assert!(first.starts_with(sentence), "{name}: {first}");
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
