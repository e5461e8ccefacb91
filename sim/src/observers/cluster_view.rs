//! Cluster state reconstructed from observations: per replica its status, view, log and commit number, and the one
//! committed log. Invariants, coverage, marks and targets read it; only `ClusterView::apply` writes it.
//!
//! It takes what replicas report as true, including liars (a liar runs the ordinary code and lies on the way out).
//! Only correct replicas extend the committed log. It reports no violations: contradictory observations are applied as
//! far as possible, since the run continues where an invariant is not guaranteed.

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::membership::Configuration;
use crate::config::spec::Config;
use crate::protocol::kinds;
use crate::protocol::observation::{EntryHash, Observation, Seen, Status, Who};

/// The kinds of observations that change nothing here; messages come and go all the time.
const IGNORED: u128 = kinds::SENT
    | kinds::DELIVERED
    | kinds::DROPPED
    | kinds::INVOKED
    | kinds::ANSWERED
    | kinds::REJECTED
    | kinds::REGISTERING
    | kinds::SESSION_REGISTERED
    | kinds::SESSION_EVICTED
    | kinds::SCRUB_READ
    | kinds::SCRUB_READ_DONE
    | kinds::CONTENT_REQUESTED;

/// An entry of a replica's log as it was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The entry.
    pub entry: EntryHash,
    /// The view in which it was first prepared.
    pub view: u64,
}

/// What is known of one replica.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each of them a question that a checker asks")]
pub struct ReplicaView {
    /// Whether it runs (it does from the first boot on, but for crashes).
    pub up: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether it is reading its disk after a restart (`Loading` without `Recovered` yet).
    pub loading: bool,
    /// Its status.
    pub status: Status,
    /// Its view.
    pub view: u64,
    /// Whether it is the primary of that view.
    pub primary: bool,
    /// Its log; op 1 is at index 0. What it has dropped, since a checkpoint stands for it, stays here; and where it installed
    /// a state instead of the entries, they are those of the committed log.
    pub log: Vec<LogEntry>,
    /// The op of its newest durable checkpoint, and the op that its log really begins after.
    pub checkpoint: u64,
    /// See `checkpoint`.
    pub dropped: u64,
    /// The log that it had when it crashed, while it reads its disk.
    before: Vec<LogEntry>,
    /// Its commit number.
    pub commit: u64,
    /// The last op that it executed.
    pub executed: u64,
    /// The highest promise that still stands: the op up to which it said that its log is durable, in which view, and the
    /// entry at that op. A truncation takes it back to what is left.
    pub acknowledged: Option<(u64, u64, EntryHash)>,
    /// The highest view that it voted for.
    pub voted: u64,
    /// Whether its disk was damaged at some time in the run.
    pub damaged: bool,
    /// The configurations in its log, in order.
    pub configurations: Vec<Configuration>,
    /// The replicas from which messages get through to it.
    pub hears: ReplicaSet,
    /// Whether its links are free of loss, delay and clogs, and its disk and its clocks free of faults and of what one left.
    pub sound: bool,
    /// The longest additional delay of its messages, in nanoseconds.
    pub delay: Time,
}

/// An entry of the one committed log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedEntry {
    /// The entry.
    pub entry: EntryHash,
    /// The correct replica that committed it first.
    pub by: ReplicaId,
    /// The view in which that replica was then; the entry's quorum was found in this view or in an earlier one.
    pub view: u64,
    /// The view in which the entry was first prepared.
    pub prepared: u64,
}

/// What is known of the cluster.
#[derive(Clone, Debug)]
pub struct ClusterView {
    /// The replicas.
    pub replicas: Vec<ReplicaView>,
    /// The liars; invariants judge the others.
    pub liars: ReplicaSet,
    /// What correct replicas committed, first come; op 1 is at index 0.
    pub committed: Vec<CommittedEntry>,
    /// The highest view in which some replica was normal, and its primary if it has started.
    pub view_max: u64,
    /// The primary of the highest view that has started.
    pub primary: Option<ReplicaId>,
    /// The view that `primary` started.
    pub primary_view: u64,
    /// Whether the heal phase has begun.
    pub healed: bool,
    /// The configuration that the cluster began with.
    pub initial: Configuration,
    /// The last configuration of the committed log.
    pub decided: Configuration,
    /// The members that the administrator has asked for and that are neither in force nor refused yet.
    pub asked: Vec<ReplicaSet>,
}

impl Default for ClusterView {
    fn default() -> Self {
        let initial = Configuration::initial(&Config::default().cluster);
        ClusterView {
            replicas: Vec::new(),
            liars: ReplicaSet::default(),
            committed: Vec::new(),
            view_max: 0,
            primary: None,
            primary_view: 0,
            healed: false,
            initial,
            decided: initial,
            asked: Vec::new(),
        }
    }
}

impl ReplicaView {
    /// A fresh replica that runs; keeps the allocations.
    fn reset(&mut self) {
        let mut log = std::mem::take(&mut self.log);
        let mut before = std::mem::take(&mut self.before);
        log.clear();
        before.clear();
        let mut configurations = std::mem::take(&mut self.configurations);
        configurations.clear();
        *self = ReplicaView {
            up: true,
            log,
            before,
            configurations,
            hears: ReplicaSet(u8::MAX),
            sound: true,
            ..ReplicaView::default()
        };
    }

    /// The entry at `op`, if the log reaches it.
    pub fn entry(&self, op: u64) -> Option<LogEntry> {
        let index = usize::try_from(op.checked_sub(1)?).ok()?;
        self.log.get(index).copied()
    }

    /// The last op of the log.
    pub fn op(&self) -> u64 {
        self.log.len() as u64
    }

    fn truncate(&mut self, op: u64) {
        self.log.truncate(usize::try_from(op).unwrap_or(usize::MAX));
        while self.configurations.pop_if(|configuration| configuration.op > op).is_some() {}
        // A replica that reads its disk drops nothing it has promised by merely not finding it: the promise stands, and the
        // recovery is judged by it.
        if self.loading {
            return;
        }
        if let Some((view, acknowledged, _)) = self.acknowledged
            && acknowledged > op
        {
            self.acknowledged = self.log.last().map(|last| (view, self.log.len() as u64, last.entry));
        }
    }

    /// The replica's state is that after `op`: of its own log only what follows from `entry` there is left, up to `last`.
    fn install(&mut self, op: u64, entry: EntryHash, last: u64, committed: &[CommittedEntry]) {
        let index = |op: u64| usize::try_from(op).unwrap_or(usize::MAX);
        // A state may become durable just before a crash: what it replaced is then seen at the restart.
        let own = if self.loading { &self.before } else { &self.log };
        let follows = op > 0 && own.get(index(op - 1)).is_some_and(|held| held.entry == entry);
        let covered = index(op).min(committed.len());
        let kept = if follows && !self.loading { self.log.split_off(index(op)) } else { Vec::new() };
        self.log.clear();
        self.log.extend(committed[..covered].iter().map(|c| LogEntry { entry: c.entry, view: c.prepared }));
        self.log.extend(kept);
        self.log.truncate(index(last));
        (self.commit, self.executed, self.checkpoint, self.dropped) = (op, op, op, op);
        // The state stands for all that was promised up to it; and what conflicts with it was never committed.
        if let Some((view, acknowledged, _)) = self.acknowledged
            && (acknowledged <= op || !follows)
        {
            self.acknowledged = Some((view, op, entry));
        }
    }

    fn acknowledge(&mut self, view: u64, op: u64, entry: EntryHash) {
        self.acknowledged = match self.acknowledged {
            Some((before, higher, kept)) if higher > op => Some((before.max(view), higher, kept)),
            Some((before, ..)) => Some((before.max(view), op, entry)),
            None => Some((view, op, entry)),
        };
    }
}

impl ClusterView {
    /// Forgets everything; a new run with this configuration begins.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        self.replicas.resize_with(usize::from(config.cluster.replicas), ReplicaView::default);
        for replica in &mut self.replicas {
            replica.reset();
        }
        self.liars = liars;
        self.committed.clear();
        self.view_max = 0;
        self.primary = None;
        self.primary_view = 0;
        self.healed = false;
        self.initial = Configuration::initial(&config.cluster);
        self.decided = self.initial;
        self.asked.clear();
    }

    /// Takes in one observation. Called after the invariants have judged it.
    #[inline]
    pub fn apply(&mut self, seen: &Seen) {
        if IGNORED >> seen.what.kind() & 1 == 0 {
            self.take_in(seen);
        }
    }

    fn take_in(&mut self, seen: &Seen) {
        let id = match seen.who {
            Who::Replica(id) => id,
            Who::World | Who::Client(_) => {
                match seen.what {
                    Observation::Healed => self.healed = true,
                    Observation::ReconfigurationAsked { members } => self.ask(members),
                    _ => {}
                }
                return;
            }
        };
        let correct = self.correct(id);
        let Some(replica) = self.replicas.get_mut(id.index()) else { return };
        match seen.what {
            Observation::Crashed => {
                replica.up = false;
                replica.paused = false;
                replica.loading = false;
                replica.status = Status::Recovering;
                replica.primary = false;
            }
            Observation::Restarted => replica.up = true,
            Observation::Paused => replica.paused = true,
            Observation::Resumed => replica.paused = false,
            Observation::Injected { fault } => {
                replica.damaged |= fault.damages();
            }
            Observation::Healed => self.healed = true,
            Observation::Loading => {
                if replica.before.is_empty() {
                    std::mem::swap(&mut replica.log, &mut replica.before);
                }
                replica.log.clear();
                replica.configurations.clear();
                replica.commit = 0;
                replica.executed = 0;
                (replica.checkpoint, replica.dropped) = (0, 0);
                replica.loading = true;
            }
            Observation::Recovered { view, .. } => {
                replica.loading = false;
                replica.before.clear();
                replica.view = view;
            }
            Observation::StatusChanged { status, view, primary } => self.enter(id, status, view, primary),
            Observation::ViewStarted { view, primary, .. } => self.enter(id, Status::Normal, view, primary),
            Observation::ViewChangeStarted { view } => self.enter(id, Status::ViewChange, view, false),
            Observation::Voted { view, .. } => replica.voted = replica.voted.max(view),
            Observation::Appended { view, entry, .. } => replica.log.push(LogEntry { entry, view }),
            Observation::Truncated { op } => replica.truncate(op),
            Observation::Acknowledged { view, op, entry } => replica.acknowledge(view, op, entry),
            Observation::Committed { op, entry } => {
                replica.commit = op;
                let (view, held) = (replica.view, replica.entry(op));
                if correct && entry != 0 && op == self.committed.len() as u64 + 1 {
                    if let Some(decided) = replica.configurations.iter().rfind(|configuration| configuration.op == op) {
                        self.decided = *decided;
                    }
                    let prepared = held.map_or(view, |held| held.view);
                    self.committed.push(CommittedEntry { entry, by: id, view, prepared });
                }
            }
            Observation::ConfigurationAppended { op, old, new } => {
                replica.configurations.push(Configuration { op, old, new });
            }
            // A replica that restarts commits earlier changes once more: only the last one counts.
            Observation::Reconfigured { members, .. } if correct && self.decided.new == members => {
                self.asked.retain(|asked| *asked != members);
            }
            Observation::ReconfigurationRefused { members, .. } if correct => {
                self.asked.retain(|asked| *asked != members);
            }
            Observation::Executed { op, .. } => replica.executed = op,
            Observation::Conditions { hears, sound, delay } => {
                (replica.hears, replica.sound, replica.delay) = (hears, sound, delay);
            }
            Observation::Checkpointed { op, .. } => replica.checkpoint = op,
            Observation::LogDropped { op } => replica.dropped = op,
            Observation::StateInstalled { op, entry, last, .. } => {
                replica.install(op, entry, last, &self.committed);
            }
            _ => {}
        }
    }

    /// The administrator wants these members; if they are in force, there is nothing to wait for.
    fn ask(&mut self, members: ReplicaSet) {
        let in_force = !self.decided.is_joint() && self.decided.new == members;
        if !in_force && !self.asked.contains(&members) {
            self.asked.push(members);
        }
    }

    fn enter(&mut self, id: ReplicaId, status: Status, view: u64, primary: bool) {
        let replica = &mut self.replicas[id.index()];
        replica.status = status;
        replica.view = view;
        replica.primary = primary;
        if status == Status::Normal {
            self.view_max = self.view_max.max(view);
            if primary && (self.primary.is_none() || view >= self.primary_view) {
                self.primary = Some(id);
                self.primary_view = view;
            }
        }
    }

    /// The configuration that is in force at `replica`: the last one in its log.
    pub fn configuration(&self, replica: &ReplicaView) -> Configuration {
        replica.configurations.last().copied().unwrap_or(self.initial)
    }

    /// Whether `replica` is a member by the last configuration of the committed log.
    pub fn is_member(&self, replica: ReplicaId) -> bool {
        self.decided.has(replica)
    }

    /// Whether `replica` is correct (no liar).
    pub fn correct(&self, replica: ReplicaId) -> bool {
        !self.liars.has(replica)
    }

    /// The correct replicas with their ids, lowest first.
    pub fn correct_replicas(&self) -> impl Iterator<Item = (ReplicaId, &ReplicaView)> {
        (0..).map(ReplicaId).zip(&self.replicas).filter(|(id, _)| self.correct(*id))
    }

    /// Whether messages get through between these replicas, both ways.
    pub fn linked(&self, one: ReplicaId, other: ReplicaId) -> bool {
        let hears = |id: ReplicaId, from| self.replicas.get(id.index()).is_some_and(|state| state.hears.has(from));
        hears(one, other) && hears(other, one)
    }

    /// The committed entry at `op`, if some correct replica has committed it.
    pub fn committed_at(&self, op: u64) -> Option<CommittedEntry> {
        let index = usize::try_from(op.checked_sub(1)?).ok()?;
        self.committed.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::observation::Fault;
    use Observation as O;

    fn cluster_view(liars: ReplicaSet) -> ClusterView {
        let mut cluster_view = ClusterView::default();
        cluster_view.reset(&Config::default(), liars);
        cluster_view
    }

    fn see(cluster_view: &mut ClusterView, replica: u8, what: Observation) {
        cluster_view.apply(&Seen { at: 0, event: 0, who: Who::Replica(ReplicaId(replica)), what });
    }

    fn fill(cluster_view: &mut ClusterView, replica: u8, entries: std::ops::RangeInclusive<u64>) {
        for op in entries {
            let entry = EntryHash::from(op);
            see(cluster_view, replica, O::Appended { op, view: 0, entry, parent: entry - 1 });
        }
    }

    #[test]
    fn a_truncation_takes_a_promise_back_but_a_restart_does_not() {
        let mut s = cluster_view(ReplicaSet::default());
        fill(&mut s, 1, 1..=5);
        see(&mut s, 1, O::Acknowledged { view: 2, op: 5, entry: 5 });
        see(&mut s, 1, O::Acknowledged { view: 2, op: 3, entry: 3 });
        assert_eq!(s.replicas[1].acknowledged, Some((2, 5, 5)), "a repeated, lower promise changes nothing");
        see(&mut s, 1, O::Truncated { op: 4 });
        assert_eq!(s.replicas[1].acknowledged, Some((2, 4, 4)));

        see(&mut s, 1, O::Crashed);
        assert!(!s.replicas[1].up);
        see(&mut s, 1, O::Restarted);
        see(&mut s, 1, O::Loading);
        fill(&mut s, 1, 1..=2);
        see(&mut s, 1, O::Truncated { op: 1 });
        see(&mut s, 1, O::Recovered { view: 3, last_normal: 2, op: 1 });
        let replica = &s.replicas[1];
        assert_eq!((replica.acknowledged, replica.op(), replica.view), (Some((2, 4, 4)), 1, 3));
        assert!(replica.up && !replica.loading);

        see(&mut s, 1, O::Truncated { op: 0 });
        assert_eq!(s.replicas[1].acknowledged, None);
    }

    #[test]
    fn an_installed_state_stands_for_the_committed_log_and_keeps_what_follows_from_it() {
        let mut s = cluster_view(ReplicaSet::default());
        fill(&mut s, 0, 1..=6);
        (1..=5).for_each(|op| see(&mut s, 0, O::Committed { op, entry: op.into() }));
        // Replica 1 has fallen behind, with an entry that was never committed; replica 2 holds more than the state.
        fill(&mut s, 1, 1..=2);
        see(&mut s, 1, O::Appended { op: 3, view: 0, entry: 9, parent: 2 });
        see(&mut s, 1, O::Acknowledged { view: 0, op: 3, entry: 9 });
        fill(&mut s, 2, 1..=6);
        see(&mut s, 2, O::Acknowledged { view: 0, op: 6, entry: 6 });
        for (replica, last) in [(1, 5), (2, 6)] {
            see(&mut s, replica, O::StateInstalled { op: 5, entry: 5, state: 7, last });
            let state = &s.replicas[usize::from(replica)];
            assert_eq!((state.op(), state.commit, state.executed, state.checkpoint), (last, 5, 5, 5));
            assert_eq!(state.entry(3).map(|held| held.entry), Some(3));
            assert_eq!(state.acknowledged, Some((0, last, last.into())));
        }
    }

    #[test]
    fn a_state_that_became_durable_just_before_a_crash_counts_at_the_restart() {
        for (state, promise) in [(3, (0, 4, 4)), (4, (0, 4, 4)), (5, (0, 5, 5))] {
            let mut s = cluster_view(ReplicaSet::default());
            fill(&mut s, 0, 1..=6);
            (1..=5).for_each(|op| see(&mut s, 0, O::Committed { op, entry: op.into() }));
            fill(&mut s, 1, 1..=4);
            see(&mut s, 1, O::Acknowledged { view: 0, op: 4, entry: 4 });
            see(&mut s, 1, O::Crashed);
            see(&mut s, 1, O::Loading);
            see(&mut s, 1, O::StateInstalled { op: state, entry: state.into(), state: 7, last: state });
            assert_eq!((s.replicas[1].acknowledged, s.replicas[1].op()), (Some(promise), state));
        }
    }

    #[test]
    fn only_correct_replicas_make_the_committed_log_and_only_in_order() {
        let mut liars = ReplicaSet::default();
        liars.insert(ReplicaId(2));
        let mut s = cluster_view(liars);
        see(&mut s, 2, O::Committed { op: 1, entry: 9 });
        see(&mut s, 0, O::Committed { op: 2, entry: 2 });
        assert!(s.committed.is_empty());
        see(&mut s, 0, O::Committed { op: 1, entry: 1 });
        see(&mut s, 1, O::Committed { op: 1, entry: 7 });
        assert_eq!(s.committed, [CommittedEntry { entry: 1, by: ReplicaId(0), view: 0, prepared: 0 }]);
        assert_eq!((s.replicas[2].commit, s.replicas[1].commit), (1, 1));
    }

    #[test]
    fn the_primary_is_that_of_the_highest_view_that_has_started() {
        let mut s = cluster_view(ReplicaSet::default());
        see(&mut s, 0, O::StatusChanged { status: Status::Normal, view: 0, primary: true });
        assert_eq!(s.primary, Some(ReplicaId(0)));
        see(&mut s, 2, O::ViewChangeStarted { view: 2 });
        assert_eq!((s.view_max, s.replicas[2].status), (0, Status::ViewChange));
        see(&mut s, 2, O::ViewStarted { view: 2, op: 0, commit: 0, primary: true });
        see(&mut s, 1, O::ViewStarted { view: 1, op: 0, commit: 0, primary: true });
        assert_eq!((s.view_max, s.primary, s.primary_view), (2, Some(ReplicaId(2)), 2));
    }

    #[test]
    fn configurations_come_and_go_with_the_log() {
        let mut s = cluster_view(ReplicaSet::default());
        let (three, two) = (ReplicaSet(0b111), ReplicaSet(0b011));
        s.apply(&Seen { at: 0, event: 0, who: Who::World, what: O::ReconfigurationAsked { members: two } });
        assert_eq!(s.asked, [two]);
        fill(&mut s, 0, 1..=2);
        see(&mut s, 0, O::ConfigurationAppended { op: 2, old: three, new: two });
        assert!(s.configuration(&s.replicas[0]).is_joint() && !s.decided.is_joint());
        see(&mut s, 0, O::Truncated { op: 1 });
        assert_eq!(s.configuration(&s.replicas[0]), s.initial);
        fill(&mut s, 0, 2..=3);
        see(&mut s, 0, O::ConfigurationAppended { op: 2, old: three, new: two });
        see(&mut s, 0, O::ConfigurationAppended { op: 3, old: two, new: two });
        (1..=2).for_each(|op| see(&mut s, 0, O::Committed { op, entry: op.into() }));
        assert!(s.decided.is_joint() && s.is_member(ReplicaId(2)));
        see(&mut s, 0, O::Committed { op: 3, entry: 3 });
        see(&mut s, 0, O::Reconfigured { epoch: 1, members: two });
        assert!(s.asked.is_empty() && !s.is_member(ReplicaId(2)));
        s.apply(&Seen { at: 0, event: 0, who: Who::World, what: O::ReconfigurationAsked { members: two } });
        assert!(s.asked.is_empty(), "in force already");
    }

    #[test]
    fn damage_is_remembered_and_a_reset_forgets_everything() {
        let mut s = cluster_view(ReplicaSet::default());
        fill(&mut s, 0, 1..=3);
        see(&mut s, 0, O::Injected { fault: Fault::Pause });
        assert!(!s.replicas[0].damaged);
        see(&mut s, 0, O::Injected { fault: Fault::BitFlip });
        assert!(s.replicas[0].damaged);
        s.apply(&Seen { at: 0, event: 0, who: Who::World, what: O::Healed });
        assert!(s.healed);
        let capacity = s.replicas[0].log.capacity();
        s.reset(&Config::default(), ReplicaSet::default());
        assert!(!s.healed && !s.replicas[0].damaged && s.replicas[0].log.is_empty() && s.replicas[0].up);
        assert_eq!(s.replicas[0].log.capacity(), capacity);
    }
}
