//! `vopr run`: explores the scenarios at random.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use clap::Args;
use scenarios::Scenario;

use crate::arguments::{Common, OutputDirectory, ScenarioArguments, SystemArguments, stop_at_interrupt};
use crate::reports::results::Results;
use crate::reports::scenario::{FailureReport, ScenarioReport};
use crate::reports::{self, ReportArguments};
use engine::analysis::minimize;
use engine::base::error::Error;
use engine::base::exit;
use engine::base::terminal::{Progress, grouped};
use engine::cases::fault_classes::FaultClass;
use engine::cases::kmb::{Kmb, Origin};
use engine::cases::seeds;
use engine::search::explore::{Exploration, Explored};

/// The arguments of `vopr run`.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools)] // Flags are what a command line has.
pub(crate) struct Arguments {
    #[command(flatten)]
    scenarios: ScenarioArguments,
    /// How many runs of each scenario
    #[arg(long, env = "VOPR_ITERATIONS", value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(1..))]
    iterations: u64,
    /// The seed that all runs follow from; a fresh one if not given. The first run has this very seed
    #[arg(long, env = "VOPR_SEED", value_name = "S")]
    seed: Option<u64>,
    /// Keep only faults of these classes
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CLASSES")]
    faults: Option<Vec<FaultClass>>,
    /// Write a .kmb file for each kind of failure (the first three of a kind)
    #[arg(long)]
    save_failures: bool,
    /// Do not minimize the failures that are written
    #[arg(long, requires = "save_failures")]
    no_minimize: bool,
    #[command(flatten)]
    output_directory: OutputDirectory,
    /// Run each case twice and compare the traces
    #[arg(long)]
    check_determinism: bool,
    /// Count the protocol states that are reached
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    reports: ReportArguments,
    /// How many threads; the results do not depend on it
    #[arg(long, value_name = "N", default_value_t = jobs_default(), value_parser = parse_jobs)]
    jobs: usize,
    #[command(flatten)]
    system: SystemArguments,
}

/// The default number of jobs: one per core.
pub(crate) fn jobs_default() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Parses a number of jobs.
pub(crate) fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("a number from 1 to 1024 is needed".to_string()),
    }
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: Arguments) -> Result<u8, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let selection = arguments.scenarios.resolve(system)?;
    if arguments.save_failures {
        arguments.output_directory.prepare()?;
    }
    arguments.reports.prepare()?;
    let exploration = Exploration {
        bugs,
        iterations: arguments.iterations,
        faults: arguments.faults,
        check_determinism: arguments.check_determinism,
        coverage: arguments.coverage,
        jobs: arguments.jobs,
        ..Exploration::new(system, arguments.seed.unwrap_or_else(seeds::fresh))
    };
    let stop = stop_at_interrupt()?;
    let mut scenarios = Vec::new();
    let mut minimized = BTreeSet::new();
    for scenario in &selection {
        if let Some(reason) = system.not_applicable(scenario) {
            scenarios.push(ScenarioReport::not_applicable(scenario, reason));
            continue;
        }
        let mut progress = Progress::new(exploration.iterations);
        let explored = exploration.explore(scenario, &stop, &mut |done| {
            progress.set(done, || format!("{}: {} runs", scenario.name, grouped(done)));
        })?;
        let directory = arguments.save_failures.then_some(&arguments.output_directory);
        let mut report = report(&exploration, scenario, explored, directory)?;
        // One failure of each kind is enough.
        for failure in report.failures.iter_mut().filter(|_| !arguments.no_minimize && !stop.load(Ordering::Relaxed)) {
            if let Some(file) = &failure.file
                && minimized.insert(failure.violation.broken())
            {
                failure.minimized = minimize::beside(file, arguments.jobs);
            }
        }
        scenarios.push(report);
        if common.verbose {
            progress.tell(&format!("{}: {:?}", scenario.name, scenarios[scenarios.len() - 1].verdict));
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    let results = Results::of_run(&exploration, &selection, &scenarios, stop.load(Ordering::Relaxed));
    arguments.reports.write(&results)?;
    reports::print(common.format, &results)?;
    Ok(if results.fails { exit::VIOLATION } else { exit::CLEAN })
}

/// The report of a scenario. Its failures are on the disk before they are reported.
fn report(
    exploration: &Exploration,
    scenario: &Scenario,
    explored: Explored,
    directory: Option<&OutputDirectory>,
) -> Result<ScenarioReport, Error> {
    let Explored { tally, elapsed } = explored;
    let mut failures = Vec::new();
    for failure in tally.failures() {
        let violation = failure.violation.clone();
        let mut file = None;
        if let Some(OutputDirectory { path }) = directory {
            let kmb = Kmb {
                expected: Some(violation.clone()),
                digest: Some(failure.digest),
                ..Kmb::new(
                    exploration.case(scenario, failure.seed),
                    exploration.system.version,
                    Origin::Run { seed: failure.seed, scenario: scenario.name.to_string() },
                    None,
                )
            };
            let next = "make room or choose another --output-dir";
            file = Some(kmb.write_new(path).map_err(|error| Error::io("write to", path, &error, next))?);
        }
        failures.push(FailureReport {
            iteration: failure.iteration,
            seed: failure.seed.to_string(),
            violation,
            digest: format!("{:016x}", failure.digest),
            file,
            minimized: None,
        });
    }
    Ok(ScenarioReport::new(scenario, tally, elapsed, exploration.coverage, failures))
}
