//! The kinds of observations as bits, for lists of interests.

macro_rules! kinds {
    ($($name:ident = $number:literal),* $(,)?) => { $(pub const $name: u128 = 1 << $number;)* };
}

kinds! {
    SENT = 0,
    DELIVERED = 1,
    DROPPED = 2,
    CRASHED = 3,
    RESTARTED = 4,
    PAUSED = 5,
    RESUMED = 6,
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
    REPAIRED = 31,
    HOLDING = 32,
    CLOCK_SET = 33,
    CLOCK_SYNCHRONIZED = 34,
    CLOCK_LOST = 35,
    TIMESTAMP_ASSIGNED = 36,
    TIMESTAMPED = 37,
    REGISTERING = 38,
    SESSION_REGISTERED = 39,
    SESSION_EVICTED = 40,
    MISREAD = 41,
    LOADED = 42,
    SCRUB_TOUR_STARTED = 43,
    SCRUB_TOUR_COVERS = 44,
    SCRUB_READ = 45,
    SCRUB_READ_DONE = 46,
    SCRUB_FOUND = 47,
    SCRUB_REPAIRED = 48,
    SCRUB_TOUR_COMPLETED = 49,
    CONDITIONS = 50,
    VIEW_CHANGE_WANTED = 51,
    ABDICATED = 52,
    COMMIT_STALLED = 53,
    REPAIR_ENDED = 54,
    CONTENT_REQUESTED = 55,
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
        for (bit, what) in [
            (SENT, O::Sent { to: ReplicaId(0), kind: MessageKind::Ping }),
            (DELIVERED, O::Delivered { from: ReplicaId(0), kind: MessageKind::Ping }),
            (DROPPED, O::Dropped { to: ReplicaId(0), kind: MessageKind::Ping, why: DropReason::Lost }),
            (CRASHED, O::Crashed),
            (RESTARTED, O::Restarted),
            (PAUSED, O::Paused),
            (RESUMED, O::Resumed),
            (INJECTED, O::Injected { fault: Fault::Crash }),
            (LIED, O::Lied { kind: MessageKind::Ping, field: Field::Op, how: How::Zero, class: LieClass::FalseClaim }),
            (SKIPPED, O::Skipped { fault: Fault::Crash, why: SkipReason::NoTarget }),
            (HEALED, O::Healed),
            (INVOKED, O::Invoked { client, session, number, operation }),
            (CLIENT_CRASHED, O::ClientCrashed { client }),
            (RETRIED, O::Retried { client, number }),
            (DAMAGED, O::Damaged { op: 1 }),
            (REJECTED, O::Rejected { kind: MessageKind::Ping, why: RejectReason::Busy }),
            (REPAIR_REQUESTED, O::RepairRequested { peer: ReplicaId(0), from: 1, to: 1 }),
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
            (REPAIRED, O::Repaired { op: 1 }),
            (HOLDING, O::Holding { items: 0, bytes: 0 }),
            (CLOCK_SET, O::ClockSet { error: 0, rate: 0 }),
            (CLOCK_SYNCHRONIZED, O::ClockSynchronized { offset: 0, uncertainty: 0 }),
            (CLOCK_LOST, O::ClockLost),
            (TIMESTAMP_ASSIGNED, O::TimestampAssigned { op: 0, timestamp: 0, previous: 0 }),
            (TIMESTAMPED, O::Timestamped { op: 0, timestamp: 0 }),
            (REGISTERING, O::Registering { client, number }),
            (SESSION_REGISTERED, O::SessionRegistered { client, session }),
            (SESSION_EVICTED, O::SessionEvicted { client, session }),
            (MISREAD, O::Misread { zone: 0, record: 0 }),
            (LOADED, O::Loaded { op: 1, content: 1 }),
            (SCRUB_TOUR_STARTED, O::ScrubTourStarted),
            (SCRUB_TOUR_COVERS, O::ScrubTourCovers { zone: 0, records: 0 }),
            (SCRUB_READ, O::ScrubRead { zone: 0, record: 0, records: 0, clock: 0 }),
            (SCRUB_READ_DONE, O::ScrubReadDone { judged: true }),
            (SCRUB_FOUND, O::ScrubFound { zone: 0, record: 0 }),
            (SCRUB_REPAIRED, O::ScrubRepaired { zone: 0, record: 0 }),
            (SCRUB_TOUR_COMPLETED, O::ScrubTourCompleted { duration: 0, reads: 0 }),
            (CONDITIONS, O::Conditions { hears: ReplicaSet::default(), sound: true, delay: 0 }),
            (VIEW_CHANGE_WANTED, O::ViewChangeWanted { view: 0 }),
            (ABDICATED, O::Abdicated { view: 0 }),
            (COMMIT_STALLED, O::CommitStalled { view: 0 }),
            (CONTENT_REQUESTED, O::ContentRequested { peer: ReplicaId(0), op: 0 }),
            (REPAIR_ENDED, O::RepairEnded { peer: ReplicaId(0), answered: true }),
        ] {
            assert_eq!(bit, 1 << what.kind(), "{what:?}");
        }
    }
}
