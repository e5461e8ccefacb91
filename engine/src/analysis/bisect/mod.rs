//! Bisection: after which event of a failing run is the failure certain?
//!
//! For an event, it measures how likely the same invariant breaks, given everything that happened up to that event. The
//! measurement is a share of runs. Each of them is identical to the failing run up to the event, and then continues
//! with other random choices and without the remaining actions of the plan (`sim/src/world/branch.rs`). An event at
//! which this probability jumps caused the failure.
//!
//! `search.rs` selects the events to measure, and `draw.rs` draws the curve. All events are measured with the same
//! random choices, so that the difference between two neighbouring events is caused by what happened between them and
//! not by chance.
//!
//! In addition, it finds the shortest prefix of the plan: the number of actions, in the order in which they began, that
//! are enough to break the invariant.

pub mod draw;
pub mod search;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use serde::Serialize;
use sim::{Begun, Branch, Case, Onward, Seen, Verdict};

use crate::base::error::Error;
use crate::cases::systems::Engine;
use crate::cases::violation::Violation;
use search::{Curve, Point, Search};

/// The result of a bisection.
#[derive(Debug)]
pub struct Bisected {
    /// The violation of the failing run.
    pub violation: Violation,
    /// The probability of the failure after each measured event.
    pub curve: Curve,
    /// The observations of the failing run.
    pub recorded: Vec<Seen>,
    /// The actions that the failing run carried out.
    pub begun: Vec<Begun>,
    /// The shortest prefix of these actions that breaks the same invariant without the rest of the plan.
    pub prefix: Prefix,
    /// The number of runs it took.
    pub runs: u64,
}

/// A prefix of the actions of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Prefix {
    /// The number of actions that are needed.
    pub needed: usize,
    /// The number of actions that were carried out.
    pub of: usize,
}

/// Measures how likely a failure is after the events of a run.
pub struct Bisecter<'a> {
    /// The distance between the events that are measured first; derived from the length of the run if `None`.
    pub interval: Option<u64>,
    /// The number of runs for each event.
    pub samples: u32,
    /// The seed of the random choices with which the runs continue.
    pub seed: u64,
    /// The number of threads.
    pub jobs: usize,
    /// Ends the bisection early when it is set.
    pub stop: &'a AtomicBool,
    /// Called with the number of measured events.
    pub progress: &'a mut dyn FnMut(u64),
}

impl Bisecter<'_> {
    /// Bisects a case. Returns `None` if the case breaks no invariant, or if it was stopped.
    ///
    /// # Errors
    /// If the case cannot be run.
    pub fn bisect(&mut self, case: &Case) -> Result<Option<Bisected>, Error> {
        let mut engine = Engine::for_case(case)?;
        let Verdict::Violated(violation) = engine.run(case, true).verdict else { return Ok(None) };
        let (recorded, begun) = (engine.recorded().to_vec(), engine.outcomes().begun());
        let (prefix, mut runs) = prefix(&mut engine, case, &begun, violation.invariant);
        let search = Search { last: violation.event, interval: self.interval };
        let mut asked = 0;
        let curve = search.run(&mut |events| {
            let points = self.measure(&engine, case, violation.invariant, events);
            asked += events.len() as u64;
            runs += events.len() as u64 * u64::from(self.samples);
            (self.progress)(asked);
            points
        });
        let stopped = self.stop.load(Ordering::Relaxed);
        let violation = Violation::from(&violation);
        Ok(Some(Bisected { violation, curve, recorded, begun, prefix, runs }).filter(|_| !stopped))
    }

    /// Measures how often the invariant breaks after each of these events.
    fn measure(&self, engine: &Engine, case: &Case, invariant: &str, events: &[u64]) -> Vec<Point> {
        let samples = self.samples as usize;
        let (next, system) = (AtomicUsize::new(0), engine.system());
        let (stop, own) = (self.stop, self.seed);
        let mut failed = vec![0; events.len()];
        let (sender, receiver) = mpsc::channel::<usize>();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    let mut engine = Engine::new(system);
                    while !stop.load(Ordering::Relaxed) {
                        let task = next.fetch_add(1, Ordering::Relaxed);
                        let (index, sample) = (task / samples, task % samples);
                        let Some(after) = events.get(index).copied() else { break };
                        let seed = sim::base::random::prf(own, case.seed, sample as u64, 0);
                        let branch = Branch { after, onward: Onward::Reseeded(seed) };
                        if breaks(&mut engine, case, branch, invariant) && sender.send(index).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for index in receiver {
                failed[index] += 1;
            }
        });
        events.iter().zip(failed).map(|(event, failed)| Point { event: *event, failed, runs: self.samples }).collect()
    }
}

fn breaks(engine: &mut Engine, case: &Case, branch: Branch, invariant: &str) -> bool {
    let outcome = engine.run_branch(case, Some(branch), false);
    matches!(outcome.verdict, Verdict::Violated(violation) if violation.invariant == invariant)
}

/// The shortest failing prefix of the actions, and the number of runs it took to find it.
fn prefix(engine: &mut Engine, case: &Case, begun: &[Begun], invariant: &str) -> (Prefix, u64) {
    let of = begun.len();
    // Actions that begin during the same event belong together: a prefix has all of them or none.
    let mut ends: Vec<usize> = (1..of).filter(|count| begun[*count].event != begun[count - 1].event).collect();
    if of > 0 {
        ends.insert(0, 0);
    }
    for (runs, count) in (1..).zip(&ends) {
        let after = count.checked_sub(1).map_or(0, |last| begun[last].event);
        if breaks(engine, case, Branch { after, onward: Onward::Planless }, invariant) {
            return (Prefix { needed: *count, of }, runs);
        }
    }
    (Prefix { needed: of, of }, ends.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::ScenarioType;

    /// A primary that commits with one acknowledgement too few.
    fn failing() -> Case {
        let scenario = ScenarioType::CrashDuringCommit.create_scenario();
        let mut engine = Engine::new(&crate::cases::systems::SYSTEMS[0]);
        let bugs = ["skipped-fsync".to_string()];
        (0..200)
            .map(|seed| scenario.random_case("vsr", &bugs, seed))
            .find(|case| matches!(engine.run(case, false).verdict, Verdict::Violated(_)))
            .expect("some seed finds the bug")
    }

    fn bisect(case: &Case, jobs: usize) -> Bisected {
        let stop = AtomicBool::new(false);
        let mut bisecter = Bisecter { interval: None, samples: 20, seed: 1, jobs, stop: &stop, progress: &mut |_| () };
        bisecter.bisect(case).expect("it can be run").expect("it fails")
    }

    #[test]
    fn the_result_is_the_same_with_any_number_of_threads() {
        let case = failing();
        let (one, two) = (bisect(&case, 1), bisect(&case, 3));
        assert_eq!((&one.curve, one.prefix, one.runs), (&two.curve, two.prefix, two.runs));
        assert_eq!(one.curve.points.last().map(|point| (point.event, point.failed)), Some((one.violation.event, 20)));
        assert_eq!(one.curve.points[0].failed, 0, "no crash, no loss of what was not synced");
        assert!((1..=one.prefix.of).contains(&one.prefix.needed), "{:?}", one.prefix);
    }

    #[test]
    fn a_passing_case_is_not_bisected() {
        let mut case = failing();
        case.bugs.clear();
        let stop = AtomicBool::new(false);
        let mut bisecter =
            Bisecter { interval: None, samples: 1, seed: 1, jobs: 1, stop: &stop, progress: &mut |_| () };
        assert!(bisecter.bisect(&case).expect("it can be run").is_none());
    }
}
