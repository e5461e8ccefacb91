//! Kernel command validation: only commands that the store accepts are committed and executed.
//!
//! 1. An op that has no effect is a repeated request, a registration, or a request whose session is over. Anything else
//!    would be a malformed command that a quorum has let into its logs.
//! 2. What is executed is well formed: elements of streams count from 1.
//!
//! Source: the user's Bug 3.2; a primary checks a client's command, and a backup its primary's.
//! Not checked: malformed commands in logs that are never committed (they cost a place, and no more); that what is executed
//! is what a client asked for (see `linearizability`); that what a tenant writes is its own (see `tenant_isolation`).

use crate::config::workload::OperationKind;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "kernel_command_validation";
pub(in crate::invariants) const INTERESTS: u128 = kinds::EXECUTED;

pub(in crate::invariants) fn observe(context: &Context<'_>) -> Option<Box<Violation>> {
    let Observation::Executed { op, client, session, number, operation, .. } = context.seen.what else { return None };
    let id = context.id;
    if let Some(operation) = operation {
        if !matches!(operation.kind, OperationKind::Read { index: 0, .. }) {
            return None;
        }
        return context.violation(
            NAME,
            "a malformed command is executed",
            format!("{id} executes well-formed commands only"),
            format!("it executed {operation:?} at op {op}"),
        );
    }
    if op != context.history.next() {
        return None;
    }
    let sessions = &context.history.sessions;
    let repeated = (session, number) <= sessions.latest(client);
    let over = sessions.max > 0 && !sessions.lives(client, session);
    if repeated || over {
        return None;
    }
    context.violation(
        NAME,
        "a malformed command is committed",
        format!("request {number} of client {} in session {session} takes effect at op {op}", client.0),
        format!("{id} executed nothing there: the store refused the command"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ClientId;
    use crate::config::spec::Config;
    use crate::config::workload::{Answer, Operation};
    use crate::invariants::harness::{Script, found, put};
    use Observation as O;

    fn refused(op: u64, session: u32, number: u32) -> Observation {
        let answer = Answer { position: op, ..Answer::default() };
        O::Executed { op, client: ClientId(0), session, number, operation: None, answer }
    }

    /// A request was executed.
    fn executed(mut script: Script) -> Script {
        script.invoke(1, put(1));
        script.committed(&[1], 1..=2);
        script.ok(1, Script::executed(1, 1, put(1), found(1, 1, 1)));
        script
    }

    #[test]
    fn repeated_requests_and_requests_without_a_session_pass() {
        // An earlier number than the newest.
        executed(Script::new()).ok(1, refused(2, 1, 0));
        let mut config = Config::default();
        config.cluster.sessions_max = 2;
        let mut script = Script::with_config(&config);
        script.committed(&[1], 1..=2);
        script.ok(1, refused(1, 0, 1));
        script.ok(1, refused(2, 1, 1));
    }

    #[test]
    fn a_command_that_was_refused_after_its_commit_is_caught() {
        executed(Script::new()).caught(1, refused(2, 1, 2), NAME, "a malformed command is committed");
    }

    #[test]
    fn malformed_commands_are_caught() {
        let rule = "a malformed command is executed";
        let read = Operation { tenant: 1, kind: OperationKind::Read { stream: 1, index: 0 } };
        executed(Script::new()).caught(1, Script::executed(2, 2, read, found(2, 0, 0)), NAME, rule);
    }
}
