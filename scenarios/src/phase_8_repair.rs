//! Phase 8: repair and timeouts. Falling behind costs the cluster little, and standing still ends by itself.
//!
//! Not runnable yet: the protocol lacks what these scenarios are about.

use crate::entry::Entry;

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "repair_budget_prevents_storm",
        description: "Several replicas miss many entries at once, and their requests for them stay within a budget.",
        faults: "replicas that come back together after a long absence",
        invariants: &["resource_limits", "liveness"],
        run: None,
    },
    Entry {
        name: "repair_ewma_selection",
        description: "Some peers are slow, and a replica learns to ask the fast ones.",
        faults: "peers with steadily slow links",
        invariants: &["liveness", "log_consistency"],
        run: None,
    },
    Entry {
        name: "repair_sync_timeout",
        description: "A gap is too wide to be repaired entry by entry, and the replica asks for a whole state \
                      instead.",
        faults: "a replica that is away for a long time",
        invariants: &["liveness", "vsr_recovery_safety"],
        run: None,
    },
    Entry {
        name: "primary_abdicate_partition",
        description: "A primary that has lost its quorum steps down, and the others go on without it.",
        faults: "a primary partitioned from the majority",
        invariants: &["liveness", "vsr_view_change_safety"],
        run: None,
    },
    Entry {
        name: "commit_stall_detection",
        description: "A primary is alive but commits nothing any more; the backups notice and replace it.",
        faults: "a primary whose Prepares do not get through",
        invariants: &["liveness", "vsr_view_change_safety"],
        run: None,
    },
];
