//! Makes [`Results`] of an exploration by `vopr run`.

use std::fmt::Write;

use scenarios::Scenario;

use crate::reports::results::{Ending, Found, Own, Part, Results};
use crate::reports::scenario::{FailureReport, ScenarioReport, ScenarioVerdict, counts};
use engine::base::format;
use engine::base::terminal::{BAD, DOUBTFUL, styled};
use engine::campaigns::finding::Smaller;
use engine::cases::systems::system_option;
use engine::search::explore::Exploration;

impl<'a> Results<'a> {
    /// The results of an exploration. `scenarios` are the reports of the first of the selected scenarios; there are fewer
    /// reports than scenarios if the exploration was interrupted.
    pub fn of_run(
        exploration: &Exploration,
        selection: &[Scenario],
        scenarios: &'a [ScenarioReport],
        interrupted: bool,
    ) -> Results<'a> {
        let verdict = whole(scenarios);
        Results {
            command: "run",
            system: (exploration.system.name, exploration.system.version),
            bugs: exploration.bugs.clone(),
            seed: exploration.seed.to_string(),
            verdict: verdict.word().to_string(),
            fails: verdict.fails(),
            interrupted,
            parts: selection
                .iter()
                .zip(scenarios)
                .map(|(scenario, report)| part(exploration, scenario, report))
                .collect(),
            own: Own::Run { iterations: exploration.iterations, verdict, scenarios },
        }
    }
}

/// The worst verdict of all scenarios. Without a failure, it is `Passed` if any scenario passed.
fn whole(scenarios: &[ScenarioReport]) -> ScenarioVerdict {
    let any = |verdict: &ScenarioVerdict| scenarios.iter().any(|scenario| scenario.verdict == *verdict);
    let order =
        [ScenarioVerdict::Violated, ScenarioVerdict::Unstable, ScenarioVerdict::Vacuous, ScenarioVerdict::Passed];
    order.into_iter().find(any).unwrap_or(ScenarioVerdict::NotRun)
}

fn part(exploration: &Exploration, scenario: &Scenario, report: &ScenarioReport) -> Part {
    let found = |failure: &FailureReport| {
        let saved = failure.file.as_ref().and_then(|file| Found::saved(file, failure.minimized.as_ref()));
        saved.or_else(|| {
            let replay = format!("vopr run {}", arguments(exploration, report.name, &failure.seed));
            let case = exploration.case(scenario, failure.seed.parse().ok()?);
            Some(Found::new(&case, failure.violation.clone(), replay))
        })
    };
    Part {
        name: report.name.to_string(),
        class: format!("vopr.phase{}", report.phase),
        runs: report.runs,
        elapsed: report.elapsed,
        ending: match report.verdict {
            ScenarioVerdict::Passed => Ending::Passed,
            ScenarioVerdict::Violated | ScenarioVerdict::Unstable | ScenarioVerdict::Vacuous => Ending::Failed,
            ScenarioVerdict::NotRun | ScenarioVerdict::NotApplicable => Ending::Skipped,
        },
        verdict: report.verdict.word().to_string(),
        no_verdict: None,
        why: why(exploration, report),
        findings: report.failures.iter().filter_map(found).collect(),
        deaths: Vec::new(),
    }
}

/// Says why a scenario is not applicable, which seeds failed, and why the runs prove nothing.
fn why(exploration: &Exploration, report: &ScenarioReport) -> String {
    let name = report.name;
    let mut text = report.reason.unwrap_or_default().to_string();
    for failure in &report.failures {
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
            None => writeln!(text, "    vopr run {}", arguments(exploration, name, &failure.seed)),
        };
        if let Some(Smaller { file, actions, actions_before }) = &failure.minimized {
            let _ = writeln!(text, "    vopr repro {} ({actions} of {actions_before} actions)", file.display());
        }
    }
    for seed in &report.unstable_seeds {
        let line = format!("the same case gave two traces: vopr run {}", arguments(exploration, name, seed));
        let _ = writeln!(text, "{name}: {line} --check-determinism");
    }
    if report.verdict == ScenarioVerdict::Vacuous {
        let why = if report.committed == 0 {
            "not one request was committed".to_string()
        } else {
            format!("every run missed a mark ({})", counts(&report.missing_marks))
        };
        let _ = writeln!(text, "{name}: {}: {why}; this proves nothing", styled(DOUBTFUL, "vacuous"));
    }
    text
}

/// The arguments with which `vopr run` repeats the run of this seed.
fn arguments(exploration: &Exploration, scenario: &str, seed: &str) -> String {
    let (system, bugs) = (system_option(exploration.system.name), format::bug_options(&exploration.bugs));
    format!("--scenario {scenario} --seed {seed} --iterations 1{system}{bugs}")
}
