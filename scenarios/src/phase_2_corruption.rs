//! Phase 2: corruption. Damage on a disk is noticed before anybody believes it.
//!
//! Not runnable yet: the protocol lacks what these scenarios are about.

use crate::entry::Entry;

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "corruption_bit_flip",
        description: "A single bit of a stored entry flips, and the replica notices before it uses the entry.",
        faults: "one flipped bit in one record",
        invariants: &["hash_chain", "log_consistency", "durability"],
        run: None,
    },
    Entry {
        name: "corruption_checksum_validation",
        description: "Records are damaged in every way a disk knows, and each time the checksum gives it away.",
        faults: "flipped bits, torn, lost and misdirected writes",
        invariants: &["hash_chain", "log_consistency", "durability"],
        run: None,
    },
    Entry {
        name: "corruption_silent_disk_failure",
        description: "A disk answers with intact records that are the wrong ones, which only the chain of \
                      hashes can tell.",
        faults: "stale and misplaced records with valid checksums",
        invariants: &["hash_chain", "vsr_recovery_safety", "durability"],
        run: None,
    },
];
