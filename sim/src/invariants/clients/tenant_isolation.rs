//! Tenant isolation: no tenant is ever shown a value of another one.
//!
//! Every value carries the tenant that it was written for (`workload::value`), so a leak shows in the value itself,
//! whatever the way it took: the store, the client table, a reply that went to the wrong client.
//!
//! Source: the user's invariant of that name. Not checked: leaks by way of versions, positions or timing.

use crate::config::workload::tenant_of;
use crate::invariants::support::{Answered, Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "tenant_isolation";
pub(in crate::invariants) const INTERESTS: u128 = kinds::EXECUTED | kinds::ANSWERED;

const RULE: &str = "a value of another tenant";

/// Whether a value that `tenant` is shown belongs to somebody else.
fn foreign(value: u64, tenant: u16) -> bool {
    value != 0 && tenant_of(value) != tenant
}

pub(in crate::invariants) fn observe(context: &Context<'_>) -> Option<Box<Violation>> {
    let Observation::Executed { op, operation: Some(operation), answer, .. } = context.seen.what else { return None };
    if !foreign(answer.value, operation.tenant) {
        return None;
    }
    context.violation(
        NAME,
        RULE,
        format!("{} executes op {op} on the data of tenant {} alone", context.id, operation.tenant),
        format!("the result is value {:#x} of tenant {}", answer.value, tenant_of(answer.value)),
    )
}

pub(in crate::invariants) fn answered(answered: &Answered<'_>) -> Option<Box<Violation>> {
    let operation = answered.history.asked[answered.asked?].operation;
    let value = answered.answer.value;
    if !foreign(value, operation.tenant) {
        return None;
    }
    answered.violation(
        NAME,
        RULE,
        format!("a client of tenant {} is told values of that tenant", operation.tenant),
        format!("it was told value {value:#x} of tenant {}", tenant_of(value)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ClientId;
    use crate::config::workload::{Answer, Operation, OperationKind, value};
    use crate::invariants::harness::{Script, get};

    /// Tenant 2 wrote key 1 at op 1; tenant 1 reads its own key 1 at op 2.
    fn script() -> Script {
        let mut script = Script::new();
        let write = Operation { tenant: 2, kind: OperationKind::Put { key: 1, value: value(2, ClientId(0), 1) } };
        script.invoke(1, write);
        script.invoke(2, get());
        script.committed(&[0], 1..=2);
        let answer = Answer { position: 1, version: 1, value: value(2, ClientId(0), 1) };
        script.ok(0, Script::executed(1, 1, write, answer));
        script
    }

    #[test]
    fn a_tenant_that_finds_nothing_of_its_own_is_told_nothing() {
        let mut script = script();
        let nothing = Answer { position: 2, version: 0, value: 0 };
        script.ok(0, Script::executed(2, 2, get(), nothing));
        assert_eq!(script.answer(2, nothing), None);
    }

    #[test]
    fn a_value_of_another_tenant_is_caught() {
        let leak = Answer { position: 2, version: 1, value: value(2, ClientId(0), 1) };
        script().caught(0, Script::executed(2, 2, get(), leak), NAME, RULE);
        script().answer_caught(2, leak, NAME, RULE);
    }
}
