//! `vopr scenarios`: lists the scenarios.

use std::fmt::Write;

use clap::Args;
use scenarios::{Scenario, ScenarioType, TARGETS};
use serde::Serialize;

use crate::arguments::{Common, Format};
use engine::base::error::Error;
use engine::base::terminal;
use engine::search::targets;

/// The arguments of `vopr scenarios`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only those whose name or description contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Only those of this phase
    #[arg(long, value_name = "N")]
    phase: Option<u8>,
    /// Say what each is for
    #[arg(long)]
    describe: bool,
    /// Write this scenario as a file, for `--scenario-file`
    #[arg(long, value_name = "NAME")]
    export: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    phase: u8,
    description: &'static str,
    faults: &'static str,
    invariants: Vec<&'static str>,
    marks: Vec<String>,
    targets: Vec<&'static str>,
}

impl Entry {
    fn of(scenario: &Scenario) -> Self {
        let has = |target: &&scenarios::FuzzTarget| scenario.kind.is_some_and(|kind| target.scenarios.contains(&kind));
        Entry {
            name: scenario.name,
            phase: scenario.phase,
            description: scenario.description,
            faults: scenario.faults,
            invariants: scenario.invariants.to_vec(),
            marks: scenario.marks.iter().map(|mark| format!("{mark:?}")).collect(),
            targets: TARGETS.iter().filter(has).map(|target| target.name).collect(),
        }
    }
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    if let Some(name) = &arguments.export {
        terminal::print(&targets::scenario(name)?.to_toml())?;
        return Ok(engine::base::exit::CLEAN);
    }
    let filter = arguments.filter.as_ref().map(|filter| filter.to_lowercase());
    let wanted = |scenario: &Scenario| {
        arguments.phase.is_none_or(|phase| phase == scenario.phase)
            && filter.as_ref().is_none_or(|filter| {
                scenario.name.contains(filter) || scenario.description.to_lowercase().contains(filter)
            })
    };
    let all = ScenarioType::ALL.iter().map(|kind| kind.create_scenario());
    let entries: Vec<Entry> = all.filter(wanted).map(|scenario| Entry::of(&scenario)).collect();
    match common.format {
        Format::Json => terminal::print_json(&serde_json::json!({
            "version": terminal::JSON_VERSION, "command": "scenarios", "scenarios": entries,
        }))?,
        Format::Compact => {
            let lines = entries.iter().map(|entry| format!("{} {}\n", entry.name, entry.phase));
            terminal::print(&lines.collect::<String>())?;
        }
        Format::Human if arguments.describe => terminal::print(&described(&entries))?,
        Format::Human => {
            let mut table = terminal::table(&["scenario", "phase", "faults"]);
            for entry in &entries {
                table.add_row([entry.name, &entry.phase.to_string(), entry.faults]);
            }
            terminal::print(&format!("{table}\n{}", targets()))?;
        }
    }
    if entries.is_empty() {
        return Err(Error::usage("no scenario is like that; leave out --filter and --phase to see all"));
    }
    Ok(engine::base::exit::CLEAN)
}

fn described(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{} (phase {})", entry.name, entry.phase);
        let _ = writeln!(text, "    {}", entry.description);
        let _ = writeln!(text, "    faults: {}", entry.faults);
        let _ = writeln!(text, "    invariants: {}", entry.invariants.join(", "));
        if !entry.marks.is_empty() {
            let _ = writeln!(text, "    proves nothing without: {}", entry.marks.join(", "));
        }
        if !entry.targets.is_empty() {
            let _ = writeln!(text, "    fuzz targets: {}", entry.targets.join(", "));
        }
    }
    text
}

fn targets() -> String {
    let mut table = terminal::table(&["fuzz target", "looks for", "scenarios"]);
    for target in TARGETS {
        table.add_row([target.name, target.description, &target.scenarios.len().to_string()]);
    }
    format!("{table}\n")
}
