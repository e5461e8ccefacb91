//! The scenarios that do not apply to a hosted library, and why.

use sim::protocol::observation::RejectReason;
use sim::{Case, Mark};

/// Why a case does not apply to a library that only replicates a log among fixed members that trust each other.
pub fn not_applicable(case: &Case) -> Option<&'static str> {
    let cluster = &case.config.cluster;
    if cluster.byzantine > 0 {
        return Some("one of its replicas lies, and the library trusts what its peers say");
    }
    if cluster.reconfigures() {
        return Some("it changes the membership, which the adapter does not translate");
    }
    if cluster.clock_ping > 0 {
        return Some("it compares the replicas' clocks, and the library has no timestamps");
    }
    if cluster.sessions_max > 0 {
        return Some("the cluster hands out client sessions and evicts them, and the library knows no clients");
    }
    if cluster.scrub_iops > 0 {
        return Some("it is about a scrubber, and the library has none");
    }
    case.marks.iter().find_map(|mark| match mark {
        Mark::FoundDamage | Mark::Misread | Mark::HoleFilled | Mark::RejectedBecause(RejectReason::BadHash) => {
            Some("it damages disks, and the library leaves finding that to its user")
        }
        Mark::Injected(fault, _) if fault.damages() => {
            Some("it damages disks, and the library leaves finding that to its user")
        }
        Mark::StateTransferStarted | Mark::StateInstalled | Mark::CommittedAfterTransfer | Mark::Checkpointed(_) => {
            Some("it transfers states, and the adapter takes no snapshots")
        }
        Mark::RepairRequested
        | Mark::RepairsRequested(_)
        | Mark::ConcurrentRepairs(_)
        | Mark::RepairsAmongSlowPeers(_) => {
            Some("backups ask for missing entries one by one, and here the leader sends them")
        }
        Mark::Abdicated | Mark::CommitStalled | Mark::MovedOn(_) => {
            Some("a primary has to step down within a time of its own, and the library has only its election timeout")
        }
        Mark::Rejected(_) | Mark::RejectedBecause(_) => {
            Some("a replica has to say what it refuses, and the library drops it silently")
        }
        _ => None,
    })
}
