//! The newest version, over random runs of every scenario that makes sense for it: it passes, and twice the same.

use omnipaxos_system::OmniPaxos;
use scenarios::ScenarioType;
use sim::{System, Verdict, World};

#[test]
fn random_runs_of_every_scenario_pass_and_are_the_same_twice() {
    let iterations: u64 = std::env::var("ITERATIONS").map_or(10, |text| text.parse().expect("a number"));
    let (mut world, mut other) = (World::<OmniPaxos>::new(), World::<OmniPaxos>::new());
    let (mut applicable, mut violated) = (0, Vec::new());
    for scenario in ScenarioType::ALL.iter().map(|kind| kind.create_scenario()) {
        if OmniPaxos::not_applicable(&scenario.random_case(OmniPaxos::NAME, &[], 0)).is_some() {
            continue;
        }
        applicable += 1;
        let mut passed = 0;
        for seed in 1..=iterations {
            let case = scenario.random_case(OmniPaxos::NAME, &[], seed);
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
