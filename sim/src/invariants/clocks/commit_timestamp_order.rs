//! Commit timestamps: strictly increasing along the committed log, and the same everywhere.
//!
//! 1. The timestamp of a committed entry is later than that of the entry before it.
//! 2. An op has one timestamp, whichever replica executes it and however often, crashes in between or not.
//! 3. A primary gives an entry a later time than the entry before it in its log has, and than any committed entry of its log:
//!    no view change, restart or backward jump of its clock makes it hand out a time that is over.
//!
//! Source: the design's rule that the primary alone assigns timestamps, and that they are part of the entry. Always owed:
//! it takes no good clock to be later than one's predecessor. Not checked: that a timestamp is anywhere near the true time
//! (see `clock_offset_detection`).

use crate::base::ids::REPLICAS_MAX;
use crate::base::time::Time;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "commit_timestamp_order";
pub(in crate::invariants) const INTERESTS: u128 = kinds::TIMESTAMPED | kinds::TIMESTAMP_ASSIGNED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct CommitTimestampOrder {
    /// The timestamps of the committed log, by whoever executed an op first; op 1 is at index 0.
    committed: Vec<Time>,
    /// Per replica the last time that it gave, in which view and to which op.
    assigned: [(u64, u64, Time); REPLICAS_MAX],
}

impl CommitTimestampOrder {
    pub fn reset(&mut self) {
        self.committed.clear();
        self.assigned = Default::default();
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        match context.seen.what {
            Observation::Timestamped { op, timestamp } => self.executed(context, op, timestamp),
            Observation::TimestampAssigned { op, timestamp, previous } => {
                self.assigned(context, op, timestamp, previous)
            }
            _ => None,
        }
    }

    fn executed(&mut self, context: &Context<'_>, op: u64, timestamp: Time) -> Option<Box<Violation>> {
        let index = usize::try_from(op.checked_sub(1)?).ok()?;
        if let Some(&known) = self.committed.get(index) {
            if known == timestamp {
                return None;
            }
            return context.violation(
                NAME,
                "an entry has two timestamps",
                format!("op {op} has the timestamp {known}"),
                format!("{} executes it with {timestamp}", context.id),
            );
        }
        // A replica executes its ops in order, so the first to execute one finds all before it here.
        if index != self.committed.len() {
            return None;
        }
        let before = self.committed.last().copied().unwrap_or(0);
        self.committed.push(timestamp);
        if timestamp > before {
            return None;
        }
        context.violation(
            NAME,
            "committed timestamps do not grow",
            format!("op {op} has a timestamp later than {before}"),
            format!("it has {timestamp}"),
        )
    }

    fn assigned(&mut self, context: &Context<'_>, op: u64, timestamp: Time, previous: Time) -> Option<Box<Violation>> {
        let view = context.me.view;
        let (in_view, to_op, own) = std::mem::replace(&mut self.assigned[context.id.index()], (view, op, timestamp));
        let own = if (in_view, to_op + 1) == (view, op) { own } else { 0 };
        // An old primary may know nothing of what a later view has committed: only what is in its own log binds it.
        let last = op.saturating_sub(1).min(self.committed.len() as u64);
        let holds = match (context.me.entry(last), context.cluster_view.committed_at(last)) {
            (Some(held), Some(committed)) => held.entry == committed.entry,
            _ => false,
        };
        let committed = if holds { self.committed[last as usize - 1] } else { 0 };
        let floor = previous.max(own).max(committed);
        if timestamp > floor {
            return None;
        }
        context.violation(
            NAME,
            "a primary handed out an earlier time",
            format!("{} gives op {op} a time later than {floor}", context.id),
            format!("it gives it {timestamp}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::clock::EPOCH;
    use crate::invariants::harness::Script;
    use Observation as O;

    fn timestamped(op: u64, timestamp: Time) -> Observation {
        O::Timestamped { op, timestamp: EPOCH + timestamp }
    }

    fn assigned(op: u64, timestamp: Time, previous: Time) -> Observation {
        O::TimestampAssigned { op, timestamp: EPOCH + timestamp, previous: EPOCH + previous }
    }

    #[test]
    fn times_that_grow_and_are_the_same_everywhere_pass() {
        let mut script = Script::new();
        script.committed(&[0, 1], 1..=2);
        for replica in [0, 1, 0] {
            script.ok(replica, timestamped(1, 5));
            script.ok(replica, timestamped(2, 6));
        }
        script.ok(0, assigned(3, 7, 6));
        script.ok(0, assigned(4, 8, 7));
        // It was deposed, lost op 3, and knows nothing of what another primary committed there.
        script.ok(1, timestamped(3, 100));
        script.ok(0, assigned(5, 9, 8));
    }

    #[test]
    fn a_committed_time_that_does_not_grow_is_caught() {
        let mut script = Script::new();
        script.ok(0, timestamped(1, 5));
        script.caught(0, timestamped(2, 5), NAME, "committed timestamps do not grow");
    }

    #[test]
    fn two_times_of_one_op_are_caught() {
        let mut script = Script::new();
        script.ok(0, timestamped(1, 5));
        script.caught(1, timestamped(1, 6), NAME, "an entry has two timestamps");
    }

    #[test]
    fn a_primary_that_goes_back_is_caught() {
        let rule = "a primary handed out an earlier time";
        let mut script = Script::new();
        script.caught(0, assigned(1, 5, 5), NAME, rule);
        let mut script = Script::new();
        script.ok(0, assigned(1, 5, 0));
        script.caught(0, assigned(2, 4, 0), NAME, rule);
        let mut script = Script::new();
        script.committed(&[0, 1], 1..=1);
        script.ok(1, timestamped(1, 50));
        script.caught(0, assigned(2, 40, 0), NAME, rule);
    }
}
