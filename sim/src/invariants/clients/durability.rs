//! Durability: what a client was told is never lost.
//!
//! 1. When a client is told that its request was executed at position p, correct replicas have committed op p.
//! 2. At the end, when the cluster has converged, the log of every correct member starts with the whole committed log,
//!    and so holds every position that a client was told.
//!
//! Source: "Viewstamped Replication Revisited", section 4.1: the primary replies once it has committed.
//! Where a replica lies, an honest answer of the liar (it runs the ordinary code) may be ahead of every correct replica's
//! commit number: rule 1 then waits for the end. Not checked: clusters that do not converge (see `liveness`).

use crate::base::time::Time;
use crate::invariants::support::{Answered, Violation, kinds, set, short};
use crate::observers::cluster_view::ClusterView;

/// The invariant's name.
pub const NAME: &str = "durability";
pub(in crate::invariants) const INTERESTS: u128 = kinds::ANSWERED;

const NOT_COMMITTED: &str = "a client was told what is not committed";

#[derive(Debug, Default)]
pub(in crate::invariants) struct Durability {
    /// The highest position that a client was told.
    told: u64,
}

impl Durability {
    pub fn reset(&mut self) {
        self.told = 0;
    }

    pub fn answered(&mut self, answered: &Answered<'_>) -> Option<Box<Violation>> {
        let position = answered.answer.position;
        self.told = self.told.max(position);
        let committed = answered.cluster_view.committed.len() as u64;
        if position <= committed || !answered.cluster_view.liars.is_empty() {
            return None;
        }
        answered.violation(
            NAME,
            NOT_COMMITTED,
            format!("a client is told a position up to {committed}, the last op that is committed"),
            format!("it was told position {position}"),
        )
    }

    pub fn finish(&self, at: Time, event: u64, cluster_view: &ClusterView) -> Option<Box<Violation>> {
        let violation = |rule, replicas, expected, seen| {
            Some(Box::new(Violation { invariant: NAME, rule, at, event, replicas, expected, seen }))
        };
        let committed = cluster_view.committed.len() as u64;
        if self.told > committed {
            return violation(
                NOT_COMMITTED,
                cluster_view.liars,
                format!("what clients were told up to position {} is committed", self.told),
                format!("the committed log ends at op {committed}"),
            );
        }
        for (id, state) in cluster_view.correct_replicas().filter(|(id, _)| cluster_view.is_member(*id)) {
            for (op, first) in (1..).zip(&cluster_view.committed) {
                let held = state.entry(op);
                if held.is_none_or(|held| held.entry != first.entry) {
                    return violation(
                        "a committed entry is lost",
                        set([id, first.by]),
                        format!("{id} holds {} at op {op}, which {} committed", short(first.entry), first.by),
                        match held {
                            Some(held) => format!("it holds {} there", short(held.entry)),
                            None => format!("its log ends at op {}", state.op()),
                        },
                    );
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry, found, put};
    use crate::protocol::observation::Observation as O;

    fn invoked(mut script: Script) -> Script {
        script.invoke(1, put(1));
        script
    }

    #[test]
    fn an_answer_after_the_commit_passes() {
        let mut script = invoked(Script::new());
        script.committed(&[1], 1..=1);
        script.ok(1, Script::executed(1, 1, put(1), found(1, 1, 1)));
        assert_eq!(script.answer(1, found(1, 1, 1)), None);
    }

    #[test]
    fn an_answer_before_the_commit_is_caught() {
        let mut script = invoked(Script::new());
        script.append(0, 1..=1);
        script.answer_caught(1, found(1, 1, 1), NAME, NOT_COMMITTED);
    }

    #[test]
    fn a_liar_may_answer_first_but_not_for_ever() {
        let mut script = invoked(Script::with_liar(0));
        assert_eq!(script.answer(1, found(1, 1, 1)), None);
        let violation = script.checkers.each.durability.finish(0, 0, &script.cluster_view).unwrap();
        assert_eq!((violation.invariant, violation.rule), (NAME, NOT_COMMITTED));
        script.committed(&[1, 2], 1..=1);
        assert_eq!(script.checkers.each.durability.finish(0, 0, &script.cluster_view), None);
    }

    #[test]
    fn a_committed_entry_that_a_replica_lost_is_caught_at_the_end() {
        let mut script = Script::new();
        script.committed(&[0, 1], 1..=2);
        script.append(2, 1..=1);
        let other = O::Appended { op: 2, view: 1, entry: 9, parent: entry(1) };
        assert_eq!(
            script.checkers.each.durability.finish(0, 0, &script.cluster_view).unwrap().rule,
            "a committed entry is lost"
        );
        script.ok(2, other);
        let violation = script.checkers.each.durability.finish(0, 0, &script.cluster_view).unwrap();
        assert_eq!((violation.invariant, violation.rule), (NAME, "a committed entry is lost"));
    }
}
