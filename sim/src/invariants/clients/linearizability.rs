//! Linearizability: the committed log is a sequential history of the store that explains every answer, in real time.
//!
//! 1. What is executed at an op is what a client asked for.
//! 2. Its result is that of the model (`config/model.rs`), which executes each op once, in order.
//! 3. What a client is told is the result of its own request, at the position where it was executed.
//! 4. That position lies above every position that anybody had been told when the request was sent.
//!
//! With the log as the witness no search is needed: each rule is one comparison. Source: Herlihy and Wing, "Linearizability"
//! (1990); "Viewstamped Replication Revisited", section 4.1. Where a replica lies, its honest answer may be ahead of every
//! correct replica: rule 3 then waits until the op is executed. Not checked: requests that are never answered.

use crate::base::ids::ReplicaSet;
use crate::config::model::Store;
use crate::config::workload::Answer;
use crate::invariants::support::{Answered, Context, Violation, kinds, set};
use crate::protocol::observation::{Observation, Seen};

/// The invariant's name.
pub const NAME: &str = "linearizability";
pub(in crate::invariants) const INTERESTS: u128 = kinds::EXECUTED | kinds::ANSWERED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct Linearizability {
    store: Store,
    /// The request that took effect at each op, as an index in the record, and the model's answer; op 1 is at index 0.
    results: Vec<Option<(usize, Answer)>>,
    /// Requests that were answered before their op was executed by a correct replica.
    early: Vec<(usize, Answer)>,
}

impl Linearizability {
    pub fn reset(&mut self) {
        self.store.reset();
        self.results.clear();
        self.early.clear();
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Observation::Executed { op, client, session, number, operation, answer } = context.seen.what else {
            return None;
        };
        // Who executes the op later is compared with the first (see `exactly_once`).
        if op != context.history.next() {
            return None;
        }
        let asked = context.history.find(client, session, number);
        let mut violation = None;
        let mut result = None;
        if let Some(executed) = operation {
            let wanted = asked.map(|asked| context.history.asked[asked].operation);
            // The model follows what was executed, so that it still fits the log after a violation that is not owed.
            let expected = self.store.execute(op, &executed);
            result = asked.map(|asked| (asked, expected));
            if wanted != Some(executed) {
                violation = context.violation(
                    NAME,
                    "executed what nobody asked for",
                    match wanted {
                        Some(wanted) => format!("{} executes {wanted:?} at op {op}, as the client asked", context.id),
                        None => format!("{} executes at op {op} what a client asked", context.id),
                    },
                    format!("it executed {executed:?} for request {number} of client {}", client.0),
                );
            } else if expected != answer {
                violation = context.violation(
                    NAME,
                    "a wrong result",
                    format!("{} executes {executed:?} at op {op} with the result {expected:?}", context.id),
                    format!("the result was {answer:?}"),
                );
            }
        }
        self.results.push(result);
        violation.or_else(|| self.heal_when_quiescent(context, op))
    }

    /// Judges the answers that were waiting for `op`.
    fn heal_when_quiescent(&mut self, context: &Context<'_>, op: u64) -> Option<Box<Violation>> {
        while let Some(place) = self.early.iter().position(|early| early.1.position == op) {
            let (asked, answer) = self.early.swap_remove(place);
            let replicas = set([context.id]);
            let violation = self.told(context.seen, replicas, asked, answer);
            if violation.is_some() {
                return violation;
            }
        }
        None
    }

    pub fn answered(&mut self, answered: &Answered<'_>) -> Option<Box<Violation>> {
        let Answered { seen, cluster_view, history, asked, answer } = *answered;
        let Some(asked) = asked else {
            return answered.violation(
                NAME,
                "an answer to no request",
                "a client accepts answers to what it asked".to_owned(),
                format!("it accepted {answer:?}"),
            );
        };
        let floor = history.asked[asked].floor;
        if answer.position <= floor {
            return answered.violation(
                NAME,
                "an answer from the past",
                format!("a request sent after somebody was told position {floor} is executed above it"),
                format!("it was executed at position {}", answer.position),
            );
        }
        if answer.position <= self.results.len() as u64 {
            return self.told(seen, ReplicaSet::default(), asked, answer);
        }
        if cluster_view.liars.is_empty() {
            return answered.violation(
                NAME,
                "an answer before the execution",
                format!("a client is told a position up to {}, the last op executed", self.results.len()),
                format!("it was told position {}", answer.position),
            );
        }
        self.early.push((asked, answer));
        None
    }

    /// Rule 3, for a position that the model has executed.
    fn told(&self, seen: &Seen, replicas: ReplicaSet, asked: usize, answer: Answer) -> Option<Box<Violation>> {
        let result = *self.results.get(usize::try_from(answer.position.checked_sub(1)?).ok()?)?;
        if result == Some((asked, answer)) {
            return None;
        }
        let (rule, expected) = match result {
            Some((own, expected)) if own == asked => {
                ("a client was told another result", format!("the client is told {expected:?}"))
            }
            _ => (
                "a client was told the result of another request",
                format!("the client's request took effect at position {}", answer.position),
            ),
        };
        let seen_answer = format!("it was told {answer:?}");
        let Seen { at, event, .. } = *seen;
        Some(Box::new(Violation { invariant: NAME, rule, at, event, replicas, expected, seen: seen_answer }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ClientId;
    use crate::config::workload::{Operation, OperationKind, value};
    use crate::invariants::harness::{Script, found, put};

    /// Two writes were asked for, both ops are committed, and the first is executed.
    fn executed(mut script: Script) -> Script {
        script.invoke(1, put(1));
        script.invoke(2, put(2));
        script.committed(&[1], 1..=2);
        script.ok(1, Script::executed(1, 1, put(1), found(1, 1, 1)));
        script
    }

    #[test]
    fn answers_that_the_log_explains_pass() {
        let mut script = executed(Script::new());
        assert_eq!(script.answer(1, found(1, 1, 1)), None);
        script.ok(1, Script::executed(2, 2, put(2), found(2, 2, 2)));
        assert_eq!(script.answer(2, found(2, 2, 2)), None);
    }

    #[test]
    fn an_operation_that_nobody_asked_for_is_caught() {
        let rule = "executed what nobody asked for";
        let other = Operation { tenant: 1, kind: OperationKind::Put { key: 2, value: value(1, ClientId(0), 2) } };
        executed(Script::new()).caught(1, Script::executed(2, 2, other, found(2, 2, 2)), NAME, rule);
        executed(Script::new()).caught(1, Script::executed(2, 7, put(7), found(2, 2, 7)), NAME, rule);
    }

    #[test]
    fn a_wrong_result_is_caught_at_the_execution() {
        let mut script = executed(Script::new());
        script.caught(1, Script::executed(2, 2, put(2), found(2, 1, 2)), NAME, "a wrong result");
    }

    #[test]
    fn a_wrong_answer_is_caught_at_the_client() {
        let rule = "a client was told another result";
        executed(Script::new()).answer_caught(1, found(1, 1, 2), NAME, rule);
        let rule = "a client was told the result of another request";
        executed(Script::new()).answer_caught(2, found(1, 1, 1), NAME, rule);
        executed(Script::new()).answer_caught(2, found(2, 2, 2), NAME, "an answer before the execution");
        executed(Script::new()).answer_caught(9, found(1, 1, 1), NAME, "an answer to no request");
    }

    #[test]
    fn an_answer_from_the_past_is_caught() {
        let mut script = executed(Script::new());
        assert_eq!(script.answer(1, found(1, 1, 1)), None);
        script.invoke(3, put(3));
        script.answer_caught(3, found(1, 1, 1), NAME, "an answer from the past");
    }

    #[test]
    fn an_early_answer_of_a_liar_is_judged_when_the_op_is_executed() {
        let execution = Script::executed(2, 2, put(2), found(2, 2, 2));
        let mut script = executed(Script::with_liar(0));
        assert_eq!(script.answer(2, found(2, 2, 2)), None);
        script.ok(1, execution);

        let mut script = executed(Script::with_liar(0));
        assert_eq!(script.answer(2, found(2, 1, 2)), None);
        script.caught(1, execution, NAME, "a client was told another result");
    }
}
