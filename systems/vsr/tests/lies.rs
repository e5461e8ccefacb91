//! Every lie of a built-in palette is one that a liar of the reference protocol tells in some run. A lie that `tamper` does not
//! know waits for a message that never comes.

use std::collections::BTreeSet;

use scenarios::ScenarioType;
use sim::protocol::lie::LieRule;
use sim::{Action, ActionKind, Field, How, Lie, MessageKind, Observation, When, World};
use vsr::Vsr;

/// So many runs of each scenario that allows a lie.
const SEEDS: u64 = 30;
/// No random run gets this far: the liar would have to send a log with entries of its own after the view in which it could
/// have signed them.
const NEVER_TOLD: [LieRule; 2] =
    [(MessageKind::StartView, Field::Tail, How::Forge), (MessageKind::Repair, Field::Tail, How::Forge)];

/// Whether a liar tells this lie in some run of these scenarios.
fn is_told((kind, field, how): LieRule, world: &mut World<Vsr>) -> bool {
    let lie = Lie { kind, field, how, amount: 1, to: None, count: u8::MAX };
    let all = ScenarioType::ALL.iter().map(|kind| kind.create_scenario());
    let allowed: Vec<_> = all.filter(|scenario| scenario.palette.lies.contains(&(kind, field, how))).collect();
    (0..SEEDS).any(|seed| {
        allowed.iter().any(|scenario| {
            let mut case = scenario.random_case("vsr", &[], seed);
            // Before the scenario's own lies, which may be needed for this one to make sense.
            case.actions.insert(0, Action { when: When::At(0), what: ActionKind::Lie(lie) });
            case.actions.truncate(sim::plan::ACTIONS_MAX);
            world.run(&case, true);
            let told = |what: Observation| {
                matches!(what, Observation::Lied { kind: k, field: f, how: h, .. } if (k, f, h) == (kind, field, how))
            };
            world.trace().recorded().iter().any(|seen| told(seen.what))
        })
    })
}

#[test]
fn every_lie_of_a_palette_is_told() {
    let mut world = World::<Vsr>::new();
    let palettes = ScenarioType::ALL.iter().map(|kind| kind.create_scenario().palette);
    let rules: BTreeSet<LieRule> = palettes.flat_map(|palette| palette.lies.iter().copied()).collect();
    let rules = rules.into_iter().filter(|rule| !NEVER_TOLD.contains(rule));
    let untold: Vec<_> = rules.filter(|rule| !is_told(*rule, &mut world)).collect();
    assert!(untold.is_empty(), "systems/vsr/src/messages/byzantine.rs has none of {untold:?}");
}
