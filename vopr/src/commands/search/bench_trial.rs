//! `vopr bench-trial` (hidden): one trial of `vopr bench bugs`, which supplies the arguments.

use std::path::PathBuf;

use clap::Args;
use engine::base::error::Error;
use engine::search::bench::trial::{self, Arm, Options};
use engine::search::fuzzing::Driver;
use engine::search::mutator::Change;

use crate::arguments::SystemArguments;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The fuzz target
    target: String,
    /// How to search
    #[arg(long, value_enum)]
    arm: Arm,
    /// Which system, with which bug
    #[command(flatten)]
    system: SystemArguments,
    /// The seed of all decisions
    #[arg(long)]
    seed: u64,
    /// End after so much CPU time of this process
    #[arg(long)]
    cpu_milliseconds: Option<u64>,
    /// End after so many runs
    #[arg(long)]
    runs: Option<u64>,
    /// Where libFuzzer keeps its inputs
    #[arg(long)]
    corpus: PathBuf,
    /// Changes that the mutator is not to make
    #[arg(long)]
    without: Vec<Change>,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments, driver: Driver) -> Result<u8, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let Arguments { target, arm, seed, cpu_milliseconds, runs, corpus, without, .. } = arguments;
    trial::run(&Options { target, arm, system, bugs, seed, cpu_milliseconds, runs, corpus, without }, driver)
}
