//! `vopr` with `omnipaxos` 0.2.0 in addition to its other systems: the adapter of `../../src`, built with this version.
//!
//! The known bug of this version: a leader synchronizes a follower of its own last round from the end of the leader's
//! log, even if the follower's log is shorter. This leaves a gap that is not detected (fixed in 0.2.1).

#[path = "../../src/adapter.rs"]
mod adapter;
#[cfg(test)]
#[path = "../../tests/cluster/mod.rs"]
mod cluster;
#[path = "../../../../vopr/src/libfuzzer.rs"]
mod libfuzzer;
#[path = "../../src/before_0_2_3.rs"]
mod library;
#[path = "../../src/links.rs"]
mod links;
#[path = "../../src/store.rs"]
mod store;

use std::process::ExitCode;

use vopr::systems::SystemEntry;

/// The system's name.
const NAME: &str = "omnipaxos-0.2.0";
/// The crate's version.
const VERSION: &str = "0.2.0";

type OmniPaxos = host::Host<adapter::Adapter>;

fn main() -> ExitCode {
    static SYSTEMS: [SystemEntry; 1] = [SystemEntry::of::<OmniPaxos>()];
    vopr::systems::add(&SYSTEMS);
    vopr::main(libfuzzer::drive)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use engine::cases::kmb::Kmb;
    use scenarios::ScenarioType;
    use sim::{Verdict, World};

    use super::*;
    use crate::cluster::{Cluster, all, without};

    /// Whether one of `runs` random runs of the scenario breaks this rule.
    fn finds(scenario: &str, runs: u64, rule: &str) -> bool {
        let scenario = ScenarioType::from_name(scenario).expect("it exists").create_scenario();
        let mut world = World::<OmniPaxos>::new();
        (1..=runs).any(|seed| {
            let outcome = world.run(&scenario.random_case(NAME, &[], seed), false);
            matches!(outcome.verdict, Verdict::Violated(violation) if violation.rule == rule)
        })
    }

    /// Whether the run in docs/findings still breaks its rule.
    fn breaks(file: &str) -> bool {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/findings").join(NAME);
        let kmb = Kmb::read(&folder.join(file)).expect("a failure file");
        let expected = kmb.expected.expect("a violation");
        matches!(World::<OmniPaxos>::new().run(&kmb.case, false).verdict, Verdict::Violated(it) if expected.matches(&it))
    }

    /// With the crate alone: docs/findings/omnipaxos.md, finding 1.
    #[test]
    fn a_leader_leaves_a_gap_in_the_shorter_log_of_a_follower_of_its_last_round() {
        let mut cluster = Cluster::led_by(3);
        cluster.append(3, b"a");
        cluster.tick(5, all);
        cluster.append(3, b"bc");
        cluster.tick(2, without(1));
        cluster.stop(3);
        cluster.tick(20, all);
        cluster.assert_leads(2);
        cluster.append(2, b"d");
        cluster.tick(5, all);
        assert_eq!((cluster.log(2), cluster.log(1)), (b"abcd".to_vec(), b"ad".to_vec()));
        assert_eq!((cluster.decided(2), cluster.decided(1)), (3, 3), "of abc, and of what it does not hold");
    }

    #[test]
    fn the_known_bug_is_found() {
        assert!(finds("swizzle_clogging", 100, "two entries for one view and op"));
    }

    /// With the crate alone: docs/findings/omnipaxos.md, finding 4.
    #[test]
    fn a_first_leader_that_restarts_is_taken_for_the_leader_and_does_not_lead() {
        let mut cluster = Cluster::led_by(3);
        cluster.append(3, b"a");
        cluster.tick(5, all);
        let third = cluster.stop(3);
        cluster.start(3, third);
        cluster.tick(20, all);
        cluster.append(1, b"b");
        cluster.append(3, b"c");
        cluster.tick(10_000, all);
        for pid in 1..=3 {
            assert_eq!((cluster.log(pid), cluster.decided(pid)), (b"a".to_vec(), 1), "of {pid}");
        }
    }

    #[test]
    fn the_runs_of_the_findings_show_them() {
        assert!(breaks("acceptsync-leaves-a-gap.kmb"));
        assert!(breaks("restarted-leader-does-not-lead.kmb"));
    }
}
