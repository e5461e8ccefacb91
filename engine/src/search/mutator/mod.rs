//! The mutator: generates fresh plans, changes plans action by action, and crosses two plans.
//!
//! libFuzzer's own mutations operate on bytes. They can set a field to any value, but hardly ever add a valid action,
//! remove one without shifting all that follow, or move one by a small amount. This mutator decodes the input, changes
//! the plan, and encodes it again. It uses the scenario that the input selects. Actions that it adds are drawn as in
//! the random runs of that scenario. An action that the scenario replaces by another one (see `Palette::allow`) is
//! replaced before it is changed, so that a small step remains small.
//!
//! Mutations search close to known inputs. Most bugs are far from those, but common: a plan of random actions finds
//! them sooner. A search therefore begins mostly with fresh plans, and shifts to mutations over time. Some of the
//! mutations start from the inputs that got furthest (`furthest.rs`), and half of the rest are libFuzzer's own.
//! `vopr bench bugs --without` measures each part, and docs/guidance.md states the results.
//!
//! The output is a pure function of the bytes, libFuzzer's seed, and the earlier inputs and mutations.

use scenarios::{Choice, Draw, Scenario};
use serde::{Deserialize, Serialize};
use sim::plan::{RECORD_BYTES, codec};
use sim::{Action, Plan};

use crate::cases::action_changes::{retarget, shift, step};

use furthest::Furthest;

mod furthest;

/// libFuzzer's own mutation. Takes a buffer, the number of bytes in use and the maximum length, and returns the new
/// length.
pub type MutateBytes = fn(&mut [u8], usize, usize) -> usize;

/// A part of the mutator, so that each can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A plan that has nothing to do with the input.
    Fresh,
    /// A change of an input that got furthest by some counter.
    Furthest,
    /// libFuzzer's own mutations of bytes.
    Bytes,
    /// A cross of two plans.
    Cross,
    /// Another seed beside another change.
    Reseed,
    /// One more action.
    Add,
    /// One less.
    Drop,
    /// One twice.
    Duplicate,
    /// The same, a little or much earlier or later.
    Move,
    /// The same at another replica.
    Retarget,
    /// A detail of it, by a small step.
    Tweak,
    /// Something else at the same time.
    Replace,
    /// Another seed: the same faults in another run.
    Seed,
    /// Another scenario of the target.
    Scenario,
    /// Another liar, or with or without the scenario's own faults.
    Header,
}

impl Change {
    /// All of them.
    pub const ALL: [Change; 15] = [
        Change::Fresh,
        Change::Furthest,
        Change::Bytes,
        Change::Cross,
        Change::Reseed,
        Change::Add,
        Change::Drop,
        Change::Duplicate,
        Change::Move,
        Change::Retarget,
        Change::Tweak,
        Change::Replace,
        Change::Seed,
        Change::Scenario,
        Change::Header,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Change::Fresh => "fresh",
            Change::Furthest => "furthest",
            Change::Bytes => "bytes",
            Change::Cross => "cross",
            Change::Reseed => "reseed",
            Change::Add => "add",
            Change::Drop => "drop",
            Change::Duplicate => "duplicate",
            Change::Move => "move",
            Change::Retarget => "retarget",
            Change::Tweak => "tweak",
            Change::Replace => "replace",
            Change::Seed => "seed",
            Change::Scenario => "scenario",
            Change::Header => "header",
        }
    }
}

/// The changes of a plan, with their weights.
const CHANGES: [(Change, u64); 10] = [
    (Change::Add, 6),
    (Change::Drop, 4),
    (Change::Duplicate, 2),
    (Change::Move, 5),
    (Change::Retarget, 2),
    (Change::Tweak, 5),
    (Change::Replace, 3),
    (Change::Seed, 4),
    (Change::Scenario, 1),
    (Change::Header, 1),
];

/// The percentage of mutations that are fresh plans, at the start and in the long run.
const FRESH: (u64, u64) = (95, 25);
/// The number of mutations after which the percentage of fresh plans is halfway between both.
const FRESH_HALF_WAY: u64 = 4_000;
/// Of the mutations that are not fresh plans, the percentage that start from an input that got furthest.
const FURTHEST: u64 = 40;
/// An upper bound on the actions of a fresh plan (exclusive).
const FRESH_ACTIONS_MAX: u64 = 16;
/// The percentage of requested crosses that are made. libFuzzer alone would cross in half of all mutations.
const CROSSES: u64 = 25;
/// The percentage of changed plans that also get another seed.
const RESEEDED: u64 = 20;
/// The percentage of changes that are immediately followed by another change.
const FOLLOWED: u64 = 40;

/// Mutates inputs of one fuzz target.
pub struct Mutator {
    choice: Choice,
    without: Vec<Change>,
    made: u64,
    furthest: Furthest,
}

impl Mutator {
    /// Creates a mutator for the target with these scenarios.
    pub fn new(choice: &Choice) -> Self {
        Mutator { choice: choice.clone(), without: Vec::new(), made: 0, furthest: Furthest::default() }
    }

    /// Switches some changes off.
    #[must_use]
    pub fn without(self, without: &[Change]) -> Self {
        Mutator { without: without.to_vec(), ..self }
    }

    /// Continues with a corpus of this size, on the estimate that about every tenth of the first mutations was kept.
    #[must_use]
    pub fn with_corpus(self, inputs: u64) -> Self {
        Mutator { made: inputs.saturating_mul(10), ..self }
    }

    /// Records that an input was run and reached these slots of the coverage map.
    pub fn saw(&mut self, input: &[u8], reached: &[u32]) {
        self.furthest.saw(input, reached);
    }

    /// Implements libFuzzer's `LLVMFuzzerCustomMutator`: changes `data[..size]` to at most `max_size` bytes, and
    /// returns the new length. `bytes` runs libFuzzer's own mutations.
    pub fn mutate(&mut self, data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: MutateBytes) -> usize {
        let mut draw = Draw::new(seed.into(), "mutate");
        self.made = self.made.saturating_add(1);
        let Some(actions_max) = (max_size / RECORD_BYTES).checked_sub(1) else { return bytes(data, size, max_size) };
        let plan = if self.makes(Change::Fresh) && draw.chance(self.fresh_share()) {
            self.fresh(actions_max, &mut draw)
        } else if self.makes(Change::Furthest)
            && draw.chance(FURTHEST)
            && let Some(input) = self.furthest.pick(draw.below(u64::MAX))
        {
            self.changed(input, actions_max, &mut draw)
        } else if self.makes(Change::Bytes) && draw.chance(50) {
            return bytes(data, size, max_size);
        } else {
            self.changed(&data[..size], actions_max, &mut draw)
        };
        write_plan(data, &plan)
    }

    /// Implements libFuzzer's `LLVMFuzzerCustomCrossOver`: combines two plans, cut at the boundaries of actions. The
    /// header, and with it the scenario, is that of the first plan. Returns 0 to decline.
    pub fn cross_over(&self, first: &[u8], second: &[u8], out: &mut [u8], seed: u32) -> usize {
        let mut draw = Draw::new(seed.into(), "cross over");
        let Some(actions_max) = (out.len() / RECORD_BYTES).checked_sub(1) else { return 0 };
        let (mut plan, other) = (codec::decode(first), codec::decode(second));
        if !self.makes(Change::Cross) || !draw.chance(CROSSES) || other.actions.is_empty() {
            return 0;
        }
        let mut range = |length: usize| {
            let (a, b) = (draw.below(length as u64 + 1) as usize, draw.below(length as u64 + 1) as usize);
            a.min(b)..a.max(b)
        };
        let (mut place, piece) = (range(plan.actions.len()), range(other.actions.len()));
        // The piece replaces a range of actions, or it is inserted.
        if draw.chance(50) {
            place.end = place.start;
        }
        plan.actions.splice(place, other.actions[piece].iter().copied());
        plan.actions.truncate(actions_max);
        write_plan(out, &plan)
    }

    fn makes(&self, change: Change) -> bool {
        !self.without.contains(&change)
    }

    /// The current percentage of mutations that are fresh plans.
    fn fresh_share(&self) -> u64 {
        let (first, later) = FRESH;
        later + (first - later) * FRESH_HALF_WAY / FRESH_HALF_WAY.saturating_add(self.made)
    }

    /// A plan that is independent of all others. Half of its actions are drawn as in random runs, and half are random
    /// bytes.
    fn fresh(&self, actions_max: usize, draw: &mut Draw) -> Plan {
        let number = self.any_scenario(draw);
        let scenario = self.choice.pick(number);
        let count = draw.below(FRESH_ACTIONS_MAX).min(actions_max as u64);
        let actions = (0..count).filter_map(|_| {
            if draw.chance(50) {
                return scenario.palette.random_action(draw, &scenario.config);
            }
            let record = [(); RECORD_BYTES].map(|()| draw.below(256) as u8);
            Some(codec::decode_action(&record))
        });
        let actions = actions.collect();
        let bare = draw.chance(50);
        Plan { scenario: number, bare, seed: any_seed(draw), liar: draw.below(256) as u8, actions }
    }

    /// The byte that selects a random scenario of the target.
    fn any_scenario(&self, draw: &mut Draw) -> u8 {
        self.choice.byte(draw.below(self.choice.scenarios().len() as u64) as usize)
    }

    /// The plan that an input decodes to, after one or more changes.
    fn changed(&self, input: &[u8], actions_max: usize, draw: &mut Draw) -> Plan {
        let mut plan = codec::decode(input);
        loop {
            self.change(&mut plan, draw);
            if !draw.chance(FOLLOWED) {
                break;
            }
        }
        if self.makes(Change::Reseed) && draw.chance(RESEEDED) {
            plan.seed = any_seed(draw);
        }
        plan.actions.truncate(actions_max);
        plan
    }

    fn change(&self, plan: &mut Plan, draw: &mut Draw) {
        let scenario = self.choice.pick(plan.scenario);
        let replicas = u64::from(scenario.config.cluster.replicas);
        let at = draw.below(plan.actions.len().max(1) as u64) as usize;
        let random = |draw: &mut Draw| scenario.palette.random_action(draw, &scenario.config);
        match self.pick(plan.actions.is_empty(), draw) {
            Change::Add => {
                if let Some(action) = random(draw) {
                    plan.actions.insert(draw.below(plan.actions.len() as u64 + 1) as usize, action);
                }
            }
            Change::Drop => drop(plan.actions.remove(at)),
            Change::Duplicate => {
                let mut twin = plan.actions[at];
                shift(&mut twin.when, draw);
                plan.actions.insert(at + 1, twin);
            }
            Change::Move => match random(draw) {
                Some(other) if draw.chance(30) => plan.actions[at].when = other.when,
                _ => shift(&mut plan.actions[at].when, draw),
            },
            Change::Retarget => retarget(&mut plan.actions[at], replicas, draw),
            Change::Tweak => tweak(scenario, &mut plan.actions[at], draw),
            Change::Replace => {
                if let Some(other) = random(draw) {
                    plan.actions[at].what = other.what;
                }
            }
            Change::Scenario => plan.scenario = self.any_scenario(draw),
            Change::Header if draw.chance(50) => plan.bare = !plan.bare,
            Change::Header => plan.liar = draw.below(replicas) as u8,
            // The other variants are not changes of a plan.
            Change::Seed | Change::Fresh | Change::Furthest | Change::Bytes | Change::Cross | Change::Reseed => {
                plan.seed = any_seed(draw);
            }
        }
    }

    /// A random change of a plan. If the plan is empty, a change that needs no action.
    fn pick(&self, empty: bool, draw: &mut Draw) -> Change {
        let needs_none = [Change::Add, Change::Seed, Change::Scenario, Change::Header];
        let possible =
            CHANGES.iter().filter(|(change, _)| self.makes(*change) && (!empty || needs_none.contains(change)));
        let mut left = draw.below(possible.clone().map(|(_, share)| share).sum::<u64>().max(1));
        for (change, share) in possible {
            match left.checked_sub(*share) {
                None => return *change,
                Some(less) => left = less,
            }
        }
        Change::Seed
    }
}

/// Writes a plan to a buffer that is large enough, and returns its length.
fn write_plan(data: &mut [u8], plan: &Plan) -> usize {
    let bytes = codec::encode(plan);
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

fn any_seed(draw: &mut Draw) -> u32 {
    draw.below(1 << 32) as u32
}

/// Changes one of the meaningful numbers of a record by a small step, after the scenario has replaced the action if
/// necessary.
fn tweak(scenario: &Scenario, action: &mut Action, draw: &mut Draw) {
    let Some(what) = scenario.palette.allow(action, &scenario.config) else { return };
    action.what = what;
    let record = codec::encode_action(action);
    // A change to an unused number has no effect, so another number is tried.
    for _ in 0..8 {
        let mut changed = record;
        match draw.below(10) {
            wide @ 0..3 => {
                let at = [8, 10, 12][wide as usize];
                let number = u16::from_le_bytes([record[at], record[at + 1]]);
                let number = number.wrapping_add_signed(step(draw, 2_048) as i16);
                changed[at..at + 2].copy_from_slice(&number.to_le_bytes());
            }
            byte => {
                let at = [2, 8, 9, 10, 11, 14, 15][byte as usize - 3];
                changed[at] = changed[at].wrapping_add_signed(step(draw, 8) as i8);
            }
        }
        let changed = codec::decode_action(&changed);
        if changed != *action && scenario.palette.allows(&changed.what) {
            *action = changed;
            return;
        }
    }
}

#[cfg(test)]
mod tests;
