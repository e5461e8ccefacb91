//! `vopr` with `omnipaxos` 0.2.2 beside its other systems: the adapter of `../../src`, built against this version.
//!
//! Its known bug: a follower stores the round of an `AcceptSync` before its log. If it crashes in between, it offers an old log as
//! one of the new round, or none at all (fixed in 0.2.3).
//!
//! Another one that the fuzzer found in it, and that is in the code of the earlier ones: a new leader takes over the
//! highest decided index before it puts the entries that it lacks behind its own, at that index, which may be past the end
//! of its log (gone in 0.2.4).

#[path = "../../src/adapter.rs"]
mod adapter;
#[path = "../../../../vopr/src/libfuzzer.rs"]
mod libfuzzer;
#[path = "../../src/before_0_2_3.rs"]
mod library;
#[path = "../../src/links.rs"]
mod links;
#[path = "../../src/store.rs"]
mod store;

use std::process::ExitCode;

use vopr::engine::SystemEntry;

/// The system's name.
const NAME: &str = "omnipaxos-0.2.2";
/// The crate's version.
const VERSION: &str = "0.2.2";

type OmniPaxos = host::Host<adapter::Adapter>;

fn main() -> ExitCode {
    static SYSTEMS: [SystemEntry; 1] = [SystemEntry::of::<OmniPaxos>()];
    vopr::engine::add(&SYSTEMS);
    vopr::main(libfuzzer::drive)
}

#[cfg(test)]
mod tests {
    use scenarios::ScenarioType;
    use sim::{Verdict, World};

    use super::*;

    /// Whether one of so many random runs of the scenario breaks this rule.
    fn finds(scenario: &str, runs: u64, rule: &str) -> bool {
        let scenario = ScenarioType::from_name(scenario).expect("it exists").create_scenario();
        let mut world = World::<OmniPaxos>::new();
        (1..=runs).any(|seed| {
            let outcome = world.run(&scenario.random_case(NAME, &[], seed), false);
            matches!(outcome.verdict, Verdict::Violated(violation) if violation.rule == rule)
        })
    }

    #[test]
    fn the_known_bug_is_found() {
        assert!(finds("crash_during_view_change", 500, "commits what it does not hold"));
    }

    #[test]
    fn so_is_the_other_one_which_needs_no_crash() {
        assert!(finds("gray_failure_intermittent_network", 200, "a view started without a committed entry"));
    }
}
