//! The invariants that the crate does not promise, and the scenarios that do not apply to it.

use sim::protocol::observation::Fault;
use sim::{Case, Mark, MessageKind};

const NO_DISK: &str = "what a replica keeps is in its memory: a crash leaves the committed log, no disk";

/// The invariants that the crate does not promise.
pub const EXEMPT: &[(&str, &str)] = &[
    ("vsr_recovery_safety", "a crashed replica recovers from the others, not from its disk"),
    ("corruption_detection", NO_DISK),
    ("scrub_completeness", NO_DISK),
    ("scrub_rate", NO_DISK),
    ("scrub_repair", NO_DISK),
    ("hash_chain", "entries do not name the entry before them"),
    ("commit_timestamp_order", "entries carry no timestamps"),
    ("clock_offset_detection", "entries carry no timestamps"),
    ("message_deduplication", "its sessions promise to know committed requests, not to give each one place"),
    ("kernel_command_validation", "the workload's operations are names to its kernel, which cannot judge them"),
    ("session_eviction", "sessions are registered by a call that ReplicaState does not offer"),
    ("resource_limits", "what it holds beside its log is not visible, and its log has no bound"),
    ("repair_budget", "its repairs have a fixed budget, and their end is not visible"),
    ("repair_efficiency", "its repairs have a fixed budget, and their end is not visible"),
    ("state_transfer", "a state is the log itself; there are no durable checkpoints"),
    ("reconfiguration_safety", "see what is not applicable"),
    ("primary_abdication", "how soon a leader steps down that is cut off is not promised"),
    ("availability", "how soon half dead leaders are replaced is not promised"),
];

/// Why a scenario does not apply to the crate.
pub fn not_applicable(case: &Case) -> Option<&'static str> {
    let cluster = &case.config.cluster;
    if cluster.members > 0 {
        return Some(
            "a reconfiguration's placeholder command is refused by the kernel, and the leader hangs (a finding)",
        );
    }
    if cluster.replicas.is_multiple_of(2) {
        return Some("its clusters have an odd number of replicas");
    }
    let majority = cluster.replicas / 2 + 1;
    if cluster.byzantine == 0 && (cluster.replication_quorum, cluster.view_change_quorum) != (majority, majority) {
        return Some("its quorums are majorities");
    }
    if cluster.sessions_max > 0 {
        return Some("sessions are registered by a call that ReplicaState does not offer");
    }
    if cluster.scrub_iops > 0 {
        return Some("its scrubber looks at the log in memory");
    }
    let long = case.marks.iter().any(|mark| matches!(mark, Mark::VirtualSeconds(_)));
    if cluster.clock_ping > 0 && !long {
        return Some("its log entries carry no timestamps");
    }
    let disk = |fault: Fault| {
        fault.damages() || matches!(fault, Fault::DiskError | Fault::DiskSlow | Fault::DiskFull | Fault::PowerLoss)
    };
    for mark in &case.marks {
        match mark {
            Mark::Injected(fault, _) if disk(*fault) => return Some(NO_DISK),
            Mark::Rejected(kind) if !matches!(kind, MessageKind::Prepare | MessageKind::StartView) => {
                return Some("it does not say what it refuses");
            }
            Mark::RejectedBecause(_) => return Some("it does not say what it refuses"),
            Mark::RepairRequested
            | Mark::RepairsRequested(_)
            | Mark::ConcurrentRepairs(_)
            | Mark::RepairsAmongSlowPeers(_) => {
                return Some("its repairs have a fixed budget, and their end is not visible");
            }
            Mark::FoundDamage | Mark::Misread | Mark::HoleFilled => return Some(NO_DISK),
            Mark::Checkpointed(_)
            | Mark::StateTransferStarted
            | Mark::StateInstalled
            | Mark::CommittedAfterTransfer => {
                return Some("its replicas drop no log for a checkpoint");
            }
            Mark::Forwarded => return Some("its replicas forward no requests"),
            Mark::Abdicated | Mark::CommitStalled => return Some("a leader does not say that it steps down"),
            _ => {}
        }
    }
    None
}
