//! The kinds of observations as bits, for lists of interests.

macro_rules! kinds {
    ($($name:ident = $number:literal),* $(,)?) => { $(pub const $name: u64 = 1 << $number;)* };
}

kinds! {
    SENT = 0,
    DELIVERED = 1,
    DROPPED = 2,
    CRASHED = 3,
    INJECTED = 8,
    SKIPPED = 9,
    LIED = 10,
    HEALED = 11,
    INVOKED = 12,
    ANSWERED = 13,
    RETRIED = 14,
    CLIENT_CRASHED = 15,
    LOADING = 17,
    RECOVERED = 18,
    STATUS_CHANGED = 19,
    VIEW_CHANGE_STARTED = 20,
    VOTED = 21,
    VIEW_STARTED = 22,
    APPENDED = 23,
    TRUNCATED = 24,
    DAMAGED = 25,
    ACKNOWLEDGED = 26,
    COMMITTED = 27,
    EXECUTED = 28,
    REJECTED = 29,
    REPAIR_REQUESTED = 30,
    HOLDING = 32,
    RECONFIGURATION_ASKED = 33,
    CONFIGURATION_APPENDED = 36,
    RECONFIGURED = 37,
    RETIRED = 38,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lie::{Field, How, LieClass};
    use crate::observation::{DropReason, Fault, MessageKind, Observation as O, RejectReason, SkipReason, Status};
    use crate::spec::{ClientId, ReplicaId, ReplicaSet};
    use crate::workload::{Answer, Operation, OperationKind};

    #[test]
    fn the_bits_are_those_of_the_observations() {
        let (client, session, number, answer) = (ClientId(0), 1, 1, Answer::default());
        let operation = Operation { tenant: 0, kind: OperationKind::Get { key: 1 } };
        let members = ReplicaSet::first(3);
        for (bit, what) in [
            (SENT, O::Sent { to: ReplicaId(0), kind: MessageKind::Ping }),
            (DELIVERED, O::Delivered { from: ReplicaId(0), kind: MessageKind::Ping }),
            (DROPPED, O::Dropped { to: ReplicaId(0), kind: MessageKind::Ping, why: DropReason::Lost }),
            (CRASHED, O::Crashed),
            (INJECTED, O::Injected { fault: Fault::Crash }),
            (LIED, O::Lied { kind: MessageKind::Ping, field: Field::Op, how: How::Zero, class: LieClass::FalseClaim }),
            (SKIPPED, O::Skipped { fault: Fault::Crash, why: SkipReason::NoTarget }),
            (HEALED, O::Healed),
            (INVOKED, O::Invoked { client, session, number, operation }),
            (CLIENT_CRASHED, O::ClientCrashed { client }),
            (RETRIED, O::Retried { client, number }),
            (DAMAGED, O::Damaged { op: 1 }),
            (REJECTED, O::Rejected { kind: MessageKind::Ping, why: RejectReason::Busy }),
            (REPAIR_REQUESTED, O::RepairRequested { from: 1, to: 1 }),
            (ANSWERED, O::Answered { client, session, number, answer }),
            (LOADING, O::Loading),
            (RECOVERED, O::Recovered { view: 0, last_normal: 0, op: 0 }),
            (STATUS_CHANGED, O::StatusChanged { status: Status::Normal, view: 0, primary: false }),
            (VIEW_CHANGE_STARTED, O::ViewChangeStarted { view: 0 }),
            (VOTED, O::Voted { view: 0, last_normal: 0, op: 0, commit: 0 }),
            (VIEW_STARTED, O::ViewStarted { view: 0, op: 0, commit: 0, primary: false }),
            (APPENDED, O::Appended { op: 0, view: 0, entry: 0, parent: 0 }),
            (TRUNCATED, O::Truncated { op: 0 }),
            (ACKNOWLEDGED, O::Acknowledged { view: 0, op: 0, entry: 0 }),
            (COMMITTED, O::Committed { op: 0, entry: 0 }),
            (EXECUTED, O::Executed { op: 0, client, session, number, operation: None, answer }),
            (HOLDING, O::Holding { items: 0, bytes: 0 }),
            (RECONFIGURATION_ASKED, O::ReconfigurationAsked { members }),
            (CONFIGURATION_APPENDED, O::ConfigurationAppended { op: 1, old: members, new: members }),
            (RECONFIGURED, O::Reconfigured { epoch: 1, members }),
            (RETIRED, O::Retired { epoch: 1 }),
        ] {
            assert_eq!(bit, 1 << what.kind(), "{what:?}");
        }
    }
}
