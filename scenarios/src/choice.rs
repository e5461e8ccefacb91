//! How the first byte of an input selects a scenario of a fuzz target.

use sim::plan::slots::slot;

use crate::{FuzzTarget, Scenario, ScenarioType};

/// The number of values of a byte.
const BYTES: usize = 256;

/// The scenarios of a target that one system can run, each with its number in the target.
///
/// Inputs are kept for years. So the number of a scenario is its index among all scenarios of the target, whether or
/// not the system can run them, and a scenario that is added at the end of the target changes no other number.
#[derive(Clone, Debug)]
pub struct Choice {
    scenarios: Vec<Scenario>,
    /// The number of each scenario in the target.
    numbers: Vec<u8>,
    /// The index in `scenarios` that each byte selects.
    picks: [u8; BYTES],
}

impl Choice {
    /// The scenarios of a target for which `applicable` returns a value; `None` if there are none.
    pub fn of_target(target: &FuzzTarget, applicable: impl FnMut(ScenarioType) -> Option<Scenario>) -> Option<Choice> {
        Choice::new(target.scenarios.iter().copied().map(applicable).collect(), target.frozen)
    }

    /// A single scenario, which every byte selects.
    pub fn only(scenario: Scenario) -> Choice {
        Choice { scenarios: vec![scenario], numbers: vec![0], picks: [0; BYTES] }
    }

    /// `all` are the target's scenarios, with `None` for each that is not applicable. A byte whose scenario is not
    /// applicable selects the next one that is, or the first if there is none.
    fn new(all: Vec<Option<Scenario>>, frozen: usize) -> Option<Choice> {
        let numbers: Vec<u8> = (0..).zip(&all).filter(|(_, it)| it.is_some()).map(|(number, _)| number).collect();
        if numbers.is_empty() {
            return None;
        }
        let picks = std::array::from_fn(|byte| {
            let meant = slot(byte as u8, all.len(), frozen);
            numbers.iter().position(|number| usize::from(*number) >= meant).unwrap_or(0) as u8
        });
        Some(Choice { scenarios: all.into_iter().flatten().collect(), numbers, picks })
    }

    /// The scenario that a byte selects.
    pub fn pick(&self, byte: u8) -> &Scenario {
        &self.scenarios[usize::from(self.picks[usize::from(byte)])]
    }

    /// The byte for the scenario with this index in [`Choice::scenarios`].
    pub fn byte(&self, index: usize) -> u8 {
        self.numbers[index]
    }

    /// The number of the scenario that a byte selects. Of all bytes that select it, this is the one whose meaning never
    /// changes.
    pub fn number(&self, byte: u8) -> u8 {
        self.byte(usize::from(self.picks[usize::from(byte)]))
    }

    /// The scenarios, at least one, in the order of the target.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TARGETS;

    /// The name of the scenario that each byte selects.
    fn picked(target: &FuzzTarget, applicable: impl Fn(usize) -> bool) -> Vec<&'static str> {
        let mut place = 0..;
        let choice = Choice::of_target(target, |kind| applicable(place.next()?).then(|| kind.create_scenario()));
        let choice = choice.expect("one is applicable");
        (0..=255).map(|byte| choice.pick(byte).name).collect()
    }

    #[test]
    fn the_byte_of_a_scenario_selects_it() {
        for target in TARGETS {
            let mut place = 0..;
            let choice = Choice::of_target(target, |kind| (place.next()? % 2 == 0).then(|| kind.create_scenario()));
            let choice = choice.expect("the first is applicable");
            for (index, scenario) in choice.scenarios().iter().enumerate() {
                assert_eq!(choice.pick(choice.byte(index)).name, scenario.name, "{}", target.name);
            }
            for byte in 0..=255 {
                let number = choice.number(byte);
                assert_eq!(choice.pick(number).name, choice.pick(byte).name, "{}", target.name);
                assert_eq!(choice.number(number), number, "{}", target.name);
            }
        }
    }

    #[test]
    fn no_choice_if_no_scenario_is_applicable() {
        assert!(Choice::of_target(&TARGETS[0], |_| None).is_none());
    }

    #[test]
    fn a_new_scenario_changes_the_meaning_of_one_byte() {
        for target in TARGETS.iter().filter(|target| target.name != "combined") {
            let before = picked(target, |_| true);
            let grown: Vec<ScenarioType> = target.scenarios.iter().copied().chain([ScenarioType::Combined]).collect();
            let after = picked(&FuzzTarget { scenarios: grown.leak(), ..*target }, |_| true);
            let changed: Vec<usize> = (0..BYTES).filter(|byte| before[*byte] != after[*byte]).collect();
            assert_eq!(changed, [target.scenarios.len()], "{}", target.name);
        }
    }

    #[test]
    fn scenarios_that_are_not_applicable_change_no_other_number() {
        let combined = TARGETS.iter().find(|target| target.name == "combined").expect("the target");
        let (all, some) = (picked(combined, |_| true), picked(combined, |place| place % 3 == 0));
        for place in (0..combined.scenarios.len()).step_by(3) {
            assert_eq!(all[place], some[place]);
        }
    }
}
