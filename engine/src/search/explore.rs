//! Random exploration of one scenario: a number of runs, distributed over threads that each own an engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use scenarios::Scenario;
use sim::Case;

use crate::base::error::Error;
use crate::cases::fault_classes::{FaultClass, restrict};
use crate::cases::seeds;
use crate::cases::systems::{Engine, SystemEntry};
use crate::search::summary::Tally;

/// What to explore, and how.
#[derive(Clone)]
pub struct Exploration {
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// The seed from which all other seeds are derived.
    pub seed: u64,
    /// The number of runs of each scenario.
    pub iterations: u64,
    /// The faults to keep; all of them if `None`.
    pub faults: Option<Vec<FaultClass>>,
    /// Whether every case is run twice, in two engines.
    pub check_determinism: bool,
    /// Whether coverage is counted.
    pub coverage: bool,
    /// The number of threads.
    pub jobs: usize,
}

/// The result of one scenario.
pub struct Explored {
    /// The totals.
    pub tally: Tally,
    /// The elapsed real time.
    pub elapsed: Duration,
}

impl Exploration {
    /// One run of each scenario with exactly this seed, all faults and no bug.
    pub fn new(system: &'static SystemEntry, seed: u64) -> Self {
        Exploration {
            system,
            bugs: Vec::new(),
            seed,
            iterations: 1,
            faults: None,
            check_determinism: false,
            coverage: false,
            jobs: 1,
        }
    }

    /// Generates the case of a seed.
    pub fn case(&self, scenario: &Scenario, seed: u64) -> Case {
        let mut case = scenario.random_case(self.system.name, &self.bugs, seed);
        if let Some(classes) = &self.faults {
            restrict(&mut case, classes);
        }
        case
    }

    /// Runs the scenario until all runs are done or `stop` is set. Calls `progress` from time to time with the number
    /// of completed runs.
    pub fn explore(
        &self,
        scenario: &Scenario,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Explored, Error> {
        let started = Instant::now();
        let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let panicked = Mutex::new(None);
        let tallies = Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            let (finished, waiting) = channel::<()>();
            for _ in 0..self.jobs.max(1) {
                let finished = finished.clone();
                let (next, done, panicked, tallies) = (&next, &done, &panicked, &tallies);
                scope.spawn(move || {
                    let _finished = finished;
                    let tally = self.work(scenario, stop, next, done, panicked);
                    if let Ok(mut sum) = tallies.lock() {
                        sum.merge(tally);
                    }
                });
            }
            drop(finished);
            while waiting.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                progress(done.load(Ordering::Relaxed));
            }
        });
        progress(done.load(Ordering::Relaxed));
        if let Some(seed) = panicked.into_inner().unwrap_or_default() {
            let scenario = scenario.name;
            return Err(Error::Internal(format!("vopr panicked in scenario {scenario} with seed {seed}")));
        }
        let tally = tallies.into_inner().map_err(|_| Error::Internal("a worker panicked".to_string()))?;
        Ok(Explored { tally, elapsed: started.elapsed() })
    }

    fn work(
        &self,
        scenario: &Scenario,
        stop: &AtomicBool,
        next: &AtomicU64,
        done: &AtomicU64,
        panicked: &Mutex<Option<u64>>,
    ) -> Tally {
        let mut engine = Engine::new(self.system);
        let mut tally = Tally::default();
        while !stop.load(Ordering::Relaxed) {
            let iteration = next.fetch_add(1, Ordering::Relaxed);
            if iteration >= self.iterations {
                break;
            }
            let seed = seeds::of_iteration(self.seed, scenario.name, iteration);
            // A panic of a replica is a finding and is caught by the simulator. A panic that arrives here is a bug of
            // vopr itself.
            let run = AssertUnwindSafe(|| self.run_one(&mut engine, scenario, iteration, seed, &mut tally));
            if catch_unwind(run).is_err() {
                if let Ok(mut first) = panicked.lock() {
                    first.get_or_insert(seed);
                }
                stop.store(true, Ordering::Relaxed);
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        tally
    }

    fn run_one(&self, engine: &mut Engine, scenario: &Scenario, iteration: u64, seed: u64, tally: &mut Tally) {
        let case = self.case(scenario, seed);
        let outcome = engine.run(&case, false);
        if self.coverage {
            for slot in engine.reached() {
                tally.slots.insert(*slot);
            }
        }
        if self.check_determinism {
            // Uses another engine, so that state which leaks from one run into the next is detected as well.
            let again = Engine::new(self.system).run(&case, false);
            if again != outcome {
                tally.unstable.push((seed, outcome.digest, again.digest));
            }
        }
        tally.add(iteration, seed, outcome);
    }
}
