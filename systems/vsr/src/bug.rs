//! The planted bugs: runtime switches, off by default. Without the feature `planted-bugs` they are compiled out.
//!
//! Each stands at the one place in the protocol where it breaks something, as `self.bugs.on(PlantedBug::...)`.

mod protocol;
mod upkeep;

use sim::{Bug, BugSet};

/// The bugs, in the order of [`BUGS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum PlantedBug {
    /// See [`BUGS`].
    ViewChangeOverwritesCommitted,
    /// See [`BUGS`].
    StartViewCommitPastLog,
    /// See [`BUGS`].
    DvcInflatedCommit,
    /// See [`BUGS`].
    ViewChangeStaleLog,
    /// See [`BUGS`].
    StartViewRace,
    /// See [`BUGS`].
    DvcTailLengthMismatch,
    /// See [`BUGS`].
    DvcIdenticalClaims,
    /// See [`BUGS`].
    CommitQuorumMinusOne,
    /// See [`BUGS`].
    SkippedFsync,
    /// See [`BUGS`].
    PrepareOkBeforeDurable,
    /// See [`BUGS`].
    ViewLedTwice,
    /// See [`BUGS`].
    HeaderBeforeEntry,
    /// See [`BUGS`].
    RepairGivesUp,
    /// See [`BUGS`].
    MarzulloEndedIntervalsCount,
    /// See [`BUGS`].
    ClockQuorumMinusOne,
    /// See [`BUGS`].
    ClockToleranceIgnored,
    /// See [`BUGS`].
    TimestampFromRawClock,
    /// See [`BUGS`].
    StaleSamplesKept,
    /// See [`BUGS`].
    TimestampReassignedByNewPrimary,
    /// See [`BUGS`].
    UnsynchronizedPrimaryServes,
    /// See [`BUGS`].
    SamplesOutlivePause,
    /// See [`BUGS`].
    ClientCrash,
    /// See [`BUGS`].
    CachedReplyOfOldSession,
    /// See [`BUGS`].
    ViewChangeLockout,
    /// See [`BUGS`].
    SessionTableRace,
    /// See [`BUGS`].
    EvictionMostRecent,
    /// See [`BUGS`].
    EvictionAtArrival,
    /// See [`BUGS`].
    SessionTableOverfull,
    /// See [`BUGS`].
    EvictedSessionServed,
    /// See [`BUGS`].
    SessionsNotRestored,
    /// See [`BUGS`].
    DuplicateExecuted,
    /// See [`BUGS`].
    DuplicateLogged,
    /// See [`BUGS`].
    RegistrationDropsMarks,
    /// See [`BUGS`].
    KernelAcceptsInvalidCommand,
    /// See [`BUGS`].
    InvalidMetadata,
    /// See [`BUGS`].
    OversizedStartView,
    /// See [`BUGS`].
    InvalidRepairRange,
    /// See [`BUGS`].
    ChecksumNotChecked,
    /// See [`BUGS`].
    HashChainNotChecked,
    /// See [`BUGS`].
    WrongHashAccepted,
    /// See [`BUGS`].
    DamagedEntryTruncated,
    /// See [`BUGS`].
    NackQuorumMinusOne,
    /// See [`BUGS`].
    SuperblockSingleCopy,
    /// See [`BUGS`].
    ScrubberSkipsTail,
    /// See [`BUGS`].
    ScrubTourShort,
    /// See [`BUGS`].
    ScrubOverBudget,
    /// See [`BUGS`].
    ScrubChecksumOnly,
    /// See [`BUGS`].
    ScrubFindingIgnored,
    /// See [`BUGS`].
    ScrubRepairFromSelf,
    /// See [`BUGS`].
    RepairWithoutBudget,
    /// See [`BUGS`].
    RepairCreditLeak,
    /// See [`BUGS`].
    EwmaInverted,
    /// See [`BUGS`].
    EwmaNeverExplores,
    /// See [`BUGS`].
    NoAbdication,
    /// See [`BUGS`].
    CommitStallIgnored,
    /// See [`BUGS`].
    StallTimerResetByHeartbeat,
    /// See [`BUGS`].
    StartViewChangeWindowEndless,
    /// See [`BUGS`].
    HeartbeatWithoutCommitNumber,
    /// See [`BUGS`].
    VrrStateTransfer,
    /// See [`BUGS`].
    CheckpointBeforeDurable,
    /// See [`BUGS`].
    CheckpointNamedBeforeWritten,
    /// See [`BUGS`].
    CheckpointUnverified,
    /// See [`BUGS`].
    SyncTimeoutIgnored,
    /// See [`BUGS`].
    LogWrapsOverUncheckpointed,
    /// See [`BUGS`].
    ClientTableNotInCheckpoint,
    /// See [`BUGS`].
    TransferForgetsCommit,
    /// See [`BUGS`].
    StartViewFromAnyone,
    /// See [`BUGS`].
    TenantMixedUp,
    /// See [`BUGS`].
    ReadIgnoresPosition,
    /// See [`BUGS`].
    PositionRegression,
    /// See [`BUGS`].
    OldQuorumOnly,
    /// See [`BUGS`].
    NewQuorumOnly,
    /// See [`BUGS`].
    ReconfigurationNotJoint,
    /// See [`BUGS`].
    SecondReconfigurationAccepted,
    /// See [`BUGS`].
    RemovedReplicaVotes,
    /// See [`BUGS`].
    LearnerCountsEarly,
    /// See [`BUGS`].
    ConfigurationNotDurable,
}

/// What each bug breaks, who must catch it, where it comes from, and where to look for it.
pub const BUGS: &[Bug] = &{
    let mut bugs = [protocol::BUGS[0]; protocol::BUGS.len() + upkeep::BUGS.len()];
    let mut index = 0;
    while index < bugs.len() {
        let in_protocol = index < protocol::BUGS.len();
        bugs[index] = if in_protocol { protocol::BUGS[index] } else { upkeep::BUGS[index - protocol::BUGS.len()] };
        index += 1;
    }
    bugs
};

/// The bugs that are switched on in a replica.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bugs(BugSet);

impl Bugs {
    /// Takes over the switches of a run.
    pub fn new(set: BugSet) -> Self {
        Bugs(set)
    }

    /// Whether `bug` is switched on.
    pub fn on(self, bug: PlantedBug) -> bool {
        cfg!(feature = "planted-bugs") && self.0.has(bug as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_enum_have_the_same_order() {
        assert_eq!(BUGS.len(), PlantedBug::ConfigurationNotDurable as usize + 1);
        assert_eq!(BUGS[PlantedBug::DvcInflatedCommit as usize].name, "dvc-inflated-commit");
        assert_eq!(BUGS[PlantedBug::SkippedFsync as usize].name, "skipped-fsync");
    }
}
