//! The human format of `vopr run`: a table of the scenarios, the failures, and the verdict.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::reports::results::Results;
use crate::reports::scenario::{ScenarioReport, ScenarioVerdict, counts};
use engine::base::terminal;
use engine::base::terminal::{BAD, DOUBTFUL, GOOD, grouped, styled};

/// The text.
pub(super) fn text(results: &Results, verdict: ScenarioVerdict, scenarios: &[ScenarioReport]) -> String {
    let mut text = format!("system {}, base seed {}", results.system.0, results.seed);
    if !results.bugs.is_empty() {
        let _ = write!(text, ", planted bugs: {}", results.bugs.join(", "));
    }
    let _ = writeln!(text, "\n{}", table(scenarios));
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (part, scenario) in results.parts.iter().zip(scenarios) {
        match scenario.reason {
            Some(reason) => reasons.entry(reason).or_default().push(scenario.name),
            None => text.push_str(&part.why),
        }
    }
    for (reason, names) in reasons {
        let _ = writeln!(text, "not applicable to {}, since {reason}: {}", results.system.0, names.join(", "));
    }
    if results.interrupted {
        let _ = writeln!(text, "interrupted: the table holds the runs that were done");
    }
    let style = match verdict {
        ScenarioVerdict::Passed => GOOD,
        ScenarioVerdict::NotRun | ScenarioVerdict::NotApplicable => DOUBTFUL,
        ScenarioVerdict::Violated | ScenarioVerdict::Unstable | ScenarioVerdict::Vacuous => BAD,
    };
    let _ = writeln!(text, "{}", styled(style, verdict.word()));
    text
}

/// A table of the scenarios that are applicable to the system.
fn table(scenarios: &[ScenarioReport]) -> impl std::fmt::Display {
    let coverage = scenarios.iter().any(|scenario| scenario.states.is_some());
    let mut headers = vec!["scenario", "runs", "passed", "vacuous", "violations", "beyond"];
    headers.extend(["committed", "runs/s", "events/s"]);
    headers.extend(coverage.then_some("states"));
    headers.push("verdict");
    let mut table = terminal::table(&headers);
    for scenario in scenarios.iter().filter(|scenario| scenario.verdict != ScenarioVerdict::NotApplicable) {
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
    table
}

/// A count with its share of the whole.
fn share(count: u64, whole: u64) -> String {
    if count == 0 { "0".to_string() } else { format!("{} ({} %)", grouped(count), count * 100 / whole.max(1)) }
}
