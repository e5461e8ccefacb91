//! The command line: its arguments, and the one place where an error is printed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::engine::{SYSTEMS, SystemEntry};
use crate::error::Error;
use crate::fuzzing::Driver;
use crate::output::{BAD, Color, Format, styled, tell};

/// Finds bugs in consensus protocols before production does.
#[derive(Parser)]
#[command(name = "vopr", version, max_term_width = 110, after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 all passed, 1 a violation was found (or the runs proved nothing), 2 wrong usage, 3 I/O.
Variables: VOPR_DATA_DIR, VOPR_SEED, VOPR_ITERATIONS, VOPR_NO_COLOR, NO_COLOR.";

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
    /// The system and the bugs, if they exist.
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
    /// Makes sure, before hours of work, that a finding could be written there.
    pub fn prepare(&self) -> Result<(), Error> {
        let tried = std::fs::create_dir_all(&self.path).and_then(|()| tempfile::tempfile_in(&self.path));
        let next = "choose another with --output-dir";
        tried.map(drop).map_err(|error| Error::io("write to the directory", &self.path, &error, next))
    }
}

#[derive(Subcommand)]
enum Command {
    /// Explore scenarios at random
    Run(commands::run::Arguments),
    /// Explore a fuzz target, guided by coverage of protocol states
    Fuzz(commands::fuzz::Arguments),
    /// Run a failure file again and say whether the same happens
    Repro(commands::repro::Arguments),
    /// Say what is in a failure file
    Show(commands::show::Arguments),
    /// List the scenarios
    Scenarios(commands::scenarios::Arguments),
    /// List the planted bugs
    Bugs(commands::bugs::Arguments),
    /// Print the digests of runs, to compare two processes
    #[command(hide = true)]
    Digests(commands::digests::Arguments),
    /// One process of `vopr fuzz`
    #[command(hide = true)]
    FuzzWorker(crate::fuzzing::worker::Arguments),
}

/// The program. `driver` is libFuzzer, which only the binary is linked with.
pub fn main(driver: Driver) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way, too; clap knows where each goes.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { crate::exit::USAGE } else { crate::exit::CLEAN });
        }
    };
    arguments.common.color.apply();
    match run(arguments, driver) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if !matches!(error, Error::BrokenPipe) {
                // One line, whatever a path or a library put into the message.
                let line = error.to_string().replace(['\n', '\r'], " ");
                tell(&format!("{} {line}", styled(BAD, "error:")));
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: Arguments, driver: Driver) -> Result<u8, Error> {
    let common = &arguments.common;
    match arguments.command {
        Command::Run(arguments) => commands::run::run(common, arguments),
        Command::Fuzz(arguments) => commands::fuzz::run(common, arguments),
        Command::Repro(arguments) => commands::repro::run(common, &arguments),
        Command::Show(arguments) => commands::show::run(common, &arguments),
        Command::Scenarios(arguments) => commands::scenarios::run(common, &arguments),
        Command::Bugs(arguments) => commands::bugs::run(common, &arguments),
        Command::Digests(arguments) => commands::digests::run(&arguments),
        Command::FuzzWorker(arguments) => crate::fuzzing::worker::run(&arguments, driver),
    }
}

/// Sets a flag at Ctrl-C (and when asked to terminate), instead of dying.
pub(crate) fn stop_at_interrupt() -> Result<std::sync::Arc<std::sync::atomic::AtomicBool>, Error> {
    use std::sync::atomic::{AtomicBool, Ordering};
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        // The second time, the patience is over.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .map_err(|error| Error::Internal(format!("no handler for Ctrl-C: {error}")))?;
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        super::Arguments::command().debug_assert();
    }
}
