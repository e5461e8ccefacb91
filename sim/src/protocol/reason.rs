//! Which, and why: the small vocabularies that observations are made of.

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

/// The faults that the world injects, as observations name them. `plan::ActionKind` carries their details.
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
    /// The time service is out of reach.
    NoNtp,
    /// The time service tells a false time.
    WrongNtp,
    /// Several bits of a record flip.
    FlippedBits,
    /// The end of a record is lost.
    TruncatedRecord,
    /// Bytes are pushed into a record.
    ShiftedRecord,
    /// Reads bring older content or another record.
    StaleRead,
    /// The administrator asks for other members.
    Reconfiguration,
    /// Messages are damaged on the way.
    Garbling,
}

impl Fault {
    /// How many faults there are.
    pub const COUNT: usize = Fault::Garbling as usize + 1;

    /// Whether it lets a disk answer otherwise than it was written.
    pub fn damages(self) -> bool {
        matches!(
            self,
            Fault::BitFlip
                | Fault::LostWrite
                | Fault::MisdirectedWrite
                | Fault::FlippedBits
                | Fault::TruncatedRecord
                | Fault::ShiftedRecord
                | Fault::StaleRead
        )
    }
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
