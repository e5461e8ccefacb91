//! `vopr` with `omnipaxos` 0.2.2 in addition to its other systems: the adapter of `../../src`, built with this version.
//!
//! The known bug of this version: a follower stores the round of an `AcceptSync` before its log. If it crashes in
//! between, it offers an old log as one of the new round, or none at all (fixed in 0.2.3).
//!
//! The fuzzer found another bug, which is in the code of the earlier versions as well: a new leader adopts the highest
//! decided index before it appends the entries that it lacks. It appends them at that index, which may be past the end
//! of its log (no longer in 0.2.4).

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
const NAME: &str = "omnipaxos-0.2.2";
/// The crate's version.
const VERSION: &str = "0.2.2";

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
    use crate::store::{Op, Store};

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

    /// With the crate alone: docs/findings/omnipaxos.md, finding 2.
    #[test]
    fn a_follower_that_crashes_in_an_acceptsync_comes_back_with_its_round_and_without_its_log() {
        let mut cluster = Cluster::led_by(2);
        cluster.append(2, b"a");
        cluster.tick(5, all);
        cluster.append(2, b"bc");
        cluster.tick(2, without(3));
        assert_eq!((cluster.decided(2), cluster.decided(1)), (3, 3), "a majority has decided");
        let second = cluster.stop(2);
        cluster.prefer(1);
        cluster.tick(20, all);
        cluster.assert_leads(1);
        assert_eq!(cluster.log(3), b"abc", "as it would have been without a crash");

        // The crash occurs before the last of the three writes.
        let written = cluster.stop(3).written;
        let last = written.iter().rposition(|ops| matches!(ops[..], [Op::Replace(..)])).expect("it got the entries");
        assert!(
            matches!(written[last - 2..last], [ref one, ref other] if matches!((&one[..], &other[..]), ([Op::Accepted(_)], [Op::Decided(3)])))
        );
        let mut third = Store::default();
        written[..last].iter().flatten().for_each(|op| third.apply(op));
        assert_eq!((third.log.len(), third.decided), (1, 3), "it has decided what it does not hold");

        // The other member of that majority restarts. Now replica 3 leads.
        cluster.stop(1);
        cluster.start(2, second);
        cluster.start(3, third);
        cluster.prefer(3);
        cluster.tick(40, all);
        cluster.assert_leads(3);
        cluster.append(3, b"d");
        cluster.tick(5, all);
        assert_eq!((cluster.log(2), cluster.log(3)), (b"abcd".to_vec(), b"ad".to_vec()));
    }

    /// With the crate alone: docs/findings/omnipaxos.md, finding 3.
    #[test]
    fn a_new_leader_puts_what_it_lacks_behind_what_it_should_replace() {
        let mut cluster = Cluster::led_by(1);
        cluster.append(1, b"x");
        // The others elect another leader.
        cluster.tick(20, without(1));
        cluster.append(3, b"abc");
        cluster.tick(5, without(1));
        assert_eq!((cluster.log(1), cluster.log(2)), (b"x".to_vec(), b"abc".to_vec()));
        assert_eq!((cluster.decided(1), cluster.decided(2)), (0, 3));
        // Replica 1 receives replica 3's heartbeats, but no request for a promise yet.
        cluster.tick(4, all);
        assert_eq!(cluster.log(1), b"x");
        cluster.stop(3);
        cluster.tick(40, all);
        cluster.assert_leads(1);
        assert_eq!((cluster.log(1), cluster.decided(1)), (b"xabc".to_vec(), 3), "x was never decided");
    }

    #[test]
    fn the_known_bug_is_found() {
        assert!(finds("crash_during_view_change", 500, "commits what it does not hold"));
    }

    #[test]
    fn the_bug_that_needs_no_crash_is_found() {
        assert!(finds("gray_failure_intermittent_network", 200, "a view started without a committed entry"));
    }

    #[test]
    fn the_runs_of_the_findings_show_them() {
        assert!(breaks("crash-in-acceptsync.kmb"));
        assert!(breaks("entries-in-the-wrong-place.kmb"));
    }
}
