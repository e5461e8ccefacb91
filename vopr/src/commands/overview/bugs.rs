//! `vopr bugs`: lists the planted bugs.

use std::fmt::Write;

use clap::Args;

use crate::arguments::{Common, Format};
use engine::base::error::Error;
use engine::base::terminal;
use engine::cases::systems::{SYSTEMS, SystemEntry};

/// The arguments of `vopr bugs`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Of which system
    #[arg(long, value_name = "NAME", default_value = SYSTEMS[0].name)]
    system: String,
    /// Say where each comes from and how to find it
    #[arg(long)]
    describe: bool,
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let system = SystemEntry::find(&arguments.system)?;
    match common.format {
        Format::Json => {
            let bugs: Vec<_> = system
                .bugs
                .iter()
                .map(|bug| {
                    serde_json::json!({
                        "name": bug.name, "breaks": bug.breaks, "caught_by": bug.caught_by,
                        "origin": bug.origin, "target": bug.target, "scenarios": bug.scenarios,
                    })
                })
                .collect();
            terminal::print_json(&serde_json::json!({
                "version": terminal::JSON_VERSION, "command": "bugs", "system": system.name, "bugs": bugs,
            }))?;
        }
        Format::Compact => {
            let lines =
                system.bugs.iter().map(|bug| format!("{} {} {}\n", bug.name, bug.target, bug.caught_by.join(",")));
            terminal::print(&lines.collect::<String>())?;
        }
        Format::Human if arguments.describe => {
            let mut text = String::new();
            for bug in system.bugs {
                let _ = writeln!(text, "{}\n    breaks: {}", bug.name, bug.breaks);
                let _ = writeln!(text, "    origin: {}", bug.origin);
                let _ = writeln!(text, "    caught by: {}", bug.caught_by.join(", "));
                if !bug.scenarios.is_empty() {
                    let _ = writeln!(text, "    scenarios that must catch it: {}", bug.scenarios.join(", "));
                }
                let _ = writeln!(text, "    vopr fuzz {} --bug {} --stop-on-first", bug.target, bug.name);
            }
            terminal::print(&text)?;
        }
        Format::Human => {
            let mut table = terminal::table(&["bug", "breaks", "caught by", "fuzz target"]);
            for bug in system.bugs {
                table.add_row([bug.name, bug.breaks, bug.caught_by.first().copied().unwrap_or("-"), bug.target]);
            }
            terminal::print(&format!("{table}\n"))?;
        }
    }
    Ok(engine::base::exit::CLEAN)
}
