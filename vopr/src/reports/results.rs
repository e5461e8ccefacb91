//! What came of `vopr run` or `vopr fuzz`, in the form that all formats are made of.

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

/// How a part came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it should.
    Passed,
    /// It says nothing.
    Skipped,
    /// Something is wrong with the system under test, or nothing was proven.
    Failed,
    /// Something is wrong with vopr itself.
    Died,
}

/// What came of a command.
pub(crate) struct Results<'a> {
    /// The command: `run` or `fuzz`.
    pub command: &'static str,
    /// The system under test and its version.
    pub system: (&'static str, &'static str),
    /// The planted bugs that were switched on.
    pub bugs: Vec<String>,
    /// The seed, as text.
    pub seed: String,
    /// How it came out, in a word or two.
    pub verdict: String,
    /// Whether the command fails.
    pub fails: bool,
    /// Whether it was cut short by Ctrl-C.
    pub interrupted: bool,
    /// Its scenarios or targets.
    pub parts: Vec<Part>,
    /// What only this command has to say.
    pub own: Own<'a>,
}

/// What only one of the commands has to say: counts that the other has not.
pub(crate) enum Own<'a> {
    /// Random exploration.
    Run {
        /// How many runs of each scenario were wanted.
        iterations: u64,
        /// How the whole came out.
        verdict: ScenarioVerdict,
        /// The scenarios, each for the part in the same place.
        scenarios: &'a [ScenarioReport],
    },
    /// A campaign.
    Fuzz {
        /// What it was to do.
        campaign: &'a Campaign,
        /// What came of it; the shares are in the order of the parts.
        summary: &'a Summary,
    },
}

/// What came of a scenario or of a fuzz target.
pub(crate) struct Part {
    /// Its name.
    pub name: String,
    /// What it belongs to, as `JUnit` names classes.
    pub class: String,
    /// How many runs there were.
    pub runs: u64,
    /// How long they took.
    pub elapsed: Duration,
    /// How it came out.
    pub ending: Ending,
    /// The same in a word or two.
    pub verdict: String,
    /// Why it has no verdict; reports say this instead.
    pub no_verdict: Option<&'static str>,
    /// The reason in lines, with the terminal's colours.
    pub why: String,
    /// What was found.
    pub findings: Vec<Found>,
    /// How workers died, and the commands that show it.
    pub deaths: Vec<(String, Option<String>)>,
}

impl Part {
    /// How it came out, in a word or two, or why it did not.
    pub fn outcome(&self) -> &str {
        self.no_verdict.unwrap_or(&self.verdict)
    }
}

/// A violation.
pub(crate) struct Found {
    /// What was broken, where and how.
    pub violation: Violation,
    /// The scenario.
    pub scenario: String,
    /// The kinds of actions in the plan.
    pub shape: String,
    /// The plan in words, the smallest one that there is.
    pub plan: Vec<String>,
    /// How many actions the plan had before it was minimized.
    pub actions_before: Option<usize>,
    /// The file with that plan.
    pub file: Option<PathBuf>,
    /// The file of what was found at first, where there is a smaller one.
    pub original: Option<PathBuf>,
    /// The command that has it run again.
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

    /// A violation in a file, and in the smaller one beside it if there is one. `None` where the file cannot be read any more.
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
