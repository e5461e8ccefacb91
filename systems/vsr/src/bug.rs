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
        name: "old-quorum-only",
        breaks: "while the members change, an entry commits once a quorum of the old members holds it",
        caught_by: &["reconfiguration_safety", "vsr_view_change_safety"],
        origin: "Ongaro and Ousterhout 2014, section 6",
        target: "reconfiguration",
        scenarios: &["reconfig_add_replicas"],
    },
    Bug {
        name: "new-quorum-only",
        breaks: "while the members change, an entry commits once a quorum of the new members holds it",
        caught_by: &["reconfiguration_safety", "vsr_agreement"],
        origin: "Ongaro and Ousterhout 2014, section 6",
        target: "reconfiguration",
        scenarios: &["reconfig_remove_replicas"],
    },
    Bug {
        name: "reconfiguration-not-joint",
        breaks: "the primary goes over to the new members at once, without a joint configuration",
        caught_by: &["reconfiguration_safety"],
        origin: "Ongaro and Ousterhout 2014, section 6",
        target: "reconfiguration",
        scenarios: &["reconfig_during_partition"],
    },
    Bug {
        name: "second-reconfiguration-accepted",
        breaks: "the primary begins a change of the members while another one is under way",
        caught_by: &["reconfiguration_safety"],
        origin: "Ongaro and Ousterhout 2014, section 6",
        target: "reconfiguration",
        scenarios: &["reconfig_during_partition"],
    },
    Bug {
        name: "removed-replica-votes",
        breaks: "in a view change, votes count whether or not their senders are members",
        caught_by: &["reconfiguration_safety", "vsr_view_change_safety"],
        origin: "Ongaro and Ousterhout 2014, section 6",
        target: "reconfiguration",
        scenarios: &["reconfig_remove_replicas"],
    },
    Bug {
        name: "learner-counts-early",
        breaks: "replicas become members before they have caught up",
        caught_by: &["reconfiguration_safety"],
        origin: "Ongaro's thesis, section 4.2.1",
        target: "reconfiguration",
        scenarios: &["reconfig_add_replicas"],
    },
    Bug {
        name: "configuration-not-durable",
        breaks: "a replica that restarts takes the members that the cluster began with for the present ones",
        caught_by: &["reconfiguration_safety", "liveness"],
        origin: "classic",
        target: "reconfiguration",
        scenarios: &["reconfig_add_replicas"],
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
        assert_eq!(BUGS.len(), PlantedBug::ConfigurationNotDurable as usize + 1);
        assert_eq!(BUGS[PlantedBug::DvcInflatedCommit as usize].name, "dvc-inflated-commit");
        assert_eq!(BUGS[PlantedBug::SkippedFsync as usize].name, "skipped-fsync");
    }
}
