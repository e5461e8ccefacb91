//! The membership of the cluster, and how it changes: joint consensus ("In Search of an Understandable Consensus
//! Algorithm", Ongaro and Ousterhout 2014, section 6; Ongaro's thesis, chapter 4), in the terms of Viewstamped
//! Replication.
//!
//! A configuration is an entry of the log. The last configuration in a replica's log is in force at that replica,
//! committed or not. A change takes two configurations: a *joint* one of the old and the new members, under which
//! commits and view changes need a quorum of each, and, once that is committed, one of the new members alone. If a view
//! change truncates a configuration, the previous one is in force again.
//!
//! - **Views.** The primary of view v is replica v modulo the number of all replicas, members or not. So all replicas
//!   agree on it without knowing the configuration. A replica that is not a member does not start its view, and members
//!   vote past it.
//! - **View changes.** The new primary selects the log from all DoViewChanges that it has, and starts the view once
//!   their senders contain the quorums of the configuration *in the selected log*. That is Raft's rule: a candidate
//!   holds the longest log among its voters, and counts them by its own configuration.
//! - **Learners.** Before the joint entry, the primary sends all entries to the new members and waits until they hold
//!   everything that is committed. Their acknowledgements count only from the joint entry on.
//! - **Outsiders.** A replica that knows for certain that it is not a member never starts a view change by its own
//!   timeout. But the joint entry may make it a member before it receives the entry, and then its vote can be needed.
//!   So it seconds the votes of the members that it knows, if their configuration is at least as new as its own, and
//!   follows them into a view. Members do not count the votes of outsiders, and do not follow them.
//! - **Leaving.** A primary that the change removes leads until the end of the change is committed, and then stops.
//!   Heartbeats are still sent to the members that left, so that they learn of it.
//!
//! Quorums are the configured ones for the initial members, and majorities for all others. Configurations are read from
//! the log, so it must be complete: there are no checkpoints where the membership may change.
//!
//! Left out: membership changes where replicas may lie; the reversal of a change that is committed.

use std::rc::Rc;

use sim::base::ids::REPLICAS_MAX;
use sim::config::membership::{Configuration, quorum};
use sim::config::spec::Cluster;
use sim::{ReplicaId, ReplicaSet};

use crate::bugs::{Bugs, PlantedBug};
use crate::log::entry::Entry;

/// The kind of a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of the replicas that acknowledge an entry.
    Replication,
    /// Of the replicas that vote for a view.
    ViewChange,
}

/// The configurations that a replica knows, and the change that it is about to make.
#[derive(Clone, Debug)]
pub struct Membership {
    cluster: Cluster,
    bugs: Bugs,
    /// The initial configuration, followed by those in the log, in order.
    known: Vec<Configuration>,
    /// Primary: the requested members, while those to be added catch up.
    pub(crate) wanted: Option<ReplicaSet>,
    /// For a planted bug: how many of the known configurations the replica ignores.
    forgotten: usize,
}

impl Membership {
    /// The membership of a replica with an empty log.
    pub fn new(cluster: &Cluster, bugs: Bugs) -> Self {
        let known = vec![Configuration::initial(cluster)];
        Membership { cluster: cluster.clone(), bugs, known, wanted: None, forgotten: 0 }
    }

    /// The configuration in force: the last one in the log.
    pub fn current(&self) -> Configuration {
        if self.forgotten == self.known.len() { self.known[0] } else { *self.known.last().expect("never empty") }
    }

    /// Whether all replicas are members and have been from the start.
    pub fn is_fixed(&self) -> bool {
        self.known.len() == 1 && self.cluster.size() == self.cluster.replicas
    }

    /// The configuration in force at `op` of the log.
    pub fn at(&self, op: u64) -> Configuration {
        *self.known.iter().rfind(|known| known.op <= op).expect("the first one is at op 0")
    }

    /// How many times the membership was changed up to `op`.
    pub(crate) fn epoch(&self, op: u64) -> u64 {
        self.known[1..].iter().filter(|known| known.op <= op && !known.is_joint()).count() as u64
    }

    /// Records the configuration of an entry that is appended to the log, if it is one.
    pub fn appended(&mut self, entry: &Entry) -> Option<Configuration> {
        let configuration = entry.configuration()?;
        self.known.push(configuration);
        Some(configuration)
    }

    /// Removes the configurations after `op`, where the log now ends.
    pub fn truncated(&mut self, op: u64) {
        while self.known.len() > 1 && self.known.pop_if(|known| known.op > op).is_some() {}
        self.forgotten = self.forgotten.min(self.known.len());
        if self.known.len() == 1 {
            self.forgotten = 0;
        }
    }

    /// The configurations in the log have been read from the disk after a restart.
    pub fn loaded(&mut self) {
        if self.bugs.on(PlantedBug::ConfigurationNotDurable) && self.known.len() > 1 {
            self.forgotten = self.known.len();
        }
    }

    /// The configuration in force at the end of `log`, which may be another log than this replica's.
    fn of(&self, log: &[Rc<Entry>]) -> Configuration {
        if self.is_fixed() && log.iter().all(|entry| entry.configuration().is_none()) {
            return self.known[0];
        }
        let last = log.iter().rev().find_map(|entry| entry.configuration()).unwrap_or(self.known[0]);
        if self.forgotten == self.known.len() && last == *self.known.last().expect("never empty") {
            self.known[0]
        } else {
            last
        }
    }

    /// The highest value that a quorum of each part of `configuration` has reached; 0 if there is none.
    pub fn reached(&self, configuration: &Configuration, kind: Kind, values: &[u64; REPLICAS_MAX]) -> u64 {
        self.parts(configuration, kind).map(|part| self.reached_by(part, kind, values)).min().unwrap_or(0)
    }

    fn parts(&self, configuration: &Configuration, kind: Kind) -> impl Iterator<Item = ReplicaSet> + use<> {
        let Configuration { op, mut old, mut new } = *configuration;
        if kind == Kind::Replication && self.bugs.on(PlantedBug::OldQuorumOnly) {
            new = old;
        }
        if kind == Kind::Replication && self.bugs.on(PlantedBug::NewQuorumOnly) {
            old = new;
        }
        Configuration { op, old, new }.parts()
    }

    fn reached_by(&self, part: ReplicaSet, kind: Kind, values: &[u64; REPLICAS_MAX]) -> u64 {
        let (mut list, mut count) = ([0; REPLICAS_MAX], 0);
        let counted = if kind == Kind::ViewChange && self.bugs.on(PlantedBug::RemovedReplicaVotes) {
            ReplicaSet::first(self.cluster.replicas)
        } else {
            part
        };
        for replica in counted.iter() {
            list[count] = values[replica.index()];
            count += 1;
        }
        list[..count].sort_unstable_by(|x, y| y.cmp(x));
        self.quorum(part, kind).checked_sub(1).map_or(0, |index| list[index])
    }

    fn quorum(&self, part: ReplicaSet, kind: Kind) -> usize {
        let one_less = kind == Kind::Replication && self.bugs.on(PlantedBug::CommitQuorumMinusOne);
        let configured = match kind {
            Kind::Replication => self.cluster.replication_quorum,
            Kind::ViewChange => self.cluster.view_change_quorum,
        };
        quorum(&self.cluster, part, configured) as usize - usize::from(one_less)
    }

    /// Whether the DoViewChanges of `senders` suffice for `leader` to start a view from `log`.
    pub fn may_start(&self, leader: ReplicaId, log: &[Rc<Entry>], senders: ReplicaSet) -> bool {
        let configuration = self.of(log);
        let votes = std::array::from_fn(|index| u64::from(senders.has(ReplicaId(index as u8))));
        configuration.has(leader) && self.reached(&configuration, Kind::ViewChange, &votes) == 1
    }

    /// Whether an entry that follows `before` cannot have been committed, since the replicas `without` never held it.
    /// It could have been committed under the configuration then in force or under the next one. A quorum of the new
    /// members was part of both.
    pub fn never_committed(&self, before: &[Rc<Entry>], without: ReplicaSet) -> bool {
        let members = self.of(before).new;
        let one_less = usize::from(self.bugs.on(PlantedBug::NackQuorumMinusOne));
        let nacks = members.len() as usize - self.quorum(members, Kind::Replication) + 1 - one_less;
        members.and(without).len() as usize >= nacks + usize::from(self.cluster.byzantine)
    }

    /// The replicas that receive messages for members: members, replicas that are about to become members, and those
    /// that were members until the last change.
    pub(crate) fn audience(&self) -> ReplicaSet {
        let before = self.known.iter().rev().nth(1).unwrap_or(&self.known[0]);
        let left = if self.known.len() > 2 { before.old } else { ReplicaSet::default() };
        self.current().members().or(self.wanted.unwrap_or_default()).or(left)
    }

    /// The replicas that receive entries. Of the replicas that left, only those that do not hold the end of the change
    /// yet.
    pub(crate) fn readers(&self, held: &[u64; REPLICAS_MAX]) -> ReplicaSet {
        let mut readers = self.current().members().or(self.wanted.unwrap_or_default());
        for left in self.audience().without(readers).iter() {
            if held[left.index()] < self.current().op {
                readers.insert(left);
            }
        }
        readers
    }
}
