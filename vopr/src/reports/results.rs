//! The results of `vopr run` or `vopr fuzz`, in the form from which every format is made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sim::Case;

use crate::reports::scenario::{ScenarioReport, ScenarioVerdict};
use engine::base::format;
use engine::campaigns::causes::shape;
use engine::campaigns::finding::Smaller;
use engine::cases::kmb::Kmb;
use engine::cases::violation::Violation;
use engine::search::fuzzing::campaign::{Campaign, Summary};

/// The outcome of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing is wrong.
    Passed,
    /// It was not run, so there is no verdict.
    Skipped,
    /// An invariant was broken, or the runs prove nothing.
    Failed,
    /// A worker died.
    Died,
}

/// The results of a command.
pub(crate) struct Results<'a> {
    /// The command: `run` or `fuzz`.
    pub command: &'static str,
    /// The system under test and its version.
    pub system: (&'static str, &'static str),
    /// The planted bugs that were switched on.
    pub bugs: Vec<String>,
    /// The seed, as text.
    pub seed: String,
    /// The verdict in one or two words.
    pub verdict: String,
    /// Whether the command fails.
    pub fails: bool,
    /// Whether Ctrl-C ended it early.
    pub interrupted: bool,
    /// Its scenarios or targets.
    pub parts: Vec<Part>,
    /// What only this command counts.
    pub own: Own<'a>,
}

/// What only one of the two commands counts. The human and the JSON format contain it.
pub(crate) enum Own<'a> {
    /// Random exploration.
    Run {
        /// The requested number of runs of each scenario.
        iterations: u64,
        /// The verdict on all scenarios together.
        verdict: ScenarioVerdict,
        /// The scenarios, in the order of the parts.
        scenarios: &'a [ScenarioReport],
    },
    /// A campaign.
    Fuzz {
        /// The campaign's settings.
        campaign: &'a Campaign,
        /// Its results. The shares are in the order of the parts.
        summary: &'a Summary,
    },
}

/// The results of a scenario or of a fuzz target.
pub(crate) struct Part {
    /// Its name.
    pub name: String,
    /// The name of its class in `JUnit`.
    pub class: String,
    /// How many runs there were.
    pub runs: u64,
    /// How long they took.
    pub elapsed: Duration,
    /// The outcome.
    pub ending: Ending,
    /// The outcome in one or two words.
    pub verdict: String,
    /// Why there is no verdict, if there is none. Reports for CI print this instead of the verdict.
    pub no_verdict: Option<&'static str>,
    /// The reasons for the outcome, one per line, with the terminal's colours.
    pub why: String,
    /// The violations found.
    pub findings: Vec<Found>,
    /// How each dead worker died, and the command that replays it if there is one.
    pub deaths: Vec<(String, Option<String>)>,
}

impl Part {
    /// The verdict, or why there is none.
    pub fn outcome(&self) -> &str {
        self.no_verdict.unwrap_or(&self.verdict)
    }
}

/// A violation, and how to replay it.
pub(crate) struct Found {
    /// The violation.
    pub violation: Violation,
    /// The scenario.
    pub scenario: String,
    /// The kinds of actions in the plan.
    pub shape: String,
    /// The smallest known plan, each action in words.
    pub plan: Vec<String>,
    /// How many actions the plan had before it was minimized.
    pub actions_before: Option<usize>,
    /// The file with that plan.
    pub file: Option<PathBuf>,
    /// The file of the plan before it was minimized, if it was.
    pub original: Option<PathBuf>,
    /// The command that replays it.
    pub replay: String,
}

impl Found {
    /// A violation in a case that was not saved.
    pub fn new(case: &Case, violation: Violation, replay: String) -> Self {
        Found {
            violation,
            scenario: case.scenario.clone(),
            shape: shape(&case.actions),
            plan: case.actions.iter().map(format::action).collect(),
            actions_before: None,
            file: None,
            original: None,
            replay,
        }
    }

    /// A violation in a file, and in the smaller one beside it if there is one. `None` if the file can
    /// no longer be read.
    pub fn saved(file: &Path, minimized: Option<&Smaller>) -> Option<Self> {
        let smallest = minimized.map_or(file, |smaller| &smaller.file);
        let Kmb { case, expected, .. } = Kmb::read(smallest).ok()?;
        let replay = format!("vopr repro {}", format::quoted(&smallest.display().to_string()));
        Some(Found {
            actions_before: minimized.map(|smaller| smaller.actions_before),
            file: Some(smallest.to_path_buf()),
            original: minimized.map(|_| file.to_path_buf()),
            ..Found::new(&case, expected?, replay)
        })
    }
}
