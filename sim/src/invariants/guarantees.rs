//! What is owed: where an invariant is enforced, and where it is only watched. Pure, small, tested by itself.
//!
//! With n members, replication quorum r and view-change quorum v (where the membership changes, nobody lies, and the
//! majorities of the later memberships meet by themselves):
//!
//! - always: no panic in a correct replica, and bounded resources;
//! - safety: while the disks keep enough intact copies, no primary equivocated, and r + v - n > 2b for the b replicas that
//!   made false claims. Then every view-change quorum meets every replication quorum in at least b + 1 correct replicas.
//!   Crashes, partitions, clock faults and lies that contradict themselves cost no safety at all;
//! - liveness: where safety is owed, and the replicas that made no false claims fill both quorums by themselves.
//!
//! Viewstamped Replication is no BFT protocol: an equivocating primary would need r + v - n > 3b, and nothing but the first
//! rule is owed then.

use crate::config::spec::Cluster;
use crate::invariants::{liveness, no_panic, resource_limits};

/// What a run owes beyond what is always owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantees {
    /// All invariants that say "nothing bad happens".
    pub safety: bool,
    /// That the cluster converges after the heal phase.
    pub liveness: bool,
}

/// What a run of this cluster owes: `liars` replicas made false but well-formed claims (a replica whose lies only
/// contradict themselves does not count), a primary `equivocated`, and the disks were `damaged_beyond` what intact copies
/// could make good.
pub fn owed(cluster: &Cluster, liars: u32, equivocated: bool, damaged_beyond: bool) -> Guarantees {
    let [members, replication, view_change] =
        [cluster.size(), cluster.replication_quorum, cluster.view_change_quorum].map(u32::from);
    let safety = !equivocated && !damaged_beyond && replication + view_change > members + 2 * liars;
    let honest = members.saturating_sub(liars);
    Guarantees { safety, liveness: safety && honest >= replication.max(view_change) }
}

/// Whether a violation of the invariant with this name is a failure of the run. Otherwise it is beyond the promise.
pub fn enforced(name: &str, owed: Guarantees) -> bool {
    match name {
        no_panic::NAME | resource_limits::NAME => true,
        liveness::NAME => owed.liveness,
        _ => owed.safety,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::spec::Config;
    use crate::invariants::NAMES;

    const ALL: Guarantees = Guarantees { safety: true, liveness: true };
    const NONE: Guarantees = Guarantees { safety: false, liveness: false };

    fn cluster(replicas: u8, replication_quorum: u8, view_change_quorum: u8) -> Cluster {
        Cluster { replicas, replication_quorum, view_change_quorum, ..Config::default().cluster }
    }

    #[test]
    fn crashes_alone_leave_everything_owed() {
        for (n, r, v) in [(1, 1, 1), (3, 2, 2), (5, 3, 3), (5, 2, 4), (8, 5, 5)] {
            assert_eq!(owed(&cluster(n, r, v), 0, false, false), ALL, "{n} {r} {v}");
        }
        assert_eq!(owed(&cluster(4, 2, 2), 0, false, false), NONE, "quorums that do not meet promise nothing");
    }

    #[test]
    fn one_liar_needs_larger_quorums() {
        assert_eq!(owed(&cluster(3, 2, 2), 1, false, false), NONE);
        assert_eq!(owed(&cluster(5, 3, 3), 1, false, false), NONE);
        assert_eq!(owed(&cluster(5, 4, 4), 1, false, false), ALL);
        assert_eq!(owed(&cluster(5, 4, 4), 2, false, false), NONE);
        assert_eq!(owed(&cluster(5, 5, 4), 1, false, false), Guarantees { safety: true, liveness: false });
    }

    #[test]
    fn equivocation_and_too_much_damage_leave_only_what_is_always_owed() {
        for owed in [owed(&cluster(5, 4, 4), 1, true, false), owed(&cluster(3, 2, 2), 0, false, true)] {
            assert_eq!(owed, NONE);
            let enforced: Vec<_> = NAMES.iter().filter(|name| enforced(name, owed)).collect();
            assert_eq!(enforced, [&resource_limits::NAME, &no_panic::NAME]);
        }
    }

    #[test]
    fn every_invariant_is_enforced_where_all_is_owed() {
        assert!(NAMES.iter().all(|name| enforced(name, ALL)));
        assert!(!enforced("liveness", Guarantees { safety: true, liveness: false }));
        assert!(enforced("vsr_agreement", Guarantees { safety: true, liveness: false }));
    }
}
