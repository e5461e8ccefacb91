//! The time service, as NTP is for a real machine: it sets each wall clock at intervals.
//!
//! Every `ntp_interval` of true time, at a time of its own for each replica, a wall clock is set to the true time plus
//! or minus at most `ntp_error_max`, in one step. The service can be out of reach (`ActionKind::NoNtp`), so that
//! clocks drift away, or return a false time (`ActionKind::WrongNtp`). It also sets the clocks of replicas that are
//! down or paused, since the clock belongs to the machine.
//!
//! Where clocks are part of the protocol, every change of a clock is observed, so that an invariant knows the error of
//! each clock. Left out: the network to the service, and slewing (a real service corrects small errors by a slightly
//! faster clock).

use crate::base::ids::ReplicaId;
use crate::base::random::Domain;
use crate::protocol::observation::{Observation, Who};
use crate::world::core::{Core, Event};
use crate::world::system::System;

impl<S: System> Core<S> {
    /// The run begins: says how the clocks stand, and lets the time service begin.
    pub(crate) fn clocks_begin(&mut self) {
        for id in (0..self.replicas()).map(ReplicaId) {
            self.clock_changed(id);
            let interval = self.config.clock.ntp_interval;
            if interval > 0 {
                let first = self.keys.uniform(Domain::ClockOffset, (id.0.into(), 0, 1), 1, interval);
                self.queue.push(first, Event::Ntp(id));
            }
        }
    }

    /// The time service sets a wall clock.
    pub(crate) fn ntp_sets(&mut self, id: ReplicaId) {
        self.queue.push(self.now + self.config.clock.ntp_interval, Event::Ntp(id));
        let effects = self.faults.effects();
        if effects.no_ntp.has(id) {
            return;
        }
        let (max, wrong) = (self.config.clock.ntp_error_max, effects.wrong_ntp[id.index()]);
        let off = self.keys.uniform(Domain::ClockOffset, (id.0.into(), self.now, 0), 0, 2 * max) as i64 - max as i64;
        self.clocks[id.index()].set(self.now, off.saturating_add(wrong));
        self.clock_changed(id);
    }

    /// A clock was set, or runs at another rate now.
    pub(crate) fn clock_changed(&mut self, id: ReplicaId) {
        if self.config.cluster.clock_ping > 0 {
            let clock = &self.clocks[id.index()];
            let set = Observation::ClockSet { error: clock.error(self.now), rate: clock.rate() };
            self.observe(Who::Replica(id), set);
        }
    }
}
