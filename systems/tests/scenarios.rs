//! The other systems: they pass random runs of every scenario that is applicable to them, with the same result in two
//! worlds. The version with a known bug that is part of this build fails the same runs. (Versions that need their own
//! workspace are tested there, see docs/systems.md.)

use omnipaxos_system::OmniPaxos;
use raft_system::{Raft, RaftAlpha};
use scenarios::{Scenario, ScenarioType};
use sim::{Case, Outcome, System, Verdict, World};

fn applicable<S: System>() -> Vec<Scenario> {
    let mut all: Vec<_> = ScenarioType::ALL.iter().map(|kind| kind.create_scenario()).collect();
    all.retain(|scenario| S::not_applicable(&case::<S>(scenario, 0)).is_none());
    all
}

fn case<S: System>(scenario: &Scenario, seed: u64) -> Case {
    scenario.random_case(S::NAME, &[], seed)
}

/// Runs some seeds of every applicable scenario, each in two worlds.
fn passes_deterministically<S: System>() {
    let (mut world, mut other) = (World::<S>::new(), World::<S>::new());
    let scenarios = applicable::<S>();
    assert!(scenarios.len() >= 10, "{} makes sense in {} scenarios", S::NAME, scenarios.len());
    for scenario in scenarios {
        let outcomes: Vec<Outcome> = (1..=8).map(|seed| world.run(&case::<S>(&scenario, seed), false)).collect();
        for (seed, outcome) in (1..).zip(&outcomes) {
            let violated = matches!(outcome.verdict, Verdict::Violated(_));
            assert!(!violated, "{} {} {seed}: {:?}", S::NAME, scenario.name, outcome.verdict);
            assert_eq!(other.run(&case::<S>(&scenario, seed), false), *outcome, "{} {} {seed}", S::NAME, scenario.name);
        }
        let proves = outcomes.iter().any(|outcome| outcome.verdict == Verdict::Passed);
        assert!(proves, "{} proves something for {}", scenario.name, S::NAME);
    }
}

#[test]
fn raft_passes_the_applicable_scenarios() {
    passes_deterministically::<Raft>();
}

#[test]
fn omnipaxos_passes_the_applicable_scenarios() {
    passes_deterministically::<OmniPaxos>();
}

#[test]
fn the_known_bug_of_raft_is_found_where_the_fixed_version_passes() {
    let scenario = ScenarioType::from_name("crash_during_commit").expect("it exists").create_scenario();
    let (mut alpha, mut fixed) = (World::<RaftAlpha>::new(), World::<Raft>::new());
    let mut found = 0;
    for seed in 1..=10 {
        if let Verdict::Violated(violation) = alpha.run(&case::<RaftAlpha>(&scenario, seed), false).verdict {
            assert_eq!(violation.rule, "recovered without an acknowledged entry", "{violation:?}");
            found += 1;
        }
        let outcome = fixed.run(&case::<Raft>(&scenario, seed), false);
        assert!(!matches!(outcome.verdict, Verdict::Violated(_)), "{seed}: {:?}", outcome.verdict);
    }
    assert!(found > 0, "10 runs find it");
}
