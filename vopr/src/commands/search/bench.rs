//! `vopr bench`: benchmarks of vopr itself.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, Subcommand};
use sim::Bug;

use crate::arguments::{Common, Format, stop_at_interrupt};
use crate::commands::search::fuzz::parse_duration;
use crate::commands::search::run::parse_jobs;
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::Progress;
use engine::base::{exit, files};
use engine::cases::systems::{SYSTEMS, SystemEntry};
use engine::search::bench::report::Report;
use engine::search::bench::trial::Arm;
use engine::search::bench::{Benchmark, Settings, plot};
use engine::search::mutator::Change;
use engine::search::targets::Target;

/// The version of the file of trials.
const VERSION: u32 = 1;
/// The budget of a trial if none is given.
const LIMIT: Duration = Duration::from_secs(60);

/// The arguments of `vopr bench`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: ActionKind,
}

#[derive(Subcommand)]
enum ActionKind {
    /// Look for planted bugs, guided and at random, and say which is faster
    Bugs(Bugs),
}

/// The arguments of `vopr bench bugs`.
#[derive(Args)]
struct Bugs {
    /// Which planted bug (repeatable; all if not given)
    #[arg(long = "bug", value_name = "NAME")]
    names: Vec<String>,
    /// How many searches for each bug and arm
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    trials: u32,
    /// The CPU time of a search: 90, 60s, 5m [default: 60s, if --runs is not given]
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    limit: Option<Duration>,
    /// How many runs a search has; then what is found does not depend on the machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// How to search (repeatable): as `vopr fuzz`, with random bytes, or as `vopr run` [default: guided and random]
    #[arg(long = "arm", value_enum, value_name = "ARM")]
    arms: Vec<Arm>,
    /// The fuzz target or scenario to look in [default: the one that each bug names]
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Without this sort of change by the mutator (repeatable), to see whether it pays
    #[arg(long, value_enum, value_name = "CHANGE", hide_possible_values = true)]
    without: Vec<Change>,
    /// The seed that the seeds of all searches come from
    #[arg(long, env = "VOPR_SEED", value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many searches at a time, one core each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_jobs)]
    jobs: usize,
    /// Where the results are kept; a benchmark that was stopped goes on from there
    #[arg(long, value_name = "DIR", default_value = "./bench/")]
    output_dir: PathBuf,
    /// The system under test
    #[arg(long, value_name = "NAME", default_value = SYSTEMS[0].name)]
    system: String,
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: Arguments) -> Result<u8, Error> {
    let ActionKind::Bugs(arguments) = arguments.what;
    let benchmark = arguments.benchmark()?;
    let directory = &benchmark.directory;
    let next = "choose another with --output-dir";
    std::fs::create_dir_all(directory).map_err(|error| Error::io("create", directory, &error, next))?;
    let stop = stop_at_interrupt()?;
    let trials = {
        let progress = Mutex::new(Progress::new(0));
        benchmark.run(&stop, &|done, of| {
            if let Ok(mut progress) = progress.lock() {
                progress.set(done as u64, || format!("{done} of {of} trials"));
            }
        })?
    };
    let report = Report::new(&benchmark, &trials);
    let save = |name: &str, text: &str| {
        let path = directory.join(name);
        files::write_named(&path, text.as_bytes()).map_err(|error| Error::io("write", &path, &error, next))
    };
    save("bugs.json", &format!("{}\n", report.json()))?;
    save("bugs.md", &report.markdown())?;
    save("bugs.svg", &plot::svg(&benchmark.arms, &trials))?;
    match common.format {
        Format::Human => terminal::print(&report.human())?,
        Format::Json => terminal::print_json(&report.json())?,
        Format::Compact => terminal::print(&report.compact())?,
    }
    Ok(exit::CLEAN)
}

impl Bugs {
    fn benchmark(self) -> Result<Benchmark, Error> {
        let system = SystemEntry::find(&self.system)?;
        let bugs: Vec<&'static Bug> = if self.names.is_empty() {
            system.bugs.iter().collect()
        } else {
            let names = system.normalized_bugs(&self.names)?;
            names.iter().map(|name| system.find_bug(name)).collect::<Result<_, _>>()?
        };
        if bugs.is_empty() {
            return Err(Error::usage(format!("system {} has no planted bugs to look for", system.name)));
        }
        let targets: Vec<&str> = match &self.target {
            Some(name) => vec![name],
            None => bugs.iter().map(|bug| bug.target).collect(),
        };
        for name in targets {
            Target::find(system, name, None)?;
        }
        let mut arms = if self.arms.is_empty() { vec![Arm::Guided, Arm::Random] } else { self.arms };
        arms.sort_unstable();
        arms.dedup();
        let limit = self.limit.or((self.runs.is_none()).then_some(LIMIT));
        let settings = Settings {
            version: VERSION,
            system: system.name.to_string(),
            system_version: system.version.to_string(),
            seed: self.seed,
            cpu_milliseconds: limit.map(|limit| limit.as_millis() as u64),
            runs: self.runs,
            target: self.target,
            without: self.without,
        };
        let directory = self.output_dir;
        Ok(Benchmark { system, bugs, arms, trials: self.trials, settings, directory, jobs: self.jobs })
    }
}
