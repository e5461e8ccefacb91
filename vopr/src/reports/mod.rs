//! Writes the results of `vopr run` and `vopr fuzz` in every format. Both commands bring their results into one form,
//! [`Results`]. Each format is one function from [`Results`] to text.
//!
//! `run.rs` and `campaign.rs` make [`Results`] of what the commands counted. `human`, `json.rs` and `compact.rs` are the
//! values of `--format`; `junit.rs`, `sarif.rs` and `summary.rs` write reports for CI.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::arguments::Format;
use engine::base::error::Error;
use engine::base::files;
use engine::base::terminal;
use engine::base::terminal::{DOUBTFUL, styled, tell};
use results::Results;

mod campaign;
mod compact;
mod human;
mod json;
mod junit;
pub(crate) mod results;
mod run;
mod sarif;
pub(crate) mod scenario;
mod summary;

/// The files that reports are written to.
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

/// The format of a report for CI.
#[derive(Clone, Copy)]
enum Report {
    Junit,
    Sarif,
    Summary,
}

impl Report {
    /// The option that names the report's file.
    fn option(self) -> &'static str {
        match self {
            Report::Junit => "--junit-output",
            Report::Sarif => "--sarif-output",
            Report::Summary => "--summary-output",
        }
    }

    /// The content of the report's file.
    fn text(self, results: &Results) -> Result<String, Error> {
        match self {
            Report::Junit => junit::xml(results),
            Report::Sarif => sarif::log(results),
            Report::Summary => Ok(summary::markdown(results)),
        }
    }
}

/// Prints the results in a format of `--format`.
pub(crate) fn print(format: Format, results: &Results) -> Result<(), Error> {
    terminal::print(&match format {
        Format::Human => human::text(results),
        Format::Json => json::text(results)?,
        Format::Compact => compact::text(results),
    })
}

/// This variable names a file whose content GitHub shows on the page of a workflow's step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

impl ReportArguments {
    /// Checks, before hours of work, that the reports can be written.
    pub fn prepare(&self) -> Result<(), Error> {
        for (path, report) in self.files() {
            // A pipe or a device is opened only when the report is written.
            if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
                continue;
            }
            let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let tried = if path.is_dir() {
                Err(std::io::ErrorKind::IsADirectory.into())
            } else {
                tempfile::tempfile_in(directory).map(drop)
            };
            tried.map_err(|error| cannot_write(path, &error, report))?;
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = (&Path, Report)> {
        let ReportArguments { junit_output, sarif_output, summary_output } = self;
        let files = [(junit_output, Report::Junit), (sarif_output, Report::Sarif), (summary_output, Report::Summary)];
        files.into_iter().filter_map(|(path, report)| Some((path.as_deref()?, report)))
    }

    /// Writes the requested reports.
    pub fn write(&self, results: &Results) -> Result<(), Error> {
        let step = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from);
        if let Some(path) = &step {
            let summary = summary::markdown(results);
            let file = File::options().append(true).create(true).open(path);
            // The command does not fail because the summary is missing on the workflow's page.
            if let Err(error) = file.and_then(|mut file| file.write_all(summary.as_bytes())) {
                let path = path.display();
                tell(&format!("{} no summary in {path} ({STEP_SUMMARY}): {error}", styled(DOUBTFUL, "warning:")));
            }
        }
        for (path, report) in self.files() {
            let text = report.text(results)?;
            files::write_named(path, text.as_bytes()).map_err(|error| cannot_write(path, &error, report))?;
        }
        Ok(())
    }
}

fn cannot_write(path: &Path, error: &std::io::Error, report: Report) -> Error {
    Error::io("write", path, error, &format!("choose another with {}", report.option()))
}

#[cfg(test)]
mod tests;
