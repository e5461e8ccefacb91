//! Membership changes of a replica: which replicas a message is sent to, and how a primary takes the cluster from one
//! configuration to the next. `state/membership.rs` has the rules.

use std::rc::Rc;

use sim::base::ids::REPLICAS_MAX;
use sim::config::membership::Configuration;
use sim::{Env, Observation, RejectReason, ReplicaId, ReplicaSet};

use crate::bugs::PlantedBug;
use crate::log::configuration;
use crate::log::entry::{Entry, Place};
use crate::messages::message::{Body, Message};
use crate::replica::Vsr;

impl Vsr {
    /// The configuration in force at this replica.
    pub(crate) fn configuration(&self) -> Configuration {
        self.membership.current()
    }

    /// Whether this replica knows for certain that it is not a member.
    pub(crate) fn is_outsider(&self) -> bool {
        let current = self.membership.current();
        !current.has(self.id) && self.commit >= current.op
    }

    /// Sends a primary's message to all members, to those that are about to become members, and to former members that
    /// do not yet know that they left.
    pub(crate) fn broadcast(&self, env: &mut Env<'_, Self>, message: &Message) {
        for to in self.membership.audience().iter().filter(|to| *to != self.id) {
            env.send(to, message.clone());
        }
    }

    /// Sends a vote, or a message that follows from votes, to the members.
    pub(crate) fn tell_members(&self, env: &mut Env<'_, Self>, message: &Message) {
        for to in self.membership.current().members().iter().filter(|to| *to != self.id) {
            env.send(to, message.clone());
        }
    }

    /// Primary: the other replicas that receive entries.
    pub(crate) fn readers(&self) -> impl Iterator<Item = ReplicaId> + use<> {
        let id = self.id;
        self.membership.readers(&self.acknowledged_by).iter().filter(move |to| *to != id)
    }

    /// Records and reports a configuration in the log.
    pub(crate) fn note_configuration(&mut self, env: &mut Env<'_, Self>, entry: &Entry) {
        if let Some(Configuration { op, old, new }) = self.membership.appended(entry) {
            env.observe(Observation::ConfigurationAppended { op, old, new });
        }
    }

    /// Handles the administrator's request for these members.
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
        // A repeated request for a change that is under way or complete.
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

    /// Primary: takes the next step of a membership change, if it is possible.
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
        // Without a synchronized clock the change has to wait.
        let Some(timestamp) = self.next_timestamp(env) else { return };
        self.membership.wanted = None;
        let place = Place { view: self.view, op: self.log.last_op() + 1, parent: self.log.last_hash() };
        let entry = Rc::new(Entry::new(place, timestamp, configuration::request(old, new), self.id, &self.keys));
        self.append(env, entry.clone());
        self.prepare(env, entry);
    }

    /// The entry at `op` was committed. If it is a configuration that ends a change, reports this, and a removed member
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

    /// A primary that has just committed its own removal announces this once, and no longer leads.
    pub(crate) fn step_down(&mut self, env: &mut Env<'_, Self>) {
        let op = self.log.last_op();
        self.broadcast(env, &self.signed(Body::Commit { view: self.view, commit: self.commit_claim(), op }));
        env.observe(Observation::StatusChanged { status: self.status, view: self.view, primary: false });
    }

    /// Whether a vote of `from`, and a notice that it has left its view, count at this replica.
    pub(crate) fn counts_vote_of(&self, from: ReplicaId) -> bool {
        let wanted = self.membership.wanted.is_some_and(|wanted| wanted.has(from));
        self.membership.current().has(from) || wanted || self.bugs.on(PlantedBug::RemovedReplicaVotes)
    }

    /// The views of these votes; 0 for replicas that are not members.
    pub(crate) fn of_members(&self, mut views: [u64; REPLICAS_MAX]) -> [u64; REPLICAS_MAX] {
        for (view, replica) in views.iter_mut().zip((0..).map(ReplicaId)) {
            if !self.membership.current().has(replica) && !self.bugs.on(PlantedBug::RemovedReplicaVotes) {
                *view = 0;
            }
        }
        views
    }

    /// An outsider, which may have become a member without knowing it, seconds the vote of `from`, whose log had the
    /// configuration of op `configuration`.
    ///
    /// It does not if the voter has an older configuration than the outsider. Such a voter may regard the outsider as a
    /// member: the two would go from view to view that neither can start, and the view of a primary would never catch
    /// up with theirs.
    pub(crate) fn second(&self, env: &mut Env<'_, Self>, from: ReplicaId, view: u64, configuration: u64) {
        let knows_less = configuration < self.configuration().op && !self.bugs.on(PlantedBug::OutsiderSecondsAnyone);
        if self.is_outsider() && !knows_less {
            self.send(env, from, self.vote_for(view));
        }
    }

    /// Answers a primary of an earlier view. This replica has left that view because of a membership that may be out of
    /// date. If the primary counts this replica as a member, or is about to, the primary has to follow it.
    pub(crate) fn answer_old_primary(&self, env: &mut Env<'_, Self>, from: ReplicaId) {
        if self.status != sim::Status::Normal && !self.membership.is_fixed() {
            self.send(env, from, self.entered(Rc::from([])));
        }
    }

    /// Cancels the change that was about to begin.
    pub(crate) fn give_up_change(&mut self) {
        self.membership.wanted = None;
    }

    /// The first view from `view` on whose primary is a member.
    pub(crate) fn next_led_by_member(&self, view: u64) -> u64 {
        let current = self.membership.current();
        let mut round = (view..).take(self.cluster.replicas.into());
        round.find(|view| current.has(self.primary_of(*view))).unwrap_or(view)
    }
}
