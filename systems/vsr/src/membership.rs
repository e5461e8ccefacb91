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

use sim::membership::{Configuration, quorum};
use sim::spec::{Cluster, REPLICAS_MAX};
use sim::{ClientId, Env, Observation, RejectReason, ReplicaId, ReplicaSet, Request};

use crate::bug::{Bugs, PlantedBug};
use crate::entry::{Entry, Place};
use crate::message::{Body, Message};
use crate::replica::Vsr;

/// Who asks for configurations in the log: no client has this number (`sim::spec::CLIENTS_MAX`).
pub const ADMIN: ClientId = ClientId(u16::MAX);

/// The request that stands for a configuration in the log.
pub fn request(old: ReplicaSet, new: ReplicaSet) -> Request {
    Request { client: ADMIN, session: 0, number: 0, payload: Rc::from([old.0, new.0]) }
}

/// The configuration that a request in the log stands for, if it is one: the old and the new members.
pub fn sets(request: &Request) -> Option<(ReplicaSet, ReplicaSet)> {
    match (request.client, &request.payload[..]) {
        (ADMIN, [old, new]) => Some((ReplicaSet(*old), ReplicaSet(*new))),
        _ => None,
    }
}

/// The configuration that an entry of the log is, if it is one.
pub fn configuration(entry: &Entry) -> Option<Configuration> {
    let (old, new) = sets(entry.request.as_ref()?)?;
    Some(Configuration { op: entry.op, old, new })
}

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
    wanted: Option<ReplicaSet>,
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
    fn epoch(&self, op: u64) -> u64 {
        self.known[1..].iter().filter(|known| known.op <= op && !known.is_joint()).count() as u64
    }

    /// Takes in what an entry that is appended to the log says.
    pub fn appended(&mut self, entry: &Entry) -> Option<Configuration> {
        let configuration = configuration(entry)?;
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
        if self.is_fixed() && log.iter().all(|entry| configuration(entry).is_none()) {
            return self.known[0];
        }
        let last = log.iter().rev().find_map(|entry| configuration(entry)).unwrap_or(self.known[0]);
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
    fn audience(&self) -> ReplicaSet {
        let before = self.known.iter().rev().nth(1).unwrap_or(&self.known[0]);
        let left = if self.known.len() > 2 { before.old } else { ReplicaSet::default() };
        self.current().members().or(self.wanted.unwrap_or_default()).or(left)
    }

    /// Those who get entries: of those who left, only who does not hold the end of the change yet.
    fn readers(&self, held: &[u64; REPLICAS_MAX]) -> ReplicaSet {
        let mut readers = self.current().members().or(self.wanted.unwrap_or_default());
        for left in self.audience().without(readers).iter() {
            if held[left.index()] < self.current().op {
                readers.insert(left);
            }
        }
        readers
    }
}

impl Vsr {
    /// The quorums' configuration in force here.
    pub(crate) fn configuration(&self) -> Configuration {
        self.membership.current()
    }

    /// Whether this replica knows for certain that it is no member.
    pub(crate) fn is_outsider(&self) -> bool {
        let current = self.membership.current();
        !current.has(self.id) && self.commit >= current.op
    }

    /// Sends a primary's message to all who belong to the cluster or are about to, or who have yet to learn that they do not.
    pub(crate) fn broadcast(&self, env: &mut Env<'_, Self>, message: &Message) {
        for to in self.membership.audience().iter().filter(|to| *to != self.id) {
            env.send(to, message.clone());
        }
    }

    /// Sends a vote, or what follows from votes, to those who have a say.
    pub(crate) fn tell_members(&self, env: &mut Env<'_, Self>, message: &Message) {
        for to in self.membership.current().members().iter().filter(|to| *to != self.id) {
            env.send(to, message.clone());
        }
    }

    /// Primary: those who get entries, but for itself.
    pub(crate) fn readers(&self) -> impl Iterator<Item = ReplicaId> + use<> {
        let id = self.id;
        self.membership.readers(&self.acknowledged_by).iter().filter(move |to| *to != id)
    }

    /// Notes, and says, that an entry of the log is a configuration.
    pub(crate) fn note_configuration(&mut self, env: &mut Env<'_, Self>, entry: &Entry) {
        if let Some(Configuration { op, old, new }) = self.membership.appended(entry) {
            env.observe(Observation::ConfigurationAppended { op, old, new });
        }
    }

    /// The administrator asks for these members.
    pub(crate) fn on_reconfigure(&mut self, env: &mut Env<'_, Self>, members: ReplicaSet) {
        if !self.leads() {
            return;
        }
        let current = self.membership.current();
        let allowed = !self.distrusts() && !members.is_empty();
        let known = members.without(ReplicaSet::first(self.cluster.replicas)).is_empty();
        if !allowed || !known {
            env.observe(Observation::ReconfigurationRefused { members, why: RejectReason::BadCommand });
            return;
        }
        // Asked once more for what is on its way or done.
        if current.new == members || self.membership.wanted == Some(members) {
            return;
        }
        let under_way = current.is_joint() || current.op > self.commit || self.membership.wanted.is_some();
        if under_way && !self.bugs.on(PlantedBug::SecondReconfigurationAccepted) {
            let why = RejectReason::ReconfigurationUnderWay;
            env.observe(Observation::ReconfigurationRefused { members, why });
            return;
        }
        env.observe(Observation::ReconfigurationStarted { members });
        self.membership.wanted = Some(members);
        self.advance_change(env);
    }

    /// Primary: takes the next step of a change of the membership, if it is time for one.
    pub(crate) fn advance_change(&mut self, env: &mut Env<'_, Self>) {
        let current = self.membership.current();
        if !self.leads() || !current.is_joint() && self.membership.wanted.is_none() {
            return;
        }
        let room = self.log.last_op() < self.journal.last_place();
        if let Some(members) = self.membership.wanted
            && room
            && self.have_caught_up(members.without(current.members()))
        {
            let at_once = self.bugs.on(PlantedBug::ReconfigurationNotJoint);
            self.log_configuration(env, if at_once { members } else { current.new }, members);
        } else if current.is_joint() && self.commit >= current.op && room {
            self.log_configuration(env, current.new, current.new);
        }
    }

    fn have_caught_up(&self, added: ReplicaSet) -> bool {
        self.bugs.on(PlantedBug::LearnerCountsEarly)
            || added.iter().all(|added| self.acknowledged_by[added.index()] >= self.commit)
    }

    fn log_configuration(&mut self, env: &mut Env<'_, Self>, old: ReplicaSet, new: ReplicaSet) {
        // Without the time it has to wait.
        let Some(timestamp) = self.next_timestamp(env) else { return };
        self.membership.wanted = None;
        let place = Place { view: self.view, op: self.log.last_op() + 1, parent: self.log.last_hash() };
        let entry = Rc::new(Entry::new(place, timestamp, request(old, new), self.id, &self.keys));
        self.append(env, entry.clone());
        self.prepare(env, entry);
    }

    /// The entry at `op` was committed, if it is a configuration: the end of a change is news, and who is no member any more
    /// stops.
    pub(crate) fn configuration_committed(&mut self, env: &mut Env<'_, Self>, op: u64) {
        let committed = self.membership.at(op);
        if committed.op != op || op == 0 || committed.is_joint() {
            return;
        }
        let (epoch, members) = (self.membership.epoch(op), committed.new);
        env.observe(Observation::Reconfigured { epoch, members });
        let before = self.membership.at(op - 1);
        if before.has(self.id) && !members.has(self.id) {
            env.observe(Observation::Retired { epoch });
        }
    }

    /// A primary that has just committed that it is no member any more says so once, and leads no longer.
    pub(crate) fn step_down(&mut self, env: &mut Env<'_, Self>) {
        let op = self.log.last_op();
        self.broadcast(env, &self.signed(Body::Commit { view: self.view, commit: self.commit_claim(), op }));
        env.observe(Observation::StatusChanged { status: self.status, view: self.view, primary: false });
    }

    /// Whether the vote of `from`, and that it has left for another view, is of any account here.
    pub(crate) fn hears_vote(&self, from: ReplicaId) -> bool {
        let wanted = self.membership.wanted.is_some_and(|wanted| wanted.has(from));
        self.membership.current().has(from) || wanted || self.bugs.on(PlantedBug::RemovedReplicaVotes)
    }

    /// The views of these votes, as far as they are of members.
    pub(crate) fn of_members(&self, mut views: [u64; REPLICAS_MAX]) -> [u64; REPLICAS_MAX] {
        for (view, replica) in views.iter_mut().zip((0..).map(ReplicaId)) {
            if !self.membership.current().has(replica) && !self.bugs.on(PlantedBug::RemovedReplicaVotes) {
                *view = 0;
            }
        }
        views
    }

    /// An outsider, who may have become a member without knowing it, seconds the vote of `from`, whose log says of the
    /// membership what it said at op `configuration`. A voter that knows less of it than the outsider does takes it for a
    /// member of old: the two of them would go from view to view that nobody can start, and nobody who leads would catch up
    /// with them.
    pub(crate) fn second(&self, env: &mut Env<'_, Self>, from: ReplicaId, view: u64, configuration: u64) {
        let knows_less = configuration < self.configuration().op && !self.bugs.on(PlantedBug::OutsiderSecondsAnyone);
        if self.is_outsider() && !knows_less {
            self.send(env, from, self.vote_for(view));
        }
    }

    /// A primary of an earlier view speaks to this replica, which has left that view at the word of a membership that may be
    /// out of date. If the primary counts it in, or is going to, it has to come after it.
    pub(crate) fn answer_old_primary(&self, env: &mut Env<'_, Self>, from: ReplicaId) {
        if self.status != sim::Status::Normal && !self.membership.is_fixed() {
            self.send(env, from, self.entered(Rc::from([])));
        }
    }

    /// The change that was about to begin is off.
    pub(crate) fn give_up_change(&mut self) {
        self.membership.wanted = None;
    }

    /// The first view from `view` on that a member leads.
    pub(crate) fn next_led_by_member(&self, view: u64) -> u64 {
        let current = self.membership.current();
        let mut round = (view..).take(self.cluster.replicas.into());
        round.find(|view| current.has(self.primary_of(*view))).unwrap_or(view)
    }
}
