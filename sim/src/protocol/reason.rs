//! The statuses of a replica, and the reasons in observations: why a message was lost or refused, why an action was
//! skipped.

use serde::{Deserialize, Serialize};

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
    /// It was damaged on the way, and the receiver saw that.
    Garbled,
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

/// Why the world did not carry out an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum SkipReason {
    /// The damage budget: one more damaged copy and nothing would be owed any more.
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
