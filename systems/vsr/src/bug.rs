//! The planted bugs: runtime switches, off by default. Without the feature `planted-bugs` they are compiled out.
//!
//! Each stands at the one place in the protocol where it breaks something, as `self.bugs.on(PlantedBug::...)`.

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
}

/// What each bug breaks, who must catch it, where it comes from, and where to look for it.
pub const BUGS: &[Bug] = &[
    Bug {
        name: "view-change-overwrites-committed",
        breaks: "a backup installs a StartView without checking what it follows from, over its own committed entries",
        caught_by: &["vsr_agreement"],
        origin: "Kimberlite Bug #1",
        target: "byzantine_start_view",
        scenarios: &["byzantine_view_change_merge"],
    },
    Bug {
        name: "start-view-commit-past-log",
        breaks: "a backup takes the commit number of a StartView as it is, even past the end of the log",
        caught_by: &["vsr_prefix_property"],
        origin: "Kimberlite Bug #2",
        target: "byzantine_start_view",
        scenarios: &["byzantine_commit_desync"],
    },
    Bug {
        name: "dvc-inflated-commit",
        breaks: "a new primary takes the highest commit number that any DoViewChange claims, even past the log",
        caught_by: &["vsr_prefix_property"],
        origin: "Kimberlite Bug #3",
        target: "byzantine_dvc",
        scenarios: &["byzantine_inflated_commit"],
    },
    Bug {
        name: "view-change-stale-log",
        breaks: "a new primary starts its view from the log of the replica that has been out of normal status longest",
        caught_by: &["vsr_view_change_safety"],
        origin: "Kimberlite Bug #5",
        target: "view_change_race",
        scenarios: &["byzantine_malicious_view_change"],
    },
    Bug {
        name: "start-view-race",
        breaks: "a replica that is normal in a view installs a late StartView of that same view once more",
        caught_by: &["vsr_agreement"],
        origin: "Kimberlite Bug #6",
        target: "view_change_race",
        scenarios: &["race_concurrent_view_changes", "race_commit_during_dvc"],
    },
    Bug {
        name: "dvc-tail-length-mismatch",
        breaks: "a new primary believes the length that a DoViewChange states, not the log that it carries",
        caught_by: &["log_consistency"],
        origin: "Kimberlite Bug 3.1",
        target: "byzantine_dvc",
        scenarios: &["byzantine_dvc_tail_length_mismatch"],
    },
    Bug {
        name: "dvc-identical-claims",
        breaks: "among DoViewChanges with equal numbers a new primary takes any one's log, without comparing the logs",
        caught_by: &["vsr_view_change_safety"],
        origin: "Kimberlite Bug 3.3",
        target: "byzantine_dvc",
        scenarios: &["byzantine_dvc_identical_claims"],
    },
    Bug {
        name: "commit-quorum-minus-one",
        breaks: "a primary commits with one acknowledgement too few",
        caught_by: &["vsr_view_change_safety", "vsr_agreement"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["crash_during_commit", "race_commit_during_dvc"],
    },
    Bug {
        name: "skipped-fsync",
        breaks: "the log is written and never synced",
        caught_by: &["vsr_recovery_safety"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["crash_during_commit"],
    },
    Bug {
        name: "prepare-ok-before-durable",
        breaks: "a backup sends PrepareOk as soon as it has an entry in memory",
        caught_by: &["vsr_recovery_safety"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["crash_during_commit"],
    },
    Bug {
        name: "view-led-twice",
        breaks: "a primary that crashed while its view was starting starts it once more, from other DoViewChanges",
        caught_by: &["vsr_agreement", "vsr_view_change_safety"],
        origin: "found here by crash_during_view_change",
        target: "crash_recovery",
        scenarios: &["crash_during_view_change"],
    },
    Bug {
        name: "header-before-entry",
        breaks: "headers are written together with their entries, so that a torn entry looks like a damaged one",
        caught_by: &["liveness"],
        origin: "found here by combined",
        target: "crash_recovery",
        scenarios: &[],
    },
    Bug {
        name: "repair-gives-up",
        breaks: "a bad entry in a repair keeps the good ones before it from being written",
        caught_by: &["liveness"],
        origin: "found here by byzantine_invalid_repair_range",
        target: "byzantine_repair",
        scenarios: &[],
    },
    Bug {
        name: "checksum-not-checked",
        breaks: "a restarting replica believes the entries on its disk without looking at their checksums and hashes",
        caught_by: &["corruption_detection"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["corruption_bit_flip", "corruption_checksum_validation"],
    },
    Bug {
        name: "hash-chain-not-checked",
        breaks: "a restarting replica believes an intact entry even where it does not follow from the one before it",
        caught_by: &["log_consistency", "hash_chain", "corruption_detection"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["corruption_silent_disk_failure"],
    },
    Bug {
        name: "wrong-hash-accepted",
        breaks: "a backup takes entries of a repair into its log without comparing their hashes",
        caught_by: &["hash_chain", "log_consistency"],
        origin: "classic",
        target: "byzantine_repair",
        scenarios: &["byzantine_invalid_repair_range"],
    },
    Bug {
        name: "damaged-entry-truncated",
        breaks: "a restarting replica takes a damaged entry for the end of its log",
        caught_by: &["corruption_detection"],
        origin: "Alagappan et al. 2018, section 2",
        target: "crash_recovery",
        scenarios: &["corruption_bit_flip", "recovery_corrupt_log"],
    },
    Bug {
        name: "nack-quorum-minus-one",
        breaks: "a new primary drops an entry that it cannot read though one replica too few never had it",
        caught_by: &["vsr_view_change_safety", "vsr_agreement"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["corruption_bit_flip"],
    },
    Bug {
        name: "superblock-single-copy",
        breaks: "a superblock is written to one copy only",
        caught_by: &["corruption_detection"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["scrub_completes_tour"],
    },
    Bug {
        name: "scrubber-skips-tail",
        breaks: "the scrubber never reads the last entry",
        caught_by: &["scrub_completeness"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["scrub_completes_tour"],
    },
    Bug {
        name: "scrub-tour-short",
        breaks: "the scrubber begins each tour at the same place and ends it after a few reads",
        caught_by: &["scrub_completeness"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["scrub_completes_tour"],
    },
    Bug {
        name: "scrub-over-budget",
        breaks: "the scrubber reads twice as often as it may",
        caught_by: &["scrub_rate"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["scrub_rate_limited"],
    },
    Bug {
        name: "scrub-checksum-only",
        breaks: "the scrubber takes an entry with a fitting checksum for the right one",
        caught_by: &["corruption_detection"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["scrub_detects_corruption"],
    },
    Bug {
        name: "scrub-finding-ignored",
        breaks: "the scrubber reports what it finds and repairs nothing",
        caught_by: &["scrub_repair"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["scrub_triggers_repair"],
    },
    Bug {
        name: "scrub-repair-from-self",
        breaks: "a damaged record is repaired with what stands on the same disk",
        caught_by: &["scrub_repair"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["scrub_triggers_repair"],
    },
];

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
        assert_eq!(BUGS.len(), PlantedBug::ScrubRepairFromSelf as usize + 1);
        assert_eq!(BUGS[PlantedBug::DvcInflatedCommit as usize].name, "dvc-inflated-commit");
        assert_eq!(BUGS[PlantedBug::SkippedFsync as usize].name, "skipped-fsync");
    }
}
