//! `vopr repro`: runs a failure file again and reports whether the result is the same.
//!
//! The case runs in a separate process, because the system under test may abort or hang. A raw input is saved as a
//! `.kmb` file before it is run.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anstyle::Style;
use clap::Args;
use serde_json::json;
use sim::{Outcome, Verdict, Violation};

use crate::arguments::{Common, Format, OutputDirectory, SystemArguments};
use crate::commands::failure::read_kmb;
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::{BAD, DOUBTFUL, GOOD, count, styled};
use engine::base::{exit, files, format};
use engine::cases::comparison::Comparison;
use engine::cases::kmb::{FILE_BYTES_MAX, Kmb, Origin, read_bounded};
use engine::cases::subprocess;
use engine::cases::systems::Engine;
use engine::search::targets::Target;

/// The arguments of `vopr repro`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The .kmb file, or with --target a raw input of a fuzzer
    file: PathBuf,
    /// The file is a raw input (libFuzzer's crash-..., one of AFL++'s crashes) of this fuzz target
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Only compare the traces; a violation does not count
    #[arg(long)]
    no_check_invariants: bool,
    // For raw inputs only. A .kmb file contains the system itself.
    #[command(flatten)]
    system: SystemArguments,
    // For raw inputs only.
    #[command(flatten)]
    output_directory: OutputDirectory,
    /// Run it in this process
    #[arg(long, hide = true)]
    here: bool,
    /// The .kmb file of a raw input
    #[arg(long, hide = true, requires = "here")]
    record: Option<PathBuf>,
}

fn style(comparison: Comparison) -> Style {
    match comparison {
        Comparison::Same | Comparison::New => BAD,
        Comparison::OtherTrace | Comparison::OtherViolation => DOUBTFUL,
        Comparison::NoViolation | Comparison::StillNone => GOOD,
    }
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let kmb = match &arguments.target {
        Some(target) => read_raw(arguments, target)?,
        None if !arguments.system.bugs.is_empty() => {
            return Err(Error::usage(
                "a .kmb file says itself which bugs are on; --bug is for raw inputs, with --target",
            ));
        }
        None => read_kmb(&arguments.file)?,
    };
    let mut engine = Engine::for_case(&kmb.case)?;
    if !arguments.here {
        return guard(common, arguments, &kmb);
    }
    subprocess::end_with_parent();
    let outcome = engine.run(&kmb.case, common.verbose);
    let comparison = Comparison::of(&kmb, &outcome);
    let violation = match &outcome.verdict {
        Verdict::Violated(violation) if !arguments.no_check_invariants => Some(violation),
        _ => None,
    };
    let record = arguments.record.as_deref().filter(|_| comparison == Comparison::New);
    if let Some(file) = record {
        record_outcome(&kmb, &outcome, file)?;
    }
    match common.format {
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "repro", "name": kmb.name(), "result": comparison.name(),
            "file": record, "digest": format!("{:016x}", outcome.digest), "same_digest": kmb.digest == Some(outcome.digest),
            "violation": violation.map(engine::cases::violation::Violation::from), "events": outcome.events,
            "committed": outcome.committed, "virtual_nanoseconds": outcome.time,
        }))?,
        Format::Compact => terminal::print(&format!("{} {}\n", kmb.name(), comparison.name()))?,
        Format::Human => {
            let mut text = if common.verbose { trace(&engine) } else { String::new() };
            versions(&kmb, &engine, &mut text);
            describe(&outcome, &mut text);
            if arguments.no_check_invariants {
                text.push_str(match kmb.digest {
                    None => "the file has no digest to compare with; invariants were not checked\n",
                    Some(digest) if digest == outcome.digest => "the same digest; invariants were not checked\n",
                    Some(_) => "another trace than the one in the file; invariants were not checked\n",
                });
            } else {
                if let Some(violation) = violation {
                    explain(violation, &mut text);
                }
                let _ = writeln!(text, "{}", styled(style(comparison), comparison.words()));
            }
            if let Some(file) = record {
                let _ = writeln!(text, "    vopr repro {}", file.display());
            }
            terminal::print(&text)?;
        }
    }
    Ok(if violation.is_some() { exit::VIOLATION } else { exit::CLEAN })
}

/// Runs the case in another process, and reports if that process dies.
fn guard(common: &Common, arguments: &Arguments, kmb: &Kmb) -> Result<u8, Error> {
    let record = arguments.target.is_some().then(|| kmb.write_new(&arguments.output_directory.path));
    let record = record.and_then(|written| match written {
        Ok(file) => Some(file),
        Err(error) => {
            // The input itself is safe, and the user wants to see what it does.
            let path = arguments.output_directory.path.display();
            terminal::tell(&format!("{} no .kmb file in {path}: {error}", styled(DOUBTFUL, "warning:")));
            None
        }
    });
    let mut again: Vec<OsString> = std::env::args_os().skip(1).collect();
    again.push("--here".into());
    if let Some(file) = &record {
        again.extend(["--record".into(), file.into()]);
    }
    match subprocess::run(again)? {
        subprocess::Ending::Exited(code) => {
            // If nothing is wrong, the file is not needed.
            if let Some(file) = record.filter(|_| code != exit::VIOLATION) {
                let _ = std::fs::remove_file(file);
            }
            Ok(code)
        }
        subprocess::Ending::Died(how) => {
            died(common, kmb, record.as_deref(), &how)?;
            Ok(exit::VIOLATION)
        }
    }
}

/// Reports that the process that ran the case has died.
fn died(common: &Common, kmb: &Kmb, file: Option<&Path>, how: &str) -> Result<(), Error> {
    match common.format {
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "repro", "name": kmb.name(), "result": "died",
            "how": how, "file": file,
        })),
        Format::Compact => terminal::print(&format!("{} died\n", kmb.name())),
        Format::Human => {
            let mut text = format!("{}: {how}\n", styled(BAD, "the system, or vopr, died at it"));
            if let Some(file) = file {
                let _ = writeln!(text, "    vopr repro {}", file.display());
            }
            terminal::print(&text)
        }
    }
}

/// Writes the outcome into the file of a raw input.
fn record_outcome(kmb: &Kmb, outcome: &Outcome, file: &Path) -> Result<(), Error> {
    let kmb = Kmb::new(kmb.case.clone(), &kmb.system_version, kmb.origin.clone(), Some(outcome));
    let bytes = kmb.encode().map_err(|error| Error::Internal(error.to_string()))?;
    files::write_named(file, &bytes).map_err(|error| Error::io("write", file, &error, "make room"))
}

/// Converts a raw input of a fuzzer to a failure file that expects nothing.
fn read_raw(arguments: &Arguments, target: &str) -> Result<Kmb, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let target = Target::find(system, target, None)?;
    let path = &arguments.file;
    let input = read_bounded(path).map_err(|error| Error::io("read", path, &error, "check the path"))?;
    if input.len() > FILE_BYTES_MAX {
        let path = path.display();
        return Err(Error::usage(format!("{path}: larger than {FILE_BYTES_MAX} bytes, so no fuzzer's input")));
    }
    let case = target.case(&bugs, &input);
    Ok(Kmb::new(case, system.version, Origin::Fuzz { target: target.name, input }, None))
}

fn trace(engine: &Engine) -> String {
    let notable = engine.recorded().iter().filter(|seen| format::notable(&seen.what));
    notable.map(|seen| format::observation(seen) + "\n").collect()
}

/// Reports whether the file is from another version, because the result may differ then.
fn versions(kmb: &Kmb, engine: &Engine, text: &mut String) {
    let system = engine.system();
    if kmb.system_version != system.version {
        let name = system.name;
        let _ = writeln!(text, "the file is about {name} {}; this is {name} {}", kmb.system_version, system.version);
    }
    if kmb.vopr_version != env!("CARGO_PKG_VERSION") {
        let _ = writeln!(text, "the file is from vopr {}; this is {}", kmb.vopr_version, env!("CARGO_PKG_VERSION"));
    }
}

fn describe(outcome: &Outcome, text: &mut String) {
    let _ = writeln!(
        text,
        "{} events, {} of virtual time, {} committed, {} actions done, {} skipped, digest {:016x}",
        outcome.events,
        format::time(outcome.time),
        count(outcome.committed as usize, "request", "requests"),
        outcome.actions_done,
        outcome.actions_skipped,
        outcome.digest
    );
    if let Verdict::Vacuous(missing) = &outcome.verdict {
        let _ = writeln!(text, "the run proves nothing: it did not show {missing:?}");
    }
    if let Some(violation) = &outcome.beyond_the_promise {
        let _ = writeln!(text, "beyond the promise, so no failure: {} ({})", violation.invariant, violation.rule);
    }
}

fn explain(violation: &Violation, text: &mut String) {
    let _ = writeln!(
        text,
        "{}: {}\n    at {}, event {}, {}\n    expected: {}\n    seen:     {}",
        violation.invariant,
        violation.rule,
        format::moment(violation.at),
        violation.event,
        format::replicas(violation.replicas),
        format::printable(&violation.expected),
        format::printable(&violation.seen)
    );
}
