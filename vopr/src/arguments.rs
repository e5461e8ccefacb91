//! Arguments that several commands share: the format, the system with its bugs, the output directory, and the handling
//! of Ctrl-C.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use engine::base::error::Error;
use engine::base::{files, terminal};
use engine::cases::systems::{SYSTEMS, SystemEntry};
use engine::search::targets;
use scenarios::Scenario;
use serde_json::Value;

/// What every command understands.
#[derive(Args)]
pub(crate) struct Common {
    /// The format of the results
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub format: Format,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// The format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs: one document, versioned.
    Json,
    /// One line for each thing.
    Compact,
}

/// A result that can be printed in every format.
pub(crate) trait Printed {
    /// For people.
    fn human(&self) -> String;
    /// For programs.
    fn json(&self) -> Value;
    /// One line for each thing.
    fn compact(&self) -> String;

    /// Prints it to the standard output.
    fn print(&self, format: Format) -> Result<(), Error> {
        match format {
            Format::Human => terminal::print(&self.human()),
            Format::Json => terminal::print_json(&self.json()),
            Format::Compact => terminal::print(&self.compact()),
        }
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Even in a pipe.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    /// Applies the choice to all output from now on.
    pub fn apply(self) {
        // An empty variable counts as not set: https://no-color.org.
        let refused = std::env::var_os("VOPR_NO_COLOR").is_some_and(|value| !value.is_empty());
        match self {
            Color::Auto if refused => anstream::ColorChoice::Never,
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Which scenarios a command is about.
#[derive(Args)]
pub(crate) struct ScenarioArguments {
    /// Which scenario (repeatable; `all` for all of them, which is the default)
    #[arg(long = "scenario", value_name = "NAME", conflicts_with = "phase")]
    scenarios: Vec<String>,
    /// The scenarios of this phase
    #[arg(long, value_name = "N")]
    phase: Option<u8>,
    /// A scenario of your own, from a TOML file (repeatable); docs/scenario-files.md says how to write one
    #[arg(long = "scenario-file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl ScenarioArguments {
    /// The selected scenarios as this system runs them, those from files last. An unknown name is an error.
    pub fn resolve(&self, system: &SystemEntry) -> Result<Vec<Scenario>, Error> {
        let mut selection = match (self.scenarios.is_empty(), self.phase, self.files.is_empty()) {
            (true, None, true) => targets::scenarios(&["all".to_string()], None)?,
            (true, None, false) => Vec::new(),
            _ => targets::scenarios(&self.scenarios, self.phase)?,
        };
        for path in &self.files {
            selection.push(targets::scenario_file(path)?);
        }
        Ok(selection.into_iter().map(|scenario| system.scenario(scenario)).collect())
    }
}

/// Which system is tested, and what is wrong with it.
#[derive(Args, Clone)]
pub(crate) struct SystemArguments {
    /// The system under test
    #[arg(long, value_name = "NAME", default_value = SYSTEMS[0].name)]
    pub system: String,
    /// Switch a planted bug on (repeatable; `vopr bugs` lists them)
    #[arg(long = "bug", value_name = "NAME")]
    pub bugs: Vec<String>,
}

impl SystemArguments {
    /// Looks up the system and the bugs. An unknown name is an error.
    pub fn resolve(&self) -> Result<(&'static SystemEntry, Vec<String>), Error> {
        let system = SystemEntry::find(&self.system)?;
        Ok((system, system.normalized_bugs(&self.bugs)?))
    }
}

/// Where findings go.
#[derive(Args)]
pub(crate) struct OutputDirectory {
    /// Where failure files go
    #[arg(long = "output-dir", env = "VOPR_DATA_DIR", value_name = "DIR", default_value = "./failures/")]
    pub path: PathBuf,
}

impl OutputDirectory {
    /// Checks that findings can be written there, before hours of work.
    pub fn prepare(&self) -> Result<(), Error> {
        files::prepare(&self.path, "choose another with --output-dir")
    }
}

/// The directory that a command reads: the one given, or where `vopr run` and `vopr fuzz` write.
#[derive(Args)]
pub(crate) struct DataDirectory {
    /// The directory with the failure files and the log
    #[arg(long = "data-dir", env = "VOPR_DATA_DIR", value_name = "DIR", default_value = "./failures/")]
    pub path: PathBuf,
}

/// Writes the file given by `--output`, as a whole.
pub(crate) fn write_output(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    files::write_named(path, bytes).map_err(|error| Error::io("write", path, &error, "choose another with --output"))
}

/// Returns a flag that is set at Ctrl-C (and at a request to terminate). The process does not exit.
pub(crate) fn stop_at_interrupt() -> Result<std::sync::Arc<std::sync::atomic::AtomicBool>, Error> {
    use std::sync::atomic::{AtomicBool, Ordering};
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    at_interrupt(move || flag.store(true, Ordering::Relaxed))?;
    Ok(stop)
}

/// Calls a function at the first Ctrl-C (or request to terminate). The process does not exit.
pub(crate) fn at_interrupt(stop: impl Fn() + Send + 'static) -> Result<(), Error> {
    let mut first = true;
    ctrlc::set_handler(move || {
        // The second Ctrl-C ends the process.
        if !std::mem::replace(&mut first, false) {
            std::process::exit(130);
        }
        stop();
    })
    .map_err(|error| Error::Internal(format!("no handler for Ctrl-C: {error}")))
}
