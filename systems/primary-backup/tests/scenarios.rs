//! Runs the example in the scenarios that apply to it: the correct protocol passes them, and the planted bug is caught.

use primary_backup::PrimaryBackup;
use scenarios::{Scenario, ScenarioType};
use sim::{System, Verdict, World};

const SEEDS: u64 = 200;

fn applicable() -> impl Iterator<Item = Scenario> {
    let all = ScenarioType::ALL.iter().map(|kind| kind.create_scenario());
    all.filter(|scenario| PrimaryBackup::not_applicable(&scenario.random_case(PrimaryBackup::NAME, &[], 0)).is_none())
}

#[test]
fn the_correct_protocol_passes() {
    let mut world = World::<PrimaryBackup>::new();
    let mut count = 0;
    for scenario in applicable() {
        count += 1;
        let mut passed = 0;
        for seed in 0..SEEDS {
            let outcome = world.run(&scenario.random_case(PrimaryBackup::NAME, &[], seed), false);
            assert!(
                !matches!(outcome.verdict, Verdict::Violated(_)),
                "{} {seed}: {:?}",
                scenario.name,
                outcome.verdict
            );
            passed += u64::from(outcome.verdict == Verdict::Passed);
        }
        assert!(passed * 10 > SEEDS * 9, "{}: {passed} of {SEEDS} runs show what they have to", scenario.name);
    }
    assert!(count >= 5, "{count} scenarios make sense for it");
}

#[test]
fn the_planted_bug_is_caught() {
    let mut world = World::<PrimaryBackup>::new();
    let bug = &PrimaryBackup::BUGS[0];
    for name in bug.scenarios {
        let scenario = ScenarioType::from_name(name).expect("a scenario").create_scenario();
        let case = |seed| scenario.random_case(PrimaryBackup::NAME, &[bug.name.to_string()], seed);
        let caught = (0..SEEDS).find_map(|seed| match world.run(&case(seed), false).verdict {
            Verdict::Violated(violation) => Some(violation.invariant),
            _ => None,
        });
        assert!(caught.is_some_and(|invariant| bug.caught_by.contains(&invariant)), "{name}: {caught:?}");
    }
}
