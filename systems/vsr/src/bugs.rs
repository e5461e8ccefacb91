//! The planted bugs: known faults that a run can switch on. They are off by default, and compiled out without the
//! feature `planted-bugs`.
//!
//! Each bug is one condition, `self.bugs.on(PlantedBug::...)`, at the one place in the protocol that it breaks. The
//! list states for each bug: its name, what it breaks, the invariants that must catch it, its origin, the fuzz target
//! to search for it with, and the scenarios each of which must catch it by random runs.

use sim::{Bug, BugSet};

macro_rules! bugs {
    ($($variant:ident $name:literal: $breaks:literal, caught by $caught_by:tt, from $origin:literal, in $target:literal $scenarios:tt;)*) => {
        /// The bugs, in the order of [`BUGS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum PlantedBug {
            $(#[doc = $breaks] $variant,)*
        }

        /// For each bug: what it breaks, the invariants that must catch it, its origin, and where to search for it.
        pub const BUGS: &[Bug] = &[$(Bug {
            name: $name,
            breaks: $breaks,
            caught_by: &$caught_by,
            origin: $origin,
            target: $target,
            scenarios: &$scenarios,
        }),*];

        #[cfg(test)]
        const VARIANTS: &[&str] = &[$(stringify!($variant)),*];
    };
}

bugs! {
    ViewChangeOverwritesCommitted "view-change-overwrites-committed":
        "a backup installs a StartView without checking what it follows from, over its own committed entries",
        caught by ["vsr_agreement"], from "Kimberlite Bug #1",
        in "byzantine_start_view" ["byzantine_view_change_merge"];
    StartViewCommitPastLog "start-view-commit-past-log":
        "a backup takes the commit number of a StartView as it is, even past the end of the log",
        caught by ["vsr_prefix_property"], from "Kimberlite Bug #2",
        in "byzantine_start_view" ["byzantine_commit_desync"];
    DvcInflatedCommit "dvc-inflated-commit":
        "a new primary takes the highest commit number that any DoViewChange claims, even past the log",
        caught by ["vsr_prefix_property"], from "Kimberlite Bug #3",
        in "byzantine_dvc" ["combined", "byzantine_inflated_commit"];
    ViewChangeStaleLog "view-change-stale-log":
        "a new primary starts its view from the log of the replica that has been out of normal status longest",
        caught by ["vsr_view_change_safety"], from "Kimberlite Bug #5",
        in "view_change_race" ["swizzle_clogging", "byzantine_malicious_view_change"];
    StartViewRace "start-view-race":
        "a replica that is normal in a view installs a late StartView of that same view once more",
        caught by ["vsr_agreement"], from "Kimberlite Bug #6",
        in "view_change_race" ["swizzle_clogging", "race_concurrent_view_changes", "race_commit_during_dvc"];
    DvcTailLengthMismatch "dvc-tail-length-mismatch":
        "a new primary believes the length that a DoViewChange states, not the log that it carries",
        caught by ["log_consistency"], from "Kimberlite Bug 3.1",
        in "byzantine_dvc" ["byzantine_dvc_tail_length_mismatch"];
    DvcIdenticalClaims "dvc-identical-claims":
        "among DoViewChanges with equal numbers a new primary takes any one's log, without comparing the logs",
        caught by ["vsr_view_change_safety"], from "Kimberlite Bug 3.3",
        in "byzantine_dvc" ["byzantine_dvc_identical_claims"];
    CommitQuorumMinusOne "commit-quorum-minus-one":
        "a primary commits with one acknowledgement too few",
        caught by ["vsr_view_change_safety", "vsr_agreement"], from "classic",
        in "crash_recovery" ["gray_failures", "crash_during_commit", "race_commit_during_dvc"];
    SkippedFsync "skipped-fsync":
        "the log is written and never synced",
        caught by ["vsr_recovery_safety"], from "classic",
        in "crash_recovery" ["combined", "crash_during_commit", "gray_failure_slow_disk"];
    PrepareOkBeforeDurable "prepare-ok-before-durable":
        "a backup sends PrepareOk as soon as it has an entry in memory",
        caught by ["vsr_recovery_safety"], from "classic",
        in "crash_recovery" ["crash_during_commit"];
    ViewLedTwice "view-led-twice":
        "a primary that crashed while its view was starting starts it once more, from other DoViewChanges",
        caught by ["vsr_agreement", "vsr_view_change_safety"], from "found here by crash_during_view_change",
        in "crash_recovery" ["crash_during_view_change"];
    HeaderBeforeEntry "header-before-entry":
        "headers are written together with their entries, so that a torn entry looks like a damaged one",
        caught by ["liveness"], from "found here by combined",
        in "storage_corruption" [];
    RepairGivesUp "repair-gives-up":
        "a bad entry in a repair keeps the good ones before it from being written",
        caught by ["liveness"], from "found here by byzantine_invalid_repair_range",
        in "byzantine_repair" [];
    MarzulloEndedIntervalsCount "marzullo-ended-intervals-count":
        "the sweep over the clocks' intervals goes on counting those that have ended",
        caught by ["clock_offset_detection"], from "classic",
        in "clock" ["clock_offset_exceeded", "clock_ntp_failure"];
    ClockQuorumMinusOne "clock-quorum-minus-one":
        "one clock too few has to agree, so that a replica that is cut off agrees with itself",
        caught by ["clock_offset_detection"], from "classic",
        in "clock" ["clock_backward_jump"];
    ClockToleranceIgnored "clock-tolerance-ignored":
        "a replica counts as synchronized however far its own clock is off what the others agree on",
        caught by ["clock_offset_detection"], from "classic",
        in "clock" ["clock_offset_exceeded", "clock_ntp_failure"];
    TimestampFromRawClock "timestamp-from-raw-clock":
        "a primary takes its wall clock as it is, even if that is earlier than the entry before",
        caught by ["commit_timestamp_order"], from "classic",
        in "clock" ["time_compression", "clock_ntp_failure", "clock_backward_jump"];
    StaleSamplesKept "stale-samples-kept":
        "the answers of earlier epochs are never forgotten, so that drift goes unnoticed",
        caught by ["clock_offset_detection"], from "classic",
        in "clock" ["clock_offset_exceeded"];
    TimestampReassignedByNewPrimary "timestamp-reassigned-by-new-primary":
        "a new primary gives the uncommitted entries that it takes over new timestamps",
        caught by ["commit_timestamp_order"], from "classic",
        in "clock" ["clock_drift"];
    UnsynchronizedPrimaryServes "unsynchronized-primary-serves":
        "a primary serves with its wall clock whether or not it is synchronized",
        caught by ["clock_offset_detection"], from "classic",
        in "clock" ["clock_offset_exceeded", "clock_ntp_failure"];
    SamplesOutlivePause "samples-outlive-pause":
        "a replica that was paused compares its clock with answers from before the pause",
        caught by ["clock_offset_detection"], from "found here by clock_offset_exceeded",
        in "clock" ["clock_offset_exceeded"];
    ClientCrash "vrr-client-crash":
        "a client that registers again keeps the request number and the answer of its former session",
        caught by ["liveness", "linearizability"], from "VRR client session bug #1",
        in "client_sessions" ["client_session_crash"];
    CachedReplyOfOldSession "cached-reply-of-old-session":
        "a client that registers anew is answered with the session that it had before",
        caught by ["session_eviction"], from "VRR client session bug #1, its other half",
        in "client_sessions" ["client_session_crash"];
    ViewChangeLockout "vrr-view-change-lockout":
        "a replica keeps its marks of logged requests when a view change replaces its log",
        caught by ["liveness"], from "VRR client session bug #2",
        in "client_sessions" ["client_session_view_change_lockout"];
    SessionTableRace "session-table-race":
        "a repeated request that is logged and not committed is answered from the table already",
        caught by ["linearizability"], from "classic",
        in "client_sessions" ["client_session_crash"];
    EvictionMostRecent "eviction-most-recent":
        "a full session table evicts the session that was used last",
        caught by ["session_eviction"], from "classic",
        in "client_sessions" ["client_session_eviction"];
    EvictionAtArrival "eviction-at-arrival":
        "a session counts as used when its request is logged, so that replicas with longer logs evict others",
        caught by ["session_eviction"], from "classic",
        in "client_sessions" ["client_session_eviction"];
    SessionTableOverfull "session-table-overfull":
        "the session table takes one session more than it has room for",
        caught by ["session_eviction"], from "classic",
        in "client_sessions" ["client_session_eviction"];
    EvictedSessionServed "evicted-session-served":
        "a request is executed though its session was evicted before its turn came",
        caught by ["session_eviction"], from "classic",
        in "client_sessions" ["client_session_eviction"];
    SessionsNotRestored "sessions-not-restored":
        "after a restart a replica does not know which requests it finds in its log were executed",
        caught by ["exactly_once", "session_eviction"], from "classic",
        in "client_sessions" ["client_session_view_change_lockout"];
    DuplicateExecuted "duplicate-executed":
        "the client's last request is logged and executed again when it is repeated",
        caught by ["exactly_once"], from "classic",
        in "gray_network" ["gray_failure_intermittent_network"];
    DuplicateLogged "duplicate-logged":
        "a repeated request gets a second place in the log while the first is not executed",
        caught by ["message_deduplication"], from "classic",
        in "gray_network" ["gray_failure_intermittent_network"];
    RegistrationDropsMarks "registration-drops-marks":
        "a registration's execution drops the marks of the new session's requests that are in the log already",
        caught by ["message_deduplication"], from "found here by client_session_eviction",
        in "client_sessions" ["client_session_eviction"];
    KernelAcceptsInvalidCommand "kernel-accepts-invalid-command":
        "a replica takes in entries whose commands are malformed",
        caught by ["kernel_command_validation"], from "Kimberlite Bug 3.2",
        in "byzantine_prepare" ["byzantine_invalid_kernel_command"];
    InvalidMetadata "invalid-metadata":
        "a backup takes in an entry of another view than the Prepare's that brings it",
        caught by ["log_consistency"], from "Kimberlite Bug #4",
        in "byzantine_prepare" ["byzantine_invalid_metadata"];
    OversizedStartView "oversized-start-view":
        "a StartView is taken in whatever its size",
        caught by ["resource_limits"], from "Kimberlite Bug 3.4",
        in "byzantine_start_view" ["byzantine_oversized_start_view"];
    InvalidRepairRange "invalid-repair-range":
        "a range of missing entries is believed, whatever its ends",
        caught by ["no_panic"], from "Kimberlite Bug 3.5",
        in "byzantine_repair" ["byzantine_invalid_repair_range"];
    ChecksumNotChecked "checksum-not-checked":
        "a restarting replica believes the entries on its disk without looking at their checksums and hashes",
        caught by ["corruption_detection"], from "classic",
        in "storage_corruption" ["corruption_bit_flip", "corruption_checksum_validation"];
    HashChainNotChecked "hash-chain-not-checked":
        "a restarting replica believes an intact entry even where it does not follow from the one before it",
        caught by ["log_consistency", "hash_chain", "corruption_detection"], from "classic",
        in "storage_corruption" ["corruption_silent_disk_failure"];
    WrongHashAccepted "wrong-hash-accepted":
        "a backup takes entries of a repair into its log without comparing their hashes",
        caught by ["hash_chain", "log_consistency"], from "classic",
        in "byzantine_repair" ["byzantine_invalid_repair_range"];
    DamagedEntryTruncated "damaged-entry-truncated":
        "a restarting replica takes a damaged entry for the end of its log",
        caught by ["corruption_detection"], from "Alagappan et al. 2018, section 2",
        in "storage_corruption" ["corruption_bit_flip", "recovery_corrupt_log"];
    NackQuorumMinusOne "nack-quorum-minus-one":
        "a new primary drops an entry that it cannot read though one replica too few never had it",
        caught by ["vsr_view_change_safety", "vsr_agreement"], from "classic",
        in "storage_corruption" ["corruption_bit_flip"];
    SuperblockSingleCopy "superblock-single-copy":
        "a superblock is written to one copy only",
        caught by ["corruption_detection"], from "classic",
        in "scrub" ["scrub_completes_tour"];
    ScrubberSkipsTail "scrubber-skips-tail":
        "the scrubber never reads the last entry",
        caught by ["scrub_completeness"], from "classic",
        in "scrub" ["time_compression", "scrub_completes_tour"];
    ScrubTourShort "scrub-tour-short":
        "the scrubber begins each tour at the same place and ends it after a few reads",
        caught by ["scrub_completeness"], from "classic",
        in "scrub" ["scrub_completes_tour"];
    ScrubOverBudget "scrub-over-budget":
        "the scrubber reads twice as often as it may",
        caught by ["scrub_rate"], from "classic",
        in "scrub" ["scrub_rate_limited"];
    ScrubChecksumOnly "scrub-checksum-only":
        "the scrubber takes an entry with a fitting checksum for the right one",
        caught by ["corruption_detection"], from "classic",
        in "scrub" ["scrub_detects_corruption"];
    ScrubFindingIgnored "scrub-finding-ignored":
        "the scrubber reports what it finds and repairs nothing",
        caught by ["scrub_repair"], from "classic",
        in "scrub" ["scrub_triggers_repair"];
    ScrubRepairFromSelf "scrub-repair-from-self":
        "a damaged record is repaired with what stands on the same disk",
        caught by ["scrub_repair"], from "classic",
        in "scrub" ["scrub_triggers_repair"];
    RepairWithoutBudget "repair-without-budget":
        "a replica asks for all that it misses at once, however many requests are under way",
        caught by ["repair_budget"], from "classic",
        in "repair_budget" ["repair_budget_prevents_storm"];
    RepairCreditLeak "repair-credit-leak":
        "a repair request that was never answered keeps its credit for ever",
        caught by ["repair_budget"], from "classic",
        in "repair_budget" ["repair_budget_prevents_storm"];
    EwmaInverted "ewma-inverted":
        "the peer that answers repair requests most slowly is asked first",
        caught by ["repair_efficiency"], from "classic",
        in "repair_budget" ["repair_ewma_selection"];
    EwmaNeverExplores "ewma-never-explores":
        "a peer that was slow once is never asked again",
        caught by ["repair_efficiency"], from "classic",
        in "repair_budget" ["repair_ewma_selection"];
    NoAbdication "no-abdication":
        "a primary that is cut off from its quorum leads on",
        caught by ["primary_abdication"], from "classic",
        in "gray_network" ["primary_abdicate_partition"];
    CommitStallIgnored "commit-stall-ignored":
        "nobody minds a primary that lives and commits nothing",
        caught by ["availability"], from "classic",
        in "gray_network" ["commit_stall_detection"];
    StallTimerResetByHeartbeat "stall-timer-reset-by-heartbeat":
        "each heartbeat starts the wait for a commit anew",
        caught by ["availability"], from "classic",
        in "gray_network" ["commit_stall_detection"];
    StartViewChangeWindowEndless "start-view-change-window-endless":
        "the wish for a view counts for ever, even if the replica has long been content again",
        caught by ["needless_view_change"], from "classic",
        in "gray_network" ["commit_stall_detection"];
    HeartbeatWithoutCommitNumber "heartbeat-without-commit-number":
        "heartbeats do not tell the commit number, so that a lost one is never made good",
        caught by ["liveness"], from "classic",
        in "gray_network" ["baseline", "primary_abdicate_partition"];
    VrrStateTransfer "vrr-state-transfer":
        "a replica cuts its log back to its commit number when it asks for a state, and votes before it has it",
        caught by ["state_transfer"], from "Viewstamped Replication Revisited, section 5.2",
        in "repair_budget" ["repair_sync_timeout"];
    CheckpointBeforeDurable "checkpoint-before-durable":
        "the log before a checkpoint is dropped as soon as the checkpoint is made, not when it is durable",
        caught by ["state_transfer"], from "classic",
        in "repair_budget" ["repair_sync_timeout"];
    CheckpointNamedBeforeWritten "checkpoint-named-before-written":
        "the superblock names a checkpoint that is not synced yet",
        caught by ["vsr_recovery_safety", "state_transfer"], from "classic",
        in "repair_budget" ["repair_sync_timeout"];
    CheckpointUnverified "checkpoint-unverified":
        "a restarting replica takes over its checkpoint without a look at the hash",
        caught by ["state_transfer"], from "classic",
        in "repair_budget" ["repair_sync_timeout"];
    SyncTimeoutIgnored "sync-timeout-ignored":
        "a replica that misses what the others have dropped asks for entries for ever",
        caught by ["state_transfer", "liveness"], from "the situation of scenario repair_sync_timeout",
        in "repair_budget" ["repair_sync_timeout"];
    LogWrapsOverUncheckpointed "log-wraps-over-uncheckpointed":
        "the ring of the log is written again where no durable checkpoint covers it yet",
        caught by ["resource_limits", "vsr_recovery_safety"], from "classic",
        in "repair_budget" ["repair_sync_timeout"];
    ClientTableNotInCheckpoint "client-table-not-in-checkpoint":
        "a checkpoint holds the store, but not the client table",
        caught by ["exactly_once", "message_deduplication"], from "classic",
        in "repair_budget" ["repair_sync_timeout"];
    TransferForgetsCommit "transfer-forgets-commit":
        "a replica that installs a state keeps its old commit number",
        caught by ["vsr_prefix_property"], from "classic",
        in "repair_budget" ["repair_sync_timeout"];
    StartViewFromAnyone "start-view-from-anyone":
        "a backup takes a StartView from whoever sends it, and does not ask what it follows from",
        caught by ["vsr_agreement", "vsr_view_change_safety"], from "Kimberlite Bug #6, as a liar uses it",
        in "byzantine_start_view" ["byzantine_leader_race"];
    TenantMixedUp "tenant-mixed-up":
        "a read that finds nothing in its own tenant's data looks into the first tenant's",
        caught by ["tenant_isolation"], from "Kimberlite shipped a fault of this kind",
        in "multi_tenant" ["multi_tenant_isolation"];
    ReadIgnoresPosition "read-ignores-position":
        "a read as of an earlier position brings the newest version",
        caught by ["mvcc_visibility", "linearizability"], from "classic",
        in "multi_tenant" ["multi_tenant_isolation"];
    PositionRegression "position-regression":
        "a new primary executes its last entry once more",
        caught by ["applied_position_monotonic"], from "classic",
        in "multi_tenant" ["multi_tenant_isolation"];
    OldQuorumOnly "old-quorum-only":
        "while the members change, an entry commits once a quorum of the old members holds it",
        caught by ["reconfiguration_safety", "vsr_view_change_safety"], from "Ongaro and Ousterhout 2014, section 6",
        in "reconfiguration" ["reconfig_add_replicas"];
    NewQuorumOnly "new-quorum-only":
        "while the members change, an entry commits once a quorum of the new members holds it",
        caught by ["reconfiguration_safety", "vsr_agreement"], from "Ongaro and Ousterhout 2014, section 6",
        in "reconfiguration" ["reconfig_remove_replicas"];
    ReconfigurationNotJoint "reconfiguration-not-joint":
        "the primary goes over to the new members at once, without a joint configuration",
        caught by ["reconfiguration_safety"], from "Ongaro and Ousterhout 2014, section 6",
        in "reconfiguration" ["reconfig_during_partition"];
    SecondReconfigurationAccepted "second-reconfiguration-accepted":
        "the primary begins a change of the members while another one is under way",
        caught by ["reconfiguration_safety"], from "Ongaro and Ousterhout 2014, section 6",
        in "reconfiguration" ["reconfig_during_partition"];
    RemovedReplicaVotes "removed-replica-votes":
        "in a view change, votes count whether or not their senders are members",
        caught by ["reconfiguration_safety", "vsr_view_change_safety"], from "Ongaro and Ousterhout 2014, section 6",
        in "reconfiguration" ["reconfig_remove_replicas"];
    LearnerCountsEarly "learner-counts-early":
        "replicas become members before they have caught up",
        caught by ["reconfiguration_safety"], from "Ongaro's thesis, section 4.2.1",
        in "reconfiguration" ["reconfig_add_replicas"];
    ConfigurationNotDurable "configuration-not-durable":
        "a replica that restarts takes the members that the cluster began with for the present ones",
        caught by ["reconfiguration_safety", "liveness"], from "classic",
        in "reconfiguration" ["reconfig_add_replicas"];
    OldStartViewAccepted "old-start-view-accepted":
        "a replica installs the StartView of a view that it has left behind",
        caught by ["view_monotonic"], from "classic",
        in "view_change_race" ["race_concurrent_view_changes"];
    ReplyBeforeCommit "reply-before-commit":
        "a primary answers a request as soon as it has logged it",
        caught by ["durability"], from "classic",
        in "crash_recovery" ["crash_during_commit", "gray_failure_slow_disk"];
    CrashLoopWipesDisk "crash-loop-wipes-disk":
        "a replica that has crashed seven times since it was last normal is started with an empty disk",
        caught by ["vsr_recovery_safety"], from "operators' scripts against crash loops",
        in "crash_recovery" [];
    OutsiderSecondsAnyone "outsider-seconds-anyone":
        "a replica that has left seconds the votes of members that do not know that yet",
        caught by ["liveness"], from "found here by combined",
        in "reconfiguration" [];
    MessageChecksumUnchecked "message-checksum-unchecked":
        "a receiver does not check the checksum of a message, so that one that was damaged on the way is acted upon",
        caught by ["linearizability", "session_eviction", "liveness"], from "Amazon S3's outage of July 2008",
        in "client_sessions" ["client_session_crash"];
}

/// The bugs that are switched on in a replica.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bugs(BugSet);

impl Bugs {
    /// Creates the switches from those of the run.
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
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_bug_has_a_name_of_its_own_and_invariants_that_exist() {
        for (place, bug) in BUGS.iter().enumerate() {
            assert!(BUGS[..place].iter().all(|other| other.name != bug.name), "{}", bug.name);
            assert!(bug.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", bug.name);
            assert!(!bug.caught_by.is_empty(), "{}", bug.name);
            assert!(bug.caught_by.iter().all(|name| sim::invariants::NAMES.contains(name)), "{}", bug.name);
        }
        for invariant in sim::invariants::NAMES {
            assert!(BUGS.iter().any(|bug| bug.caught_by.contains(invariant)), "no bug is for {invariant}");
        }
        assert!(BUGS.len() <= 128, "a BugSet holds no more");
        assert_eq!(BUGS[PlantedBug::SkippedFsync as usize].name, "skipped-fsync");
    }
    /// A bug that no condition asks for breaks nothing.
    #[test]
    fn every_bug_is_planted_somewhere() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut code = String::new();
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    code += &fs::read_to_string(path).unwrap();
                }
            }
        }
        let names: Vec<&str> =
            code.split(".on(PlantedBug::").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        let missing: Vec<_> = VARIANTS.iter().filter(|name| !names.contains(name)).collect();
        assert!(missing.is_empty(), "no `self.bugs.on(...)` for {missing:?}");
    }
}
