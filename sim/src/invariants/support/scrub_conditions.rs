//! The time since which a replica has had everything that its scrubber needs to keep its deadlines.
//!
//! The time begins when the replica has started and read its disk. It begins again after a pause and after a new view,
//! which may replace the log during a tour. It does not run while the replica's disk or clock may be failing: until
//! the heal phase has ended all faults, and reads and syncs that a slow disk has delayed are done.

use super::context::Context;
use crate::base::ids::{REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::protocol::kinds;
use crate::protocol::observation::{Fault, Observation};

pub(in crate::invariants) const INTERESTS: u128 = kinds::RESTARTED
    | kinds::RESUMED
    | kinds::INJECTED
    | kinds::RECOVERED
    | kinds::VIEW_STARTED
    | kinds::TRUNCATED
    | kinds::CONDITIONS;

#[derive(Debug, Default)]
pub(in crate::invariants) struct ScrubConditions {
    since: [Time; REPLICAS_MAX],
    excused: ReplicaSet,
    /// Whose devices or links are failing now.
    unsound: ReplicaSet,
    healed: bool,
}

impl ScrubConditions {
    pub fn observe(&mut self, context: &Context<'_>) {
        let (id, at) = (context.id, context.seen.at);
        match context.seen.what {
            Observation::Restarted
            | Observation::Resumed
            | Observation::Recovered { .. }
            | Observation::ViewStarted { .. }
            | Observation::Truncated { .. } => self.since[id.index()] = at,
            Observation::Injected {
                fault: Fault::DiskError | Fault::DiskSlow | Fault::DiskFull | Fault::ClockDrift | Fault::ClockFreeze,
            } => self.excused.insert(id),
            Observation::Conditions { sound: false, .. } => self.unsound.insert(id),
            Observation::Conditions { sound: true, .. } => {
                self.unsound.0 &= !(1 << id.0);
                if self.healed && self.excused.has(id) {
                    self.excused.0 &= !(1 << id.0);
                    self.since[id.index()] = at;
                }
            }
            _ => {}
        }
    }

    /// All faults have ended.
    pub fn healed(&mut self, at: Time) {
        self.healed = true;
        self.excused.0 &= self.unsound.0;
        self.since = [at; REPLICAS_MAX];
    }

    /// How long nothing has kept the replica from doing what it began at `from`; `None` if it is excused.
    pub fn waited(&self, id: ReplicaId, from: Time, now: Time) -> Option<Time> {
        (!self.excused.has(id)).then(|| now - from.max(self.since[id.index()]).min(now))
    }
}
