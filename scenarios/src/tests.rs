//! Tests of the tables, and of the cases that are made from them.

use sim::plan::codec::{decode, decode_action};
use sim::plan::detail::LIE_KINDS;
use sim::protocol::observation::Fault;
use sim::{ActionKind, Lie};

use super::*;

fn scenarios() -> impl Iterator<Item = Scenario> {
    ScenarioType::ALL.iter().map(|kind| kind.create_scenario())
}

/// A plan of random bytes.
fn plan(seed: u64, records: usize) -> Plan {
    let mut draw = Draw::new(seed, "plan");
    decode(&(0..(1 + records) * 16).map(|_| draw.below(256) as u8).collect::<Vec<u8>>())
}

#[test]
fn every_row_has_its_variant_and_is_found_by_its_name() {
    assert_eq!(PHASES.iter().map(|phase| phase.len()).sum::<usize>(), ScenarioType::ALL.len(), "rows and variants");
    for (kind, scenario) in ScenarioType::ALL.iter().zip(scenarios()) {
        assert_eq!(ScenarioType::from_name(kind.name()), Some(*kind));
        assert_eq!(
            (scenario.kind, scenario.name, scenario.description),
            (Some(*kind), kind.name(), kind.description())
        );
        // The rows are in the order of the enum.
        let camel: String = scenario.name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(camel, format!("{kind:?}"));
    }
    assert_eq!(ScenarioType::from_name("no_such_scenario"), None);
}

#[test]
fn configurations_and_invariants_are_valid() {
    for scenario in scenarios() {
        assert_eq!(scenario.config.check(), Ok(()), "{}", scenario.name);
        assert!(!scenario.invariants.is_empty(), "{}", scenario.name);
        for invariant in scenario.invariants {
            assert!(sim::invariants::NAMES.contains(invariant), "{}: {invariant}", scenario.name);
        }
        for (kind, ..) in scenario.palette.lies {
            assert!(LIE_KINDS.contains(kind), "{}: a plan cannot lie about {kind:?}", scenario.name);
        }
        let lies = scenario.palette.faults.contains(&Fault::Lie);
        assert_eq!(lies, !scenario.palette.lies.is_empty(), "{}", scenario.name);
        assert!(scenario.marks.iter().any(|mark| matches!(mark, Mark::Committed(_))));
    }
}

/// What no palette has, `vopr run` never draws, and a plan that has it does something else.
#[test]
fn every_fault_is_in_some_palette() {
    for slot in 0..ActionKind::COUNT as u8 {
        let fault = decode_action(&std::array::from_fn(|byte| if byte == 1 { slot } else { 0 })).what.fault();
        assert!(scenarios().any(|scenario| scenario.palette.faults.contains(&fault)), "no palette has {fault:?}");
    }
}

#[test]
fn random_cases_are_valid_and_reproducible() {
    for scenario in scenarios() {
        for seed in 0..100 {
            let case = scenario.random_case("vsr", &[], seed);
            assert_eq!(case.check(), Ok(()), "{} {seed}", scenario.name);
            assert_eq!(case, scenario.random_case("vsr", &[], seed));
            assert_eq!(case.liars.len(), u32::from(!scenario.palette.lies.is_empty()));
            for action in &case.actions {
                if let When::At(at) = action.when {
                    assert!(at < case.config.heal_at, "{} {seed}: {action:?}", scenario.name);
                }
            }
        }
    }
}

#[test]
fn planned_cases_contain_only_what_the_palette_allows() {
    for scenario in scenarios() {
        for seed in 0..50 {
            let plan = Plan { bare: true, ..plan(seed, 20) };
            let case = scenario.planned_case("vsr", &["a-bug".to_string()], &plan);
            assert_eq!(case.check(), Ok(()));
            assert_eq!(case, scenario.planned_case("vsr", &["a-bug".to_string()], &plan));
            assert_eq!(case.actions.len(), plan.actions.len(), "nothing is wasted");
            for (action, planned) in case.actions.iter().zip(&plan.actions) {
                assert!(scenario.palette.allows(&action.what), "{}: {action:?}", scenario.name);
                if scenario.palette.allows(&planned.what) {
                    assert_eq!(action.what, planned.what, "what is allowed stays");
                }
                match action.when {
                    When::At(at) => assert!(at < scenario.config.heal_at),
                    when @ When::After { .. } => assert_eq!(when, planned.when),
                }
            }
            let full = scenario.planned_case("vsr", &[], &Plan { bare: false, ..plan.clone() });
            assert!(full.actions.ends_with(&case.actions), "the plan comes after the scenario's own faults");
        }
    }
}

#[test]
fn too_many_actions_are_cut_off() {
    let plan = plan(1, ACTIONS_MAX);
    let case = ScenarioType::Combined.create_scenario().planned_case("vsr", &[], &plan);
    assert_eq!((case.actions.len(), case.check()), (ACTIONS_MAX, Ok(())));
}

#[test]
fn a_forbidden_lie_becomes_the_nearest_allowed_one() {
    let scenario = ScenarioType::ByzantineInflatedCommit.create_scenario();
    let lie = Lie {
        kind: sim::MessageKind::DoViewChange,
        field: sim::Field::Commit,
        how: sim::How::Zero,
        amount: 3,
        to: None,
        count: 7,
    };
    let action = Action { when: When::At(0), what: ActionKind::Lie(lie) };
    let Some(ActionKind::Lie(near)) = scenario.palette.allow(&action, &scenario.config) else {
        panic!("a lie stays a lie")
    };
    assert_eq!((near.kind, near.field, near.amount, near.count), (lie.kind, lie.field, 3, 7));
    assert_ne!(near.how, lie.how);
}

#[test]
fn targets_have_scenarios_and_the_combined_one_has_all() {
    let mut names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 15);
    assert!(TARGETS.iter().all(|target| !target.scenarios.is_empty()));
    let combined = TARGETS.iter().find(|target| target.name == "combined").unwrap();
    assert!(scenarios().all(|scenario| combined.scenarios.iter().any(|kind| Some(*kind) == scenario.kind)));
}
