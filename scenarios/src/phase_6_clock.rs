//! Phase 6: clocks. They drift, jump and lose their time server; commit timestamps never go backwards.
//!
//! Not runnable yet: the protocol lacks what these scenarios are about.

use crate::entry::Entry;

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "clock_drift",
        description: "The clocks of the replicas drift apart, slowly enough for the cluster to agree on a \
                      time all along.",
        faults: "drift within the tolerance",
        invariants: &["applied_position_monotonic", "liveness"],
        run: None,
    },
    Entry {
        name: "clock_offset_exceeded",
        description: "One clock leaves the tolerance, and its replica notices and does not hand out times any more.",
        faults: "drift and steps beyond the tolerance",
        invariants: &["applied_position_monotonic", "liveness"],
        run: None,
    },
    Entry {
        name: "clock_ntp_failure",
        description: "The time server is gone or wrong, and the replicas fall back on each other and on themselves.",
        faults: "missing or false synchronization",
        invariants: &["applied_position_monotonic", "liveness"],
        run: None,
    },
    Entry {
        name: "clock_backward_jump",
        description: "A replica behind a partition has its clock set back; it comes back without ever handing \
                      out an earlier time than before.",
        faults: "a backward step of a wall clock during a partition",
        invariants: &["applied_position_monotonic", "vsr_agreement", "liveness"],
        run: None,
    },
];
