//! The command line.

use std::time::Duration;

const USAGE: &str = "usage: cargo bench -p benches -- [--rounds N] [--seconds S] [--seed N]
       cargo bench -p benches -- --profile vopr|raft [--runs N] [--seed N]";

/// What was asked for.
pub struct Args {
    /// How many rounds, each with a turn for every contender.
    pub rounds: usize,
    /// How long one turn takes.
    pub round: Duration,
    /// The first run's seed; they count up from there.
    pub first_seed: u64,
    /// Runs only this contender, for a profiler to look at.
    pub profile: Option<String>,
    /// This is a child process that runs this contender and prints its peak memory.
    pub child: Option<String>,
    /// How many runs, where one contender runs alone.
    pub runs: u64,
}

impl Args {
    /// Reads the arguments; the `--bench` that cargo adds is ignored.
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
