//! Every fault changes what happens in some run of the reference protocol. One that is injected and then read by no device
//! would change nothing.

use std::collections::BTreeSet;

use scenarios::{Draw, Scenario, ScenarioType};
use sim::plan::codec::decode_action;
use sim::protocol::fault::Fault;
use sim::{Action, ActionKind, Observation, Plan, Seen, When, World};
use vsr::Vsr;

/// So many runs of each scenario that allows a fault.
const SEEDS: u32 = 60;

/// What happened before the faults ended, without the words of the world about the fault itself.
fn happened(world: &mut World<Vsr>, scenario: &Scenario, seed: u32, action: Option<Action>) -> Vec<Seen> {
    let mut case = scenario.planned_case("vsr", &[], &Plan { bare: true, seed, ..Plan::default() });
    case.actions.extend(action);
    world.run(&case, true);
    let before = world.trace().recorded().iter().take_while(|seen| seen.what != Observation::Healed);
    let about_the_fault = |what: &Observation| {
        matches!(what, Observation::Injected { .. } | Observation::Skipped { .. } | Observation::Conditions { .. })
    };
    before.filter(|seen| !about_the_fault(&seen.what)).copied().collect()
}

/// A random action that is this fault.
fn draw(fault: Fault, scenario: &Scenario, seed: u32) -> Action {
    let mut draw = Draw::new(seed.into(), "fault");
    loop {
        let action = scenario.palette.random_action(&mut draw, &scenario.config).expect("the palette has faults");
        if action.what.fault() == fault {
            let at = draw.below(scenario.config.heal_at / 4);
            return Action { when: When::At(at), what: action.what };
        }
    }
}

fn changes_a_run(fault: Fault, world: &mut World<Vsr>) -> bool {
    let all = ScenarioType::ALL.iter().map(|kind| kind.create_scenario());
    let allowed: Vec<_> = all.filter(|scenario| scenario.palette.faults.contains(&fault)).collect();
    (0..SEEDS).any(|seed| {
        allowed.iter().any(|scenario| {
            let action = draw(fault, scenario, seed);
            let (without, with) =
                (happened(world, scenario, seed, None), happened(world, scenario, seed, Some(action)));
            // The action has events of its own, and may put the end off.
            without.iter().zip(&with).any(|(a, b)| (a.at, a.who, a.what) != (b.at, b.who, b.what))
        })
    })
}

#[test]
fn every_fault_changes_some_run() {
    let mut world = World::<Vsr>::new();
    let kinds = (0..ActionKind::COUNT as u8)
        .map(|slot| decode_action(&std::array::from_fn(|byte| if byte == 1 { slot } else { 0 })).what);
    let faults: BTreeSet<Fault> = kinds.map(|kind| kind.fault()).collect();
    let idle: Vec<_> = faults.into_iter().filter(|fault| !changes_a_run(*fault, &mut world)).collect();
    assert!(idle.is_empty(), "nothing comes of {idle:?}: nobody reads their effect, or no palette has them");
}
