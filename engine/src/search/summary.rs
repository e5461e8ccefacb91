//! Totals over the runs of one scenario. Merging the tallies of parallel workers gives the same total in any order, so
//! a report does not depend on the number of jobs.

use std::collections::BTreeMap;

use sim::observers::coverage::MAP_SIZE;
use sim::{Outcome, Verdict};

use crate::cases::violation::Violation;

/// The number of failures kept for each rule. A broken build may fail a thousand times in the same way.
const FAILURES_KEPT: usize = 3;

/// A set of coverage slots.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    words: Vec<u64>,
    count: usize,
}

impl Slots {
    /// Adds a slot. Returns whether it is new.
    pub fn insert(&mut self, slot: u32) -> bool {
        if self.words.is_empty() {
            self.words = vec![0; MAP_SIZE / 64];
        }
        let slot = slot as usize % MAP_SIZE;
        let (word, bit) = (&mut self.words[slot / 64], 1 << (slot % 64));
        let new = *word & bit == 0;
        *word |= bit;
        self.count += usize::from(new);
        new
    }

    /// Whether a slot is in the set.
    pub fn has(&self, slot: u32) -> bool {
        let slot = slot as usize % MAP_SIZE;
        self.words.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// How many slots are in the set.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds all slots of another set.
    pub fn merge(&mut self, other: &Slots) {
        for (index, word) in other.words.iter().enumerate() {
            for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
                self.insert((index * 64 + bit) as u32);
            }
        }
    }
}

/// A run that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The index of the run in its scenario, from 0.
    pub iteration: u64,
    /// Its seed.
    pub seed: u64,
    /// The violation.
    pub violation: Violation,
    /// The digest of its trace.
    pub digest: u64,
}

/// The totals over a number of runs of one scenario.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many runs there were.
    pub runs: u64,
    /// How many passed.
    pub passed: u64,
    /// How many were vacuous.
    pub vacuous: u64,
    /// How many broke an invariant.
    pub violated: u64,
    /// How many runs missed each mark.
    pub missing: BTreeMap<String, u64>,
    /// How many runs broke each invariant.
    pub violations: BTreeMap<&'static str, u64>,
    /// How many runs broke each invariant that is not owed.
    pub beyond: BTreeMap<&'static str, u64>,
    /// How many events were simulated.
    pub events: u64,
    /// How many requests were committed.
    pub committed: u64,
    /// A digest of the digests of all runs.
    pub digest: u64,
    /// The reached coverage slots, if coverage is counted.
    pub slots: Slots,
    /// The seeds of runs that differed when repeated, with both digests.
    pub unstable: Vec<(u64, u64, u64)>,
    /// The first few failures of each rule.
    failures: BTreeMap<(&'static str, &'static str), Vec<Failure>>,
}

impl Tally {
    /// Adds one run.
    pub fn add(&mut self, iteration: u64, seed: u64, outcome: Outcome) {
        self.runs += 1;
        self.events += outcome.events;
        self.committed += outcome.committed;
        self.digest = self.digest.wrapping_add(crate::cases::seeds::mix(outcome.digest, "digest", iteration));
        if let Some(violation) = outcome.beyond_the_promise {
            *self.beyond.entry(violation.invariant).or_default() += 1;
        }
        match outcome.verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Vacuous(missing) => {
                self.vacuous += 1;
                for mark in missing {
                    *self.missing.entry(format!("{mark:?}")).or_default() += 1;
                }
            }
            Verdict::Violated(violation) => {
                self.violated += 1;
                *self.violations.entry(violation.invariant).or_default() += 1;
                let kept = self.failures.entry((violation.invariant, violation.rule)).or_default();
                kept.push(Failure { iteration, seed, violation: Violation::from(&violation), digest: outcome.digest });
                keep_first(kept);
            }
        }
    }

    /// Adds the totals of other runs of the same scenario.
    pub fn merge(&mut self, other: Tally) {
        self.runs += other.runs;
        self.passed += other.passed;
        self.vacuous += other.vacuous;
        self.violated += other.violated;
        self.events += other.events;
        self.committed += other.committed;
        self.digest = self.digest.wrapping_add(other.digest);
        self.slots.merge(&other.slots);
        self.unstable.extend(other.unstable);
        self.unstable.sort_unstable();
        for (mark, count) in other.missing {
            *self.missing.entry(mark).or_default() += count;
        }
        for (invariant, count) in other.violations {
            *self.violations.entry(invariant).or_default() += count;
        }
        for (invariant, count) in other.beyond {
            *self.beyond.entry(invariant).or_default() += count;
        }
        for (shape, failures) in other.failures {
            let kept = self.failures.entry(shape).or_default();
            kept.extend(failures);
            keep_first(kept);
        }
    }

    /// The kept failures, in order of their runs.
    pub fn failures(&self) -> Vec<&Failure> {
        let mut failures: Vec<_> = self.failures.values().flatten().collect();
        failures.sort_by_key(|failure| failure.iteration);
        failures
    }
}

fn keep_first(failures: &mut Vec<Failure>) {
    failures.sort_by_key(|failure| failure.iteration);
    failures.truncate(FAILURES_KEPT);
}

#[cfg(test)]
mod tests {
    use sim::ReplicaSet;

    use super::*;

    fn outcome(iteration: u64) -> Outcome {
        let violation = sim::Violation {
            invariant: "agreement",
            rule: "one op, two entries",
            at: 1,
            event: 2,
            replicas: ReplicaSet(1),
            expected: "a".into(),
            seen: "b".into(),
        };
        let verdict = match iteration % 3 {
            0 => Verdict::Passed,
            1 => Verdict::Vacuous(vec![sim::Mark::FoundDamage]),
            _ => Verdict::Violated(violation),
        };
        Outcome {
            verdict,
            digest: iteration * 7,
            events: 10,
            observations: 20,
            time: 5,
            committed: 3,
            actions_done: 1,
            actions_skipped: 0,
            beyond_the_promise: None,
        }
    }

    #[test]
    fn the_total_is_the_same_for_every_distribution_of_the_runs() {
        let mut whole = Tally::default();
        let mut parts = vec![Tally::default(), Tally::default(), Tally::default()];
        for iteration in 0..60 {
            whole.add(iteration, iteration, outcome(iteration));
            parts[(iteration * iteration % 3) as usize].add(iteration, iteration, outcome(iteration));
        }
        let mut sum = Tally::default();
        while let Some(part) = parts.pop() {
            sum.merge(part);
        }
        assert_eq!(format!("{sum:?}"), format!("{whole:?}"));
        assert_eq!((sum.passed, sum.vacuous, sum.violated), (20, 20, 20));
        let kept: Vec<_> = sum.failures().iter().map(|failure| failure.iteration).collect();
        assert_eq!(kept, [2, 5, 8], "the first three of a kind");
    }

    #[test]
    fn slots_are_counted_once() {
        let mut slots = Slots::default();
        assert!(slots.insert(70) && !slots.insert(70) && slots.insert(65_535));
        let mut other = Slots::default();
        other.merge(&slots);
        assert_eq!(other.count(), 2);
    }
}
