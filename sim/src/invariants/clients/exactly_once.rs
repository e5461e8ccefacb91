//! Exactly once: a request takes effect at one op, however often it is sent, and every replica agrees on what came of it.
//!
//! 1. A request (client, session, number) takes effect at one op only; where it turns up again, nothing is executed.
//! 2. The requests of a session take effect in the order of their numbers.
//! 3. Whoever executes an op, also again after a restart, executes the same request with the same result.
//!
//! Source: "Viewstamped Replication Revisited", section 4.1 (the client table); the user's two client-session bugs.
//! Not checked: that a request is executed at all (see `liveness`); that the result is right (see `linearizability`).

use crate::base::ids::ClientId;
use crate::invariants::support::history::Execution;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "exactly_once";
pub(in crate::invariants) const INTERESTS: u128 = kinds::EXECUTED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct ExactlyOnce {
    /// The op at which each request of the record took effect; 0 where it has not.
    ops: Vec<u64>,
    /// Per client the sessions, and the highest request number that took effect in each.
    sessions: Vec<Vec<(u32, u32)>>,
}

impl ExactlyOnce {
    pub fn reset(&mut self) {
        self.ops.clear();
        self.sessions.iter_mut().for_each(Vec::clear);
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Observation::Executed { op, client, session, number, operation, answer } = context.seen.what else {
            return None;
        };
        let execution = Execution { client, session, number, operation, answer };
        if let Some(first) = context.history.execution(op) {
            return if *first == execution { None } else { disagree(context, op, first, &execution) };
        }
        if op != context.history.next() || operation.is_none() {
            return None;
        }
        self.takes_effect(context, op, client, session, number)
    }

    fn takes_effect(
        &mut self,
        context: &Context<'_>,
        op: u64,
        client: ClientId,
        session: u32,
        number: u32,
    ) -> Option<Box<Violation>> {
        let id = context.id;
        let name = |number| format!("request {number} of client {} in session {session}", client.0);
        if let Some(asked) = context.history.find(client, session, number) {
            if self.ops.len() <= asked {
                self.ops.resize(context.history.asked.len(), 0);
            }
            let before = self.ops[asked];
            if before != 0 {
                return context.violation(
                    NAME,
                    "a request took effect twice",
                    format!("{} takes effect at op {before} only", name(number)),
                    format!("{id} executed it at op {op} again"),
                );
            }
            self.ops[asked] = op;
        }
        let last = self.last(client, session);
        if number <= *last {
            let last = *last;
            return context.violation(
                NAME,
                "requests took effect out of order",
                format!("{} takes effect before request {last}", name(number)),
                format!("{id} executed it at op {op}, after request {last}"),
            );
        }
        *last = number;
        None
    }

    /// The highest number that took effect in the session.
    fn last(&mut self, client: ClientId, session: u32) -> &mut u32 {
        if self.sessions.len() <= client.index() {
            self.sessions.resize_with(client.index() + 1, Vec::new);
        }
        let sessions = &mut self.sessions[client.index()];
        // A client's last session is the one that is asked for, but for late requests of a crashed one.
        let known = sessions.iter().rposition(|known| known.0 == session);
        let place = known.unwrap_or_else(|| {
            sessions.push((session, 0));
            sessions.len() - 1
        });
        &mut sessions[place].1
    }
}

#[cold]
fn disagree(context: &Context<'_>, op: u64, first: &Execution, now: &Execution) -> Option<Box<Violation>> {
    let id = context.id;
    let who = |execution: &Execution| (execution.client, execution.session, execution.number);
    if who(first) == who(now) {
        context.violation(
            NAME,
            "replicas disagree on the result",
            format!("{id} executes {:?} at op {op} with the result {:?}", first.operation, first.answer),
            format!("it executed {:?} with the result {:?}", now.operation, now.answer),
        )
    } else {
        context.violation(
            NAME,
            "replicas execute different requests at one op",
            format!("{id} executes request {} of client {} at op {op}", first.number, first.client.0),
            format!("it executed request {} of client {}", now.number, now.client.0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::workload::Answer;
    use crate::invariants::harness::{Script, found, put};
    use Observation as O;

    /// Three writes were asked for, and three ops are committed. The primary lies: a correct one would give each request
    /// one place only (see `message_deduplication`).
    fn script() -> Script {
        let mut script = Script::with_liar(0);
        for number in 1..=3 {
            script.invoke(number, put(number));
        }
        script.committed(&[1, 2], 1..=3);
        script
    }

    fn executed(op: u64, number: u32) -> Observation {
        Script::executed(op, number, put(number), found(op, op, number))
    }

    /// A repeated request: nothing is executed.
    fn repeated(op: u64, number: u32) -> Observation {
        let (client, answer) = (ClientId(0), Answer::default());
        O::Executed { op, client, session: 1, number, operation: None, answer }
    }

    #[test]
    fn repetitions_without_effect_and_executions_by_others_pass() {
        let mut script = script();
        for replica in [1, 2] {
            script.ok(replica, executed(1, 1));
            script.ok(replica, repeated(2, 1));
            script.ok(replica, executed(3, 2));
        }
    }

    #[test]
    fn a_second_effect_is_caught() {
        let mut script = script();
        script.ok(1, executed(1, 1));
        script.caught(1, executed(2, 1), NAME, "a request took effect twice");
    }

    #[test]
    fn effects_out_of_order_are_caught() {
        let mut script = script();
        script.ok(1, executed(1, 2));
        script.caught(1, executed(2, 1), NAME, "requests took effect out of order");
    }

    #[test]
    fn replicas_that_disagree_are_caught() {
        let mut script = script();
        script.ok(1, executed(1, 1));
        script.ok(1, repeated(2, 1));
        script.caught(2, repeated(1, 1), NAME, "replicas disagree on the result");
        script.caught(2, executed(2, 2), NAME, "replicas execute different requests at one op");
    }
}
