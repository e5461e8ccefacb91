//! `vopr stats`: reports what the campaigns of a data directory have reached and found.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sim::invariants::NAMES;
use sim::observers::coverage::REGIONS;

use crate::arguments::{Common, DataDirectory, Format};
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::{BAD, DOUBTFUL, count, grouped, rate, span, styled};
use engine::campaigns::campaign_log::Progress;
use engine::campaigns::data_dir::{Data, Sums, date};

/// The arguments of `vopr stats`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: DataDirectory,
    /// List every campaign and every target of it
    #[arg(long)]
    detailed: bool,
    /// Say how full the coverage map is, how that came about, and what may be left
    #[arg(long)]
    coverage: bool,
    /// Say how often each invariant was checked, and how often broken
    #[arg(long)]
    invariants: bool,
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let data = Data::read(&arguments.data.path)?;
    match common.format {
        Format::Human => terminal::print(&human(arguments, &data))?,
        Format::Json => terminal::print_json(&as_json(&data))?,
        Format::Compact => terminal::print(&compact(&data))?,
    }
    Ok(engine::base::exit::CLEAN)
}

fn human(arguments: &Arguments, data: &Data) -> String {
    let mut text = String::new();
    let Sums { runs, violated, elapsed } = Sums::of(data.latest());
    let _ = writeln!(
        text,
        "{}: {} runs in {}, {}/s, {} of them with a violation",
        count(data.campaigns.len(), "campaign", "campaigns"),
        grouped(runs),
        span(elapsed),
        grouped(rate(runs, elapsed)),
        grouped(violated)
    );
    let died: usize = data.campaigns.iter().map(|past| past.died).sum();
    if died > 0 {
        let _ = writeln!(text, "{}", styled(DOUBTFUL, count(died, "worker died", "workers died")));
    }
    if arguments.detailed {
        campaigns(data, &mut text);
    }
    if arguments.coverage {
        coverage(data, &mut text);
    }
    if arguments.invariants {
        invariants(data, &mut text);
    }
    findings(data, &mut text);
    text
}

fn campaigns(data: &Data, text: &mut String) {
    let mut table = terminal::table(&[
        "campaign",
        "began (UTC)",
        "system",
        "bugs",
        "target",
        "time",
        "runs",
        "runs/s",
        "states",
        "corpus",
    ]);
    for past in &data.campaigns {
        for progress in past.latest() {
            let time = Duration::from_millis(progress.milliseconds);
            table.add_row(vec![
                past.called(),
                date(past.at),
                printable(&past.started.system),
                if past.started.bugs.is_empty() { "-".to_string() } else { printable(&past.started.bugs.join(", ")) },
                printable(&progress.target),
                span(time),
                grouped(progress.runs),
                grouped(rate(progress.runs, time)),
                grouped(progress.reached.states as u64),
                grouped(progress.corpus as u64),
            ]);
        }
    }
    let _ = writeln!(text, "{table}");
}

/// Escapes text from a file for a terminal.
fn printable(text: &str) -> String {
    text.escape_debug().to_string()
}

fn coverage(data: &Data, text: &mut String) {
    for past in &data.campaigns {
        for (target, series) in &past.progress {
            let Some((_, Progress { reached, runs, .. })) = series.last() else { continue };
            let states: Vec<usize> = series.iter().map(|(_, progress)| progress.reached.states).collect();
            let _ = writeln!(
                text,
                "{} of campaign {}, {}: {}",
                printable(target),
                past.called(),
                date(past.at),
                curve(&states)
            );
            let _ = writeln!(
                text,
                "    {} states in {} runs; an estimate of all that there are: at least {} (Chao1); some {} of them share a slot",
                grouped(reached.states as u64),
                grouped(*runs),
                grouped(reached.estimated() as u64),
                grouped(reached.collisions())
            );
            if let Some(runs) = reached.runs_to_a_new_one(*runs) {
                let _ = writeln!(text, "    a new one is to be expected every {} runs (Good-Turing)", grouped(runs));
            }
            for region in &REGIONS {
                let reached = reached.of_region(region);
                let percent = reached as f64 * 100.0 / f64::from(region.size);
                let _ = writeln!(text, "    {:<20} {reached:>6} of {:>6} {percent:>5.1} %", region.name, region.size);
            }
        }
    }
}

/// Draws the growth of a number in one line.
fn curve(values: &[usize]) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const WIDTH: usize = 40;
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let width = values.len().min(WIDTH);
    (1..=width)
        .map(|column| {
            let value = values[column * values.len() / width - 1];
            STEPS[(value * (STEPS.len() - 1)).div_ceil(highest).min(STEPS.len() - 1)]
        })
        .collect()
}

fn invariants(data: &Data, text: &mut String) {
    let mut table = terminal::table(&["invariant", "checked", "failures"]);
    let checks = data.checks();
    for name in NAMES {
        let (checked, failures) = (checks.get(*name).copied().unwrap_or(0), data.failures_of(name).count() as u64);
        table.add_row(vec![(*name).to_string(), grouped(checked), grouped(failures)]);
    }
    let _ = writeln!(text, "{table}");
}

fn findings(data: &Data, text: &mut String) {
    let causes = data.causes();
    for cause in &causes {
        let failures = cause.failures.iter().map(|number| &data.failures[*number]);
        let Some(smallest) = failures.min_by_key(|failure| failure.smallest().case.actions.len()) else { continue };
        let actions = count(smallest.smallest().case.actions.len(), "action", "actions");
        let _ = writeln!(
            text,
            "{}: {}\n    {}, the smallest with {actions} ({}): {}",
            styled(BAD, printable(&cause.invariant)),
            smallest.kmb.expected.as_ref().map_or(String::new(), |expected| printable(&expected.rule)),
            count(cause.failures.len(), "file", "files"),
            cause.shape,
            printable(smallest.smallest_file())
        );
    }
    let more = if data.more { " (and more files that were not looked at)" } else { "" };
    let failures = count(data.failures.len(), "failure", "failures");
    let _ = writeln!(text, "{failures} of {}{more}", count(causes.len(), "cause", "causes"));
    for (file, why) in &data.unreadable {
        let _ = writeln!(text, "{} {}: {}", styled(DOUBTFUL, "unreadable"), printable(file), printable(why));
    }
}

fn compact(data: &Data) -> String {
    let line = |progress: &Progress| {
        let time = Duration::from_millis(progress.milliseconds);
        let (target, Progress { runs, violated, .. }) = (printable(&progress.target), progress);
        let (seconds, rate, states) = (time.as_secs_f64(), rate(*runs, time), progress.reached.states);
        format!("{target} {runs} {seconds:.2}s {rate}/s {states} states {violated} violated\n")
    };
    data.latest().map(line).collect()
}

fn as_json(data: &Data) -> serde_json::Value {
    let campaigns = data.campaigns.iter().map(|past| {
        let targets = past.progress.values().filter_map(|series| {
            let (_, latest) = series.last()?;
            let over_time: Vec<_> = series.iter().map(|(at, it)| json!([at, it.runs, it.reached.states])).collect();
            let (estimated, collisions) = (latest.reached.estimated(), latest.reached.collisions());
            let next = latest.reached.runs_to_a_new_one(latest.runs);
            Some(json!({
                "latest": latest, "states_estimated": estimated, "collisions_estimated": collisions,
                "runs_to_a_new_state_estimated": next, "over_time": over_time,
            }))
        });
        json!({
            "name": past.name, "at": past.at, "last": past.last, "ended": past.ended, "started": past.started,
            "targets": targets.collect::<Vec<_>>(), "found": past.found, "died": past.died,
        })
    });
    let causes = data.causes().into_iter().map(|cause| {
        let files: Vec<_> = cause.failures.iter().map(|number| &data.failures[*number].file).collect();
        json!({ "invariant": cause.invariant, "shape": cause.shape, "files": files })
    });
    let checks = data.checks();
    let invariants = NAMES.iter().map(|name| {
        let checked = checks.get(*name).copied().unwrap_or(0);
        json!({ "name": name, "checks": checked, "failures": data.failures_of(name).count() })
    });
    let Sums { runs, violated, elapsed } = Sums::of(data.latest());
    json!({
        "version": terminal::JSON_VERSION, "command": "stats", "runs": runs, "violated": violated,
        "seconds": elapsed.as_secs_f64(), "campaigns": campaigns.collect::<Vec<_>>(),
        "causes": causes.collect::<Vec<_>>(), "invariants": invariants.collect::<Vec<_>>(),
        "unreadable": data.unreadable.iter().map(|(file, why)| json!({ "file": file, "why": why })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_to_the_top() {
        assert_eq!(curve(&[0, 1, 4, 8]), "▁▂▅█");
        assert_eq!(curve(&[]), "");
        assert_eq!(curve(&[0, 0]), "▁▁");
        assert_eq!(curve(&vec![7; 1_000]).chars().count(), 40);
    }
}
