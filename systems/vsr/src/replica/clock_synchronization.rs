//! Clock synchronization of a replica: it requests the time of the other members, and a primary without a synchronized
//! clock abdicates. `state/clock.rs` compares the clocks.

use sim::{Env, Observation, RejectReason, ReplicaId, Time, TimerId};

use crate::bugs::PlantedBug;
use crate::messages::message::Body;
use crate::replica::{Handled, Vsr};

/// Timer: request the time of the other members.
pub(crate) const CLOCK_TIMER: TimerId = TimerId(7);
impl Vsr {
    /// Starts the timer when the replica starts.
    pub(crate) fn start_clock(&self, env: &mut Env<'_, Self>) {
        if self.clock.runs() {
            // An early first round: a primary cannot serve before it.
            env.set_timer(CLOCK_TIMER, self.clock.ping / 8);
        }
    }

    /// Requests the time of the other members, and acts on their last answers.
    pub(crate) fn on_clock_timer(&mut self, env: &mut Env<'_, Self>) {
        env.set_timer(CLOCK_TIMER, self.clock.ping);
        self.clock.tick(env, self.configuration().members());
        let asked = env.monotonic();
        self.tell_members(env, &self.signed(Body::Ping { asked }));
        let must_abdicate = self.leads_unsynchronized(env);
        let had_to_abdicate = std::mem::replace(&mut self.clock.abdicates, must_abdicate);
        if must_abdicate && self.own_vote <= self.view {
            self.vote(env);
        } else if had_to_abdicate && !must_abdicate && self.leads() {
            // The clock was synchronized again before the others started a view change.
            self.own_vote = 0;
        }
    }

    /// Whether this replica is a primary whose clock has been unsynchronized for too long. It then sends nothing until
    /// the others elect another primary.
    pub(crate) fn leads_unsynchronized(&self, env: &Env<'_, Self>) -> bool {
        self.leads() && self.clock.given_up(env.monotonic()) && !self.bugs.on(PlantedBug::UnsynchronizedPrimaryServes)
    }

    /// Answers a request for the time.
    pub(crate) fn on_ping(&self, env: &mut Env<'_, Self>, from: ReplicaId, asked: Time) {
        let wall = env.wall_clock();
        self.send(env, from, Body::Pong { asked, wall });
    }

    /// Handles an answer with another replica's time.
    pub(crate) fn on_pong(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, asked: Time, wall: Time) -> Handled {
        if from == self.id || from.0 >= self.cluster.replicas {
            return Err(RejectReason::WrongSender);
        }
        self.clock.answered(env, self.configuration().members(), from, asked, wall)
    }

    /// Primary: the timestamp of the next entry; `None` while its clock is not synchronized.
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
