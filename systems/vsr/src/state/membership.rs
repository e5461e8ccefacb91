//! Who belongs to the cluster, and how that changes: joint consensus ("In Search of an Understandable Consensus Algorithm",
//! Ongaro and Ousterhout 2014, section 6; Ongaro's thesis, chapter 4), in the terms of Viewstamped Replication.
//!
//! A configuration is an entry of the log, and the last one in a replica's log is in force there, committed or not. A change
//! takes two of them: a *joint* one of the old and the new members, under which commits and view changes need a quorum of
//! each, and, once that is committed, the new members alone. A configuration that a view change truncates was never in
//! force, and the one before it is again.
//!
//! - **Views.** View v is led by seat v modulo all seats, whoever is a member, so that everybody agrees on it without knowing
//!   the configuration. A seat that is no member does not start its view, and members vote past it.
//! - **View changes.** The new primary chooses the log from all DoViewChanges that it has, and starts the view once their
//!   senders contain the quorums of the configuration *in the chosen log*. That is Raft's rule: its candidate holds the
//!   longest log among its voters, and counts them by its own configuration.
//! - **Learners.** Before the joint entry, the primary sends the new members everything and waits until they hold all that is
//!   committed. What they acknowledge counts only from the joint entry on.
//! - **Outsiders.** Who is no member, as far as it knows for certain, has no patience with primaries of its own. But the
//!   joint entry may make it a member before it gets there, and then its vote can be needed: so it seconds the votes of the
//!   members that it knows, if they know as much of the membership as it does, and follows them into a view. Nobody counts
//!   the votes of outsiders or follows those.
//! - **Leaving.** A primary that the change removes leads until the end of it is committed, and then stops. Heartbeats go on
//!   to those who left, so that they learn of it.
//!
//! Quorums are those that the cluster is configured with for the members that it began with, and majorities for all others.
//! Configurations are read from the log, so it has to be whole: there are no checkpoints where the membership may change.
//! Left out: memberships where replicas may lie; a change that is taken back once it is committed.

use std::rc::Rc;

use sim::base::ids::REPLICAS_MAX;
use sim::config::membership::{Configuration, quorum};
use sim::config::spec::Cluster;
use sim::{ReplicaId, ReplicaSet};

use crate::bugs::{Bugs, PlantedBug};
use crate::log::entry::Entry;

/// Which quorum is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of those who acknowledge an entry.
    Replication,
    /// Of those who vote for a view.
    ViewChange,
}

/// The configurations that a replica knows, and the change that it is about to make.
#[derive(Clone, Debug)]
pub struct Membership {
    cluster: Cluster,
    bugs: Bugs,
    /// The configuration that the cluster began with, and then those in the log, in order.
    known: Vec<Configuration>,
    /// Primary: the members that were asked for, while those to be added catch up.
    pub(crate) wanted: Option<ReplicaSet>,
    /// For a planted bug: how many of the known configurations the replica has forgotten.
    forgotten: usize,
}

impl Membership {
    /// What a replica with an empty log knows.
    pub fn new(cluster: &Cluster, bugs: Bugs) -> Self {
        let known = vec![Configuration::initial(cluster)];
        Membership { cluster: cluster.clone(), bugs, known, wanted: None, forgotten: 0 }
    }

    /// The configuration in force: the last one in the log.
    pub fn current(&self) -> Configuration {
        if self.forgotten == self.known.len() { self.known[0] } else { *self.known.last().expect("never empty") }
    }

    /// Whether all seats are members, as from the first day.
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

    /// Takes in what an entry that is appended to the log says.
    pub fn appended(&mut self, entry: &Entry) -> Option<Configuration> {
        let configuration = entry.configuration()?;
        self.known.push(configuration);
        Some(configuration)
    }

    /// The log now ends at `op`.
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

    /// The configuration in force after `log`, which may replace the one of this replica.
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

    /// The highest value that a quorum of each part of `configuration` has reached; 0 if none has.
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

    /// Whether the votes of `senders` start a view of `leader` from `log`.
    pub fn may_start(&self, leader: ReplicaId, log: &[Rc<Entry>], senders: ReplicaSet) -> bool {
        let configuration = self.of(log);
        let votes = std::array::from_fn(|index| u64::from(senders.has(ReplicaId(index as u8))));
        configuration.has(leader) && self.reached(&configuration, Kind::ViewChange, &votes) == 1
    }

    /// Whether an entry that comes after `before` cannot have been committed, since these replicas have never held it. It
    /// may have been under the configuration then in force or under the one that followed; a quorum of the new members was
    /// part of both.
    pub fn never_committed(&self, before: &[Rc<Entry>], without: ReplicaSet) -> bool {
        let members = self.of(before).new;
        let hasty = usize::from(self.bugs.on(PlantedBug::NackQuorumMinusOne));
        let nacks = members.len() as usize - self.quorum(members, Kind::Replication) + 1 - hasty;
        members.and(without).len() as usize >= nacks + usize::from(self.cluster.byzantine)
    }

    /// Those who get what members are sent: members, those who are to become members, and those who were until the last
    /// change.
    pub(crate) fn audience(&self) -> ReplicaSet {
        let before = self.known.iter().rev().nth(1).unwrap_or(&self.known[0]);
        let left = if self.known.len() > 2 { before.old } else { ReplicaSet::default() };
        self.current().members().or(self.wanted.unwrap_or_default()).or(left)
    }

    /// Those who get entries: of those who left, only who does not hold the end of the change yet.
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
