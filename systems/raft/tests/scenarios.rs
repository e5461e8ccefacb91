//! The version that others run passes random runs of every scenario that makes sense for it, and is twice the same; the one
//! with the known bug does not pass the same runs.

use raft_system::{Raft, RaftAlpha};
use scenarios::ScenarioType;
use sim::{System, Verdict, World};

#[test]
fn random_runs_of_every_scenario_pass_and_are_the_same_twice() {
    let iterations: u64 = std::env::var("ITERATIONS").map_or(10, |text| text.parse().expect("a number"));
    let (mut world, mut other) = (World::<Raft>::new(), World::<Raft>::new());
    let (mut applicable, mut violated) = (0, Vec::new());
    for scenario in ScenarioType::ALL.iter().map(|kind| kind.create_scenario()) {
        if Raft::not_applicable(&scenario.random_case(Raft::NAME, &[], 0)).is_some() {
            continue;
        }
        applicable += 1;
        let mut passed = 0;
        for seed in 1..=iterations {
            let case = scenario.random_case(Raft::NAME, &[], seed);
            let outcome = world.run(&case, false);
            violated.extend(
                matches!(outcome.verdict, Verdict::Violated(_)).then(|| (scenario.name, seed, outcome.verdict.clone())),
            );
            assert_eq!(other.run(&case, false), outcome, "{} {seed}", scenario.name);
            passed += u64::from(outcome.verdict == Verdict::Passed);
        }
        assert!(passed > 0, "{} proves something", scenario.name);
    }
    assert!(violated.is_empty(), "{violated:#?}");
    assert!(applicable >= 9, "{applicable} scenarios make sense");
}

#[test]
fn the_known_bug_is_found_where_the_fixed_version_passes() {
    let scenario = ScenarioType::from_name("crash_during_commit").expect("it exists").create_scenario();
    let (mut alpha, mut fixed) = (World::<RaftAlpha>::new(), World::<Raft>::new());
    let mut found = 0;
    for seed in 1..=20 {
        if let Verdict::Violated(violation) =
            alpha.run(&scenario.random_case(RaftAlpha::NAME, &[], seed), false).verdict
        {
            assert_eq!(violation.rule, "recovered without an acknowledged entry", "{violation:?}");
            found += 1;
        }
        let outcome = fixed.run(&scenario.random_case(Raft::NAME, &[], seed), false);
        assert!(!matches!(outcome.verdict, Verdict::Violated(_)), "{seed}: {:?}", outcome.verdict);
    }
    assert!(found > 0, "20 runs find it");
}
