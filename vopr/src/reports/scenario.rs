//! The report of a scenario of `vopr run`: its verdict, its counts, and the runs that failed. The JSON format has the same
//! fields.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

use engine::base::terminal::rate;
use engine::campaigns::finding::Smaller;
use engine::cases::violation::Violation;
use engine::search::summary::Tally;

/// The verdict on a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScenarioVerdict {
    /// No run broke an invariant, and at least one proved something.
    Passed,
    /// A run broke an invariant.
    Violated,
    /// A case did not give the same trace twice.
    Unstable,
    /// No run had all its marks, or no request was committed, so the runs prove nothing.
    Vacuous,
    /// It was stopped before the first run ended.
    NotRun,
    /// It makes no sense for this system.
    NotApplicable,
}

impl ScenarioVerdict {
    fn of(tally: &Tally) -> Self {
        if tally.violated > 0 {
            ScenarioVerdict::Violated
        } else if !tally.unstable.is_empty() {
            ScenarioVerdict::Unstable
        } else if tally.runs == 0 {
            ScenarioVerdict::NotRun
        } else if tally.passed == 0 || tally.committed == 0 {
            ScenarioVerdict::Vacuous
        } else {
            ScenarioVerdict::Passed
        }
    }

    /// Whether a scenario with this verdict makes the whole command fail.
    pub fn fails(self) -> bool {
        !matches!(self, ScenarioVerdict::Passed | ScenarioVerdict::NotRun | ScenarioVerdict::NotApplicable)
    }

    /// The verdict in one or two words.
    pub fn word(self) -> &'static str {
        match self {
            ScenarioVerdict::Passed => "passed",
            ScenarioVerdict::Violated => "VIOLATED",
            ScenarioVerdict::Unstable => "NOT DETERMINISTIC",
            ScenarioVerdict::Vacuous => "VACUOUS",
            ScenarioVerdict::NotRun => "not run",
            ScenarioVerdict::NotApplicable => "not applicable",
        }
    }
}

/// A failed run.
#[derive(Serialize)]
pub(crate) struct FailureReport {
    /// The number of the run in the scenario, from 0.
    pub iteration: u64,
    /// Its seed as text, since JSON numbers lose digits.
    pub seed: String,
    /// What was broken.
    #[serde(flatten)]
    pub violation: Violation,
    /// The digest of its trace.
    pub digest: String,
    /// Where it was saved.
    pub file: Option<PathBuf>,
    /// The smaller case beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimized: Option<Smaller>,
}

/// A scenario.
#[derive(Serialize)]
pub(crate) struct ScenarioReport {
    /// Its name.
    pub name: &'static str,
    /// Its phase.
    pub phase: u8,
    /// Its verdict.
    pub verdict: ScenarioVerdict,
    /// Why it is not applicable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// How many runs there were.
    pub runs: u64,
    /// How many passed.
    pub passed: u64,
    /// How many proved nothing.
    pub vacuous: u64,
    /// How many broke an invariant.
    pub violated: u64,
    /// How many runs broke each invariant.
    pub violations: BTreeMap<&'static str, u64>,
    /// How often each mark was missing.
    pub missing_marks: BTreeMap<String, u64>,
    /// How many runs broke an invariant that is not owed.
    pub beyond_the_promise: BTreeMap<&'static str, u64>,
    /// How many events were simulated.
    pub events: u64,
    /// How many requests were committed.
    pub committed: u64,
    /// How long it took.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Runs in a second.
    pub runs_per_second: u64,
    /// Events in a second.
    pub events_per_second: u64,
    /// Coverage slots reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<usize>,
    /// A digest of all digests.
    pub digest: String,
    /// The seeds whose case gave two different traces.
    pub unstable_seeds: Vec<String>,
    /// The first few failed runs of each kind.
    pub failures: Vec<FailureReport>,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

impl ScenarioReport {
    /// A report of these sums.
    pub fn new(
        scenario: &scenarios::Scenario,
        tally: Tally,
        elapsed: Duration,
        coverage: bool,
        failures: Vec<FailureReport>,
    ) -> Self {
        ScenarioReport {
            name: scenario.name,
            phase: scenario.phase,
            verdict: ScenarioVerdict::of(&tally),
            reason: None,
            runs: tally.runs,
            passed: tally.passed,
            vacuous: tally.vacuous,
            violated: tally.violated,
            violations: tally.violations,
            missing_marks: tally.missing,
            beyond_the_promise: tally.beyond,
            events: tally.events,
            committed: tally.committed,
            elapsed,
            runs_per_second: rate(tally.runs, elapsed),
            events_per_second: rate(tally.events, elapsed),
            states: coverage.then(|| tally.slots.count()),
            digest: format!("{:016x}", tally.digest),
            unstable_seeds: tally.unstable.iter().map(|(seed, ..)| seed.to_string()).collect(),
            failures,
        }
    }

    /// A report of a scenario that makes no sense for the system, for this reason.
    pub fn not_applicable(scenario: &scenarios::Scenario, reason: &'static str) -> Self {
        ScenarioReport {
            verdict: ScenarioVerdict::NotApplicable,
            reason: Some(reason),
            ..ScenarioReport::new(scenario, Tally::default(), Duration::ZERO, false, Vec::new())
        }
    }
}

/// Named counts as the text of one cell of a table.
pub(super) fn counts<K: Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "0".to_string();
    }
    counts.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", ")
}
