//! What `vopr run` found, in its formats: a table for people, JSON and lines for programs; and for the reports for CI
//! (`mod.rs`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::reports::{Ending, Found, Part, Results};
use engine::base::terminal::{BAD, DOUBTFUL, GOOD, grouped, rate, styled};
use engine::base::{format, terminal};
use engine::campaigns::finding::Smaller;
use engine::cases::systems::system_option;
use engine::cases::violation::Violation;
use engine::search::explore::Exploration;
use engine::search::summary::Tally;

/// How a scenario came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioVerdict {
    /// All runs held, and at least one proved something.
    Passed,
    /// A run broke an invariant.
    Violated,
    /// A case did not give the same trace twice.
    Unstable,
    /// No run showed what the scenario is for, or no request was ever committed: nothing is proven.
    Vacuous,
    /// Stopped before the first run ended.
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

    fn word(self) -> &'static str {
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
pub struct FailureReport {
    /// The how manieth run of the scenario, from 0.
    pub iteration: u64,
    /// Its seed, as text: JSON numbers lose digits.
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
pub struct ScenarioReport {
    name: &'static str,
    phase: u8,
    verdict: ScenarioVerdict,
    /// Why it is not applicable.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    runs: u64,
    passed: u64,
    vacuous: u64,
    violated: u64,
    violations: BTreeMap<&'static str, u64>,
    missing_marks: BTreeMap<String, u64>,
    beyond_the_promise: BTreeMap<&'static str, u64>,
    events: u64,
    committed: u64,
    seconds: f64,
    runs_per_second: u64,
    events_per_second: u64,
    /// Coverage slots reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<usize>,
    digest: String,
    unstable_seeds: Vec<String>,
    failures: Vec<FailureReport>,
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
            seconds: elapsed.as_secs_f64(),
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

    /// The failed runs that it names.
    pub fn failures_mut(&mut self) -> impl Iterator<Item = &mut FailureReport> {
        self.failures.iter_mut()
    }

    /// How it came out.
    pub fn verdict(&self) -> ScenarioVerdict {
        self.verdict
    }
}

/// The whole report.
#[derive(Serialize)]
pub struct Report {
    version: u32,
    command: &'static str,
    system: &'static str,
    bugs: Vec<String>,
    /// As text: JSON numbers lose digits.
    seed: String,
    iterations: u64,
    verdict: ScenarioVerdict,
    interrupted: bool,
    scenarios: Vec<ScenarioReport>,
}

impl Report {
    /// A report of these scenarios.
    pub fn new(exploration: &Exploration, scenarios: Vec<ScenarioReport>, interrupted: bool) -> Self {
        let order = [ScenarioVerdict::Violated, ScenarioVerdict::Unstable, ScenarioVerdict::Vacuous];
        let worst = order.into_iter().find(|verdict| scenarios.iter().any(|scenario| scenario.verdict == *verdict));
        let any = scenarios.iter().any(|scenario| scenario.verdict == ScenarioVerdict::Passed);
        let otherwise = if any { ScenarioVerdict::Passed } else { ScenarioVerdict::NotRun };
        Report {
            version: terminal::JSON_VERSION,
            command: "run",
            system: exploration.system.name,
            bugs: exploration.bugs.clone(),
            seed: exploration.seed.to_string(),
            iterations: exploration.iterations,
            verdict: worst.unwrap_or(otherwise),
            interrupted,
            scenarios,
        }
    }

    /// How the whole came out.
    pub fn verdict(&self) -> ScenarioVerdict {
        self.verdict
    }

    /// For people.
    pub fn human(&self) -> String {
        let mut text = format!("system {}, base seed {}", self.system, self.seed);
        if !self.bugs.is_empty() {
            let _ = write!(text, ", planted bugs: {}", self.bugs.join(", "));
        }
        let coverage = self.scenarios.iter().any(|scenario| scenario.states.is_some());
        let mut headers = vec!["scenario", "runs", "passed", "vacuous", "violations", "beyond"];
        headers.extend(["committed", "runs/s", "events/s"]);
        headers.extend(coverage.then_some("states"));
        headers.push("verdict");
        let mut table = terminal::table(&headers);
        let (applicable, others): (Vec<_>, Vec<_>) =
            self.scenarios.iter().partition(|scenario| scenario.verdict != ScenarioVerdict::NotApplicable);
        for scenario in &applicable {
            let mut row = vec![
                scenario.name.to_string(),
                grouped(scenario.runs),
                grouped(scenario.passed),
                share(scenario.vacuous, scenario.runs),
                counts(&scenario.violations),
                counts(&scenario.beyond_the_promise),
                grouped(scenario.committed),
                grouped(scenario.runs_per_second),
                grouped(scenario.events_per_second),
            ];
            row.extend(coverage.then(|| grouped(scenario.states.unwrap_or(0) as u64)));
            row.push(scenario.verdict.word().to_string());
            table.add_row(row);
        }
        let _ = writeln!(text, "\n{table}");
        for scenario in &applicable {
            self.explain(scenario, &mut text);
        }
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for scenario in &others {
            reasons.entry(scenario.reason.unwrap_or_default()).or_default().push(scenario.name);
        }
        for (reason, names) in reasons {
            let _ = writeln!(text, "not applicable to {}, since {reason}: {}", self.system, names.join(", "));
        }
        if self.interrupted {
            let _ = writeln!(text, "interrupted: the table holds the runs that were done");
        }
        let style = match self.verdict {
            ScenarioVerdict::Passed => GOOD,
            ScenarioVerdict::NotRun => DOUBTFUL,
            _ => BAD,
        };
        let _ = writeln!(text, "{}", styled(style, self.verdict.word()));
        text
    }

    /// Says what a scenario's row cannot: which seeds failed, and why nothing was proven.
    fn explain(&self, scenario: &ScenarioReport, text: &mut String) {
        let name = scenario.name;
        for failure in &scenario.failures {
            let violation = &failure.violation;
            let _ = writeln!(
                text,
                "{name}: {} ({}) at {}, {}: expected {}; saw {}",
                styled(BAD, &violation.invariant),
                violation.rule,
                format::moment(violation.at),
                format::replicas(violation.replicas),
                format::printable(&violation.expected),
                format::printable(&violation.seen)
            );
            let _ = match &failure.file {
                Some(file) => writeln!(text, "    vopr repro {}", file.display()),
                None => writeln!(text, "    vopr run {}", self.arguments(name, &failure.seed)),
            };
            if let Some(Smaller { file, actions, actions_before }) = &failure.minimized {
                let _ = writeln!(text, "    vopr repro {} ({actions} of {actions_before} actions)", file.display());
            }
        }
        for seed in &scenario.unstable_seeds {
            let line = format!("the same case gave two traces: vopr run {}", self.arguments(name, seed));
            let _ = writeln!(text, "{name}: {line} --check-determinism");
        }
        if scenario.verdict == ScenarioVerdict::Vacuous {
            let why = if scenario.committed == 0 {
                "not one request was committed".to_string()
            } else {
                format!("every run missed a mark ({})", counts(&scenario.missing_marks))
            };
            let _ = writeln!(text, "{name}: {}: {why}; this proves nothing", styled(DOUBTFUL, "vacuous"));
        }
    }

    /// The arguments of the `vopr run` that has this one run again.
    fn arguments(&self, scenario: &str, seed: &str) -> String {
        let (system, bugs) = (system_option(self.system), format::bug_options(&self.bugs));
        format!("--scenario {scenario} --seed {seed} --iterations 1{system}{bugs}")
    }

    /// One line a scenario: scenario, iterations, seconds, rate, verdict.
    pub fn compact(&self) -> String {
        let mut text = String::new();
        for scenario in &self.scenarios {
            let ScenarioReport { name, runs, seconds, runs_per_second, verdict, .. } = scenario;
            let _ = writeln!(text, "{name} {runs} {seconds:.2}s {runs_per_second}/s {}", verdict.word());
        }
        text
    }

    /// What came of it, for the reports; `case` is the case of a scenario and a seed.
    pub fn results(&self, version: &'static str, case: impl Fn(&str, u64) -> Option<sim::Case>) -> Results {
        let part = |scenario: &ScenarioReport| {
            let found = |failure: &FailureReport| {
                let saved = failure.file.as_ref().and_then(|file| Found::saved(file, failure.minimized.as_ref()));
                saved.or_else(|| {
                    let replay = format!("vopr run {}", self.arguments(scenario.name, &failure.seed));
                    let case = case(scenario.name, failure.seed.parse().ok()?)?;
                    Some(Found::new(&case, failure.violation.clone(), replay))
                })
            };
            let mut why = scenario.reason.unwrap_or_default().to_string();
            self.explain(scenario, &mut why);
            Part {
                name: scenario.name.to_string(),
                class: format!("vopr.phase{}", scenario.phase),
                runs: scenario.runs,
                elapsed: Duration::from_secs_f64(scenario.seconds),
                ending: match scenario.verdict {
                    ScenarioVerdict::Passed => Ending::Passed,
                    verdict if verdict.fails() => Ending::Failed,
                    _ => Ending::Skipped,
                },
                verdict: scenario.verdict.word().to_string(),
                why: anstream::adapter::strip_str(&why).to_string(),
                findings: scenario.failures.iter().filter_map(found).collect(),
                deaths: Vec::new(),
            }
        };
        Results {
            command: "run",
            system: (self.system, version),
            bugs: self.bugs.clone(),
            seed: self.seed.clone(),
            verdict: self.verdict.word().to_string(),
            fails: self.verdict.fails(),
            interrupted: self.interrupted,
            parts: self.scenarios.iter().map(part).collect(),
        }
    }
}

/// A count with its share of the whole.
fn share(count: u64, whole: u64) -> String {
    if count == 0 { "0".to_string() } else { format!("{} ({} %)", grouped(count), count * 100 / whole.max(1)) }
}

fn counts<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "0".to_string();
    }
    counts.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", ")
}
