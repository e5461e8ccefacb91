//! Clock synchronization at a replica: it asks the others for their time, and a primary without a synchronized clock abdicates.
//! `state/clock.rs` compares the clocks.

use sim::{Env, Observation, RejectReason, ReplicaId, Time, TimerId};

use crate::bugs::PlantedBug;
use crate::messages::message::Body;
use crate::replica::{Handled, Vsr};

/// It is time to ask the others for their time.
pub(crate) const CLOCK_TIMER: TimerId = TimerId(7);
impl Vsr {
    /// The replica starts.
    pub(crate) fn start_clock(&self, env: &mut Env<'_, Self>) {
        if self.clock.runs() {
            // Soon: until it has asked, it cannot serve.
            env.set_timer(CLOCK_TIMER, self.clock.ping / 8);
        }
    }

    /// Asks the others for their time, and draws the conclusions from what they have answered.
    pub(crate) fn on_clock_timer(&mut self, env: &mut Env<'_, Self>) {
        env.set_timer(CLOCK_TIMER, self.clock.ping);
        self.clock.tick(env, self.configuration().members());
        let asked = env.monotonic();
        self.tell_members(env, &self.signed(Body::Ping { asked }));
        let goes = self.leads_without_time(env);
        let was_to_go = std::mem::replace(&mut self.clock.abdicates, goes);
        if goes && self.own_vote <= self.view {
            self.vote(env);
        } else if was_to_go && !goes && self.leads() {
            // Its clock came back before the others lost patience.
            self.own_vote = 0;
        }
    }

    /// Whether this replica leads and must not: then it keeps silent until the others choose another primary.
    pub(crate) fn leads_without_time(&self, env: &Env<'_, Self>) -> bool {
        self.leads() && self.clock.given_up(env.monotonic()) && !self.bugs.on(PlantedBug::UnsynchronizedPrimaryServes)
    }

    /// Somebody asks for the time.
    pub(crate) fn on_ping(&self, env: &mut Env<'_, Self>, from: ReplicaId, asked: Time) {
        let wall = env.wall_clock();
        self.send(env, from, Body::Pong { asked, wall });
    }

    /// Somebody tells the time.
    pub(crate) fn on_pong(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, asked: Time, wall: Time) -> Handled {
        if from == self.id || from.0 >= self.cluster.replicas {
            return Err(RejectReason::WrongSender);
        }
        self.clock.answered(env, self.configuration().members(), from, asked, wall)
    }

    /// Primary: the timestamp of the next entry; `None` while it does not know the time.
    pub(crate) fn next_timestamp(&mut self, env: &mut Env<'_, Self>) -> Option<Time> {
        let previous = self.log.last_timestamp();
        if !self.clock.runs() {
            return Some(previous.saturating_add(1));
        }
        self.clock.notice(env);
        let time = self.clock.time(env)?;
        let raw = self.bugs.on(PlantedBug::TimestampFromRawClock);
        let timestamp = if raw { time } else { time.max(previous.saturating_add(1)) };
        let op = self.log.last_op() + 1;
        env.observe(Observation::TimestampAssigned { op, timestamp, previous });
        Some(timestamp)
    }
}
