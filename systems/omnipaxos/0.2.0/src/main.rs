//! `vopr` with `omnipaxos` 0.2.0 beside its other systems: the adapter of `../../src`, built against this version.
//!
//! Its known bug: a leader synchronizes a follower of its own last round from the end of the leader's log, even where the
//! follower's is shorter: a gap that nobody notices (fixed in 0.2.1).

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
const NAME: &str = "omnipaxos-0.2.0";
/// The crate's version.
const VERSION: &str = "0.2.0";

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
        assert!(finds("swizzle_clogging", 100, "two entries for one view and op"));
    }
}
