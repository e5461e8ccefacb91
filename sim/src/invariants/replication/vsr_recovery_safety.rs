//! Recovery safety: a replica that comes back from its disk still keeps every promise that it made before.
//!
//! 1. Its log reaches the op that it acknowledged last, and holds the acknowledged entry there. (What it truncated since,
//!    because a new view told it so, was taken back rightly; see `observers/cluster_view.rs`.)
//! 2. Its view is not below one that it voted for or acknowledged in: otherwise it could vote or acknowledge twice.
//!
//! Source: "Viewstamped Replication Revisited", section 4.3 (a replica that recovers must know all that it knew), for
//! replicas that recover from their disk alone, where a `PrepareOk` or a vote is a promise about what is durable.
//! Not checked: rule 1 for a replica whose disk was damaged, which may have to repair its log from the others first.

use crate::invariants::support::{Context, Invariant, Violation, kinds, short};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "vsr_recovery_safety";
const INTERESTS: u128 = kinds::RECOVERED;

/// The invariant; it remembers nothing.
#[derive(Debug, Default)]
pub(in crate::invariants) struct VsrRecoverySafety;

impl Invariant for VsrRecoverySafety {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str =
        "Recovery safety: a replica that comes back from its disk still keeps every promise that it made before.";
    const INTERESTS: u128 = INTERESTS;

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Observation::Recovered { view, .. } = context.seen.what else { return None };
        let (id, me) = (context.id, context.me);
        let promised = me.voted.max(me.acknowledged.map_or(0, |acknowledged| acknowledged.0));
        if view < promised {
            return context.violation(
                NAME,
                "recovered in a view below its promises",
                format!("{id} comes back in view {promised} or above: it has voted for it or acknowledged in it"),
                format!("it came back in view {view}"),
            );
        }
        let (_, op, entry) = me.acknowledged.filter(|_| !me.damaged)?;
        match me.entry(op) {
            Some(held) if held.entry == entry => None,
            Some(held) => context.violation(
                NAME,
                "recovered with another entry than it acknowledged",
                format!("{id} comes back with {} at op {op}, which it acknowledged", short(entry)),
                format!("it came back with {} there", short(held.entry)),
            ),
            None => context.violation(
                NAME,
                "recovered without an acknowledged entry",
                format!("{id} comes back with a log up to op {op}, which it acknowledged"),
                format!("its log ends at op {}", me.op()),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use crate::protocol::observation::Fault;
    use Observation as O;

    /// Replica 1 has acknowledged ops 1 to 3 in view 2, voted for view 3, and reads its disk after a crash.
    fn restarted() -> Script {
        let mut script = Script::new();
        script.append(1, 1..=3);
        script.ok(1, O::Acknowledged { view: 2, op: 3, entry: entry(3) });
        script.ok(1, O::Voted { view: 3, last_normal: 2, op: 3, commit: 0 });
        script.ok(1, O::Crashed);
        script.ok(1, O::Restarted);
        script.ok(1, O::Loading);
        script
    }

    fn recovered(view: u64, op: u64) -> Observation {
        O::Recovered { view, last_normal: 2, op }
    }

    #[test]
    fn a_replica_that_kept_its_promises_passes() {
        let mut script = restarted();
        script.append(1, 1..=3);
        script.ok(1, recovered(3, 3));
    }

    #[test]
    fn a_lost_or_changed_acknowledged_entry_is_caught() {
        let mut script = restarted();
        script.append(1, 1..=2);
        script.caught(1, recovered(3, 2), NAME, "recovered without an acknowledged entry");

        let other = O::Appended { op: 3, view: 1, entry: 9, parent: entry(2) };
        let mut script = restarted();
        script.append(2, 1..=2);
        script.ok(2, other);
        script.append(1, 1..=2);
        script.ok(1, other);
        script.caught(1, recovered(3, 3), NAME, "recovered with another entry than it acknowledged");
    }

    #[test]
    fn a_forgotten_view_is_caught_even_on_a_damaged_disk() {
        let mut script = restarted();
        script.ok(1, O::Injected { fault: Fault::BitFlip });
        script.append(1, 1..=2);
        script.caught(1, recovered(2, 2), NAME, "recovered in a view below its promises");
        script.ok(1, O::Loading);
        script.ok(1, O::Damaged { op: 1 });
        script.ok(1, recovered(3, 0));
    }
}
