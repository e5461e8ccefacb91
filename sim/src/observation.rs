//! The shared vocabulary: what happened in a run, in protocol terms.
//!
//! A system says what it did, the world adds what it did to the system, and everything else (invariants, coverage,
//! triggers, marks, trace) reads only this one stream. A new checker needs no change in a protocol, and a new protocol
//! needs no change in a checker.

use serde::{Deserialize, Serialize};

use crate::lie::{Field, How, LieClass};
use crate::spec::{ClientId, ReplicaId, ReplicaSet};
use crate::time::Time;
use crate::workload::{Answer, Operation};

pub use crate::message::{EntryHash, MessageKind};

/// What a replica is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Status {
    /// Takes part in normal operation of its view.
    Normal,
    /// Has left its old view and waits for the new one to start.
    ViewChange,
    /// Has restarted and does not take part yet.
    #[default]
    Recovering,
}

/// Why the world lost a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum DropReason {
    /// The network lost it.
    Lost,
    /// The link is cut by a partition.
    Cut,
    /// The receiver is down.
    Down,
    /// A liar kept silent.
    Silenced,
}

/// Why a replica refused a message or a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum RejectReason {
    /// It belongs to an earlier view.
    OldView,
    /// It belongs to a view that the replica has not entered.
    NewerView,
    /// The replica's status does not allow it.
    WrongStatus,
    /// The sender does not have the role that the message needs.
    WrongSender,
    /// The signature does not fit.
    BadSignature,
    /// A stated length does not fit the content.
    BadLength,
    /// A hash does not fit its content or its parent.
    BadHash,
    /// A commit number lies past the log.
    CommitPastLog,
    /// A commit number without the reasons it needs.
    UnprovenCommit,
    /// A new view's log without the reasons it needs.
    UnprovenLog,
    /// A view, an op or another number contradicts the rest of the message.
    BadMetadata,
    /// A range whose end lies before its start, or that is too long.
    BadRange,
    /// A malformed command.
    BadCommand,
    /// Larger than the limit.
    Oversized,
    /// No room now.
    Busy,
    /// Already known.
    Duplicate,
    /// The sender is no member of the configuration in force, so its vote does not count.
    NotMember,
    /// The membership is being changed already.
    ReconfigurationUnderWay,
}

/// The faults that the world injects, as observations name them. `plan::What` carries their details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Fault {
    /// Some replicas are cut off from the others.
    Partition,
    /// One direction of one link is cut.
    Cut,
    /// One direction of one link holds its messages back.
    Clog,
    /// Messages are lost.
    Loss,
    /// Messages are slow.
    Delay,
    /// Messages are delivered twice.
    Duplication,
    /// Messages overtake each other.
    Reordering,
    /// A replica crashes, and restarts after a while.
    Crash,
    /// All replicas crash at once, and restart after a while.
    PowerLoss,
    /// A replica stops for a while and then goes on as if nothing had happened.
    Pause,
    /// A bit on a disk flips.
    BitFlip,
    /// A finished write is lost: the disk holds the older data.
    LostWrite,
    /// A finished write went to the place of another record.
    MisdirectedWrite,
    /// Reads and syncs fail.
    DiskError,
    /// Reads and syncs are slow.
    DiskSlow,
    /// Writes find no space.
    DiskFull,
    /// A wall clock jumps.
    ClockStep,
    /// A clock runs too slow or too fast.
    ClockDrift,
    /// A clock stands still.
    ClockFreeze,
    /// A client sends a burst of requests without pausing.
    Burst,
    /// A client crashes and comes back with a new session.
    ClientCrash,
    /// A client sends its request twice.
    DuplicateRequest,
    /// A replica lies.
    Lie,
    /// The administrator asks for other members.
    Reconfiguration,
}

impl Fault {
    /// How many faults there are.
    pub const COUNT: usize = Fault::Reconfiguration as usize + 1;
}

/// Why the world did not carry out an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum SkipReason {
    /// The damage ledger: one more damaged copy and nothing would be owed any more.
    TooMuchDamage,
    /// The target is down already, or there is no such target.
    NoTarget,
    /// There is nothing on the disk yet that could be damaged.
    NothingWritten,
    /// The run has no liar.
    NoLiar,
    /// The configuration of the run does not allow it.
    NotAllowed,
}

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
        /// What was executed; `None` for a command that the store refused or for a repeated request.
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
    /// The replica asked for missing entries.
    RepairRequested {
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
pub const OBSERVATION_KINDS: usize = 39;

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
            O::ReconfigurationAsked { .. } => 33,
            O::ReconfigurationRefused { .. } => 34,
            O::ReconfigurationStarted { .. } => 35,
            O::ConfigurationAppended { .. } => 36,
            O::Reconfigured { .. } => 37,
            O::Retired { .. } => 38,
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
