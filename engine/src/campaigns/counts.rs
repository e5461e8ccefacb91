//! Counts by name, as the log of a campaign has them: the checks of each invariant, the slots of each region of the map.
//!
//! Later versions of vopr read the log, and their lists of invariants and regions differ. A count that is stored with its
//! name stays correct. Older logs of 0.1 have lists without names; the names and the order of that time are below.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A count for each name. Names that this vopr does not know are kept.
pub type Counts = BTreeMap<String, u64>;

/// The invariants in the order of the lists that 0.1 wrote. This list never changes, since old files
/// depend on it.
const NAMES_OF_0_1: [&str; 32] = [
    "resource_limits",
    "view_monotonic",
    "vsr_agreement",
    "vsr_prefix_property",
    "vsr_view_change_safety",
    "vsr_recovery_safety",
    "hash_chain",
    "log_consistency",
    "applied_position_monotonic",
    "tenant_isolation",
    "mvcc_visibility",
    "kernel_command_validation",
    "session_eviction",
    "exactly_once",
    "message_deduplication",
    "durability",
    "linearizability",
    "commit_timestamp_order",
    "clock_offset_detection",
    "scrub_completeness",
    "scrub_rate",
    "scrub_repair",
    "corruption_detection",
    "repair_budget",
    "repair_efficiency",
    "needless_view_change",
    "primary_abdication",
    "availability",
    "state_transfer",
    "reconfiguration_safety",
    "liveness",
    "no_panic",
];

/// The regions of the coverage map in the order of the lists that 0.1 wrote. This list never changes either.
const REGIONS_OF_0_1: [&str; 8] = [
    "cluster states",
    "replica transitions",
    "replica states",
    "message outcomes",
    "faults by phase",
    "lies told",
    "cause and effect",
    "how far",
];

/// Counts in a line of a log.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    ByName(Counts),
    ByPosition(Vec<u64>),
}

impl Written {
    /// The counts by name. A list of another length was written when 0.1 had other names. They are unknown, so the list is
    /// dropped.
    fn named(self, names: &[&str]) -> Counts {
        match self {
            Written::ByName(counts) => counts,
            Written::ByPosition(counts) if counts.len() == names.len() => by_name(names, &counts),
            Written::ByPosition(_) => Counts::new(),
        }
    }
}

/// Makes named counts of counts in the order of `names`.
pub fn by_name(names: &[&str], counts: &[u64]) -> Counts {
    names.iter().zip(counts).map(|(name, count)| ((*name).to_string(), *count)).collect()
}

/// Adds counts to others.
pub fn add(sums: &mut Counts, counts: &Counts) {
    for (name, count) in counts {
        let sum = sums.entry(name.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
}

/// Reads the checks of invariants.
pub(super) fn of_invariants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Counts, D::Error> {
    Written::deserialize(deserializer).map(|counts| counts.named(&NAMES_OF_0_1))
}

/// Reads the slots of regions.
pub(super) fn of_regions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Counts, D::Error> {
    Written::deserialize(deserializer).map(|counts| counts.named(&REGIONS_OF_0_1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaigns::campaign_log::Progress;

    /// A line's progress, with these counts.
    fn read(regions: &str, checks: &str) -> Progress {
        let line = format!(
            "{{\"target\":\"combined\",\"milliseconds\":1,\"runs\":2,\"violated\":0,\"states\":3,\"once\":1,\
             \"twice\":1,\"regions\":{regions},\"corpus\":4,\"checks\":{checks}}}"
        );
        serde_json::from_str(&line).expect("a line of a log")
    }

    fn list(length: u64) -> String {
        serde_json::to_string(&(1..=length).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_list_of_an_old_log_is_read_by_the_names_of_that_time() {
        let progress = read(&list(8), &list(32));
        assert_eq!((progress.checks.len(), progress.reached.regions.len()), (32, 8));
        for (name, count) in [("resource_limits", 1), ("vsr_agreement", 3), ("liveness", 31), ("no_panic", 32)] {
            assert_eq!(progress.checks[name], count, "{name}");
        }
        for (name, count) in [("cluster states", 1), ("lies told", 6), ("how far", 8)] {
            assert_eq!(progress.reached.regions[name], count, "{name}");
        }
    }

    /// The names of its counts are unknown. The rest of the line is still read.
    #[test]
    fn a_list_of_another_length_is_dropped() {
        for length in [0, 1, 31, 33] {
            let progress = read(&list(length), &list(length));
            assert!(progress.checks.is_empty() && progress.reached.regions.is_empty(), "{length}");
            assert_eq!(progress.runs, 2);
        }
    }

    #[test]
    fn an_unknown_name_is_kept_and_written_again() {
        let progress = read("{\"a new region\":7}", "{\"a_new_invariant\":5,\"liveness\":6}");
        assert_eq!(progress.checks["a_new_invariant"], 5);
        assert_eq!(progress.reached.collisions(), 0, "a region of unknown size says nothing about collisions");
        let written = serde_json::to_string(&progress).unwrap();
        assert_eq!(serde_json::from_str::<Progress>(&written).unwrap(), progress);
        assert!(written.contains("\"regions\":{\"a new region\":7}"), "{written}");
        assert!(written.ends_with("\"checks\":{\"a_new_invariant\":5,\"liveness\":6}}"), "{written}");
    }

    #[test]
    fn an_invariant_between_others_moves_no_count() {
        let before = by_name(&["first", "last"], &[1, 2]);
        let after = by_name(&["first", "new", "last"], &[10, 20, 30]);
        let mut sums = Counts::new();
        add(&mut sums, &before);
        add(&mut sums, &after);
        assert_eq!(sums, by_name(&["first", "last", "new"], &[11, 32, 20]));
        add(&mut sums, &by_name(&["first"], &[u64::MAX]));
        assert_eq!(sums["first"], u64::MAX);
    }
}
