//! Minimizing: a smaller case that breaks the same invariant.
//!
//! Three things are made smaller, in rounds, until a whole round finds nothing more: the list of actions, what each action
//! carries (durations, amounts, delays, counts), and the configuration (requests, clients, tenants, losses, replicas). A
//! candidate is kept if it breaks the same invariant; by which rule, when and where may change. Since random decisions are
//! local, leaving one action out leaves all unrelated ones as they were. Where nothing can be left out any more, a
//! like run may need less: see `Work::escape` and `reductions::alike`.
//!
//! The result is 1-minimal: no action can be left out. Of the candidates that are tried side by side the first one that
//! fails is kept, so the result does not depend on the number of threads.
//!
//! Source of `Strategy::Delta`: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002), ddmin
//! with complements only: a part alone hardly ever fails here, and a complement that does not is soon halved.

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

/// So long a finding is minimized where nobody asked for it.
const TIME_BESIDE: Duration = Duration::from_secs(10);

/// In which order actions are left out.
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

/// What came of it.
#[derive(Debug)]
pub struct Minimized {
    /// The smallest case found.
    pub case: Case,
    /// Its outcome: a violation of the same invariant.
    pub outcome: Outcome,
    /// How many runs it took.
    pub runs: u64,
    /// Whether no action can be left out; false if it was interrupted.
    pub minimal: bool,
}

/// Makes a failing case smaller.
pub struct Minimizer<'a> {
    /// In which order actions are left out.
    pub strategy: Strategy,
    /// How many threads.
    pub jobs: usize,
    /// When to be content with the best so far.
    pub deadline: Option<Instant>,
    /// Set from outside, to the same end.
    pub stop: &'a AtomicBool,
    /// Is told how many actions are left, after how many runs.
    pub progress: &'a mut dyn FnMut(usize, u64),
}

/// Minimizes a failure file that was just written, within a bounded time, into `NAME.min.kmb` beside it. `None` where nothing
/// got smaller: the finding itself is safe, so no trouble here is worth an error.
///
/// Another process does it, since a smaller case may be one at which the system under test hangs or dies.
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
    // Each thread has an engine of its own.
    let (began, megabytes) = (Instant::now(), subprocess::MEGABYTES_MAX * jobs as u64);
    // What it prints fits into the pipe, so it may be read when the process has ended.
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

/// Where no action can be left out, so many like cases are tried,
const ALIKE_MAX: u64 = 8_192;
/// or as many as have so many events: some seconds.
const ALIKE_EVENTS: u64 = 16_000_000;
/// So many of them at a time.
const ALIKE_AT_ONCE: u64 = 64;

/// What a smaller case has to break.
#[derive(Clone, Copy)]
struct Wanted {
    invariant: &'static str,
    /// By any rule of the invariant if `None`.
    rule: Option<&'static str>,
}

/// The work in progress.
struct Work<'m, 'a> {
    minimizer: &'m mut Minimizer<'a>,
    engine: Engine,
    wanted: Wanted,
    best: Case,
    runs: u64,
    /// How many events they had.
    events: u64,
    /// How many candidates were kept.
    kept: u64,
}

impl Minimizer<'_> {
    /// A smaller case than this one; `None` where this one breaks nothing.
    ///
    /// # Errors
    /// Where the case cannot be run.
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

    /// Keeps the first of the candidates that still fails, if one does.
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
                        // What comes after one that fails need not be tried; what comes before it has been begun.
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

    /// Leaves out so many actions in a row where that can be done, from the end of the list on.
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

    /// Where no action can be left out: looks for a like run that needs fewer and breaks the same rule. Actions may be
    /// fastened to what happens before them, and random decisions and details of the actions be others.
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
        // The same file becomes the same smaller one, whoever makes it so.
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

/// Whether a case breaks what is wanted, and how many events its run has.
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

    /// A case that breaks an invariant, with more actions than it takes.
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
    fn the_result_fails_alike_and_every_action_is_needed() {
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
    fn actions_that_are_fastened_to_what_happens_before_them_happen_as_before() {
        let scenario = ScenarioType::SwizzleClogging.create_scenario();
        let mut engine = Engine::new(&crate::cases::systems::SYSTEMS[0]);
        let mut fastened = 0;
        for seed in 0..20 {
            let case = scenario.random_case("vsr", &[], seed);
            engine.run(&case, true);
            let anchored = reductions::anchored(&case, engine.recorded());
            fastened += anchored.actions.iter().filter(|action| matches!(action.when, When::After { .. })).count();
            // The numbers of events may differ: an action that waits is none.
            let mut seen = |case| {
                engine.run(case, true);
                engine.recorded().iter().map(|seen| (seen.at, seen.who, seen.what)).collect::<Vec<_>>()
            };
            assert_eq!(seen(&anchored), seen(&case), "seed {seed}");
        }
        assert!(fastened > 50, "{fastened}");
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let case = failing();
        assert_eq!(minimize(&case, Strategy::Delta, 1).case, minimize(&case, Strategy::Delta, 3).case);
    }

    #[test]
    fn an_interrupted_one_keeps_the_best_so_far_and_a_passing_one_is_none() {
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
