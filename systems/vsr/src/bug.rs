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
        scenarios: &["combined", "byzantine_inflated_commit"],
    },
    Bug {
        name: "view-change-stale-log",
        breaks: "a new primary starts its view from the log of the replica that has been out of normal status longest",
        caught_by: &["vsr_view_change_safety"],
        origin: "Kimberlite Bug #5",
        target: "view_change_race",
        scenarios: &["swizzle_clogging", "byzantine_malicious_view_change"],
    },
    Bug {
        name: "start-view-race",
        breaks: "a replica that is normal in a view installs a late StartView of that same view once more",
        caught_by: &["vsr_agreement"],
        origin: "Kimberlite Bug #6",
        target: "view_change_race",
        scenarios: &["swizzle_clogging", "race_concurrent_view_changes", "race_commit_during_dvc"],
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
        scenarios: &["gray_failures", "crash_during_commit", "race_commit_during_dvc"],
    },
    Bug {
        name: "skipped-fsync",
        breaks: "the log is written and never synced",
        caught_by: &["vsr_recovery_safety"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["combined", "crash_during_commit", "gray_failure_slow_disk"],
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
        name: "marzullo-ended-intervals-count",
        breaks: "the sweep over the clocks' intervals goes on counting those that have ended",
        caught_by: &["clock_offset_detection"],
        origin: "classic",
        target: "clock",
        scenarios: &["clock_offset_exceeded", "clock_ntp_failure"],
    },
    Bug {
        name: "clock-quorum-minus-one",
        breaks: "one clock too few has to agree, so that a replica that is cut off agrees with itself",
        caught_by: &["clock_offset_detection"],
        origin: "classic",
        target: "clock",
        scenarios: &["clock_backward_jump"],
    },
    Bug {
        name: "clock-tolerance-ignored",
        breaks: "a replica counts as synchronized however far its own clock is off what the others agree on",
        caught_by: &["clock_offset_detection"],
        origin: "classic",
        target: "clock",
        scenarios: &["clock_offset_exceeded", "clock_ntp_failure"],
    },
    Bug {
        name: "timestamp-from-raw-clock",
        breaks: "a primary takes its wall clock as it is, even if that is earlier than the entry before",
        caught_by: &["commit_timestamp_order"],
        origin: "classic",
        target: "clock",
        scenarios: &["time_compression", "clock_ntp_failure", "clock_backward_jump"],
    },
    Bug {
        name: "stale-samples-kept",
        breaks: "the answers of earlier epochs are never forgotten, so that drift goes unnoticed",
        caught_by: &["clock_offset_detection"],
        origin: "classic",
        target: "clock",
        scenarios: &["clock_offset_exceeded"],
    },
    Bug {
        name: "timestamp-reassigned-by-new-primary",
        breaks: "a new primary gives the uncommitted entries that it takes over new timestamps",
        caught_by: &["commit_timestamp_order"],
        origin: "classic",
        target: "clock",
        scenarios: &["clock_drift"],
    },
    Bug {
        name: "unsynchronized-primary-serves",
        breaks: "a primary serves with its wall clock whether or not it is synchronized",
        caught_by: &["clock_offset_detection"],
        origin: "classic",
        target: "clock",
        scenarios: &["clock_offset_exceeded", "clock_ntp_failure"],
    },
    Bug {
        name: "samples-outlive-pause",
        breaks: "a replica that was paused compares its clock with answers from before the pause",
        caught_by: &["clock_offset_detection"],
        origin: "found here by clock_offset_exceeded",
        target: "clock",
        scenarios: &["clock_offset_exceeded"],
    },
    Bug {
        name: "vrr-client-crash",
        breaks: "a client that registers again keeps the request number and the answer of its former session",
        caught_by: &["liveness", "linearizability"],
        origin: "VRR client session bug #1",
        target: "client_sessions",
        scenarios: &["client_session_crash"],
    },
    Bug {
        name: "cached-reply-of-old-session",
        breaks: "a client that registers anew is answered with the session that it had before",
        caught_by: &["session_eviction"],
        origin: "VRR client session bug #1, its other half",
        target: "client_sessions",
        scenarios: &["client_session_crash"],
    },
    Bug {
        name: "vrr-view-change-lockout",
        breaks: "a replica keeps its marks of logged requests when a view change replaces its log",
        caught_by: &["liveness"],
        origin: "VRR client session bug #2",
        target: "client_sessions",
        scenarios: &["client_session_view_change_lockout"],
    },
    Bug {
        name: "session-table-race",
        breaks: "a repeated request that is logged and not committed is answered from the table already",
        caught_by: &["linearizability"],
        origin: "classic",
        target: "client_sessions",
        scenarios: &["client_session_crash"],
    },
    Bug {
        name: "eviction-most-recent",
        breaks: "a full session table evicts the session that was used last",
        caught_by: &["session_eviction"],
        origin: "classic",
        target: "client_sessions",
        scenarios: &["client_session_eviction"],
    },
    Bug {
        name: "eviction-at-arrival",
        breaks: "a session counts as used when its request is logged, so that replicas with longer logs evict others",
        caught_by: &["session_eviction"],
        origin: "classic",
        target: "client_sessions",
        scenarios: &["client_session_eviction"],
    },
    Bug {
        name: "session-table-overfull",
        breaks: "the session table takes one session more than it has room for",
        caught_by: &["session_eviction"],
        origin: "classic",
        target: "client_sessions",
        scenarios: &["client_session_eviction"],
    },
    Bug {
        name: "evicted-session-served",
        breaks: "a request is executed though its session was evicted before its turn came",
        caught_by: &["session_eviction"],
        origin: "classic",
        target: "client_sessions",
        scenarios: &["client_session_eviction"],
    },
    Bug {
        name: "sessions-not-restored",
        breaks: "after a restart a replica does not know which requests it finds in its log were executed",
        caught_by: &["exactly_once", "session_eviction"],
        origin: "classic",
        target: "client_sessions",
        scenarios: &["client_session_view_change_lockout"],
    },
    Bug {
        name: "duplicate-executed",
        breaks: "the client's last request is logged and executed again when it is repeated",
        caught_by: &["exactly_once"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["gray_failure_intermittent_network"],
    },
    Bug {
        name: "duplicate-logged",
        breaks: "a repeated request gets a second place in the log while the first is not executed",
        caught_by: &["message_deduplication"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["gray_failure_intermittent_network"],
    },
    Bug {
        name: "registration-drops-marks",
        breaks: "a registration's execution drops the marks of the new session's requests that are in the log already",
        caught_by: &["message_deduplication"],
        origin: "found here by client_session_eviction",
        target: "client_sessions",
        scenarios: &["client_session_eviction"],
    },
    Bug {
        name: "kernel-accepts-invalid-command",
        breaks: "a replica takes in entries whose commands are malformed",
        caught_by: &["kernel_command_validation"],
        origin: "Kimberlite Bug 3.2",
        target: "byzantine_prepare",
        scenarios: &["byzantine_invalid_kernel_command"],
    },
    Bug {
        name: "invalid-metadata",
        breaks: "a backup takes in an entry of another view than the Prepare's that brings it",
        caught_by: &["log_consistency"],
        origin: "Kimberlite Bug #4",
        target: "byzantine_prepare",
        scenarios: &["byzantine_invalid_metadata"],
    },
    Bug {
        name: "oversized-start-view",
        breaks: "a StartView is taken in whatever its size",
        caught_by: &["resource_limits"],
        origin: "Kimberlite Bug 3.4",
        target: "byzantine_start_view",
        scenarios: &["byzantine_oversized_start_view"],
    },
    Bug {
        name: "invalid-repair-range",
        breaks: "a range of missing entries is believed, whatever its ends",
        caught_by: &["no_panic"],
        origin: "Kimberlite Bug 3.5",
        target: "byzantine_repair",
        scenarios: &["byzantine_invalid_repair_range"],
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
        scenarios: &["time_compression", "scrub_completes_tour"],
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
    Bug {
        name: "repair-without-budget",
        breaks: "a replica asks for all that it misses at once, however many requests are under way",
        caught_by: &["repair_budget"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["repair_budget_prevents_storm"],
    },
    Bug {
        name: "repair-credit-leak",
        breaks: "a repair request that was never answered keeps its credit for ever",
        caught_by: &["repair_budget"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["repair_budget_prevents_storm"],
    },
    Bug {
        name: "ewma-inverted",
        breaks: "the peer that answers repair requests most slowly is asked first",
        caught_by: &["repair_efficiency"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["repair_ewma_selection"],
    },
    Bug {
        name: "ewma-never-explores",
        breaks: "a peer that was slow once is never asked again",
        caught_by: &["repair_efficiency"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["repair_ewma_selection"],
    },
    Bug {
        name: "no-abdication",
        breaks: "a primary that is cut off from its quorum leads on",
        caught_by: &["primary_abdication"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["primary_abdicate_partition"],
    },
    Bug {
        name: "commit-stall-ignored",
        breaks: "nobody minds a primary that lives and commits nothing",
        caught_by: &["availability"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["commit_stall_detection"],
    },
    Bug {
        name: "stall-timer-reset-by-heartbeat",
        breaks: "each heartbeat starts the wait for a commit anew",
        caught_by: &["availability"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["commit_stall_detection"],
    },
    Bug {
        name: "start-view-change-window-endless",
        breaks: "the wish for a view counts for ever, even if the replica has long been content again",
        caught_by: &["needless_view_change"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["commit_stall_detection"],
    },
    Bug {
        name: "heartbeat-without-commit-number",
        breaks: "heartbeats do not tell the commit number, so that a lost one is never made good",
        caught_by: &["liveness"],
        origin: "classic",
        target: "gray_network",
        scenarios: &["baseline", "primary_abdicate_partition"],
    },
    Bug {
        name: "vrr-state-transfer",
        breaks: "a replica cuts its log back to its commit number when it asks for a state, and votes before it has it",
        caught_by: &["state_transfer"],
        origin: "Viewstamped Replication Revisited, section 5.2",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "checkpoint-before-durable",
        breaks: "the log before a checkpoint is dropped as soon as the checkpoint is made, not when it is durable",
        caught_by: &["state_transfer"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "checkpoint-named-before-written",
        breaks: "the superblock names a checkpoint that is not synced yet",
        caught_by: &["vsr_recovery_safety", "state_transfer"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "checkpoint-unverified",
        breaks: "a restarting replica takes over its checkpoint without a look at the hash",
        caught_by: &["state_transfer"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "sync-timeout-ignored",
        breaks: "a replica that misses what the others have dropped asks for entries for ever",
        caught_by: &["state_transfer", "liveness"],
        origin: "the situation of scenario repair_sync_timeout",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "log-wraps-over-uncheckpointed",
        breaks: "the ring of the log is written again where no durable checkpoint covers it yet",
        caught_by: &["resource_limits", "vsr_recovery_safety"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "client-table-not-in-checkpoint",
        breaks: "a checkpoint holds the store, but not the client table",
        caught_by: &["exactly_once", "message_deduplication"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "transfer-forgets-commit",
        breaks: "a replica that installs a state keeps its old commit number",
        caught_by: &["vsr_prefix_property"],
        origin: "classic",
        target: "crash_recovery",
        scenarios: &["repair_sync_timeout"],
    },
    Bug {
        name: "start-view-from-anyone",
        breaks: "a backup takes a StartView from whoever sends it, and does not ask what it follows from",
        caught_by: &["vsr_agreement", "vsr_view_change_safety"],
        origin: "Kimberlite Bug #6, as a liar uses it",
        target: "byzantine_start_view",
        scenarios: &["byzantine_leader_race"],
    },
    Bug {
        name: "tenant-mixed-up",
        breaks: "a read that finds nothing in its own tenant's data looks into the first tenant's",
        caught_by: &["tenant_isolation"],
        origin: "Kimberlite shipped a fault of this kind",
        target: "multi_tenant",
        scenarios: &["multi_tenant_isolation"],
    },
    Bug {
        name: "read-ignores-position",
        breaks: "a read as of an earlier position brings the newest version",
        caught_by: &["mvcc_visibility", "linearizability"],
        origin: "classic",
        target: "multi_tenant",
        scenarios: &["multi_tenant_isolation"],
    },
    Bug {
        name: "position-regression",
        breaks: "a new primary executes its last entry once more",
        caught_by: &["applied_position_monotonic"],
        origin: "classic",
        target: "multi_tenant",
        scenarios: &["multi_tenant_isolation"],
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
