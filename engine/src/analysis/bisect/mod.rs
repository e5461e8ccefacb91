//! Bisecting: after which event of a failing run is the failure certain?
//!
//! Of an event it is asked: given all that has happened up to here, how likely is it that the same invariant breaks?
//! The answer is a share of runs that are the failing one up to that event and go on with other random choices, without
//! what the plan still has in store (`sim/src/world/branch.rs`). Where that probability jumps, something happened that caused
//! the failure.
//!
//! `search.rs` decides which events are asked about, `draw.rs` draws the curve. All events are asked about with the
//! same random choices, so that two neighbouring events differ by what happened between them and not by luck.
//!
//! Beside it, the shortest prefix of the plan: how many of its actions, in the order in which they began, break the
//! invariant.

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

/// What came of it.
#[derive(Debug)]
pub struct Bisected {
    /// The violation of the failing run.
    pub violation: Violation,
    /// How likely the failure is after which event.
    pub curve: Curve,
    /// Its observations.
    pub recorded: Vec<Seen>,
    /// The actions that it carried out.
    pub begun: Vec<Begun>,
    /// The shortest prefix of them that breaks the same invariant, the rest of the plan left out.
    pub prefix: Prefix,
    /// How many runs it took.
    pub runs: u64,
}

/// The first actions of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Prefix {
    /// So many are needed.
    pub needed: usize,
    /// So many were carried out.
    pub of: usize,
}

/// Asks how likely a failure is after its events.
pub struct Bisecter<'a> {
    /// How many events lie between two that are asked about at first; chosen by the length of the run if `None`.
    pub interval: Option<u64>,
    /// How many runs are made for an event.
    pub samples: u32,
    /// Makes the random choices that the runs go on with.
    pub seed: u64,
    /// How many threads.
    pub jobs: usize,
    /// Set from outside, to end early.
    pub stop: &'a AtomicBool,
    /// Is told how many events were asked about.
    pub progress: &'a mut dyn FnMut(u64),
}

impl Bisecter<'_> {
    /// Bisects a case; `None` where it breaks nothing, or when it was stopped.
    ///
    /// # Errors
    /// Where the case cannot be run.
    pub fn bisect(&mut self, case: &Case) -> Result<Option<Bisected>, Error> {
        let mut engine = Engine::for_case(case)?;
        let Verdict::Violated(violation) = engine.run(case, true).verdict else { return Ok(None) };
        let (recorded, begun) = (engine.recorded().to_vec(), engine.outcomes().begun());
        let (prefix, mut runs) = prefix(&mut engine, case, &begun, violation.invariant);
        let search = Search { last: violation.event, interval: self.interval };
        let mut asked = 0;
        let curve = search.run(&mut |events| {
            let points = self.ask(&engine, case, violation.invariant, events);
            asked += events.len() as u64;
            runs += events.len() as u64 * u64::from(self.samples);
            (self.progress)(asked);
            points
        });
        let stopped = self.stop.load(Ordering::Relaxed);
        let violation = Violation::from(&violation);
        Ok(Some(Bisected { violation, curve, recorded, begun, prefix, runs }).filter(|_| !stopped))
    }

    /// How often the invariant breaks after each of these events.
    fn ask(&self, engine: &Engine, case: &Case, invariant: &str, events: &[u64]) -> Vec<Point> {
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

/// The shortest failing prefix of the actions, and how many runs it took to find it.
fn prefix(engine: &mut Engine, case: &Case, begun: &[Begun], invariant: &str) -> (Prefix, u64) {
    let of = begun.len();
    // Actions that begin during the same event belong together: the shortest prefix has all of them or none.
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
    fn what_breaks_nothing_is_not_bisected() {
        let mut case = failing();
        case.bugs.clear();
        let stop = AtomicBool::new(false);
        let mut bisecter =
            Bisecter { interval: None, samples: 1, seed: 1, jobs: 1, stop: &stop, progress: &mut |_| () };
        assert!(bisecter.bisect(&case).expect("it can be run").is_none());
    }
}
