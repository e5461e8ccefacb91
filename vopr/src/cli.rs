//! The command line: which command, and the one place where an error is printed.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::arguments::Common;
use crate::commands;
use crate::error::Error;
use crate::fuzzing::Driver;
use crate::output::{BAD, styled, tell};

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
    /// Draw a failure: a lane for each replica over virtual time
    Timeline(commands::timeline::Arguments),
    /// Find the smallest plan that still breaks the same invariant
    Minimize(commands::minimize::Arguments),
    /// Find the event from which the failure is certain
    Bisect(commands::bisect::Arguments),
    /// Tell a failure in numbered sentences
    Explain(commands::explain::Arguments),
    /// Convert, merge, minimize and count the inputs of a fuzz target
    #[command(subcommand)]
    Corpus(commands::corpus::Command),
    /// Try which scenario catches which planted bug
    Matrix(commands::matrix::Arguments),
    /// Measure whether guided search pays
    Bench(commands::bench::Arguments),
    /// Say what the campaigns of a data directory reached and found
    Stats(commands::stats::Arguments),
    /// Show a data directory in the browser: campaigns as they go, failures, coverage
    #[cfg(feature = "dashboard")]
    Dashboard(commands::dashboard::Arguments),
    /// Run campaigns, browse failures and step through them, in the terminal
    #[cfg(feature = "tui")]
    Tui(commands::tui::Arguments),
    /// List the scenarios
    Scenarios(commands::scenarios::Arguments),
    /// List the planted bugs
    Bugs(commands::bugs::Arguments),
    /// Print the digests of runs, to compare two processes
    #[command(hide = true)]
    Digests(commands::digests::Arguments),
    /// One process of `vopr dashboard`
    #[cfg(feature = "dashboard")]
    #[command(hide = true)]
    DashboardReplay(commands::dashboard::ReplayArguments),
    /// Record a run for `vopr tui`
    #[cfg(feature = "tui")]
    #[command(hide = true)]
    TuiSteps(commands::tui::StepsArguments),
    /// One process of `vopr fuzz`
    #[command(hide = true)]
    FuzzWorker(crate::fuzzing::worker::Arguments),
    /// One search of `vopr bench bugs`
    #[command(hide = true)]
    BenchTrial(crate::bench::trial::Arguments),
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
        Command::Timeline(arguments) => commands::timeline::run(common, &arguments),
        Command::Minimize(arguments) => commands::minimize::run(common, &arguments),
        Command::Bisect(arguments) => commands::bisect::run(common, &arguments),
        Command::Explain(arguments) => commands::explain::run(common, &arguments),
        Command::Corpus(command) => commands::corpus::run(common, &command),
        Command::Matrix(arguments) => commands::matrix::run(common, &arguments),
        Command::Bench(arguments) => commands::bench::run(common, arguments),
        Command::Stats(arguments) => commands::stats::run(common, &arguments),
        #[cfg(feature = "dashboard")]
        Command::Dashboard(arguments) => commands::dashboard::run(common, &arguments),
        #[cfg(feature = "dashboard")]
        Command::DashboardReplay(arguments) => commands::dashboard::replay(&arguments),
        #[cfg(feature = "tui")]
        Command::Tui(arguments) => commands::tui::run(arguments),
        Command::Scenarios(arguments) => commands::scenarios::run(common, &arguments),
        Command::Bugs(arguments) => commands::bugs::run(common, &arguments),
        Command::Digests(arguments) => commands::digests::run(&arguments),
        #[cfg(feature = "tui")]
        Command::TuiSteps(arguments) => commands::tui::steps(&arguments),
        Command::FuzzWorker(arguments) => crate::fuzzing::worker::run(&arguments, driver),
        Command::BenchTrial(arguments) => crate::bench::trial::run(&arguments, driver),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        super::Arguments::command().debug_assert();
    }
}
