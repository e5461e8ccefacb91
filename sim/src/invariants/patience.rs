//! Since when a replica has had all that its scrubber needs to keep its times.
//!
//! Not before it has started and read its disk; anew after a pause, and after a new view, which may replace the log under a tour. And
//! not at all while its disk or its clock may be failing: until the heal phase ends all faults, and the read that is under
//! way then, which may have begun on a slow disk, is done.

use super::{Context, kinds};
use crate::observation::{Fault, Observation};
use crate::spec::{REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::time::Time;

pub(super) const INTERESTS: u128 = kinds::RESTARTED
    | kinds::RESUMED
    | kinds::INJECTED
    | kinds::RECOVERED
    | kinds::VIEW_STARTED
    | kinds::TRUNCATED
    | kinds::SCRUB_READ
    | kinds::SCRUB_READ_DONE;

#[derive(Debug, Default)]
pub(super) struct Patience {
    since: [Time; REPLICAS_MAX],
    excused: ReplicaSet,
    /// Whose scrubbers wait for a read.
    reading: ReplicaSet,
    healed: bool,
}

impl Patience {
    pub fn observe(&mut self, context: &Context<'_>) {
        match context.seen.what {
            Observation::Restarted => {
                // What was under way before a crash is not any more.
                self.reading.0 &= !(1 << context.id.0);
                self.since[context.id.index()] = context.seen.at;
            }
            Observation::Resumed
            | Observation::Recovered { .. }
            | Observation::ViewStarted { .. }
            | Observation::Truncated { .. } => self.since[context.id.index()] = context.seen.at,
            Observation::Injected {
                fault: Fault::DiskError | Fault::DiskSlow | Fault::DiskFull | Fault::ClockDrift | Fault::ClockFreeze,
            } => self.excused.insert(context.id),
            Observation::ScrubRead { .. } => self.reading.insert(context.id),
            Observation::ScrubReadDone { .. } => {
                self.reading.0 &= !(1 << context.id.0);
                if self.healed && self.excused.has(context.id) {
                    self.excused.0 &= !(1 << context.id.0);
                    self.since[context.id.index()] = context.seen.at;
                }
            }
            _ => {}
        }
    }

    /// All faults have ended.
    pub fn healed(&mut self, at: Time) {
        self.healed = true;
        self.excused.0 &= self.reading.0;
        self.since = [at; REPLICAS_MAX];
    }

    /// How long nothing has kept the replica from doing what it began at `from`; `None` if it is excused.
    pub fn waited(&self, id: ReplicaId, from: Time, now: Time) -> Option<Time> {
        (!self.excused.has(id)).then(|| now - from.max(self.since[id.index()]).min(now))
    }
}
