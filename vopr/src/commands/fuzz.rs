//! `vopr fuzz`: coverage-guided exploration.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::arguments::{Common, OutputDirectory, SystemArguments, prepare, stop_at_interrupt};
use crate::commands::run::parse_jobs;
use crate::error::Error;
use crate::fuzzing::campaign::{Campaign, Summary};
use crate::minimize::{self, Smaller};
use crate::output::{self, BAD, DOUBTFUL, Format, GOOD, grouped, rate, styled};
use crate::selection::Target;
use crate::{exit, seeds, words};

/// The arguments of `vopr fuzz`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A fuzz target, or any scenario
    #[arg(required_unless_present = "scenario_file")]
    target: Option<String>,
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
    /// The corpus, kept and used again [default: <output-dir>/corpus/<target>]
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
    #[command(flatten)]
    output_directory: OutputDirectory,
    #[command(flatten)]
    system: SystemArguments,
}

/// So many findings of a campaign are minimized.
const MINIMIZED_MAX: usize = 10;

/// A time as people write it: `90`, `60s`, `5m`, `8h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => 86_400,
    };
    let number = number.parse().ok().and_then(|number: u64| number.checked_mul(seconds));
    match number {
        // Above this, sums of points in time could overflow.
        Some(seconds @ 1..=3_153_600_000) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time such as 90, 60s, 5m or 8h is needed".to_string()),
    }
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: Arguments) -> Result<u8, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let target = match &arguments.scenario_file {
        Some(path) => Target::of_file(system, path)?,
        None => Target::find(system, &arguments.target.unwrap_or_default(), arguments.scenario.as_deref())?,
    };
    arguments.output_directory.prepare()?;
    let output_directory = arguments.output_directory.path;
    let corpus = arguments.corpus.unwrap_or_else(|| output_directory.join("corpus").join(&target.name));
    prepare(&corpus, "choose another with --corpus")?;
    let campaign = Campaign {
        system,
        bugs,
        target,
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
    let stop = stop_at_interrupt()?;
    let mut summary = campaign.run(&stop)?;
    // Who has pressed Ctrl-C does not want to wait.
    if !arguments.no_minimize && !summary.interrupted {
        for finding in summary.findings.iter_mut().filter(|finding| finding.reproduced).take(MINIMIZED_MAX) {
            finding.minimized = minimize::beside(&finding.file, campaign.jobs);
        }
    }
    match common.format {
        Format::Human => output::print(&human(&campaign, &summary))?,
        Format::Json => output::print_json(&as_json(&campaign, &summary))?,
        Format::Compact => output::print(&format!(
            "{} {} {:.2}s {}/s {}\n",
            campaign.target.name,
            summary.runs,
            summary.elapsed.as_secs_f64(),
            rate(summary.runs, summary.elapsed),
            verdict(&summary)
        ))?,
    }
    Ok(if summary.fails() { exit::VIOLATION } else { exit::CLEAN })
}

impl Summary {
    fn fails(&self) -> bool {
        !self.findings.is_empty() || !self.deaths.is_empty()
    }
}

/// The verdict in one or two words: the second are the broken invariants.
fn verdict(summary: &Summary) -> String {
    let invariants: BTreeSet<_> = summary.findings.iter().map(|finding| finding.invariant.as_str()).collect();
    match (invariants.is_empty(), summary.fails()) {
        (false, _) => format!("VIOLATED {}", invariants.into_iter().collect::<Vec<_>>().join(",")),
        (true, true) => "FAILED".to_string(),
        (true, false) => "nothing found".to_string(),
    }
}

fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_string() } else { format!("{} runs", grouped(count)) }
}

fn human(campaign: &Campaign, summary: &Summary) -> String {
    let mut text = format!(
        "{}: {} runs in {:.1} s ({}/s), {} states, corpus {} in {}, seed {}\n",
        campaign.target.name,
        grouped(summary.runs),
        summary.elapsed.as_secs_f64(),
        grouped(rate(summary.runs, summary.elapsed)),
        grouped(summary.states as u64),
        grouped(summary.corpus as u64),
        campaign.corpus.display(),
        campaign.seed
    );
    if summary.interrupted {
        text.push_str("interrupted: the corpus and all findings are kept\n");
    }
    for finding in &summary.findings {
        let again = if finding.reproduced { "" } else { ", but not when run again: not deterministic" };
        let _ = writeln!(
            text,
            "{} {}: {} in {} after {}{again}\n    vopr repro {}",
            finding.name,
            styled(BAD, &finding.invariant),
            finding.rule,
            finding.scenario,
            runs(finding.runs),
            finding.file.display()
        );
        if let Some(Smaller { file, actions, actions_before }) = &finding.minimized {
            let _ = writeln!(text, "    vopr repro {} ({actions} of {actions_before} actions)", file.display());
        }
        let same = summary.duplicates.iter();
        for other in same.filter(|other| other.invariant == finding.invariant && other.rule == finding.rule) {
            let _ = writeln!(text, "    the same from another job: {}", other.file.display());
        }
    }
    for death in &summary.deaths {
        let _ = writeln!(text, "{} died {}", styled(DOUBTFUL, "a worker"), death.status);
        if let Some(input) = &death.input {
            let bugs = words::bug_options(&campaign.bugs);
            let _ = writeln!(text, "    vopr repro {} --target {}{bugs}", input.display(), campaign.target.name);
        }
        if let Some(file) = &death.file {
            let _ = writeln!(text, "    vopr repro {}", file.display());
        }
    }
    let runs = runs(summary.violated);
    let _ = match (summary.findings.len(), summary.fails()) {
        (0, false) => writeln!(text, "{}", styled(GOOD, "nothing found")),
        (0, true) => writeln!(text, "{}", styled(BAD, "the system, or vopr, died")),
        (1, _) => writeln!(text, "{}, in {runs}", styled(BAD, "1 kind of violation")),
        (count, _) => writeln!(text, "{}, in {runs}", styled(BAD, format_args!("{count} kinds of violations"))),
    };
    text
}

fn as_json(campaign: &Campaign, summary: &Summary) -> serde_json::Value {
    let deaths =
        summary.deaths.iter().map(|death| json!({ "status": death.status, "input": death.input, "file": death.file }));
    json!({
        "version": output::JSON_VERSION, "command": "fuzz", "target": campaign.target.name,
        "system": campaign.system.name, "bugs": campaign.bugs, "seed": campaign.seed.to_string(),
        "runs": summary.runs, "violated": summary.violated, "seconds": summary.elapsed.as_secs_f64(),
        "runs_per_second": rate(summary.runs, summary.elapsed), "states": summary.states, "corpus": summary.corpus,
        "corpus_directory": campaign.corpus, "interrupted": summary.interrupted, "findings": summary.findings,
        "duplicates": summary.duplicates, "deaths": deaths.collect::<Vec<_>>(),
    })
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
