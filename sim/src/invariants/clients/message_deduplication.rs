//! Message deduplication: however often the network delivers a request, it gets one place in the log.
//!
//! A request (client, session, number) that has been executed, or refused because it came after its session, turns up at no
//! later op. `exactly_once` allows that, as long as nothing is executed the second time; this is the stronger rule that
//! a primary owes which looks at its whole log, executed and not, before it gives a request a place. Two copies in one log
//! cost a place each, and rely on one last check that nobody else would notice to be missing.
//!
//! Source: "Viewstamped Replication Revisited", section 4.1, step 2 (the primary drops a request that is not newer than the
//! client's last one); the user's scenario 25.
//! Not checked: entries of a view whose primary lies; registrations, which a client may need again after an eviction.

use crate::base::ids::ReplicaId;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "message_deduplication";
pub(in crate::invariants) const INTERESTS: u128 = kinds::EXECUTED;

pub(in crate::invariants) fn observe(context: &Context<'_>) -> Option<Box<Violation>> {
    let Observation::Executed { op, client, session, number, .. } = context.seen.what else { return None };
    if op != context.history.next() || session == 0 {
        return None;
    }
    let before = context.history.placed_at(client, session, number)?;
    // The entry is the work of the primary of its view.
    let view = context.me.entry(op)?.view;
    let primary = ReplicaId((view % context.cluster_view.replicas.len() as u64) as u8);
    if !context.cluster_view.correct(primary) {
        return None;
    }
    context.violation_with(
        primary,
        NAME,
        "a request has two places in the log",
        format!("request {number} of client {} in session {session} is at op {before} only", client.0),
        format!("{primary} put it at op {op}, too, in view {view}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ClientId;
    use crate::config::workload::Answer;
    use crate::invariants::harness::{Script, found, put};
    use Observation as O;

    /// Two writes were asked for, three ops are committed, and the first is executed.
    fn executed(mut script: Script) -> Script {
        script.invoke(1, put(1));
        script.invoke(2, put(2));
        script.committed(&[1, 2], 1..=3);
        script.ok(1, Script::executed(1, 1, put(1), found(1, 1, 1)));
        script
    }

    fn repeated(op: u64, session: u32, number: u32) -> Observation {
        let answer = Answer { position: op, ..Answer::default() };
        O::Executed { op, client: ClientId(0), session, number, operation: None, answer }
    }

    #[test]
    fn one_place_for_each_and_executions_by_others_pass() {
        let mut script = executed(Script::new());
        script.ok(1, Script::executed(2, 2, put(2), found(2, 2, 2)));
        script.ok(2, Script::executed(1, 1, put(1), found(1, 1, 1)));
    }

    #[test]
    fn a_second_place_is_caught_even_without_an_effect() {
        executed(Script::new()).caught(1, repeated(2, 1, 1), NAME, "a request has two places in the log");
    }

    #[test]
    fn what_a_lying_primary_put_there_is_not_judged() {
        executed(Script::with_liar(0)).ok(1, repeated(2, 1, 1));
    }
}
