//! The observations: what happened in a run, in protocol terms.
//!
//! A system reports what it did, the world adds what it did to the system, and everything else (invariants, coverage,
//! triggers, marks, trace) reads only this stream. A new invariant needs no change in a protocol, and a new protocol
//! needs no change in an invariant.
//!
//! Everything that is known of a kind of observation follows from its entry in `observations!`: the macro is in
//! `declare.rs`.

use serde::{Deserialize, Serialize};

use crate::base::ids::{ClientId, ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::workload::{Answer, Operation};
use crate::protocol::digest::{Digested, Word, halves, operation_words, word};
use crate::protocol::lie::{Field, How, LieClass};

pub use crate::protocol::fault::Fault;
pub use crate::protocol::message::{EntryHash, MessageKind};
pub use crate::protocol::reason::{DropReason, RejectReason, SkipReason, Status};

observations! {
    // ---- said by the world
    /// The replica sent a message.
    0 SENT Sent {
        /// The receiver.
        to: ReplicaId,
        /// The message's kind.
        kind: MessageKind,
    } digest (0, word(to) << 8 | word(kind));
    /// The replica received a message.
    1 DELIVERED Delivered {
        /// The sender.
        from: ReplicaId,
        /// The message's kind.
        kind: MessageKind,
    } digest (0, word(from) << 8 | word(kind));
    /// A message of the replica was lost.
    2 DROPPED Dropped {
        /// The receiver that it was meant for.
        to: ReplicaId,
        /// The message's kind.
        kind: MessageKind,
        /// Why.
        why: DropReason,
    } digest (0, word(why) << 16 | word(to) << 8 | word(kind));
    /// A message of the replica was damaged on the way, and its receiver cannot see that: it takes it for one of this kind.
    66 GARBLED Garbled {
        /// The receiver.
        to: ReplicaId,
        /// The kind that it seems to be of.
        kind: MessageKind,
    } digest (0, word(to) << 8 | word(kind));
    /// The replica crashed: all that it had not synced may be gone.
    3 CRASHED Crashed;
    /// The replica was started again; `System::boot` follows.
    4 RESTARTED Restarted;
    /// The replica was paused.
    5 PAUSED Paused;
    /// The replica goes on.
    6 RESUMED Resumed;
    /// A sync or a read of the replica's disk failed.
    7 DISK_FAILED DiskFailed;
    /// A fault was injected.
    8 INJECTED Injected {
        /// Which.
        fault: Fault,
    };
    /// An action of the plan was not carried out.
    9 SKIPPED Skipped {
        /// Which.
        fault: Fault,
        /// Why.
        why: SkipReason,
    } digest (0, word(why) << 8 | word(fault));
    /// The liar's message was changed before it left.
    10 LIED Lied {
        /// The message's kind.
        kind: MessageKind,
        /// The field that lies.
        field: Field,
        /// In which way.
        how: How,
        /// What the lie amounts to.
        class: LieClass,
    } digest (0, word(class) << 24 | word(how) << 16 | word(field) << 8 | word(kind));
    /// The heal phase began: all faults have ended.
    11 HEALED Healed;
    /// A client sent a request for the first time.
    12 INVOKED Invoked {
        /// The client.
        client: ClientId,
        /// Its session.
        session: u32,
        /// The request's number.
        number: u32,
        /// What it asks for.
        operation: Operation,
    } digest (word(client), word(session) << 32 | word(number)), operation_words(operation);
    /// A client accepted the first reply to its request.
    13 ANSWERED Answered {
        /// The client.
        client: ClientId,
        /// Its session.
        session: u32,
        /// The request's number.
        number: u32,
        /// What it was told.
        answer: Answer,
    } digest (word(client), word(session) << 32 | word(number)), (answer.position, answer.version), (answer.value, 0);
    /// A client waited in vain and sends its request again.
    14 RETRIED Retried {
        /// The client.
        client: ClientId,
        /// The request's number.
        number: u32,
    } digest (0, word(client) << 32 | word(number));
    /// A client crashed; its session is over.
    15 CLIENT_CRASHED ClientCrashed {
        /// The client.
        client: ClientId,
    };
    /// The replica panicked.
    16 PANICKED Panicked;

    // ---- said by the system
    /// The replica starts from its disk: its log as known until now is forgotten, `Appended` follows for what it finds.
    17 LOADING Loading;
    /// What the replica found on its disk is complete.
    18 RECOVERED Recovered {
        /// Its view.
        view: u64,
        /// The last view in which it was normal.
        last_normal: u64,
        /// The last op of its log.
        op: u64,
    } digest (0, view), (last_normal, op);
    /// The replica's status, view or role changed.
    19 STATUS_CHANGED StatusChanged {
        /// The status from now on.
        status: Status,
        /// The view from now on.
        view: u64,
        /// Whether it is the primary of that view.
        primary: bool,
    } digest (word(primary) << 8 | word(status), view);
    /// The replica left its view for a higher one.
    20 VIEW_CHANGE_STARTED ViewChangeStarted {
        /// The view that it is going to.
        view: u64,
    };
    /// The replica handed its log to a new primary: it will never again acknowledge anything in a lower view.
    21 VOTED Voted {
        /// The view it votes for.
        view: u64,
        /// The last view in which it was normal.
        last_normal: u64,
        /// The last op of its log.
        op: u64,
        /// Its commit number.
        commit: u64,
    } digest (0, view), (last_normal, op), (commit, 0);
    /// The replica is normal in a new view, with the log that the view starts from (for a backup: its primary's log).
    22 VIEW_STARTED ViewStarted {
        /// The view.
        view: u64,
        /// The last op of its log, as the replica believes.
        op: u64,
        /// Its commit number.
        commit: u64,
        /// Whether it is the view's primary.
        primary: bool,
    } digest (word(primary), view), (op, commit);
    /// An entry was appended to the replica's log, at the position after its last one.
    23 APPENDED Appended {
        /// The position in the log, as the entry states it.
        op: u64,
        /// The view in which the entry was first prepared.
        view: u64,
        /// The entry.
        entry: EntryHash,
        /// The entry before it; 0 for the first.
        parent: EntryHash,
    };
    /// The replica's log now ends at `op`; what came later is discarded.
    24 TRUNCATED Truncated {
        /// The last op that is kept.
        op: u64,
    };
    /// The replica knows that it had an entry at `op` and cannot read it.
    25 DAMAGED Damaged {
        /// The op.
        op: u64,
    };
    /// The replica promised to hold all of its log up to `op` durably (PrepareOk; for a primary, its own share).
    26 ACKNOWLEDGED Acknowledged {
        /// The view in which it promised.
        view: u64,
        /// The op.
        op: u64,
        /// The entry at that op.
        entry: EntryHash,
    };
    /// The replica's commit number advanced to `op`; each op is reported, in order.
    27 COMMITTED Committed {
        /// The op.
        op: u64,
        /// The entry that the replica holds there; 0 where it holds none.
        entry: EntryHash,
    };
    /// The replica executed the entry at `op`.
    28 EXECUTED Executed {
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
    } digest (word(client), op), (word(session), word(number)), operation_words(operation), (answer.position, answer.version), (answer.value, 0);
    /// The replica refused a message or a claim in it.
    29 REJECTED Rejected {
        /// The message's kind.
        kind: MessageKind,
        /// Why.
        why: RejectReason,
    } digest (0, word(why) << 8 | word(kind));
    /// The replica asked for missing entries; the request is under way until `RepairEnded`, or until the replica crashes.
    30 REPAIR_REQUESTED RepairRequested {
        /// Whom it asked.
        peer: ReplicaId,
        /// The first missing op.
        from: u64,
        /// The last missing op.
        to: u64,
    } digest (word(peer), from), (to, 0);
    /// The replica got a missing entry.
    31 REPAIRED Repaired {
        /// The op.
        op: u64,
    };
    /// What the replica holds beside its log: entries and messages that wait for something, and their bytes.
    32 HOLDING Holding {
        /// How many.
        items: u32,
        /// How many bytes.
        bytes: u64,
    } digest (word(items), bytes);

    // ---- about clocks, where the protocol compares them (`Cluster::clock_ping`)
    /// Said by the world: the replica's clocks follow a new line. Until the next time they run at `rate`, and the wall
    /// clock is off by `error` now.
    33 CLOCK_SET ClockSet {
        /// How far the wall clock is before the true time, in nanoseconds.
        error: i64,
        /// How fast both clocks run, in parts per million of true time.
        rate: u64,
    };
    /// The replica and enough others agree on the time, and its own clock is near it.
    34 CLOCK_SYNCHRONIZED ClockSynchronized {
        /// How far the agreed time is before the replica's wall clock, in nanoseconds.
        offset: i64,
        /// By how much it may be more or less.
        uncertainty: u64,
    };
    /// The replica's clock does not count as synchronized any more.
    35 CLOCK_LOST ClockLost;
    /// The replica made an entry, as the primary, and gave it its timestamp.
    36 TIMESTAMP_ASSIGNED TimestampAssigned {
        /// The op.
        op: u64,
        /// The timestamp, in nanoseconds as wall clocks show them.
        timestamp: Time,
        /// The timestamp of the entry before it.
        previous: Time,
    } digest (0, op), (timestamp, previous);
    /// The replica executes an entry with this timestamp; `Executed` follows.
    37 TIMESTAMPED Timestamped {
        /// The op.
        op: u64,
        /// The timestamp.
        timestamp: Time,
    };

    // ---- client sessions, where the cluster keeps them
    /// Said by the world: a client asks for a session for the first time.
    38 REGISTERING Registering {
        /// The client.
        client: ClientId,
        /// Which life of the client it is.
        number: u32,
    } digest (word(client), word(number));
    /// A replica registered a session, while it executes the op that asks for it (before `Executed`); or a client learned
    /// which session it has.
    39 SESSION_REGISTERED SessionRegistered {
        /// The client.
        client: ClientId,
        /// The session.
        session: u32,
    } digest (word(client), word(session));
    /// A replica evicted a session to make room for another, while it executes the op that asks for that one (before
    /// `Executed`); or a client learned that its session is over, and gave up what it waited for.
    40 SESSION_EVICTED SessionEvicted {
        /// The client.
        client: ClientId,
        /// The session.
        session: u32,
    } digest (word(client), word(session));
    // ---- disks and scrubbing: the first is said by the world, the others by the system
    /// A read of the replica's disk, which ends now, found this record other than it was written last.
    41 MISREAD Misread {
        /// The zone, as an index into `System::zones`.
        zone: u8,
        /// The record of the zone, from 0.
        record: u32,
    } digest (0, word(zone) << 32 | word(record));
    /// The replica took the content of an entry from its disk (after the entry's `Appended`, while it starts).
    42 LOADED Loaded {
        /// The op.
        op: u64,
        /// The hash of that content, computed anew from what the replica holds now.
        content: EntryHash,
    };
    /// The scrubber begins a tour over all that is durable.
    43 SCRUB_TOUR_STARTED ScrubTourStarted;
    /// The tour that has just begun covers so many records of this zone. The first zone holds the entries, one each.
    44 SCRUB_TOUR_COVERS ScrubTourCovers {
        /// The zone.
        zone: u8,
        /// How many records.
        records: u32,
    } digest (0, word(zone) << 32 | word(records));
    /// The scrubber begins to read.
    45 SCRUB_READ ScrubRead {
        /// The zone.
        zone: u8,
        /// The first record.
        record: u32,
        /// How many records.
        records: u32,
        /// The time by the replica's own monotonic clock, the only one that it can keep a budget by.
        clock: Time,
    } digest (word(zone), word(record) << 32 | word(records)), (clock, 0);
    /// The scrubber's read ended. If `judged`, each record in it that is not as it should be was reported before.
    46 SCRUB_READ_DONE ScrubReadDone {
        /// Whether what it brought could be judged: the read succeeded, and the records meant the same all the while.
        judged: bool,
    };
    /// The scrubber found a record damaged.
    47 SCRUB_FOUND ScrubFound {
        /// The zone.
        zone: u8,
        /// The record.
        record: u32,
    } digest (0, word(zone) << 32 | word(record));
    /// A record that was found damaged stands on the disk as it should, durably.
    48 SCRUB_REPAIRED ScrubRepaired {
        /// The zone.
        zone: u8,
        /// The record.
        record: u32,
    } digest (0, word(zone) << 32 | word(record));
    /// The scrubber has read and judged every record that its tour covers.
    49 SCRUB_TOUR_COMPLETED ScrubTourCompleted {
        /// How long the tour took, by the replica's monotonic clock.
        duration: Time,
        /// How many reads it made.
        reads: u32,
    } digest (word(reads), duration);
    /// What the replica's links and devices are like changed (said by the world).
    50 CONDITIONS Conditions {
        /// The replicas from which messages get through to it: no cut keeps them away.
        hears: ReplicaSet,
        /// Whether nothing else is wrong with it: no loss, delay or clog on its links, no fault of its disk or its clocks,
        /// and no sync or read under way that a slow disk has held up.
        sound: bool,
        /// The longest additional delay of its messages, in nanoseconds.
        delay: Time,
    } digest (word(sound) << 8 | word(hears), delay);
    /// The replica told the others that it wants a view to start; it stays in its own until enough others want it too.
    51 VIEW_CHANGE_WANTED ViewChangeWanted {
        /// The view that it wants.
        view: u64,
    };
    /// The primary stepped down: it leads its view no longer.
    52 ABDICATED Abdicated {
        /// The view that it led.
        view: u64,
    };
    /// The replica found that its view's primary commits nothing although there is something to commit.
    53 COMMIT_STALLED CommitStalled {
        /// Its view.
        view: u64,
    };
    /// A repair request is no longer under way.
    54 REPAIR_ENDED RepairEnded {
        /// Who was asked.
        peer: ReplicaId,
        /// Whether it answered in time.
        answered: bool,
    } digest (0, word(answered) << 8 | word(peer));
    /// The replica asked for the content of an entry that it cannot read any more.
    55 CONTENT_REQUESTED ContentRequested {
        /// Whom.
        peer: ReplicaId,
        /// The op.
        op: u64,
    } digest (word(peer), op);
    /// The replica holds the state after `op` durably, and will find it when it restarts.
    56 CHECKPOINTED Checkpointed {
        /// The op.
        op: u64,
        /// The hash over the state: equal wherever the same log was executed up to `op`.
        state: EntryHash,
    };
    /// The replica's log begins after `op` from now on: what came before, its checkpoint stands for.
    57 LOG_DROPPED LogDropped {
        /// The op.
        op: u64,
    };
    /// The replica gives up getting entry by entry what it misses, and asks for a whole state.
    58 STATE_TRANSFER_STARTED StateTransferStarted {
        /// The lowest op whose state is of use to it.
        at_least: u64,
    };
    /// The replica's state is that after `op` from now on, as if it had committed and executed all up to it; it holds that
    /// state durably. After `Loading`: it found this checkpoint on its disk.
    59 STATE_INSTALLED StateInstalled {
        /// The op.
        op: u64,
        /// The entry at that op.
        entry: EntryHash,
        /// The hash over the state.
        state: EntryHash,
        /// The last op of its log: entries after `op` stay only where they follow from it.
        last: u64,
    } digest (0, op), (last, 0), halves(entry), halves(state);

    // ---- about the membership, where it changes
    /// The administrator asked for these members. Said by the world.
    60 RECONFIGURATION_ASKED ReconfigurationAsked {
        /// The members that there are to be.
        members: ReplicaSet,
    };
    /// A primary will not change the membership, and does not want to be asked again.
    61 RECONFIGURATION_REFUSED ReconfigurationRefused {
        /// The members that were asked for.
        members: ReplicaSet,
        /// Why.
        why: RejectReason,
    } digest (0, word(why) << 8 | word(members));
    /// A primary has begun to change the membership: the new members are brought up to date.
    62 RECONFIGURATION_STARTED ReconfigurationStarted {
        /// The members that there are to be.
        members: ReplicaSet,
    };
    /// The entry that was just appended is a configuration: it is in force at this replica for as long as it is the last one
    /// in its log. Decisions need a quorum of `old` and one of `new`; once the two are equal, the change is over.
    63 CONFIGURATION_APPENDED ConfigurationAppended {
        /// The op of the entry.
        op: u64,
        /// The members until now.
        old: ReplicaSet,
        /// The members that there are to be.
        new: ReplicaSet,
    } digest (word(new) << 8 | word(old), op);
    /// The replica knows that these members alone are the cluster: the configuration was committed.
    64 RECONFIGURED Reconfigured {
        /// How many times the membership has been changed.
        epoch: u64,
        /// The members.
        members: ReplicaSet,
    } digest (word(members), epoch);
    /// The replica knows that it was a member and is none any more: it has no say from now on.
    65 RETIRED Retired {
        /// How many times the membership has been changed.
        epoch: u64,
    };
}

// Lists of interests are bits of one `u128`.
const _: () = assert!(OBSERVATION_KINDS <= 128);

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
