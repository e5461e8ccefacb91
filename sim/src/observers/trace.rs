//! The trace: a rolling digest of every observation, and, when asked for, the observations themselves.
//!
//! The digest covers every field of every observation, so that two runs with one digest are one run. It is computed from
//! plain numbers, the same on every machine: each observation becomes a few words (its kind in the first of them, so no
//! two kinds can be confused), and the words go by turns into two lanes. A lane's step is a bijection of the lane for a
//! given word, so a difference, once in, never dies out by itself.

use crate::config::workload::{Answer, Operation, OperationKind};
use crate::protocol::observation::{Observation, Seen, Who};

const LANE_A: u64 = 0x9E37_79B9_7F4A_7C15;
const LANE_B: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    a: u64,
    b: u64,
    len: u64,
    record: bool,
    recorded: Vec<Seen>,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { a: LANE_A, b: LANE_B, len: 0, record: false, recorded: Vec::new() }
    }
}

impl Trace {
    /// Forgets everything; a new run begins, whose observations are kept if `record` is true.
    pub fn reset(&mut self, record: bool) {
        let mut recorded = std::mem::take(&mut self.recorded);
        recorded.clear();
        *self = Trace { record, recorded, ..Trace::default() };
    }

    /// Takes in one observation: every field of it.
    pub fn observe(&mut self, seen: &Seen) {
        self.len += 1;
        if self.record {
            self.recorded.push(*seen);
        }
        self.pair(seen.at, seen.event);
        let who = match seen.who {
            Who::World => 0,
            Who::Replica(id) => 1 << 16 | u64::from(id.0),
            Who::Client(id) => 2 << 16 | u64::from(id.0),
        };
        self.what(seen.what.kind() as u64 | who << 8, &seen.what);
    }

    /// The digest so far.
    pub fn digest(&self) -> u64 {
        finish(self.a ^ finish(self.b ^ self.len))
    }

    /// How many observations were made.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none was made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The observations, if they were recorded.
    pub fn recorded(&self) -> &[Seen] {
        &self.recorded
    }

    #[inline]
    fn pair(&mut self, x: u64, y: u64) {
        self.a = (self.a.rotate_left(23) ^ x).wrapping_mul(LANE_A);
        self.b = (self.b.rotate_left(29) ^ y).wrapping_mul(LANE_B);
    }

    #[inline]
    fn wide(&mut self, x: u128) {
        self.pair(x as u64, (x >> 64) as u64);
    }

    fn answer(&mut self, answer: Answer) {
        self.pair(answer.position, answer.version);
        self.pair(answer.value, 0);
    }

    fn operation(&mut self, operation: Option<Operation>) {
        let Some(Operation { tenant, kind }) = operation else { return self.pair(0, 0) };
        let (tag, place, number) = match kind {
            OperationKind::Put { key, value } => (1, key, value),
            OperationKind::Get { key } => (2, key, 0),
            OperationKind::GetAsOf { key, position } => (3, key, position),
            OperationKind::Append { stream, value } => (4, stream, value),
            OperationKind::Read { stream, index } => (5, stream, index),
        };
        self.pair(tag | u64::from(tenant) << 8 | u64::from(place) << 24, number);
    }

    /// `head` has the kind in its lowest 8 bits and who it is about in the next 18; small fields go above (`SMALL`).
    #[allow(clippy::too_many_lines)]
    fn what(&mut self, head: u64, what: &Observation) {
        use Observation as O;
        const SMALL: u32 = 32;
        match *what {
            O::Crashed
            | O::Restarted
            | O::Paused
            | O::Resumed
            | O::DiskFailed
            | O::Healed
            | O::Panicked
            | O::Loading
            | O::ClockLost
            | O::ScrubTourStarted => self.pair(head, 0),
            O::Sent { to, kind } | O::Garbled { to, kind } => self.pair(head, u64::from(to.0) << 8 | kind as u64),
            O::Delivered { from, kind } => self.pair(head, u64::from(from.0) << 8 | kind as u64),
            O::Dropped { to, kind, why } => {
                self.pair(head, (why as u64) << 16 | u64::from(to.0) << 8 | kind as u64);
            }
            O::Injected { fault } => self.pair(head, fault as u64),
            O::Skipped { fault, why } => self.pair(head, (why as u64) << 8 | fault as u64),
            O::Lied { kind, field, how, class } => {
                let word = (class as u64) << 24 | (how as u64) << 16 | (field as u64) << 8 | kind as u64;
                self.pair(head, word);
            }
            O::Invoked { client, session, number, operation } => {
                self.pair(head | u64::from(client.0) << SMALL, u64::from(session) << 32 | u64::from(number));
                self.operation(Some(operation));
            }
            O::Answered { client, session, number, answer } => {
                self.pair(head | u64::from(client.0) << SMALL, u64::from(session) << 32 | u64::from(number));
                self.answer(answer);
            }
            O::Retried { client, number } => self.pair(head, u64::from(client.0) << 32 | u64::from(number)),
            O::ClientCrashed { client } => self.pair(head, u64::from(client.0)),
            O::Recovered { view, last_normal, op } => {
                self.pair(head, view);
                self.pair(last_normal, op);
            }
            O::StatusChanged { status, view, primary } => {
                self.pair(head | (status as u64) << SMALL | u64::from(primary) << (SMALL + 8), view);
            }
            O::ViewChangeStarted { view }
            | O::ViewChangeWanted { view }
            | O::Abdicated { view }
            | O::CommitStalled { view } => self.pair(head, view),
            O::Voted { view, last_normal, op, commit } => {
                self.pair(head, view);
                self.pair(last_normal, op);
                self.pair(commit, 0);
            }
            O::ViewStarted { view, op, commit, primary } => {
                self.pair(head | u64::from(primary) << SMALL, view);
                self.pair(op, commit);
            }
            O::Appended { op, view, entry, parent } => {
                self.pair(head, op);
                self.pair(view, 0);
                self.wide(entry);
                self.wide(parent);
            }
            O::Truncated { op }
            | O::Damaged { op }
            | O::Repaired { op }
            | O::LogDropped { op }
            | O::StateTransferStarted { at_least: op } => self.pair(head, op),
            O::Acknowledged { view, op, entry } => {
                self.pair(head, view);
                self.pair(op, 0);
                self.wide(entry);
            }
            O::Committed { op, entry } => {
                self.pair(head, op);
                self.wide(entry);
            }
            O::Executed { op, client, session, number, operation, answer } => {
                self.pair(head | u64::from(client.0) << SMALL, op);
                self.pair(u64::from(session), u64::from(number));
                self.operation(operation);
                self.answer(answer);
            }
            O::Rejected { kind, why } => self.pair(head, (why as u64) << 8 | kind as u64),
            O::RepairRequested { peer, from, to } => {
                self.pair(head | u64::from(peer.0) << SMALL, from);
                self.pair(to, 0);
            }
            O::Checkpointed { op, state } => {
                self.pair(head, op);
                self.wide(state);
            }
            O::StateInstalled { op, entry, state, last } => {
                self.pair(head, op);
                self.pair(last, 0);
                self.wide(entry);
                self.wide(state);
            }
            O::Holding { items, bytes } => self.pair(head | u64::from(items) << SMALL, bytes),
            O::ReconfigurationAsked { members } | O::ReconfigurationStarted { members } => {
                self.pair(head, members.0.into());
            }
            O::ReconfigurationRefused { members, why } => self.pair(head, (why as u64) << 8 | u64::from(members.0)),
            O::ConfigurationAppended { op, old, new } => {
                self.pair(head | u64::from(old.0) << SMALL | u64::from(new.0) << (SMALL + 8), op);
            }
            O::Reconfigured { epoch, members } => self.pair(head | u64::from(members.0) << SMALL, epoch),
            O::Retired { epoch } => self.pair(head, epoch),
            O::ClockSet { error, rate } => {
                self.pair(head, error as u64);
                self.pair(rate, 0);
            }
            O::ClockSynchronized { offset, uncertainty } => {
                self.pair(head, offset as u64);
                self.pair(uncertainty, 0);
            }
            O::TimestampAssigned { op, timestamp, previous } => {
                self.pair(head, op);
                self.pair(timestamp, previous);
            }
            O::Timestamped { op, timestamp } => {
                self.pair(head, op);
                self.pair(timestamp, 0);
            }
            O::Registering { client, number } => self.pair(head | u64::from(client.0) << SMALL, number.into()),
            O::SessionRegistered { client, session } | O::SessionEvicted { client, session } => {
                self.pair(head | u64::from(client.0) << SMALL, session.into());
            }
            O::Misread { zone, record } | O::ScrubFound { zone, record } | O::ScrubRepaired { zone, record } => {
                self.pair(head, u64::from(zone) << 32 | u64::from(record));
            }
            O::Loaded { op, content } => {
                self.pair(head, op);
                self.wide(content);
            }
            O::ScrubTourCovers { zone, records } => self.pair(head, u64::from(zone) << 32 | u64::from(records)),
            O::ScrubRead { zone, record, records, clock } => {
                self.pair(head | u64::from(zone) << SMALL, u64::from(record) << 32 | u64::from(records));
                self.pair(clock, 0);
            }
            O::ScrubReadDone { judged } => self.pair(head, u64::from(judged)),
            O::ScrubTourCompleted { duration, reads } => self.pair(head | u64::from(reads) << SMALL, duration),
            O::Conditions { hears, sound, delay } => {
                self.pair(head | u64::from(hears.0) << SMALL | u64::from(sound) << (SMALL + 8), delay);
            }
            O::ContentRequested { peer, op } => self.pair(head | u64::from(peer.0) << SMALL, op),
            O::RepairEnded { peer, answered } => self.pair(head, u64::from(answered) << 8 | u64::from(peer.0)),
        }
    }
}

/// A bijection in which every input bit reaches every output bit (the finalizer of `SplitMix64`).
fn finish(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ClientId, ReplicaId, ReplicaSet};
    use crate::protocol::lie::{Field, How, LieClass};
    use crate::protocol::observation::{DropReason, Fault, MessageKind, RejectReason, SkipReason, Status};

    fn digest(seen: &[Seen]) -> u64 {
        let mut trace = Trace::default();
        trace.reset(false);
        for seen in seen {
            trace.observe(seen);
        }
        trace.digest()
    }

    /// Observations that differ from a neighbour in one field each.
    #[allow(clippy::too_many_lines)]
    fn variety() -> Vec<Observation> {
        use Observation as O;
        let (r, kind, c, set) = (ReplicaId, MessageKind::Prepare, ClientId, ReplicaSet);
        let answer = |position, version, value| Answer { position, version, value };
        let put = |tenant, key, value| Operation { tenant, kind: OperationKind::Put { key, value } };
        let get = Operation { tenant: 0, kind: OperationKind::Get { key: 0 } };
        let (view, op, commit, last_normal) = (0, 0, 0, 0);
        let (client, session, number) = (c(0), 0, 0);
        let executed = |operation, answer| O::Executed { op, client, session, number, operation, answer };
        vec![
            O::Sent { to: r(0), kind },
            O::Sent { to: r(1), kind },
            O::Sent { to: r(0), kind: MessageKind::Commit },
            O::Delivered { from: r(0), kind },
            O::Delivered { from: r(1), kind },
            O::Delivered { from: r(0), kind: MessageKind::Commit },
            O::Dropped { to: r(0), kind, why: DropReason::Lost },
            O::Dropped { to: r(1), kind, why: DropReason::Lost },
            O::Dropped { to: r(0), kind, why: DropReason::Cut },
            O::Crashed,
            O::Restarted,
            O::Paused,
            O::Resumed,
            O::DiskFailed,
            O::Injected { fault: Fault::Partition },
            O::Injected { fault: Fault::Cut },
            O::Skipped { fault: Fault::Partition, why: SkipReason::TooMuchDamage },
            O::Skipped { fault: Fault::Partition, why: SkipReason::NoLiar },
            O::Lied { kind, field: Field::Op, how: How::Huge, class: LieClass::FalseClaim },
            O::Lied { kind, field: Field::View, how: How::Huge, class: LieClass::FalseClaim },
            O::Lied { kind, field: Field::Op, how: How::Zero, class: LieClass::FalseClaim },
            O::Lied { kind, field: Field::Op, how: How::Huge, class: LieClass::Equivocation },
            O::Healed,
            O::Invoked { client, session, number, operation: put(0, 0, 0) },
            O::Invoked { client: c(1), session, number, operation: put(0, 0, 0) },
            O::Invoked { client, session: 1, number, operation: put(0, 0, 0) },
            O::Invoked { client, session, number: 1, operation: put(0, 0, 0) },
            O::Invoked { client, session, number, operation: put(1, 0, 0) },
            O::Invoked { client, session, number, operation: put(0, 1, 0) },
            O::Invoked { client, session, number, operation: put(0, 0, 1) },
            O::Invoked { client, session, number, operation: get },
            O::Answered { client, session, number, answer: answer(0, 0, 0) },
            O::Answered { client, session, number, answer: answer(1, 0, 0) },
            O::Answered { client, session, number, answer: answer(0, 1, 0) },
            O::Answered { client, session, number, answer: answer(0, 0, 1) },
            O::Retried { client, number },
            O::Retried { client: c(1), number },
            O::Retried { client, number: 1 },
            O::ClientCrashed { client },
            O::Panicked,
            O::Loading,
            O::Recovered { view, last_normal, op },
            O::Recovered { view: 1, last_normal, op },
            O::Recovered { view, last_normal: 1, op },
            O::Recovered { view, last_normal, op: 1 },
            O::StatusChanged { status: Status::Normal, view, primary: false },
            O::StatusChanged { status: Status::ViewChange, view, primary: false },
            O::StatusChanged { status: Status::Normal, view: 1, primary: false },
            O::StatusChanged { status: Status::Normal, view, primary: true },
            O::ViewChangeStarted { view },
            O::Voted { view, last_normal, op, commit },
            O::Voted { view: 1, last_normal, op, commit },
            O::Voted { view, last_normal: 1, op, commit },
            O::Voted { view, last_normal, op: 1, commit },
            O::Voted { view, last_normal, op, commit: 1 },
            O::ViewStarted { view, op, commit, primary: false },
            O::ViewStarted { view, op: 1, commit, primary: false },
            O::ViewStarted { view, op, commit: 1, primary: false },
            O::ViewStarted { view, op, commit, primary: true },
            O::Appended { op, view, entry: 0, parent: 0 },
            O::Appended { op: 1, view, entry: 0, parent: 0 },
            O::Appended { op, view: 1, entry: 0, parent: 0 },
            O::Appended { op, view, entry: 1, parent: 0 },
            O::Appended { op, view, entry: 1 << 64, parent: 0 },
            O::Appended { op, view, entry: 0, parent: 1 },
            O::Appended { op, view, entry: 0, parent: 1 << 64 },
            O::Truncated { op },
            O::Truncated { op: 1 },
            O::Damaged { op },
            O::Acknowledged { view, op, entry: 0 },
            O::Acknowledged { view: 1, op, entry: 0 },
            O::Acknowledged { view, op: 1, entry: 0 },
            O::Acknowledged { view, op, entry: 1 },
            O::Committed { op, entry: 0 },
            O::Committed { op: 1, entry: 0 },
            O::Committed { op, entry: 1 },
            executed(None, answer(0, 0, 0)),
            executed(Some(get), answer(0, 0, 0)),
            executed(None, answer(0, 0, 1)),
            O::Rejected { kind, why: RejectReason::OldView },
            O::Rejected { kind, why: RejectReason::Busy },
            O::RepairRequested { peer: r(0), from: 0, to: 0 },
            O::RepairRequested { peer: r(0), from: 1, to: 0 },
            O::RepairRequested { peer: r(0), from: 0, to: 1 },
            O::RepairRequested { peer: r(1), from: 0, to: 0 },
            O::Repaired { op },
            O::Holding { items: 0, bytes: 0 },
            O::Holding { items: 1, bytes: 0 },
            O::Holding { items: 0, bytes: 1 },
            O::ReconfigurationAsked { members: set(1) },
            O::ReconfigurationAsked { members: set(3) },
            O::ReconfigurationRefused { members: set(1), why: RejectReason::Busy },
            O::ReconfigurationRefused { members: set(3), why: RejectReason::Busy },
            O::ReconfigurationRefused { members: set(1), why: RejectReason::ReconfigurationUnderWay },
            O::ReconfigurationStarted { members: set(1) },
            O::ReconfigurationStarted { members: set(3) },
            O::ConfigurationAppended { op, old: set(1), new: set(1) },
            O::ConfigurationAppended { op: 1, old: set(1), new: set(1) },
            O::ConfigurationAppended { op, old: set(3), new: set(1) },
            O::ConfigurationAppended { op, old: set(1), new: set(3) },
            O::Reconfigured { epoch: 0, members: set(1) },
            O::Reconfigured { epoch: 1, members: set(1) },
            O::Reconfigured { epoch: 0, members: set(3) },
            O::Retired { epoch: 0 },
            O::Retired { epoch: 1 },
            O::ClockSet { error: 0, rate: 0 },
            O::ClockSet { error: -1, rate: 0 },
            O::ClockSet { error: 0, rate: 1 },
            O::ClockSynchronized { offset: 0, uncertainty: 0 },
            O::ClockSynchronized { offset: -1, uncertainty: 0 },
            O::ClockSynchronized { offset: 0, uncertainty: 1 },
            O::ClockLost,
            O::TimestampAssigned { op, timestamp: 0, previous: 0 },
            O::TimestampAssigned { op: 1, timestamp: 0, previous: 0 },
            O::TimestampAssigned { op, timestamp: 1, previous: 0 },
            O::TimestampAssigned { op, timestamp: 0, previous: 1 },
            O::Timestamped { op, timestamp: 0 },
            O::Timestamped { op: 1, timestamp: 0 },
            O::Timestamped { op, timestamp: 1 },
            O::Registering { client, number },
            O::Registering { client: c(1), number },
            O::Registering { client, number: 1 },
            O::SessionRegistered { client, session },
            O::SessionRegistered { client: c(1), session },
            O::SessionRegistered { client, session: 1 },
            O::SessionEvicted { client, session },
            O::SessionEvicted { client: c(1), session },
            O::SessionEvicted { client, session: 1 },
            O::Garbled { to: r(0), kind },
            O::Garbled { to: r(1), kind },
            O::Garbled { to: r(0), kind: MessageKind::Commit },
            O::Misread { zone: 0, record: 0 },
            O::Misread { zone: 1, record: 0 },
            O::Misread { zone: 0, record: 1 },
            O::ScrubFound { zone: 0, record: 0 },
            O::ScrubFound { zone: 1, record: 0 },
            O::ScrubRepaired { zone: 0, record: 0 },
            O::Loaded { op, content: 0 },
            O::Loaded { op: 1, content: 0 },
            O::Loaded { op, content: 1 },
            O::ScrubTourStarted,
            O::ScrubTourCovers { zone: 0, records: 0 },
            O::ScrubTourCovers { zone: 1, records: 0 },
            O::ScrubTourCovers { zone: 0, records: 1 },
            O::ScrubRead { zone: 0, record: 0, records: 0, clock: 0 },
            O::ScrubRead { zone: 1, record: 0, records: 0, clock: 0 },
            O::ScrubRead { zone: 0, record: 1, records: 0, clock: 0 },
            O::ScrubRead { zone: 0, record: 0, records: 1, clock: 0 },
            O::ScrubRead { zone: 0, record: 0, records: 0, clock: 1 },
            O::ScrubReadDone { judged: false },
            O::ScrubReadDone { judged: true },
            O::ScrubTourCompleted { duration: 0, reads: 0 },
            O::ScrubTourCompleted { duration: 1, reads: 0 },
            O::ScrubTourCompleted { duration: 0, reads: 1 },
            O::Conditions { hears: ReplicaSet(0), sound: true, delay: 0 },
            O::Conditions { hears: ReplicaSet(1), sound: true, delay: 0 },
            O::Conditions { hears: ReplicaSet(0), sound: false, delay: 0 },
            O::Conditions { hears: ReplicaSet(0), sound: true, delay: 1 },
            O::ViewChangeWanted { view },
            O::ViewChangeWanted { view: 1 },
            O::Abdicated { view },
            O::Abdicated { view: 1 },
            O::CommitStalled { view },
            O::CommitStalled { view: 1 },
            O::ContentRequested { peer: r(0), op: 0 },
            O::ContentRequested { peer: r(1), op: 0 },
            O::ContentRequested { peer: r(0), op: 1 },
            O::RepairEnded { peer: r(0), answered: true },
            O::RepairEnded { peer: r(1), answered: true },
            O::RepairEnded { peer: r(0), answered: false },
            O::Checkpointed { op: 0, state: 0 },
            O::Checkpointed { op: 1, state: 0 },
            O::Checkpointed { op: 0, state: 1 },
            O::LogDropped { op: 0 },
            O::LogDropped { op: 1 },
            O::StateTransferStarted { at_least: 0 },
            O::StateTransferStarted { at_least: 1 },
            O::StateInstalled { op: 0, entry: 0, state: 0, last: 0 },
            O::StateInstalled { op: 1, entry: 0, state: 0, last: 0 },
            O::StateInstalled { op: 0, entry: 1, state: 0, last: 0 },
            O::StateInstalled { op: 0, entry: 0, state: 1, last: 0 },
            O::StateInstalled { op: 0, entry: 0, state: 0, last: 1 },
        ]
    }

    #[test]
    fn every_field_counts() {
        let (at, event, who) = (5, 7, Who::Replica(ReplicaId(1)));
        let mut all: Vec<Seen> = variety().into_iter().map(|what| Seen { at, event, who, what }).collect();
        let base = all[0];
        all.push(Seen { at: 6, ..base });
        all.push(Seen { event: 8, ..base });
        all.push(Seen { who: Who::World, ..base });
        all.push(Seen { who: Who::Client(ClientId(1)), ..base });
        all.push(Seen { who: Who::Replica(ReplicaId(2)), ..base });
        let mut digests: Vec<u64> = all.iter().map(|seen| digest(&[*seen])).collect();
        digests.push(digest(&[base, base]));
        digests.push(digest(&[base, all[1]]));
        digests.push(digest(&[all[1], base]));
        digests.push(digest(&[]));
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }

    #[test]
    fn a_reset_forgets_and_recording_is_optional() {
        let seen = Seen { at: 1, event: 1, who: Who::World, what: Observation::Healed };
        let mut trace = Trace::default();
        let empty = trace.digest();
        trace.reset(true);
        trace.observe(&seen);
        assert_eq!((trace.len(), trace.recorded()), (1, &[seen][..]));
        let digest = trace.digest();
        trace.reset(false);
        assert!(trace.is_empty());
        assert_eq!(trace.digest(), empty);
        trace.observe(&seen);
        assert!(trace.recorded().is_empty());
        assert_eq!(trace.digest(), digest);
    }

    #[test]
    fn the_digest_is_the_same_everywhere() {
        let who = Who::Replica(ReplicaId(1));
        let seen: Vec<Seen> = variety().into_iter().map(|what| Seen { at: 3, event: 4, who, what }).collect();
        expect_test::expect!["833ce4a92f91e6bc"].assert_eq(&format!("{:016x}", digest(&seen)));
    }
}
