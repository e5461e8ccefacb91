//! `vopr fuzz`: coverage-guided exploration.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sim::observers::coverage::REGIONS;

use crate::arguments::{Common, Format, OutputDirectory, SystemArguments, stop_at_interrupt};
use crate::commands::search::run::parse_jobs;
use crate::reports::{ReportArguments, Results};
use engine::analysis::minimize;
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::{BAD, DOUBTFUL, GOOD, grouped, rate, styled};
use engine::base::{exit, format};
use engine::campaigns::causes::Group;
use engine::campaigns::finding::{Finding, Smaller};
use engine::campaigns::{campaign_log, causes};
use engine::cases::seeds;
use engine::cases::systems::system_option;
use engine::cases::violation::BrokenRule;
use engine::search::fuzzing::campaign::{Campaign, Known, Share, Summary, create_corpora};
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
    // Who has pressed Ctrl-C does not want to wait.
    if !arguments.no_minimize && !summary.interrupted {
        for finding in summary.findings.iter_mut().filter(|finding| finding.reproduced).take(MINIMIZED_MAX) {
            finding.minimized = minimize::beside(&finding.file, campaign.jobs);
        }
        causes::add_shapes(&mut summary.findings);
    }
    arguments.reports.write(|| Results::of_campaign(&campaign, &summary, |target| verdict(&summary, target)))?;
    match common.format {
        Format::Human => terminal::print(&human(&campaign, &summary))?,
        Format::Json => terminal::print_json(&as_json(&campaign, &summary))?,
        Format::Compact => terminal::print(&compact(&campaign, &summary))?,
    }
    Ok(if summary.fails() { exit::VIOLATION } else { exit::CLEAN })
}

/// One line a target, and what was found in it.
fn compact(campaign: &Campaign, summary: &Summary) -> String {
    let line = |(target, share): (&Target, &Share)| {
        format!(
            "{} {} {:.2}s {}/s {}\n",
            target.name,
            share.runs,
            share.elapsed.as_secs_f64(),
            rate(share.runs, share.elapsed),
            verdict(summary, &target.name)
        )
    };
    campaign.targets.iter().zip(&summary.shares).map(line).collect()
}

/// The verdict on a target in one or two words: the second are the broken invariants.
fn verdict(summary: &Summary, target: &str) -> String {
    let found = summary.findings.iter().chain(&summary.duplicates).filter(|finding| finding.target == target);
    let again = summary.again.iter().filter(|known| known.target == target);
    let rules = found.map(|finding| &finding.rule).chain(again.map(|known| &known.rule));
    let invariants: BTreeSet<_> = rules.map(|rule| rule.invariant.as_str()).collect();
    let died = summary.deaths.iter().any(|death| death.target == target);
    match (invariants.is_empty(), died) {
        (false, _) => format!("VIOLATED {}", invariants.into_iter().collect::<Vec<_>>().join(",")),
        (true, true) => "FAILED".to_string(),
        (true, false) => "nothing found".to_string(),
    }
}

fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_string() } else { format!("{} runs", grouped(count)) }
}

fn human(campaign: &Campaign, summary: &Summary) -> String {
    let mut text = heading(campaign, summary);
    if summary.interrupted {
        text.push_str("interrupted: the corpus and all findings are kept\n");
    }
    let groups = causes::groups(&summary.findings);
    for group in &groups {
        found(summary, group, &mut text);
    }
    for Known { rule, file, .. } in &summary.again {
        let (invariant, rule) = (styled(BAD, &rule.invariant), &rule.rule);
        let _ = writeln!(text, "{invariant}: {rule}, as found before\n    vopr repro {}", file.display());
    }
    for death in &summary.deaths {
        let _ = writeln!(text, "{} died {}", styled(DOUBTFUL, "a worker"), death.status);
        if let Some(input) = &death.input {
            let bugs = format::bug_options(&campaign.bugs);
            let system = system_option(campaign.system.name);
            let _ = writeln!(text, "    vopr repro {} --target {}{system}{bugs}", input.display(), death.target);
        }
        if let Some(file) = &death.file {
            let _ = writeln!(text, "    vopr repro {}", file.display());
        }
    }
    let runs = runs(summary.violated());
    let _ = match (groups.len() + summary.again.len(), summary.fails()) {
        (0, false) => writeln!(text, "{}", styled(GOOD, "nothing found")),
        (0, true) => writeln!(text, "{}", styled(BAD, "the system, or vopr, died")),
        (1, _) => writeln!(text, "{}, in {runs}", styled(BAD, "1 kind of violation")),
        (count, _) => writeln!(text, "{}, in {runs}", styled(BAD, format_args!("{count} kinds of violations"))),
    };
    text
}

/// The findings of one cause.
fn found(summary: &Summary, group: &Group, text: &mut String) {
    let findings = &summary.findings;
    for (place, finding) in group.iter().map(|number| &findings[*number]).enumerate() {
        let Finding { rule: BrokenRule { invariant, rule }, scenario, file, .. } = finding;
        let again = if finding.reproduced { "" } else { ", but not when run again: not deterministic" };
        let _ = if place == 0 {
            let (name, after) = (&finding.name, runs(finding.runs));
            writeln!(text, "{name} {}: {rule} in {scenario} after {after}{again}", styled(BAD, invariant))
        } else {
            writeln!(text, "    likewise {rule} in {scenario}{again}")
        };
        let _ = writeln!(text, "    vopr repro {}", file.display());
        if let Some(Smaller { file, actions, actions_before }) = &finding.minimized {
            let _ = writeln!(text, "    vopr repro {} ({actions} of {actions_before} actions)", file.display());
        }
        let same = |other: &&Finding| other.rule == finding.rule && other.scenario == finding.scenario;
        for other in summary.duplicates.iter().filter(same) {
            let _ = writeln!(text, "    the same from another job: {}", other.file.display());
        }
    }
}

/// What was done: a sentence for one target, a table for several.
fn heading(campaign: &Campaign, summary: &Summary) -> String {
    let (corpus, seed) = (campaign.corpus.display(), campaign.seed);
    if let ([target], [share]) = (&campaign.targets[..], &summary.shares[..]) {
        return format!(
            "{}: {} runs in {:.1} s ({}/s), {} states, corpus {} in {corpus}, seed {seed}\n",
            target.name,
            grouped(share.runs),
            share.elapsed.as_secs_f64(),
            grouped(rate(share.runs, share.elapsed)),
            grouped(share.states.count() as u64),
            grouped(share.corpus as u64),
        );
    }
    let mut table = terminal::table(&["target", "turns", "time", "runs", "runs/s", "states", "new", "corpus", "found"]);
    for (target, share) in campaign.targets.iter().zip(&summary.shares) {
        let found = summary.findings.iter().filter(|finding| finding.target == target.name).count();
        table.add_row(vec![
            target.name.clone(),
            share.turns.to_string(),
            format!("{:.0} s", share.elapsed.as_secs_f64()),
            grouped(share.runs),
            grouped(rate(share.runs, share.elapsed)),
            grouped(share.states.count() as u64),
            grouped(share.last_turn.0 as u64),
            grouped(share.corpus as u64),
            found.to_string(),
        ]);
    }
    let mut text = format!("{table}\n");
    let (runs, time) = (grouped(summary.runs()), summary.elapsed.as_secs_f64());
    let _ =
        writeln!(text, "{runs} runs in {time:.1} s, corpora in {corpus}, seed {seed}; new: states in the last turn");
    let targets = || campaign.targets.iter().zip(&summary.shares);
    let saturated: Vec<_> = targets().filter(|(_, share)| share.saturated()).map(|(target, _)| &*target.name).collect();
    if !saturated.is_empty() {
        let _ = writeln!(text, "saturated, no new state in the last turn: {}", saturated.join(", "));
    }
    let idle: Vec<_> = targets().filter(|(_, share)| share.turns == 0).map(|(target, _)| &*target.name).collect();
    if !idle.is_empty() {
        let _ = writeln!(text, "without a turn, for lack of time: {}", idle.join(", "));
    }
    text
}

fn as_json(campaign: &Campaign, summary: &Summary) -> serde_json::Value {
    let targets = campaign.targets.iter().zip(&summary.shares).map(|(target, share)| {
        let reached = share.states.reached();
        json!({
            "target": target.name, "turns": share.turns, "runs": share.runs, "violated": share.violated,
            "seconds": share.elapsed.as_secs_f64(), "runs_per_second": rate(share.runs, share.elapsed),
            "states": reached.states, "states_estimated": reached.estimated(), "regions": REGIONS.map(|region| reached.of_region(&region)),
            "collisions_estimated": reached.collisions(), "new_in_last_turn": share.last_turn.0,
            "saturated": share.saturated(), "corpus": share.corpus, "corpus_directory": campaign.corpus(target),
        })
    });
    let names: Vec<_> = campaign.targets.iter().map(|target| target.name.as_str()).collect();
    json!({
        "version": terminal::JSON_VERSION, "command": "fuzz", "campaign": campaign.name, "target": names.join(","),
        "targets": targets.collect::<Vec<_>>(), "system": campaign.system.name, "bugs": campaign.bugs,
        "seed": campaign.seed.to_string(), "runs": summary.runs(), "violated": summary.violated(),
        "seconds": summary.elapsed.as_secs_f64(), "runs_per_second": rate(summary.runs(), summary.elapsed),
        "states": summary.states(), "corpus": summary.corpus(), "corpus_directory": campaign.corpus,
        "interrupted": summary.interrupted, "findings": summary.findings, "groups": causes::groups(&summary.findings), "again": summary.again,
        "duplicates": summary.duplicates, "deaths": summary.deaths,
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
