//! `vopr fuzz`: coverage-guided exploration.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;

use crate::arguments::{Common, OutputDirectory, SystemArguments, stop_at_interrupt};
use crate::commands::search::run::parse_jobs;
use crate::reports::results::Results;
use crate::reports::{self, ReportArguments};
use engine::analysis::minimize;
use engine::base::error::Error;
use engine::base::exit;
use engine::campaigns::{campaign_log, causes};
use engine::cases::seeds;
use engine::search::fuzzing::campaign::{Campaign, create_corpora};
use engine::search::targets::Target;

/// The arguments of `vopr fuzz`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A fuzz target, or any scenario
    #[arg(required_unless_present_any = ["scenario_file", "targets"])]
    target: Option<String>,
    /// Several targets that take turns, separated by commas; `all` for all that are applicable
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["target", "scenario", "scenario_file"])]
    targets: Vec<String>,
    /// Only this scenario of the target
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// A scenario of your own as the target, from a TOML file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "scenario"])]
    scenario_file: Option<PathBuf>,
    /// For how long: 90, 60s, 5m, 8h; until Ctrl-C if not given
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    time: Option<Duration>,
    /// How many runs, all jobs together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// How many processes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_jobs)]
    jobs: usize,
    /// The corpus, kept and used again [default: <output-dir>/corpus/<target>]; with --targets, a directory with one for each
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// End at the first finding, or death of a worker; else findings are saved and the search goes on
    #[arg(long)]
    stop_on_first: bool,
    /// End at the first finding under one of these invariants (separated by commas)
    #[arg(long, value_name = "INVARIANTS", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(sim::invariants::NAMES))]
    stop_on: Vec<String>,
    /// Do not minimize what was found
    #[arg(long)]
    no_minimize: bool,
    /// The seed of the fuzzer's own decisions; a fresh one if not given
    #[arg(long, env = "VOPR_SEED", value_name = "S")]
    seed: Option<u64>,
    /// What the campaign is called in the log of the output directory; a fresh name if not given
    #[arg(long, value_name = "NAME", value_parser = campaign_log::parse_name)]
    campaign: Option<String>,
    #[command(flatten)]
    reports: ReportArguments,
    /// End, as at Ctrl-C, when the standard input does: for a parent that may go away
    #[arg(long, hide = true)]
    stop_at_eof: bool,
    #[command(flatten)]
    output_directory: OutputDirectory,
    #[command(flatten)]
    system: SystemArguments,
}

/// At most this many findings of a campaign are minimized.
const MINIMIZED_MAX: usize = 10;

/// Parses a time such as `90`, `60s`, `5m` or `8h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let number = number.parse().ok().zip(seconds).and_then(|(number, seconds): (u64, u64)| number.checked_mul(seconds));
    match number {
        // Above this, sums of points in time could overflow.
        Some(seconds @ 1..=3_153_600_000) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time such as 90, 60s, 5m or 8h is needed".to_string()),
    }
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: Arguments) -> Result<u8, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let targets = match (&arguments.scenario_file, arguments.targets.is_empty()) {
        (Some(path), _) => vec![Target::of_file(system, path)?],
        (None, false) => Target::several(system, &arguments.targets)?,
        (None, true) => {
            let name = arguments.target.unwrap_or_default();
            vec![Target::find(system, &name, arguments.scenario.as_deref())?]
        }
    };
    arguments.output_directory.prepare()?;
    arguments.reports.prepare()?;
    let output_directory = arguments.output_directory.path;
    let corpus = arguments.corpus.unwrap_or_else(|| match &targets[..] {
        [target] => output_directory.join("corpus").join(&target.name),
        _ => output_directory.join("corpus"),
    });
    let campaign = Campaign {
        name: arguments.campaign.unwrap_or_else(campaign_log::fresh_name),
        system,
        bugs,
        targets,
        scenario_file: arguments.scenario_file,
        time: arguments.time,
        runs: arguments.runs,
        jobs: arguments.jobs,
        corpus,
        output_directory,
        stop_on_first: arguments.stop_on_first,
        stop_on: arguments.stop_on,
        seed: arguments.seed.unwrap_or_else(seeds::fresh),
    };
    create_corpora(&campaign)?;
    let stop = stop_at_interrupt()?;
    if arguments.stop_at_eof {
        let stop = stop.clone();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            stop.store(true, Ordering::Relaxed);
        });
    }
    let mut summary = campaign.run(&stop)?;
    // After Ctrl-C, the user does not want to wait.
    if !arguments.no_minimize && !summary.interrupted {
        for finding in summary.findings.iter_mut().filter(|finding| finding.reproduced).take(MINIMIZED_MAX) {
            finding.minimized = minimize::beside(&finding.file, campaign.jobs);
        }
        causes::add_shapes(&mut summary.findings);
    }
    let results = Results::of_campaign(&campaign, &summary);
    arguments.reports.write(&results)?;
    reports::print(common.format, &results)?;
    Ok(if results.fails { exit::VIOLATION } else { exit::CLEAN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood() {
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("8h"), Ok(Duration::from_secs(28_800)));
        for wrong in ["", "s", "0", "-1", "1.5s", "5 m", "5x", "99999999999999999999h", "18446744073709551615d", "ä"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
