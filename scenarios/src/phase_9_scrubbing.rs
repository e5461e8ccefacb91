//! Phase 9: scrubbing. Damage in data that nobody reads is found in time, and at a price that nobody feels.
//!
//! Not runnable yet: the protocol lacks what these scenarios are about.

use crate::entry::Entry;

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "scrub_detects_corruption",
        description: "A record that is never read rots, and the scrubber finds it.",
        faults: "silent damage in old records",
        invariants: &["hash_chain", "durability"],
        run: None,
    },
    Entry {
        name: "scrub_completes_tour",
        description: "The scrubber looks at every record once within its time.",
        faults: "none",
        invariants: &["durability", "liveness"],
        run: None,
    },
    Entry {
        name: "scrub_rate_limited",
        description: "The scrubber keeps to its share of the disk, and clients do not notice it.",
        faults: "none",
        invariants: &["resource_limits", "liveness"],
        run: None,
    },
    Entry {
        name: "scrub_triggers_repair",
        description: "What the scrubber finds damaged is fetched from a peer and written anew.",
        faults: "silent damage in old records",
        invariants: &["hash_chain", "durability", "log_consistency"],
        run: None,
    },
];
