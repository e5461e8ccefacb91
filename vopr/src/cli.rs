//! The command line: dispatches to the commands, and prints errors. No other code prints an error of a command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::arguments::Common;
use crate::commands::{failure, overview, search};
use engine::base::error::Error;
use engine::base::terminal::{BAD, styled, tell};
use engine::search::fuzzing::Driver;

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
    Run(search::run::Arguments),
    /// Explore a fuzz target, guided by coverage of protocol states
    Fuzz(search::fuzz::Arguments),
    /// Run a failure file again and say whether the same happens
    Repro(failure::repro::Arguments),
    /// Say what is in a failure file
    Show(failure::show::Arguments),
    /// Draw a failure: a lane for each replica over virtual time
    Timeline(failure::timeline::Arguments),
    /// Find the smallest plan that still breaks the same invariant
    Minimize(failure::minimize::Arguments),
    /// Find the event from which the failure is certain
    Bisect(failure::bisect::Arguments),
    /// Tell a failure in numbered sentences
    Explain(failure::explain::Arguments),
    /// Convert, merge, minimize and count the inputs of a fuzz target
    #[command(subcommand)]
    Corpus(search::corpus::Command),
    /// Try which scenario catches which planted bug
    Matrix(search::matrix::Arguments),
    /// Measure whether guided search pays
    Bench(search::bench::Arguments),
    /// Say what the campaigns of a data directory reached and found
    Stats(overview::stats::Arguments),
    /// Show a data directory in the browser: campaigns as they go, failures, coverage
    #[cfg(feature = "dashboard")]
    Dashboard(overview::dashboard::Arguments),
    /// Run campaigns, browse failures and step through them, in the terminal
    #[cfg(feature = "tui")]
    Tui(overview::tui::Arguments),
    /// List the scenarios
    Scenarios(overview::scenarios::Arguments),
    /// List the planted bugs
    Bugs(overview::bugs::Arguments),
    /// Print the digests of runs, to compare two processes
    #[command(hide = true)]
    Digests(search::digests::Arguments),
    /// One process of `vopr dashboard`
    #[cfg(feature = "dashboard")]
    #[command(hide = true)]
    DashboardReplay(overview::dashboard::ReplayArguments),
    /// Record a run for `vopr tui`
    #[cfg(feature = "tui")]
    #[command(hide = true)]
    TuiSteps(overview::tui::StepsArguments),
    /// One process of `vopr fuzz`
    #[command(hide = true)]
    FuzzWorker(search::fuzz_worker::Arguments),
    /// One search of `vopr bench bugs`
    #[command(hide = true)]
    BenchTrial(search::bench_trial::Arguments),
}

/// Runs the program. `driver` is libFuzzer, which only the binary is linked with.
pub fn main(driver: Driver) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version arrive here as well. clap selects the stream for each.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                engine::base::exit::USAGE
            } else {
                engine::base::exit::CLEAN
            });
        }
    };
    arguments.common.color.apply();
    match run(arguments, driver) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if !matches!(error, Error::BrokenPipe) {
                // The error is one line, whatever a path or a library put into the message.
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
        Command::Run(arguments) => search::run::run(common, arguments),
        Command::Fuzz(arguments) => search::fuzz::run(common, arguments),
        Command::Repro(arguments) => failure::repro::run(common, &arguments),
        Command::Show(arguments) => failure::show::run(common, &arguments),
        Command::Timeline(arguments) => failure::timeline::run(common, &arguments),
        Command::Minimize(arguments) => failure::minimize::run(common, &arguments),
        Command::Bisect(arguments) => failure::bisect::run(common, &arguments),
        Command::Explain(arguments) => failure::explain::run(common, &arguments),
        Command::Corpus(command) => search::corpus::run(common, &command),
        Command::Matrix(arguments) => search::matrix::run(common, &arguments),
        Command::Bench(arguments) => search::bench::run(common, arguments),
        Command::Stats(arguments) => overview::stats::run(common, &arguments),
        #[cfg(feature = "dashboard")]
        Command::Dashboard(arguments) => overview::dashboard::run(common, &arguments),
        #[cfg(feature = "dashboard")]
        Command::DashboardReplay(arguments) => overview::dashboard::replay(&arguments),
        #[cfg(feature = "tui")]
        Command::Tui(arguments) => overview::tui::run(arguments),
        Command::Scenarios(arguments) => overview::scenarios::run(common, &arguments),
        Command::Bugs(arguments) => overview::bugs::run(common, &arguments),
        Command::Digests(arguments) => search::digests::run(&arguments),
        #[cfg(feature = "tui")]
        Command::TuiSteps(arguments) => overview::tui::steps(&arguments),
        Command::FuzzWorker(arguments) => search::fuzz_worker::run(arguments, driver),
        Command::BenchTrial(arguments) => search::bench_trial::run(arguments, driver),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_valid() {
        super::Arguments::command().debug_assert();
    }
}
