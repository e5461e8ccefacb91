//! The command-line arguments.

use std::time::Duration;

const USAGE: &str = "usage: cargo bench -p benches -- [--rounds N] [--seconds S] [--seed N]
       cargo bench -p benches -- --profile vopr|raft [--runs N] [--seed N]";

/// The arguments.
pub struct Args {
    /// The number of rounds. In each round, every contender has one turn.
    pub rounds: usize,
    /// The length of a turn.
    pub round: Duration,
    /// The seed of the first run. Each run has the next seed.
    pub first_seed: u64,
    /// Runs only this contender, for use with a profiler.
    pub profile: Option<String>,
    /// This is a child process that runs this contender and prints its peak memory.
    pub child: Option<String>,
    /// The number of runs if one contender runs alone.
    pub runs: u64,
}

impl Args {
    /// Parses the arguments. Ignores the `--bench` that cargo adds.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut args =
            Args { rounds: 11, round: Duration::from_secs(1), first_seed: 1, profile: None, child: None, runs: 2000 };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            match word.as_str() {
                "--bench" => {}
                "--rounds" => args.rounds = number::<usize>(&value()?)?.max(1),
                "--seconds" => {
                    args.round = Duration::try_from_secs_f64(number(&value()?)?).map_err(|error| error.to_string())?;
                }
                "--seed" => args.first_seed = number(&value()?)?,
                "--runs" => args.runs = number(&value()?)?,
                "--profile" => args.profile = Some(value()?),
                "--child" => args.child = Some(value()?),
                _ => return Err(format!("unknown argument {word}\n{USAGE}")),
            }
        }
        Ok(args)
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word} is not a number\n{USAGE}"))
}
