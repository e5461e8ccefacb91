//! One trial: a search for one planted bug in a separate process, until the bug is found or the budget is used up.

use std::path::PathBuf;
use std::time::Duration;

use cpu_time::ProcessTime;
use scenarios::Draw;
use serde::{Deserialize, Serialize};
use sim::plan::RECORD_BYTES;
use sim::{Case, Verdict};

use crate::base::error::Error;
use crate::base::terminal;
use crate::cases::seeds;
use crate::cases::systems::{Engine, SystemEntry};
use crate::search::counters;
use crate::search::fuzzing::worker::libfuzzer_flags;
use crate::search::fuzzing::{Driver, Harness, Next};
use crate::search::mutator::{Change, MutateBytes, Mutator};
use crate::search::summary::Slots;
use crate::search::targets::Target;

/// An upper bound on the actions of a random input (exclusive). The fresh plans of the guided search have the same
/// bound.
const RANDOM_ACTIONS_MAX: u64 = 16;

/// A way to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// As `vopr fuzz` does, from an empty corpus.
    Guided,
    /// Random bytes, by the same decoder.
    Random,
    /// As `vopr run` draws its cases.
    Baselines,
}

impl Arm {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Arm::Guided => "guided",
            Arm::Random => "random",
            Arm::Baselines => "baselines",
        }
    }
}

/// The parameters of a trial.
#[derive(Clone)]
pub struct Options {
    /// The fuzz target.
    pub target: String,
    /// How to search.
    pub arm: Arm,
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// The seed from which all random decisions are derived.
    pub seed: u64,
    /// The CPU time of this process after which the trial ends.
    pub cpu_milliseconds: Option<u64>,
    /// The number of runs after which the trial ends.
    pub runs: Option<u64>,
    /// The directory where libFuzzer keeps its inputs.
    pub corpus: PathBuf,
    /// The changes that are switched off in the mutator.
    pub without: Vec<Change>,
}

/// The result of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// How many cases it ran.
    pub runs: u64,
    /// The CPU time used, in seconds.
    pub seconds: f64,
    /// The broken invariant; `None` if the budget was used up first.
    pub invariant: Option<String>,
    /// How many coverage slots were reached.
    pub states: usize,
}

struct Trial {
    engine: Engine,
    target: Target,
    bugs: Vec<String>,
    caught_by: Vec<&'static str>,
    runs_max: u64,
    time_max: Duration,
    mutator: Mutator,
    slots: Slots,
    runs: u64,
}

/// Runs a trial and prints its result as a line of JSON.
pub fn run(options: &Options, driver: Driver) -> Result<u8, Error> {
    let (system, bugs) = (options.system, options.bugs.clone());
    let known = system.bugs.iter().filter(|bug| bugs.iter().any(|name| name == bug.name));
    let target = Target::find(system, &options.target, None)?;
    let mut trial = Trial {
        engine: Engine::new(system),
        mutator: Mutator::new(&target.choice).without(&options.without),
        target,
        caught_by: known.flat_map(|bug| bug.caught_by.iter().copied()).collect(),
        bugs,
        runs_max: options.runs.unwrap_or(u64::MAX),
        time_max: options.cpu_milliseconds.map_or(Duration::MAX, Duration::from_millis),
        slots: Slots::default(),
        runs: 0,
    };
    if options.arm == Arm::Guided {
        let seed = seeds::mix(options.seed, "guided", 0) as u32;
        let mut flags = libfuzzer_flags(seed.max(1));
        flags.push("-reload=0".to_string());
        flags.push(options.corpus.display().to_string());
        return Ok(driver(&flags, Box::new(trial)) as u8);
    }
    loop {
        let seed = seeds::mix(options.seed, "random", trial.runs);
        let case = match options.arm {
            Arm::Baselines => {
                let scenarios = trial.target.choice.scenarios();
                let picked = Draw::new(seed, "scenario").below(scenarios.len() as u64) as usize;
                scenarios[picked].random_case(system.name, &trial.bugs, seed)
            }
            Arm::Guided | Arm::Random => trial.target.case(&trial.bugs, &random_input(seed)),
        };
        if let Next::Leave(code) = trial.run(&case) {
            return Ok(code as u8);
        }
    }
}

/// A header and some actions, of random bytes.
fn random_input(seed: u64) -> Vec<u8> {
    let mut draw = Draw::new(seed, "input");
    let records = 1 + draw.below(RANDOM_ACTIONS_MAX) as usize;
    (0..records * RECORD_BYTES).map(|_| draw.below(256) as u8).collect()
}

impl Trial {
    fn run(&mut self, case: &Case) -> Next {
        let outcome = self.engine.run(case, false);
        self.runs += 1;
        for slot in self.engine.reached() {
            self.slots.insert(*slot);
        }
        let invariant = match &outcome.verdict {
            Verdict::Violated(violation) => Some(violation.invariant),
            _ => None,
        };
        let invariant = invariant.filter(|name| self.caught_by.contains(name));
        let time = ProcessTime::now().as_duration();
        if invariant.is_none() && self.runs < self.runs_max && time < self.time_max {
            return Next::Continue;
        }
        let found = Found {
            runs: self.runs,
            seconds: time.as_secs_f64(),
            invariant: invariant.map(str::to_string),
            states: self.slots.count(),
        };
        match terminal::print_json(&found) {
            Ok(()) => Next::Leave(0),
            Err(_) => Next::Leave(i32::from(crate::base::exit::IO)),
        }
    }
}

impl Harness for Trial {
    fn test(&mut self, input: &[u8]) -> Next {
        let case = self.target.case(&self.bugs, input);
        let next = self.run(&case);
        counters::publish(self.engine.reached());
        self.mutator.saw(input, self.engine.reached());
        next
    }

    fn mutate(&mut self, data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: MutateBytes) -> usize {
        self.mutator.mutate(data, size, max_size, seed, bytes)
    }

    fn cross_over(&mut self, first: &[u8], second: &[u8], out: &mut [u8], seed: u32) -> usize {
        self.mutator.cross_over(first, second, out, seed)
    }
}
