//! Minimization: finds a smaller case that breaks the same invariant.
//!
//! It reduces three things, in rounds, until a whole round finds no further reduction: the list of actions, the
//! parameters of each action (durations, amounts, delays, counts), and the configuration (requests, clients, tenants,
//! losses, replicas). A candidate is kept if it breaks the same invariant; the rule, the time and the place of the
//! violation may change. Random decisions are local, so removing one action leaves all unrelated ones as they were.
//! When no action can be removed, a similar run may need fewer actions: see `Work::escape` and `reductions::alike`.
//!
//! The result is 1-minimal: no single action can be removed. Candidates are run in parallel and the first one in order
//! that fails is kept, so the result does not depend on the number of threads.
//!
//! Source of `Strategy::Delta`: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002). This
//! is ddmin with complements only: a part alone hardly ever fails here, and a complement that does not fail is soon
//! halved.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use scenarios::Draw;
use sim::{Case, Outcome, Verdict};

use crate::base::error::Error;
use crate::campaigns::finding::Smaller;
use crate::cases::systems::Engine;
use crate::cases::{limits, subprocess};

mod reductions;

/// The time limit for minimizing a finding automatically.
const TIME_BESIDE: Duration = Duration::from_secs(10);

/// The order in which actions are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Strategy {
    /// Halves, quarters, eighths ... of the list, anew after each success
    Delta,
    /// The same sizes, each once from the end of the list
    Binary,
    /// One action after the other, from the end of the list
    Linear,
}

/// The result of a minimization.
#[derive(Debug)]
pub struct Minimized {
    /// The smallest case found.
    pub case: Case,
    /// Its outcome: a violation of the same invariant.
    pub outcome: Outcome,
    /// The number of runs it took.
    pub runs: u64,
    /// Whether no action can be removed; false if it was interrupted.
    pub minimal: bool,
}

/// Minimizes a failing case.
pub struct Minimizer<'a> {
    /// The order in which actions are removed.
    pub strategy: Strategy,
    /// The number of threads.
    pub jobs: usize,
    /// When to stop with the best case so far.
    pub deadline: Option<Instant>,
    /// Stops with the best case so far when it is set.
    pub stop: &'a AtomicBool,
    /// Called with the number of actions left and the number of runs so far.
    pub progress: &'a mut dyn FnMut(usize, u64),
}

/// Minimizes a failure file that was just written, within a time limit, into `NAME.min.kmb` next to it. Returns `None`
/// if no smaller case was found. The finding itself is already saved, so an error here is not reported.
///
/// This runs in another process, because the system under test may hang or die on a smaller case.
pub fn beside(file: &Path, jobs: usize) -> Option<Smaller> {
    let smaller = file.with_extension("min.kmb");
    let mut child = Command::new(std::env::current_exe().ok()?)
        .arg("minimize")
        .arg(file)
        .arg("--output")
        .arg(&smaller)
        .args(["--format", "json", "--time", &format!("{}s", TIME_BESIDE.as_secs()), "--jobs", &jobs.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // Each thread has its own engine.
    let (began, megabytes) = (Instant::now(), subprocess::MEGABYTES_MAX * jobs as u64);
    // The output fits into the pipe, so it can be read after the process has ended.
    while child.try_wait().ok()?.is_none() {
        if subprocess::too_much(&child, began, 2 * TIME_BESIDE, megabytes).is_some() {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let actions = |side: &str| value[side]["actions"].as_u64().map(|actions| actions as usize);
    Some(Smaller { file: smaller, actions: actions("after")?, actions_before: actions("before")? })
}

/// The limits of the search when no action can be removed: this number of similar cases,
const ALIKE_MAX: u64 = 8_192;
/// or cases with this number of events in total, which takes some seconds.
const ALIKE_EVENTS: u64 = 16_000_000;
/// The number of similar cases per batch.
const ALIKE_AT_ONCE: u64 = 64;

/// What a smaller case has to break.
#[derive(Clone, Copy)]
struct Wanted {
    invariant: &'static str,
    /// The rule of the invariant; any rule if `None`.
    rule: Option<&'static str>,
}

/// The state of a minimization.
struct Work<'m, 'a> {
    minimizer: &'m mut Minimizer<'a>,
    engine: Engine,
    wanted: Wanted,
    best: Case,
    runs: u64,
    /// The number of events of these runs.
    events: u64,
    /// The number of candidates that were kept.
    kept: u64,
}

impl Minimizer<'_> {
    /// Minimizes a case. Returns `None` if the case breaks no invariant.
    ///
    /// # Errors
    /// If the case cannot be run.
    pub fn minimize(&mut self, case: &Case) -> Result<Option<Minimized>, Error> {
        let mut engine = Engine::for_case(case)?;
        let Verdict::Violated(violation) = engine.run(case, false).verdict else { return Ok(None) };
        let wanted = Wanted { invariant: violation.invariant, rule: None };
        let mut work = Work { minimizer: self, engine, wanted, best: case.clone(), runs: 1, events: 0, kept: 0 };
        let minimal = loop {
            let before = work.kept;
            work.fewer_actions();
            work.simpler_actions();
            work.smaller_configuration();
            if work.is_over() {
                break false;
            }
            if work.kept == before && !work.escape() {
                break true;
            }
        };
        let outcome = work.engine.run(&work.best, false);
        Ok(Some(Minimized { case: work.best, outcome, runs: work.runs + 1, minimal }))
    }
}

impl Work<'_, '_> {
    fn is_over(&self) -> bool {
        is_over(self.minimizer.deadline, self.minimizer.stop)
    }

    /// Keeps the first candidate that still fails. Returns whether there is one.
    fn keep(&mut self, candidates: Vec<Case>) -> bool {
        let found = self.first_failing(&candidates);
        if let Some(found) = found {
            self.best = candidates.into_iter().nth(found).unwrap_or_else(|| self.best.clone());
            self.kept += 1;
        }
        (self.minimizer.progress)(self.best.actions.len(), self.runs);
        found.is_some()
    }

    fn first_failing(&mut self, candidates: &[Case]) -> Option<usize> {
        let jobs = self.minimizer.jobs.min(candidates.len());
        if jobs <= 1 {
            for (index, case) in candidates.iter().enumerate() {
                if self.is_over() {
                    return None;
                }
                self.runs += 1;
                let (fails, events) = fails(&mut self.engine, case, self.wanted);
                self.events += events;
                if fails {
                    return Some(index);
                }
            }
            return None;
        }
        let (next, first) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let (runs, sum) = (AtomicU64::new(0), AtomicU64::new(0));
        let (system, wanted) = (self.engine.system(), self.wanted);
        let (deadline, stop) = (self.minimizer.deadline, self.minimizer.stop);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    let mut engine = Engine::new(system);
                    while !is_over(deadline, stop) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        // Candidates after one that fails need not be run. Those before it have been started.
                        let Some(case) = candidates.get(index).filter(|_| index < first.load(Ordering::Relaxed)) else {
                            break;
                        };
                        runs.fetch_add(1, Ordering::Relaxed);
                        let (fails, events) = fails(&mut engine, case, wanted);
                        sum.fetch_add(events, Ordering::Relaxed);
                        if fails {
                            first.fetch_min(index, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        self.runs += runs.into_inner();
        self.events += sum.into_inner();
        Some(first.into_inner()).filter(|first| *first < candidates.len())
    }

    fn without(&self, from: usize, to: usize) -> Case {
        let mut case = self.best.clone();
        case.actions.drain(from..to);
        case
    }

    fn fewer_actions(&mut self) {
        match self.minimizer.strategy {
            Strategy::Delta => self.delta(),
            Strategy::Binary => {
                let mut size = self.best.actions.len().div_ceil(2);
                while size > 0 {
                    self.sweep(size);
                    size /= 2;
                }
            }
            Strategy::Linear => self.sweep(1),
        }
    }

    fn delta(&mut self) {
        let mut parts = 1;
        while !self.best.actions.is_empty() && !self.is_over() {
            let count = self.best.actions.len();
            parts = parts.min(count);
            let bounds = |part: usize| (part * count / parts, (part + 1) * count / parts);
            let candidates = (0..parts).map(|part| self.without(bounds(part).0, bounds(part).1)).collect();
            if self.keep(candidates) {
                parts = (parts - 1).max(2);
            } else if parts == count {
                break;
            } else {
                parts *= 2;
            }
        }
    }

    /// Removes sequences of `size` actions where possible, starting at the end of the list.
    fn sweep(&mut self, size: usize) {
        let mut end = self.best.actions.len();
        while end > 0 && !self.is_over() {
            let from = end.saturating_sub(size);
            let candidate = self.without(from, end);
            self.keep(vec![candidate]);
            end = from;
        }
    }

    fn simpler_actions(&mut self) {
        let mut index = 0;
        while index < self.best.actions.len() && !self.is_over() {
            let simpler = reductions::simpler(&self.best.actions[index]);
            let with = |action| {
                let mut case = self.best.clone();
                case.actions[index] = action;
                case
            };
            let candidates = simpler.into_iter().map(with).collect();
            if !self.keep(candidates) {
                index += 1;
            }
        }
    }

    /// Called when no action can be removed: looks for a similar run that needs fewer actions and breaks the same rule.
    /// In such a run, actions may be anchored to the observation before them, and random decisions and parameters of
    /// actions may differ.
    fn escape(&mut self) -> bool {
        self.runs += 1;
        let Verdict::Violated(violation) = self.engine.run(&self.best, true).verdict else { return false };
        let sources = [reductions::anchored(&self.best, self.engine.recorded()), self.best.clone()];
        let rule = self.wanted.rule.replace(violation.rule);
        let found = !self.best.actions.is_empty() && self.keep_alike(&sources);
        self.wanted.rule = rule;
        found
    }

    fn keep_alike(&mut self, sources: &[Case; 2]) -> bool {
        // The seed comes from the case, so that the result is deterministic.
        let mut draw = Draw::new(self.best.seed, "alike");
        let (runs, events) = (self.runs + ALIKE_MAX, self.events + ALIKE_EVENTS);
        while self.runs < runs && self.events < events && !self.is_over() {
            let alike = (0..ALIKE_AT_ONCE).map(|_| reductions::alike(&sources[draw.below(2) as usize], &mut draw));
            if self.keep(alike.filter(|case| limits::check(case).is_ok()).collect()) {
                return true;
            }
        }
        false
    }

    fn smaller_configuration(&mut self) {
        while !self.is_over() {
            let candidates = reductions::smaller(&self.best);
            if !self.keep(candidates) {
                break;
            }
        }
    }
}

fn is_over(deadline: Option<Instant>, stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed) || deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// Whether a case breaks the wanted invariant and rule, and the number of events of its run.
fn fails(engine: &mut Engine, case: &Case, wanted: Wanted) -> (bool, u64) {
    let outcome = engine.run(case, false);
    let fails = matches!(outcome.verdict, Verdict::Violated(violation)
        if violation.invariant == wanted.invariant && wanted.rule.is_none_or(|rule| rule == violation.rule));
    (fails, outcome.events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::ScenarioType;
    use sim::When;

    const RECOVERY: Wanted = Wanted { invariant: "vsr_recovery_safety", rule: None };

    /// A case that breaks an invariant and has more actions than it needs.
    fn failing() -> Case {
        let scenario = ScenarioType::CrashDuringCommit.create_scenario();
        let mut engine = Engine::new(&crate::cases::systems::SYSTEMS[0]);
        (0..200)
            .map(|seed| scenario.random_case("vsr", &["skipped-fsync".to_string()], seed))
            .filter(|case| case.actions.len() >= 5)
            .find(|case| fails(&mut engine, case, RECOVERY).0)
            .expect("some seed finds the bug")
    }

    fn minimize(case: &Case, strategy: Strategy, jobs: usize) -> Minimized {
        let stop = AtomicBool::new(false);
        let mut minimizer = Minimizer { strategy, jobs, deadline: None, stop: &stop, progress: &mut |_, _| () };
        minimizer.minimize(case).expect("it can be run").expect("it fails")
    }

    #[test]
    fn the_result_breaks_the_same_invariant_and_needs_every_action() {
        let case = failing();
        let mut engine = Engine::new(&crate::cases::systems::SYSTEMS[0]);
        for strategy in [Strategy::Delta, Strategy::Binary, Strategy::Linear] {
            let small = minimize(&case, strategy, 1);
            assert!(small.minimal && small.case.actions.len() < case.actions.len(), "{strategy:?}");
            assert!(matches!(&small.outcome.verdict, Verdict::Violated(it) if it.invariant == RECOVERY.invariant));
            assert!(small.case.config.workload.requests < case.config.workload.requests);
            assert_eq!(small.case.bugs, case.bugs);
            for index in 0..small.case.actions.len() {
                let mut less = small.case.clone();
                less.actions.remove(index);
                assert!(!fails(&mut engine, &less, RECOVERY).0, "{strategy:?}: action {index} is not needed");
            }
        }
    }

    #[test]
    fn anchored_actions_happen_as_before() {
        let scenario = ScenarioType::SwizzleClogging.create_scenario();
        let mut engine = Engine::new(&crate::cases::systems::SYSTEMS[0]);
        let mut fastened = 0;
        for seed in 0..20 {
            let case = scenario.random_case("vsr", &[], seed);
            engine.run(&case, true);
            let anchored = reductions::anchored(&case, engine.recorded());
            fastened += anchored.actions.iter().filter(|action| matches!(action.when, When::After { .. })).count();
            // The event numbers may differ, because an anchored action is not an event of its own.
            let mut seen = |case| {
                engine.run(case, true);
                engine.recorded().iter().map(|seen| (seen.at, seen.who, seen.what)).collect::<Vec<_>>()
            };
            assert_eq!(seen(&anchored), seen(&case), "seed {seed}");
        }
        assert!(fastened > 50, "{fastened}");
    }

    #[test]
    fn the_result_does_not_depend_on_the_number_of_threads() {
        let case = failing();
        assert_eq!(minimize(&case, Strategy::Delta, 1).case, minimize(&case, Strategy::Delta, 3).case);
    }

    #[test]
    fn an_interrupted_minimization_returns_the_best_so_far_and_a_passing_case_none() {
        let case = failing();
        let stop = AtomicBool::new(true);
        let mut minimizer =
            Minimizer { strategy: Strategy::Delta, jobs: 1, deadline: None, stop: &stop, progress: &mut |_, _| () };
        let same = minimizer.minimize(&case).expect("it can be run").expect("it fails");
        assert!(!same.minimal && same.case == case);
        let correct = Case { bugs: Vec::new(), ..case };
        assert!(minimizer.minimize(&correct).expect("it can be run").is_none());
    }
}
