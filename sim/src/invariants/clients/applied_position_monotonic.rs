//! Applied positions: a replica executes its committed log from the front, op by op.
//!
//! 1. The ops that a replica executes go up by exactly one, after each start and after the op of each state that it
//!    installs; without one, from 1.
//! 2. It executes nothing that it has not committed.
//! 3. The position in a result is the op at which it was executed.
//!
//! Source: the user's invariant of that name; "Viewstamped Replication Revisited", section 4.1, for the order.
//! Not checked: the position in a result that comes from the client table, where nothing is executed.

use crate::invariants::support::{Context, Invariant, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "applied_position_monotonic";
const INTERESTS: u128 = kinds::EXECUTED;

/// The invariant; it remembers nothing.
#[derive(Debug, Default)]
pub(in crate::invariants) struct AppliedPositionMonotonic;

impl Invariant for AppliedPositionMonotonic {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str = "Applied positions: a replica executes its committed log from the front, op by op.";
    const INTERESTS: u128 = INTERESTS;

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Observation::Executed { op, operation, answer, .. } = context.seen.what else { return None };
        let (id, me) = (context.id, context.me);
        if op != me.executed + 1 {
            return context.violation(
                NAME,
                "executes out of order",
                format!("{id} executes op {} next", me.executed + 1),
                format!("it executed op {op}"),
            );
        }
        if op > me.commit {
            return context.violation(
                NAME,
                "executes before it commits",
                format!("{id} executes at most op {}, its commit number", me.commit),
                format!("it executed op {op}"),
            );
        }
        if operation.is_some() && answer.position != op {
            return context.violation(
                NAME,
                "the position is not the op",
                format!("{id} executes op {op} at position {op}"),
                format!("the result says position {}", answer.position),
            );
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, found, put};
    use Observation as O;

    /// Two writes were asked for; replica 0 has committed both and executed the first.
    fn script() -> Script {
        let mut script = Script::new();
        script.invoke(1, put(1));
        script.invoke(2, put(2));
        script.committed(&[0], 1..=2);
        script.append(0, 3..=3);
        script.ok(0, Script::executed(1, 1, put(1), found(1, 1, 1)));
        script
    }

    #[test]
    fn ops_executed_one_by_one_pass_also_after_a_restart() {
        let mut script = script();
        script.ok(0, Script::executed(2, 2, put(2), found(2, 2, 2)));
        script.ok(0, O::Crashed);
        script.ok(0, O::Loading);
        script.append(0, 1..=2);
        script.commit(0, 1..=1);
        script.ok(0, Script::executed(1, 1, put(1), found(1, 1, 1)));
    }

    #[test]
    fn a_gap_or_a_step_back_is_caught() {
        script().caught(0, Script::executed(1, 1, put(1), found(1, 1, 1)), NAME, "executes out of order");
        script().caught(0, Script::executed(3, 2, put(2), found(3, 3, 2)), NAME, "executes out of order");
    }

    #[test]
    fn execution_before_the_commit_is_caught() {
        let mut script = script();
        script.ok(0, Script::executed(2, 2, put(2), found(2, 2, 2)));
        script.caught(0, Script::executed(3, 3, put(3), found(3, 3, 3)), NAME, "executes before it commits");
    }

    #[test]
    fn a_regressed_position_is_caught() {
        script().caught(0, Script::executed(2, 2, put(2), found(1, 1, 2)), NAME, "the position is not the op");
    }
}
