//! The shared vocabulary: what happened in a run, in protocol terms.
//!
//! A system says what it did, the world adds what it did to the system, and everything else (invariants, coverage,
//! triggers, marks, trace) reads only this one stream. A new checker needs no change in a protocol, and a new protocol
//! needs no change in a checker.

use serde::{Deserialize, Serialize};

use crate::base::ids::{ClientId, ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::workload::{Answer, Operation};
use crate::protocol::lie::{Field, How, LieClass};

pub use crate::protocol::message::{EntryHash, MessageKind};
pub use crate::protocol::reason::{DropReason, Fault, RejectReason, SkipReason, Status};

/// One thing that happened. Who it happened to, and when, is in [`Seen`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation {
    // ---- said by the world
    /// The replica sent a message.
    Sent {
        /// The receiver.
        to: ReplicaId,
        /// The message's kind.
        kind: MessageKind,
    },
    /// The replica received a message.
    Delivered {
        /// The sender.
        from: ReplicaId,
        /// The message's kind.
        kind: MessageKind,
    },
    /// A message of the replica was lost.
    Dropped {
        /// The receiver that it was meant for.
        to: ReplicaId,
        /// The message's kind.
        kind: MessageKind,
        /// Why.
        why: DropReason,
    },
    /// A message of the replica was damaged on the way, and its receiver cannot see that: it takes it for one of this kind.
    Garbled {
        /// The receiver.
        to: ReplicaId,
        /// The kind that it seems to be of.
        kind: MessageKind,
    },
    /// The replica crashed: all that it had not synced may be gone.
    Crashed,
    /// The replica was started again; `System::boot` follows.
    Restarted,
    /// The replica was paused.
    Paused,
    /// The replica goes on.
    Resumed,
    /// A sync or a read of the replica's disk failed.
    DiskFailed,
    /// A fault was injected.
    Injected {
        /// Which.
        fault: Fault,
    },
    /// An action of the plan was not carried out.
    Skipped {
        /// Which.
        fault: Fault,
        /// Why.
        why: SkipReason,
    },
    /// The liar's message was changed before it left.
    Lied {
        /// The message's kind.
        kind: MessageKind,
        /// The field that lies.
        field: Field,
        /// In which way.
        how: How,
        /// What the lie amounts to.
        class: LieClass,
    },
    /// The heal phase began: all faults have ended.
    Healed,
    /// A client sent a request for the first time.
    Invoked {
        /// The client.
        client: ClientId,
        /// Its session.
        session: u32,
        /// The request's number.
        number: u32,
        /// What it asks for.
        operation: Operation,
    },
    /// A client accepted the first reply to its request.
    Answered {
        /// The client.
        client: ClientId,
        /// Its session.
        session: u32,
        /// The request's number.
        number: u32,
        /// What it was told.
        answer: Answer,
    },
    /// A client waited in vain and sends its request again.
    Retried {
        /// The client.
        client: ClientId,
        /// The request's number.
        number: u32,
    },
    /// A client crashed; its session is over.
    ClientCrashed {
        /// The client.
        client: ClientId,
    },
    /// The replica panicked.
    Panicked,

    // ---- said by the system
    /// The replica starts from its disk: its log as known until now is forgotten, `Appended` follows for what it finds.
    Loading,
    /// What the replica found on its disk is complete.
    Recovered {
        /// Its view.
        view: u64,
        /// The last view in which it was normal.
        last_normal: u64,
        /// The last op of its log.
        op: u64,
    },
    /// The replica's status, view or role changed.
    StatusChanged {
        /// The status from now on.
        status: Status,
        /// The view from now on.
        view: u64,
        /// Whether it is the primary of that view.
        primary: bool,
    },
    /// The replica left its view for a higher one.
    ViewChangeStarted {
        /// The view that it is going to.
        view: u64,
    },
    /// The replica handed its log to a new primary: it will never again acknowledge anything in a lower view.
    Voted {
        /// The view it votes for.
        view: u64,
        /// The last view in which it was normal.
        last_normal: u64,
        /// The last op of its log.
        op: u64,
        /// Its commit number.
        commit: u64,
    },
    /// The replica is normal in a new view, with the log that the view starts from (for a backup: its primary's log).
    ViewStarted {
        /// The view.
        view: u64,
        /// The last op of its log, as the replica believes.
        op: u64,
        /// Its commit number.
        commit: u64,
        /// Whether it is the view's primary.
        primary: bool,
    },
    /// An entry was appended to the replica's log, at the position after its last one.
    Appended {
        /// The position in the log, as the entry states it.
        op: u64,
        /// The view in which the entry was first prepared.
        view: u64,
        /// The entry.
        entry: EntryHash,
        /// The entry before it; 0 for the first.
        parent: EntryHash,
    },
    /// The replica's log now ends at `op`; what came later is discarded.
    Truncated {
        /// The last op that is kept.
        op: u64,
    },
    /// The replica knows that it had an entry at `op` and cannot read it.
    Damaged {
        /// The op.
        op: u64,
    },
    /// The replica promised to hold all of its log up to `op` durably (PrepareOk; for a primary, its own share).
    Acknowledged {
        /// The view in which it promised.
        view: u64,
        /// The op.
        op: u64,
        /// The entry at that op.
        entry: EntryHash,
    },
    /// The replica's commit number advanced to `op`; each op is reported, in order.
    Committed {
        /// The op.
        op: u64,
        /// The entry that the replica holds there; 0 where it holds none.
        entry: EntryHash,
    },
    /// The replica executed the entry at `op`.
    Executed {
        /// The op.
        op: u64,
        /// The client that asked.
        client: ClientId,
        /// Its session.
        session: u32,
        /// Its request number.
        number: u32,
        /// What was executed; `None` for a command that the store refused, for a repeated request, for a registration, and
        /// for a request whose session is over.
        operation: Option<Operation>,
        /// The result.
        answer: Answer,
    },
    /// The replica refused a message or a claim in it.
    Rejected {
        /// The message's kind.
        kind: MessageKind,
        /// Why.
        why: RejectReason,
    },
    /// The replica asked for missing entries; the request is under way until `RepairEnded`, or until the replica crashes.
    RepairRequested {
        /// Whom it asked.
        peer: ReplicaId,
        /// The first missing op.
        from: u64,
        /// The last missing op.
        to: u64,
    },
    /// The replica got a missing entry.
    Repaired {
        /// The op.
        op: u64,
    },
    /// What the replica holds beside its log: entries and messages that wait for something, and their bytes.
    Holding {
        /// How many.
        items: u32,
        /// How many bytes.
        bytes: u64,
    },

    // ---- about clocks, where the protocol compares them (`Cluster::clock_ping`)
    /// Said by the world: the replica's clocks follow a new line. Until the next time they run at `rate`, and the wall
    /// clock is off by `error` now.
    ClockSet {
        /// How far the wall clock is before the true time, in nanoseconds.
        error: i64,
        /// How fast both clocks run, in parts per million of true time.
        rate: u64,
    },
    /// The replica and enough others agree on the time, and its own clock is near it.
    ClockSynchronized {
        /// How far the agreed time is before the replica's wall clock, in nanoseconds.
        offset: i64,
        /// By how much it may be more or less.
        uncertainty: u64,
    },
    /// The replica's clock does not count as synchronized any more.
    ClockLost,
    /// The replica made an entry, as the primary, and gave it its timestamp.
    TimestampAssigned {
        /// The op.
        op: u64,
        /// The timestamp, in nanoseconds as wall clocks show them.
        timestamp: Time,
        /// The timestamp of the entry before it.
        previous: Time,
    },
    /// The replica executes an entry with this timestamp; `Executed` follows.
    Timestamped {
        /// The op.
        op: u64,
        /// The timestamp.
        timestamp: Time,
    },

    // ---- client sessions, where the cluster keeps them
    /// Said by the world: a client asks for a session for the first time.
    Registering {
        /// The client.
        client: ClientId,
        /// Which life of the client it is.
        number: u32,
    },
    /// A replica registered a session, while it executes the op that asks for it (before `Executed`); or a client learned
    /// which session it has.
    SessionRegistered {
        /// The client.
        client: ClientId,
        /// The session.
        session: u32,
    },
    /// A replica evicted a session to make room for another, while it executes the op that asks for that one (before
    /// `Executed`); or a client learned that its session is over, and gave up what it waited for.
    SessionEvicted {
        /// The client.
        client: ClientId,
        /// The session.
        session: u32,
    },
    // ---- disks and scrubbing: the first is said by the world, the others by the system
    /// A read of the replica's disk, which ends now, found this record other than it was written last.
    Misread {
        /// The zone, as an index into `System::zones`.
        zone: u8,
        /// The record of the zone, from 0.
        record: u32,
    },
    /// The replica took the content of an entry from its disk (after the entry's `Appended`, while it starts).
    Loaded {
        /// The op.
        op: u64,
        /// The hash of that content, computed anew from what the replica holds now.
        content: EntryHash,
    },
    /// The scrubber begins a tour over all that is durable.
    ScrubTourStarted,
    /// The tour that has just begun covers so many records of this zone. The first zone holds the entries, one each.
    ScrubTourCovers {
        /// The zone.
        zone: u8,
        /// How many records.
        records: u32,
    },
    /// The scrubber begins to read.
    ScrubRead {
        /// The zone.
        zone: u8,
        /// The first record.
        record: u32,
        /// How many records.
        records: u32,
        /// The time by the replica's own monotonic clock, the only one that it can keep a budget by.
        clock: Time,
    },
    /// The scrubber's read ended. If `judged`, each record in it that is not as it should be was reported before.
    ScrubReadDone {
        /// Whether what it brought could be judged: the read succeeded, and the records meant the same all the while.
        judged: bool,
    },
    /// The scrubber found a record damaged.
    ScrubFound {
        /// The zone.
        zone: u8,
        /// The record.
        record: u32,
    },
    /// A record that was found damaged stands on the disk as it should, durably.
    ScrubRepaired {
        /// The zone.
        zone: u8,
        /// The record.
        record: u32,
    },
    /// The scrubber has read and judged every record that its tour covers.
    ScrubTourCompleted {
        /// How long the tour took, by the replica's monotonic clock.
        duration: Time,
        /// How many reads it made.
        reads: u32,
    },
    /// What the replica's links and devices are like changed (said by the world).
    Conditions {
        /// The replicas from which messages get through to it: no cut keeps them away.
        hears: ReplicaSet,
        /// Whether nothing else is wrong with it: no loss, delay or clog on its links, no fault of its disk or its clocks,
        /// and no sync or read under way that a slow disk has held up.
        sound: bool,
        /// The longest additional delay of its messages, in nanoseconds.
        delay: Time,
    },
    /// The replica told the others that it wants a view to start; it stays in its own until enough others want it too.
    ViewChangeWanted {
        /// The view that it wants.
        view: u64,
    },
    /// The primary stepped down: it leads its view no longer.
    Abdicated {
        /// The view that it led.
        view: u64,
    },
    /// The replica found that its view's primary commits nothing although there is something to commit.
    CommitStalled {
        /// Its view.
        view: u64,
    },
    /// A repair request is no longer under way.
    RepairEnded {
        /// Who was asked.
        peer: ReplicaId,
        /// Whether it answered in time.
        answered: bool,
    },
    /// The replica asked for the content of an entry that it cannot read any more.
    ContentRequested {
        /// Whom.
        peer: ReplicaId,
        /// The op.
        op: u64,
    },
    /// The replica holds the state after `op` durably, and will find it when it restarts.
    Checkpointed {
        /// The op.
        op: u64,
        /// The hash over the state: equal wherever the same log was executed up to `op`.
        state: EntryHash,
    },
    /// The replica's log begins after `op` from now on: what came before, its checkpoint stands for.
    LogDropped {
        /// The op.
        op: u64,
    },
    /// The replica gives up getting entry by entry what it misses, and asks for a whole state.
    StateTransferStarted {
        /// The lowest op whose state is of use to it.
        at_least: u64,
    },
    /// The replica's state is that after `op` from now on, as if it had committed and executed all up to it; it holds that
    /// state durably. After `Loading`: it found this checkpoint on its disk.
    StateInstalled {
        /// The op.
        op: u64,
        /// The entry at that op.
        entry: EntryHash,
        /// The hash over the state.
        state: EntryHash,
        /// The last op of its log: entries after `op` stay only where they follow from it.
        last: u64,
    },

    // ---- about the membership, where it changes
    /// The administrator asked for these members. Said by the world.
    ReconfigurationAsked {
        /// The members that there are to be.
        members: ReplicaSet,
    },
    /// A primary will not change the membership, and does not want to be asked again.
    ReconfigurationRefused {
        /// The members that were asked for.
        members: ReplicaSet,
        /// Why.
        why: RejectReason,
    },
    /// A primary has begun to change the membership: the new members are brought up to date.
    ReconfigurationStarted {
        /// The members that there are to be.
        members: ReplicaSet,
    },
    /// The entry that was just appended is a configuration: it is in force at this replica for as long as it is the last one
    /// in its log. Decisions need a quorum of `old` and one of `new`; once the two are equal, the change is over.
    ConfigurationAppended {
        /// The op of the entry.
        op: u64,
        /// The members until now.
        old: ReplicaSet,
        /// The members that there are to be.
        new: ReplicaSet,
    },
    /// The replica knows that these members alone are the cluster: the configuration was committed.
    Reconfigured {
        /// How many times the membership has been changed.
        epoch: u64,
        /// The members.
        members: ReplicaSet,
    },
    /// The replica knows that it was a member and is none any more: it has no say from now on.
    Retired {
        /// How many times the membership has been changed.
        epoch: u64,
    },
}

/// How many kinds of observations there are (`Observation::kind` is below it).
pub const OBSERVATION_KINDS: usize = 67;

impl Observation {
    /// The observation's kind as a small number, for tables.
    pub fn kind(&self) -> usize {
        use Observation as O;
        match self {
            O::Sent { .. } => 0,
            O::Delivered { .. } => 1,
            O::Dropped { .. } => 2,
            O::Crashed => 3,
            O::Restarted => 4,
            O::Paused => 5,
            O::Resumed => 6,
            O::DiskFailed => 7,
            O::Injected { .. } => 8,
            O::Skipped { .. } => 9,
            O::Lied { .. } => 10,
            O::Healed => 11,
            O::Invoked { .. } => 12,
            O::Answered { .. } => 13,
            O::Retried { .. } => 14,
            O::ClientCrashed { .. } => 15,
            O::Panicked => 16,
            O::Loading => 17,
            O::Recovered { .. } => 18,
            O::StatusChanged { .. } => 19,
            O::ViewChangeStarted { .. } => 20,
            O::Voted { .. } => 21,
            O::ViewStarted { .. } => 22,
            O::Appended { .. } => 23,
            O::Truncated { .. } => 24,
            O::Damaged { .. } => 25,
            O::Acknowledged { .. } => 26,
            O::Committed { .. } => 27,
            O::Executed { .. } => 28,
            O::Rejected { .. } => 29,
            O::RepairRequested { .. } => 30,
            O::Repaired { .. } => 31,
            O::Holding { .. } => 32,
            O::ClockSet { .. } => 33,
            O::ClockSynchronized { .. } => 34,
            O::ClockLost => 35,
            O::TimestampAssigned { .. } => 36,
            O::Timestamped { .. } => 37,
            O::Registering { .. } => 38,
            O::SessionRegistered { .. } => 39,
            O::SessionEvicted { .. } => 40,
            O::Misread { .. } => 41,
            O::Loaded { .. } => 42,
            O::ScrubTourStarted => 43,
            O::ScrubTourCovers { .. } => 44,
            O::ScrubRead { .. } => 45,
            O::ScrubReadDone { .. } => 46,
            O::ScrubFound { .. } => 47,
            O::ScrubRepaired { .. } => 48,
            O::ScrubTourCompleted { .. } => 49,
            O::Conditions { .. } => 50,
            O::ViewChangeWanted { .. } => 51,
            O::Abdicated { .. } => 52,
            O::CommitStalled { .. } => 53,
            O::RepairEnded { .. } => 54,
            O::ContentRequested { .. } => 55,
            O::Checkpointed { .. } => 56,
            O::LogDropped { .. } => 57,
            O::StateTransferStarted { .. } => 58,
            O::StateInstalled { .. } => 59,
            O::ReconfigurationAsked { .. } => 60,
            O::ReconfigurationRefused { .. } => 61,
            O::ReconfigurationStarted { .. } => 62,
            O::ConfigurationAppended { .. } => 63,
            O::Reconfigured { .. } => 64,
            O::Retired { .. } => 65,
            O::Garbled { .. } => 66,
        }
    }
}

/// Whom an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// The world as a whole.
    World,
    /// A replica.
    Replica(ReplicaId),
    /// A client.
    Client(ClientId),
}

impl Who {
    /// The replica, if it is one.
    pub fn replica(self) -> Option<ReplicaId> {
        match self {
            Who::Replica(id) => Some(id),
            _ => None,
        }
    }
}

/// An observation with its place in the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When it happened.
    pub at: Time,
    /// During which event of the run, from 1.
    pub event: u64,
    /// To whom.
    pub who: Who,
    /// What.
    pub what: Observation,
}
