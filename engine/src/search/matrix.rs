//! The kill matrix: which scenario catches which planted bug, under which invariant, after how many random runs. It
//! also checks that the correct protocol passes all scenarios.
//!
//! A cell is a scenario and a bug, or a scenario without a bug. Its runs are those of `vopr run` with the same
//! scenario, bug and seed, so each run can be repeated alone. A cell with a bug ends at the first run that breaks an
//! invariant which the bug names. A cell without a bug executes all of its runs. The result does not depend on the
//! number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use scenarios::Scenario;
use serde::Serialize;
use sim::{Bug, Verdict};

use crate::base::error::Error;
use crate::cases::seeds;
use crate::cases::systems::{Engine, SystemEntry};
use crate::search::explore::Exploration;

/// The parameters of the matrix.
pub struct Matrix {
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The scenarios, in order.
    pub scenarios: Vec<Scenario>,
    /// The bugs, in order.
    pub bugs: Vec<&'static Bug>,
    /// Whether to run only the scenarios that a bug names as its own.
    pub own: bool,
    /// The maximum number of runs of a cell with a bug.
    pub iterations: u64,
    /// The number of runs of a cell without a bug.
    pub correct_iterations: u64,
    /// The seed from which the seeds of all runs are derived.
    pub seed: u64,
    /// The number of threads.
    pub jobs: usize,
}

/// The first violation of an invariant in a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Caught {
    /// The broken invariant.
    pub invariant: &'static str,
    /// The broken rule of the invariant.
    pub rule: &'static str,
    /// The number of the run, from 1.
    pub run: u64,
    /// The seed of the run, as text.
    pub seed: String,
}

/// The result of a scenario and a bug.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The scenario.
    pub scenario: &'static str,
    /// The bug; `None` for the correct protocol.
    pub bug: Option<&'static str>,
    /// Whether the bug names the scenario as one that has to catch it.
    pub own: bool,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them were vacuous.
    pub vacuous: u64,
    /// The first violation of an invariant that the bug names; without a bug, the first violation of any invariant.
    pub caught: Option<Caught>,
    /// The first violation of another invariant.
    pub otherwise: Option<Caught>,
}

impl Cell {
    /// Whether the result is not the expected one: the correct protocol fails, or a bug's own scenario does not catch
    /// it.
    pub fn wrong(&self) -> bool {
        match self.bug {
            None => self.caught.is_some(),
            Some(_) => self.own && self.caught.is_none(),
        }
    }
}

impl Matrix {
    /// The cells to run, those of the correct protocol first.
    fn cells(&self) -> Vec<(&Scenario, Option<&'static Bug>)> {
        let correct = self.scenarios.iter().map(|scenario| (scenario, None));
        let with_bugs = self.bugs.iter().flat_map(|bug| {
            let meant = |scenario: &&Scenario| !self.own || bug.scenarios.contains(&scenario.name);
            self.scenarios.iter().filter(meant).map(move |scenario| (scenario, Some(*bug)))
        });
        correct.chain(with_bugs).collect()
    }

    /// Runs all cells, or those that are done before `stop` is set. Calls `progress` with the number of completed cells
    /// and the total.
    pub fn run(&self, stop: &AtomicBool, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Vec<Cell>, Error> {
        let cells = self.cells();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = Mutex::new(vec![None; cells.len()]);
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, cells.len().max(1)) {
                scope.spawn(|| {
                    let mut engine = Engine::new(self.system);
                    while !stop.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((scenario, bug)) = cells.get(index) else { break };
                        let cell = self.cell(&mut engine, scenario, *bug, stop);
                        if let Ok(mut results) = results.lock() {
                            results[index] = cell;
                        }
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1, cells.len());
                    }
                });
            }
        });
        let results = results.into_inner().map_err(|_| Error::Internal("a thread panicked".to_string()))?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Runs one cell. Returns `None` if it was interrupted.
    fn cell(
        &self,
        engine: &mut Engine,
        scenario: &Scenario,
        bug: Option<&'static Bug>,
        stop: &AtomicBool,
    ) -> Option<Cell> {
        let exploration = Exploration {
            bugs: bug.iter().map(|bug| bug.name.to_string()).collect(),
            ..Exploration::new(self.system, self.seed)
        };
        let runs_max = if bug.is_some() { self.iterations } else { self.correct_iterations };
        let mut cell = Cell {
            scenario: scenario.name,
            bug: bug.map(|bug| bug.name),
            own: bug.is_some_and(|bug| bug.scenarios.contains(&scenario.name)),
            runs: 0,
            vacuous: 0,
            caught: None,
            otherwise: None,
        };
        while cell.runs < runs_max && (bug.is_none() || cell.caught.is_none()) {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let seed = seeds::of_iteration(self.seed, scenario.name, cell.runs);
            let outcome = engine.run(&exploration.case(scenario, seed), false);
            cell.runs += 1;
            match outcome.verdict {
                Verdict::Passed => {}
                Verdict::Vacuous(_) => cell.vacuous += 1,
                Verdict::Violated(violation) => {
                    let expected = bug.is_none_or(|bug| bug.caught_by.contains(&violation.invariant));
                    let place = if expected { &mut cell.caught } else { &mut cell.otherwise };
                    place.get_or_insert(Caught {
                        invariant: violation.invariant,
                        rule: violation.rule,
                        run: cell.runs,
                        seed: seed.to_string(),
                    });
                }
            }
        }
        Some(cell)
    }
}
