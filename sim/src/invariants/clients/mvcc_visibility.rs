//! MVCC visibility: a read sees the newest version within its bound, and nothing beyond it.
//!
//! The bound of a read at position p is p - 1, or the position that it asks for if that is earlier.
//!
//! 1. No version above the bound is seen.
//! 2. The newest version of the key up to the bound is seen, with the value that was written there.
//!
//! Source: the user's invariant of that name (Kimberlite reads as of a position in the log). The versions are taken from
//! the writes as they were executed. Not checked: streams, which have no versions (see `linearizability`).

use crate::config::model::Shelf;
use crate::config::workload::{Answer, Operation, OperationKind};
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "mvcc_visibility";
pub(in crate::invariants) const INTERESTS: u128 = kinds::EXECUTED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct MvccVisibility {
    /// The versions of all keys, as far as ops were executed by some correct replica.
    versions: Shelf,
}

impl MvccVisibility {
    pub fn reset(&mut self) {
        self.versions.reset();
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Observation::Executed { op, operation: Some(operation), answer, .. } = context.seen.what else {
            return None;
        };
        let next = context.history.next();
        let (key, bound) = match operation.kind {
            OperationKind::Put { key, value } => {
                if op == next {
                    self.versions.push(operation.tenant, key, op, value);
                }
                return None;
            }
            OperationKind::Get { key } => (key, op.saturating_sub(1)),
            OperationKind::GetAsOf { key, position } => (key, position.min(op.saturating_sub(1))),
            OperationKind::Append { .. } | OperationKind::Read { .. } => return None,
        };
        // Beyond the next op the versions are not complete; such an execution is a violation by itself.
        if op > next {
            return None;
        }
        let newest = self.versions.newest(operation.tenant, key, bound).unwrap_or((0, 0));
        if newest == (answer.version, answer.value) {
            return None;
        }
        wrong(context, op, &operation, key, bound, newest, &answer)
    }
}

#[cold]
fn wrong(
    context: &Context<'_>,
    op: u64,
    operation: &Operation,
    key: u16,
    bound: u64,
    (version, value): (u64, u64),
    answer: &Answer,
) -> Option<Box<Violation>> {
    let place = format!("key {key} of tenant {}", operation.tenant);
    let seen = format!("it saw version {} with value {:#x}", answer.version, answer.value);
    if answer.version > bound {
        return context.violation(
            NAME,
            "sees the future",
            format!("{} reads {place} at op {op} and sees no version above {bound}", context.id),
            seen,
        );
    }
    context.violation(
        NAME,
        "misses a version",
        format!("{} reads {place} at op {op} and sees version {version} with value {value:#x}", context.id),
        seen,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, found, get, put};

    fn as_of(position: u64) -> Operation {
        Operation { tenant: 1, kind: OperationKind::GetAsOf { key: 1, position } }
    }

    /// Key 1 was written at ops 1 and 3 and read in between; replica 0 has executed all of them, replica 1 nothing.
    fn script(last: Operation) -> Script {
        let mut script = Script::new();
        script.committed(&[0, 1], 1..=4);
        for (number, operation) in (1..).zip([put(1), get(), put(3), last]) {
            script.invoke(number, operation);
        }
        script.ok(0, Script::executed(1, 1, put(1), found(1, 1, 1)));
        script.ok(0, Script::executed(2, 2, get(), found(2, 1, 1)));
        script.ok(0, Script::executed(3, 3, put(3), found(3, 3, 3)));
        script
    }

    #[test]
    fn reads_within_their_bounds_pass() {
        script(get()).ok(0, Script::executed(4, 4, get(), found(4, 3, 3)));
        script(as_of(2)).ok(0, Script::executed(4, 4, as_of(2), found(4, 1, 1)));
        script(as_of(9)).ok(0, Script::executed(4, 4, as_of(9), found(4, 3, 3)));
        let nothing = Answer { position: 4, version: 0, value: 0 };
        script(as_of(0)).ok(0, Script::executed(4, 4, as_of(0), nothing));
    }

    #[test]
    fn a_version_of_the_future_is_caught() {
        let rule = "sees the future";
        script(as_of(2)).caught(0, Script::executed(4, 4, as_of(2), found(4, 3, 3)), NAME, rule);
        let mut late = script(get());
        late.ok(1, Script::executed(1, 1, put(1), found(1, 1, 1)));
        late.caught(1, Script::executed(2, 2, get(), found(2, 3, 3)), NAME, rule);
    }

    #[test]
    fn a_missed_version_is_caught() {
        let rule = "misses a version";
        script(get()).caught(0, Script::executed(4, 4, get(), found(4, 1, 1)), NAME, rule);
        script(get()).caught(0, Script::executed(4, 4, get(), found(4, 3, 1)), NAME, rule);
    }
}
