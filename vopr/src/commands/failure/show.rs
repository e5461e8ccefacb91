//! `vopr show`: prints the content of a failure file. The case is run only if the requested output needs it.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::arguments::{Common, Format};
use crate::commands::failure::read_kmb;
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::{BAD, styled};
use engine::base::{exit, format};
use engine::cases::description;
use engine::cases::kmb::{Kmb, Origin};
use engine::cases::systems::Engine;

/// The arguments of `vopr show`.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools)] // Flags are what a command line has.
pub(crate) struct Arguments {
    /// The .kmb file
    file: PathBuf,
    /// Run it, and print every observation
    #[arg(long)]
    events: bool,
    /// Run it, and count the protocol states that it reaches, by region of the map
    #[arg(long)]
    coverage: bool,
    /// Run it, and count how often each invariant is checked
    #[arg(long)]
    invariants: bool,
    /// Print the whole configuration, the marks and the raw input; run it, and say what became of each action
    #[arg(long)]
    detailed: bool,
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let kmb = read_kmb(&arguments.file)?;
    let needed = arguments.events || arguments.coverage || arguments.invariants;
    let engine = match Engine::for_case(&kmb.case) {
        Ok(mut engine) if needed || arguments.detailed => {
            engine.run(&kmb.case, arguments.events);
            Some(engine)
        }
        // A file about a system that is not built in can be shown nevertheless.
        Err(error) if needed => return Err(error),
        _ => None,
    };
    let engine = engine.as_ref();
    match common.format {
        Format::Json => terminal::print_json(&as_json(arguments, &kmb, engine))?,
        Format::Compact => {
            let (invariant, rule) = kmb.expected.as_ref().map_or(("-", "-"), |it| (&it.invariant, &it.rule));
            let (invariant, rule) = (format::printable(invariant), format::printable(rule));
            terminal::print(&format!("{} {} {invariant} {rule}\n", kmb.name(), kmb.case.scenario))?;
        }
        Format::Human => {
            let mut text = human(&kmb, engine);
            if arguments.detailed {
                details(&kmb, &mut text);
            }
            if let Some(engine) = engine {
                observed(arguments, engine, &mut text);
            }
            terminal::print(&text)?;
        }
    }
    Ok(exit::CLEAN)
}

fn human(kmb: &Kmb, engine: Option<&Engine>) -> String {
    let case = &kmb.case;
    let cluster = &case.config.cluster;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    line("name", kmb.name());
    line("scenario", case.scenario.clone());
    line("system", format!("{} {}", case.system, kmb.system_version));
    if !case.bugs.is_empty() {
        line("bugs", case.bugs.join(", "));
    }
    let liars = if case.liars.is_empty() { "none".to_string() } else { format::replicas(case.liars) };
    let members = match cluster.size() {
        size if size == cluster.replicas => String::new(),
        size => format!(" ({size} of them members at first)"),
    };
    line(
        "cluster",
        format!(
            "{} replicas{members}, replication quorum {}, view change quorum {}, liars: {liars}",
            cluster.replicas, cluster.replication_quorum, cluster.view_change_quorum
        ),
    );
    let workload = &case.config.workload;
    line("workload", format::workload(workload));
    line("seed", case.seed.to_string());
    line("origin", description::origin(kmb));
    line("written by", format!("vopr {}", kmb.vopr_version));
    if let Some(digest) = kmb.digest {
        line("digest", format!("{digest:016x}"));
    }
    line("actions", case.actions.len().to_string());
    for (number, action) in (1..).zip(description::actions(case, engine)) {
        let _ = writeln!(text, "    {number:>3}. {action}");
    }
    match &kmb.expected {
        None => text.push_str("violation  none: the system under test, or vopr, died at this input\n"),
        Some(violation) => {
            let _ = writeln!(
                text,
                "violation  {}: {}\n    at {}, event {}, {}\n    expected: {}\n    seen:     {}",
                styled(BAD, format::printable(&violation.invariant)),
                format::printable(&violation.rule),
                format::moment(violation.at),
                violation.event,
                format::replicas(violation.replicas),
                format::printable(&violation.expected),
                format::printable(&violation.seen)
            );
        }
    }
    text
}

/// The number of states reached in each region of the map.
fn regions(engine: &Engine) -> impl Iterator<Item = (&'static str, usize, u32)> {
    sim::observers::coverage::REGIONS.iter().map(|region| {
        let slots = region.start..region.start + region.size;
        let reached = engine.reached().iter().filter(|slot| slots.contains(slot)).count();
        (region.name, reached, region.size)
    })
}

fn details(kmb: &Kmb, text: &mut String) {
    let _ = writeln!(text, "marks      {:?}", kmb.case.marks);
    text.push_str("settings\n");
    for setting in kmb.case.config.settings() {
        let _ = writeln!(text, "    {:<28} {}", setting.name, format::setting(&setting));
    }
    if let Origin::Fuzz { input, .. } = &kmb.origin {
        text.push_str("input\n");
        for record in input.chunks(sim::plan::RECORD_BYTES) {
            let bytes: Vec<_> = record.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(text, "    {}", bytes.join(" "));
        }
    }
}

fn observed(arguments: &Arguments, engine: &Engine, text: &mut String) {
    if arguments.coverage {
        let _ = writeln!(text, "states     {} of {}", engine.reached().len(), sim::observers::coverage::MAP_SIZE);
        for (name, reached, size) in regions(engine) {
            let _ = writeln!(text, "    {reached:>6} of {size:>6}  {name}");
        }
    }
    if arguments.invariants {
        text.push_str("checks\n");
        for (name, count) in sim::invariants::NAMES.iter().zip(engine.checks()) {
            let _ = writeln!(text, "    {count:>10}  {name}");
        }
    }
    if arguments.events {
        text.push_str("events\n");
        for seen in engine.recorded() {
            let _ = writeln!(text, "{}", format::observation(seen));
        }
    }
}

/// The settings of the cluster by name.
fn cluster(case: &sim::Case) -> serde_json::Value {
    let settings = case.config.settings().into_iter();
    let cluster =
        settings.filter_map(|setting| Some((setting.name.strip_prefix("cluster.")?.to_string(), setting.value.into())));
    serde_json::Value::Object(cluster.collect())
}

fn as_json(arguments: &Arguments, kmb: &Kmb, engine: Option<&Engine>) -> serde_json::Value {
    let case = &kmb.case;
    let mut value = json!({
        "version": terminal::JSON_VERSION, "command": "show", "name": kmb.name(), "scenario": case.scenario,
        "system": case.system, "system_version": kmb.system_version, "vopr_version": kmb.vopr_version,
        "bugs": case.bugs, "seed": case.seed.to_string(), "liars": case.liars.iter().collect::<Vec<_>>(),
        "cluster": cluster(case), "origin": description::origin(kmb), "violation": kmb.expected,
        "actions": description::actions(case, engine),
        "digest": kmb.digest.map(|digest| format!("{digest:016x}")),
    });
    if arguments.detailed {
        value["config"] = json!(case.config);
        value["marks"] = json!(case.marks);
    }
    if let Some(engine) = engine {
        if arguments.coverage {
            value["states"] = json!(engine.reached().len());
            let regions = regions(engine).map(|(name, reached, _)| (name.to_string(), reached.into()));
            value["coverage"] = serde_json::Value::Object(regions.collect());
        }
        if arguments.invariants {
            let checks =
                sim::invariants::NAMES.iter().map(ToString::to_string).zip(engine.checks().into_iter().map(Into::into));
            value["checks"] = serde_json::Value::Object(checks.collect());
        }
        if arguments.events {
            value["events"] = json!(engine.recorded().iter().map(format::observation).collect::<Vec<_>>());
        }
    }
    value
}
