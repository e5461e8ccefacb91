//! Phase 10: reconfiguration. The membership changes while the cluster works.
//!
//! Not runnable yet: the protocol lacks what these scenarios are about.

use crate::entry::Entry;

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "reconfig_add_replicas",
        description: "Two replicas join a cluster of three, catch up, and count in its quorums.",
        faults: "none",
        invariants: &["vsr_agreement", "durability", "liveness"],
        run: None,
    },
    Entry {
        name: "reconfig_remove_replicas",
        description: "Two replicas leave a cluster of five, and at no time is a quorum of either kind missing.",
        faults: "none",
        invariants: &["vsr_agreement", "durability", "liveness"],
        run: None,
    },
    Entry {
        name: "reconfig_during_partition",
        description: "The membership changes while a partition splits the cluster; the change happens \
                      everywhere or nowhere.",
        faults: "a partition during the change",
        invariants: &["vsr_agreement", "vsr_view_change_safety", "liveness"],
        run: None,
    },
];
