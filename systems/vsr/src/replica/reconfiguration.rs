//! Membership changes at a replica: who is sent what, and how a primary takes the cluster from one configuration to the next.
//! `state/membership.rs` has the rules.

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
        let entry = Rc::new(Entry::new(place, timestamp, configuration::request(old, new), self.id, &self.keys));
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
