//! Reports for machines: what `vopr run` and `vopr fuzz` found, in the formats of others. Both say it in one form,
//! [`Results`], and each format is made of that.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sim::Case;

use engine::base::error::Error;
use engine::base::terminal::{DOUBTFUL, styled, tell};
use engine::base::{files, format};
use engine::campaigns::causes::shape;
use engine::cases::kmb::Kmb;
use engine::cases::violation::Violation;

mod campaign;
mod junit;
pub(crate) mod run;
mod sarif;
mod summary;

/// Where reports go.
#[derive(Args)]
#[allow(clippy::struct_field_names, reason = "they are the options' names")]
pub(crate) struct ReportArguments {
    /// Write a report as `JUnit` has them
    #[arg(long, value_name = "FILE")]
    junit_output: Option<PathBuf>,
    /// Write a report in SARIF 2.1.0, as code scanning reads it
    #[arg(long, value_name = "FILE")]
    sarif_output: Option<PathBuf>,
    /// Write a summary in Markdown; it is added to the file that `GITHUB_STEP_SUMMARY` names as well
    #[arg(long, value_name = "FILE")]
    summary_output: Option<PathBuf>,
}

/// What a step of a workflow of GitHub shows on its page: the file that this variable names.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

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
pub(crate) struct Results {
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
    /// The reason, in plain lines.
    pub why: String,
    /// What was found.
    pub findings: Vec<Found>,
    /// How workers died, and the commands that show it.
    pub deaths: Vec<(String, Option<String>)>,
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
    pub fn saved(file: &Path, minimized: Option<&engine::campaigns::finding::Smaller>) -> Option<Self> {
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

impl ReportArguments {
    /// Makes sure, before hours of work, that the reports could be written.
    pub fn prepare(&self) -> Result<(), Error> {
        for (path, option) in self.files() {
            // A pipe or a device is opened when there is something to say.
            if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
                continue;
            }
            let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let tried = if path.is_dir() {
                Err(std::io::ErrorKind::IsADirectory.into())
            } else {
                tempfile::tempfile_in(directory).map(drop)
            };
            tried.map_err(|error| cannot_write(path, &error, option))?;
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = (&Path, &'static str)> {
        let files = [
            (&self.junit_output, "--junit-output"),
            (&self.sarif_output, "--sarif-output"),
            (&self.summary_output, "--summary-output"),
        ];
        files.into_iter().filter_map(|(path, option)| Some((path.as_deref()?, option)))
    }

    /// Writes the reports that were asked for. `results` is made only if there are any.
    pub fn write(&self, results: impl FnOnce() -> Results) -> Result<(), Error> {
        let step = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from);
        if step.is_none() && self.files().next().is_none() {
            return Ok(());
        }
        let results = results();
        if let Some(path) = &step {
            let summary = summary::markdown(&results);
            let file = File::options().append(true).create(true).open(path);
            // The workflow's page is no reason to fail.
            if let Err(error) = file.and_then(|mut file| file.write_all(summary.as_bytes())) {
                let path = path.display();
                tell(&format!("{} no summary in {path} ({STEP_SUMMARY}): {error}", styled(DOUBTFUL, "warning:")));
            }
        }
        for (path, option) in self.files() {
            let text = match option {
                "--junit-output" => junit::xml(&results)?,
                "--sarif-output" => sarif::log(&results)?,
                _ => summary::markdown(&results),
            };
            files::write_named(path, text.as_bytes()).map_err(|error| cannot_write(path, &error, option))?;
        }
        Ok(())
    }
}

fn cannot_write(path: &Path, error: &std::io::Error, option: &str) -> Error {
    Error::io("write", path, error, &format!("choose another with {option}"))
}

#[cfg(test)]
mod tests;
