//! The scrubber's budget: its reads never cost the rest of the replica more than they may.
//!
//! 1. In any second (by the replica's monotonic clock, the only one that it can keep a budget by) it begins at most as many
//!    reads as its budget says, across restarts, too.
//! 2. It has one read under way at a time.
//!
//! Source: this project's reference protocol, after background scrubbing with a budget of reads per second as storage
//! systems have it. Not checked: how many bytes one read takes.

use crate::base::ids::{REPLICAS_MAX, ReplicaSet};
use crate::base::time::{SECOND, Time};
use crate::config::spec::Config;
use crate::invariants::support::{Context, Invariant, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "scrub_rate";
const INTERESTS: u128 = kinds::SCRUB_READ | kinds::SCRUB_READ_DONE | kinds::CRASHED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct ScrubRate {
    budget: usize,
    /// Per replica, when it began its last reads, as many as the budget allows in a second: a ring.
    times: [Vec<Option<Time>>; REPLICAS_MAX],
    /// Per replica, the place of the oldest in its ring.
    oldest: [usize; REPLICAS_MAX],
    /// The replicas with a read under way.
    reading: ReplicaSet,
}

impl Invariant for ScrubRate {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str =
        "The scrubber's budget: its reads never cost the rest of the replica more than they may.";
    const INTERESTS: u128 = INTERESTS;

    fn reset(&mut self, config: &Config, _: ReplicaSet) {
        self.budget = config.cluster.scrub_iops as usize;
        self.times.iter_mut().for_each(Vec::clear);
        self.oldest = [0; REPLICAS_MAX];
        self.reading = ReplicaSet::default();
    }

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let (id, at) = (context.id, context.id.index());
        let Observation::ScrubRead { clock, .. } = context.seen.what else {
            self.reading.0 &= !(1 << at);
            return None;
        };
        let twice = self.reading.has(id);
        self.reading.insert(id);
        if self.times[at].len() != self.budget {
            self.times[at].resize(self.budget, None);
        }
        let before = match self.times[at].get_mut(self.oldest[at]) {
            Some(oldest) => oldest.replace(clock),
            None => Some(clock),
        };
        self.oldest[at] = (self.oldest[at] + 1) % self.budget.max(1);
        if let Some(before) = before.filter(|before| clock < before + SECOND) {
            return context.violation(
                NAME,
                "more reads in a second than the budget",
                format!("{id} begins at most {} scrub reads in any second", self.budget),
                format!("it began {} between {before} ns and {clock} ns of its clock", self.budget + 1),
            );
        }
        twice.then_some(())?;
        context.violation(
            NAME,
            "two reads at a time",
            format!("{id} waits for one scrub read to end before it begins the next"),
            "it began another".to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{SCRUB_IOPS, Script};
    use Observation as O;

    fn read(clock: Time) -> Observation {
        O::ScrubRead { zone: 0, record: 0, records: 1, clock }
    }

    #[test]
    fn as_many_reads_as_the_budget_allows_pass_and_one_more_is_caught() {
        let mut script = Script::new();
        for second in 0..3 {
            for part in 0..SCRUB_IOPS {
                script.scrub(1, 0, 0..1, second * SECOND + Time::from(part));
            }
        }
        let mut script = Script::new();
        for part in 0..SCRUB_IOPS {
            script.scrub(1, 0, 0..1, 7 + Time::from(part));
        }
        script.scrub(2, 0, 0..1, SECOND);
        script.ok(1, O::Crashed);
        script.caught(1, read(SECOND + 6), NAME, "more reads in a second than the budget");
    }

    #[test]
    fn two_reads_at_a_time_are_caught() {
        let mut script = Script::new();
        script.ok(0, read(0));
        script.ok(0, O::Crashed);
        script.ok(0, read(SECOND));
        script.caught(0, read(2 * SECOND), NAME, "two reads at a time");
    }
}
