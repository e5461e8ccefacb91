//! The fuzz targets: groups of scenarios that search for the same kind of bug.

use crate::ScenarioType;
use crate::ScenarioType::{
    Baseline, ByzantineCommitDesync, ByzantineDvcIdenticalClaims, ByzantineDvcTailLengthMismatch,
    ByzantineInflatedCommit, ByzantineInvalidKernelCommand, ByzantineInvalidMetadata, ByzantineInvalidRepairRange,
    ByzantineLeaderRace, ByzantineMaliciousViewChange, ByzantineOversizedStartView, ByzantineViewChangeMerge,
    ClientSessionCrash, ClientSessionEviction, ClientSessionViewChangeLockout, ClockBackwardJump, ClockDrift,
    ClockNtpFailure, ClockOffsetExceeded, Combined, CommitStallDetection, CorruptionBitFlip,
    CorruptionChecksumValidation, CorruptionSilentDiskFailure, CrashDuringCommit, CrashDuringViewChange,
    GrayFailureIntermittentNetwork, GrayFailureSlowDisk, GrayFailures, MultiTenantIsolation, PrimaryAbdicatePartition,
    RaceCommitDuringDvc, RaceConcurrentViewChanges, ReconfigAddReplicas, ReconfigDuringPartition,
    ReconfigRemoveReplicas, RecoveryCorruptLog, RepairBudgetPreventsStorm, RepairEwmaSelection, RepairSyncTimeout,
    ScrubCompletesTour, ScrubDetectsCorruption, ScrubRateLimited, ScrubTriggersRepair, SwizzleClogging,
    TimeCompression,
};

/// A fuzz target: a group of scenarios, of which the input selects one.
#[derive(Clone, Copy, Debug)]
pub struct FuzzTarget {
    /// Its name, e.g. `byzantine_dvc`.
    pub name: &'static str,
    /// What it searches for, in one sentence.
    pub description: &'static str,
    /// Its scenarios. They are numbered by their positions, so a new one goes to the end.
    pub scenarios: &'static [ScenarioType],
    /// How many scenarios it had when the meaning of an input's first byte was fixed ([`sim::plan::slots::slot`]).
    pub frozen: usize,
}

/// The fuzz targets.
pub const TARGETS: &[FuzzTarget] = &[
    FuzzTarget {
        name: "byzantine_dvc",
        description: "A liar's DoViewChange makes a new view lose, forge or skip entries.",
        scenarios: &[
            ByzantineInflatedCommit,
            ByzantineDvcTailLengthMismatch,
            ByzantineDvcIdenticalClaims,
            ByzantineMaliciousViewChange,
        ],
        frozen: 4,
    },
    FuzzTarget {
        name: "byzantine_start_view",
        description: "A lying primary's StartView makes backups install a log that does not follow from the votes.",
        scenarios: &[ByzantineViewChangeMerge, ByzantineCommitDesync, ByzantineLeaderRace, ByzantineOversizedStartView],
        frozen: 4,
    },
    FuzzTarget {
        name: "byzantine_prepare",
        description: "A lying primary's Prepare brings entries or commands into logs that do not belong there.",
        scenarios: &[ByzantineInvalidMetadata, ByzantineInvalidKernelCommand],
        frozen: 2,
    },
    FuzzTarget {
        name: "byzantine_repair",
        description: "A liar's repair traffic crashes, floods or deceives its peers.",
        scenarios: &[ByzantineInvalidRepairRange],
        frozen: 1,
    },
    FuzzTarget {
        name: "view_change_race",
        description: "View changes that overlap with each other or with commits lose or reorder entries.",
        scenarios: &[RaceConcurrentViewChanges, RaceCommitDuringDvc],
        frozen: 2,
    },
    FuzzTarget {
        name: "crash_recovery",
        description: "A crash in the wrong moment breaks a promise that was already given.",
        scenarios: &[CrashDuringCommit, CrashDuringViewChange, RecoveryCorruptLog],
        frozen: 3,
    },
    FuzzTarget {
        name: "storage_corruption",
        description: "Damage on a disk is believed, or takes along what others could still make good.",
        scenarios: &[CorruptionBitFlip, CorruptionChecksumValidation, CorruptionSilentDiskFailure, RecoveryCorruptLog],
        frozen: 4,
    },
    FuzzTarget {
        name: "scrub",
        description: "The scrubber overlooks damage, does not mend it, or costs more than it may.",
        scenarios: &[ScrubDetectsCorruption, ScrubCompletesTour, ScrubRateLimited, ScrubTriggersRepair],
        frozen: 4,
    },
    FuzzTarget {
        name: "repair_budget",
        description: "Who fell behind floods its peers, asks the wrong ones, or never catches up.",
        scenarios: &[RepairBudgetPreventsStorm, RepairEwmaSelection, RepairSyncTimeout],
        frozen: 3,
    },
    FuzzTarget {
        name: "gray_network",
        description: "Slow, flaky and half-dead replicas and links stop the cluster or confuse it.",
        scenarios: &[
            GrayFailures,
            GrayFailureSlowDisk,
            GrayFailureIntermittentNetwork,
            SwizzleClogging,
            PrimaryAbdicatePartition,
            CommitStallDetection,
        ],
        frozen: 6,
    },
    FuzzTarget {
        name: "multi_tenant",
        description: "Under ordinary faults one tenant sees or loses another's data.",
        scenarios: &[MultiTenantIsolation],
        frozen: 1,
    },
    FuzzTarget {
        name: "clock",
        description: "Clocks that drift, jump or listen to a false time service make a primary hand out wrong times.",
        scenarios: &[ClockDrift, ClockOffsetExceeded, ClockNtpFailure, ClockBackwardJump],
        frozen: 4,
    },
    FuzzTarget {
        name: "client_sessions",
        description: "Clients that crash, repeat themselves or lose their sessions are served twice, wrongly, or never.",
        scenarios: &[ClientSessionCrash, ClientSessionViewChangeLockout, ClientSessionEviction],
        frozen: 3,
    },
    FuzzTarget {
        name: "combined",
        description: "Everything: all scenarios that run, the one with all faults first.",
        scenarios: &[
            Combined,
            Baseline,
            SwizzleClogging,
            GrayFailures,
            MultiTenantIsolation,
            TimeCompression,
            ByzantineViewChangeMerge,
            ByzantineCommitDesync,
            ByzantineInflatedCommit,
            ByzantineInvalidMetadata,
            ByzantineMaliciousViewChange,
            ByzantineLeaderRace,
            ByzantineDvcTailLengthMismatch,
            ByzantineDvcIdenticalClaims,
            ByzantineOversizedStartView,
            ByzantineInvalidRepairRange,
            ByzantineInvalidKernelCommand,
            CrashDuringCommit,
            CrashDuringViewChange,
            RecoveryCorruptLog,
            GrayFailureSlowDisk,
            GrayFailureIntermittentNetwork,
            RaceConcurrentViewChanges,
            RaceCommitDuringDvc,
            ClockDrift,
            ClockOffsetExceeded,
            ClockNtpFailure,
            ClockBackwardJump,
            ClientSessionCrash,
            ClientSessionViewChangeLockout,
            ClientSessionEviction,
            CorruptionBitFlip,
            CorruptionChecksumValidation,
            CorruptionSilentDiskFailure,
            ScrubDetectsCorruption,
            ScrubCompletesTour,
            ScrubRateLimited,
            ScrubTriggersRepair,
            RepairBudgetPreventsStorm,
            RepairEwmaSelection,
            PrimaryAbdicatePartition,
            CommitStallDetection,
            RepairSyncTimeout,
            ReconfigAddReplicas,
            ReconfigRemoveReplicas,
            ReconfigDuringPartition,
        ],
        frozen: 46,
    },
    FuzzTarget {
        name: "reconfiguration",
        description: "While the members change, two groups of replicas decide without each other, or none can any more.",
        scenarios: &[ReconfigAddReplicas, ReconfigRemoveReplicas, ReconfigDuringPartition],
        frozen: 3,
    },
];
