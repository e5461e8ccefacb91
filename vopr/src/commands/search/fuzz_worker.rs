//! `vopr fuzz-worker` (hidden): a worker process of `vopr fuzz`, which supplies the arguments.

use std::path::PathBuf;

use clap::Args;
use engine::base::error::Error;
use engine::cases::violation::BrokenRule;
use engine::search::fuzzing::Driver;
use engine::search::fuzzing::worker::{self, Options};

use crate::arguments::SystemArguments;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The fuzz target
    target: String,
    /// The file that it is read from
    #[arg(long)]
    scenario_file: Option<PathBuf>,
    /// Which system, with which bugs
    #[command(flatten)]
    system: SystemArguments,
    /// Where findings go
    #[arg(long)]
    output_dir: PathBuf,
    /// The corpus that all workers share
    #[arg(long)]
    corpus: PathBuf,
    /// More folders of inputs to begin with (repeatable)
    #[arg(long)]
    seeds: Vec<PathBuf>,
    /// How libFuzzer names the inputs that it leaves when the process dies
    #[arg(long)]
    artifact_prefix: String,
    /// The seed of libFuzzer's own decisions
    #[arg(long)]
    seed: u32,
    /// End after so many inputs
    #[arg(long)]
    runs: Option<u64>,
    /// End after so many milliseconds
    #[arg(long)]
    milliseconds: Option<u64>,
    /// Whether others add to the corpus at the same time
    #[arg(long)]
    shared: bool,
    /// What was found before and need not be saved again
    #[arg(long)]
    known: Vec<BrokenRule>,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments, driver: Driver) -> Result<u8, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let Arguments { target, scenario_file, output_dir, corpus, seeds, artifact_prefix, .. } = arguments;
    let Arguments { seed, runs, milliseconds, shared, known, .. } = arguments;
    let options = Options {
        target,
        scenario_file,
        system,
        bugs,
        output_dir,
        corpus,
        seeds,
        artifact_prefix,
        seed,
        runs,
        milliseconds,
        shared,
        known,
    };
    worker::run(&options, driver)
}
