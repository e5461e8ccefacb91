//! Agreement: no two correct replicas commit different entries at one op, and none takes back what it has committed.
//!
//! 1. An entry that a correct replica commits is the one that the first correct replica committed at that op.
//! 2. A correct backup never truncates its log below its commit number (agreement of one replica at two times). A primary
//!    that does so chose the wrong log for its new view, and is judged by view change safety.
//!
//! Source: "Viewstamped Replication Revisited", section 4 and the correctness argument of section 8.
//! Not checked: what liars commit; entries that no correct replica has committed.

use crate::invariants::support::{Context, Violation, kinds, short};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "vsr_agreement";
pub(in crate::invariants) const INTERESTS: u128 = kinds::COMMITTED | kinds::TRUNCATED;

pub(in crate::invariants) fn observe(context: &Context<'_>) -> Option<Box<Violation>> {
    match context.seen.what {
        // An entry of 0 is held by nobody; the prefix property judges it.
        Observation::Committed { op, entry } if entry != 0 => {
            let first = context.cluster_view.committed_at(op)?;
            if first.entry == entry {
                return None;
            }
            context.violation_with(
                first.by,
                NAME,
                "two entries committed at one op",
                format!("{} commits {} at op {op}, as {} did", context.id, short(first.entry), first.by),
                format!("it committed {}", short(entry)),
            )
        }
        Observation::Truncated { op } if op < context.me.commit && !context.me.loading && !context.me.primary => {
            context.violation(
                NAME,
                "a committed entry was truncated",
                format!("{} keeps its log up to op {}, which it has committed", context.id, context.me.commit),
                format!("it truncated its log to op {op}"),
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use Observation as O;

    #[test]
    fn replicas_that_commit_the_same_entries_agree() {
        let mut script = Script::new();
        script.committed(&[0, 1, 2], 1..=3);
        script.append(0, 4..=5);
        script.ok(0, O::Truncated { op: 3 });
    }

    #[test]
    fn a_different_entry_at_a_committed_op_is_caught() {
        let mut script = Script::new();
        script.committed(&[0], 1..=2);
        script.committed(&[1], 1..=1);
        script.ok(1, O::Appended { op: 2, view: 1, entry: 77, parent: entry(1) });
        script.caught(1, O::Committed { op: 2, entry: 77 }, NAME, "two entries committed at one op");
    }

    #[test]
    fn a_replica_that_takes_back_a_commit_is_caught() {
        let mut script = Script::new();
        script.committed(&[0], 1..=2);
        script.caught(0, O::Truncated { op: 1 }, NAME, "a committed entry was truncated");
    }

    #[test]
    fn what_a_replica_drops_while_it_reads_its_disk_is_not_taken_back() {
        let mut script = Script::new();
        script.committed(&[0], 1..=2);
        script.ok(0, O::Crashed);
        script.ok(0, O::Loading);
        script.append(0, 1..=2);
        script.ok(0, O::Truncated { op: 1 });
    }
}
