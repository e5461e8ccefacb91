//! `vopr digests` (hidden): prints one line for each run. If determinism holds, the lines are the same in every
//! process, in every build and with any number of jobs.

use std::fmt::Write;

use clap::Args;

use crate::arguments::SystemArguments;
use engine::base::error::Error;
use engine::base::terminal;
use engine::cases::seeds;
use engine::cases::systems::Engine;
use engine::search::targets;

/// The arguments of `vopr digests`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[arg(long = "scenario", value_name = "NAME", default_value = "all")]
    scenarios: Vec<String>,
    #[arg(long, default_value_t = 10)]
    iterations: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    system: SystemArguments,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let mut engine = Engine::new(system);
    for scenario in targets::scenarios(&arguments.scenarios, None)? {
        let scenario = system.scenario(scenario);
        if system.not_applicable(&scenario).is_some() {
            continue;
        }
        let mut text = String::new();
        for iteration in 0..arguments.iterations {
            let seed = seeds::of_iteration(arguments.seed, scenario.name, iteration);
            let outcome = engine.run(&scenario.random_case(system.name, &bugs, seed), false);
            let _ = writeln!(text, "{} {seed} {:016x}", scenario.name, outcome.digest);
        }
        terminal::print(&text)?;
    }
    Ok(engine::base::exit::CLEAN)
}
