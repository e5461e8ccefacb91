//! `vopr explain`: explains a failure in a few sentences.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use sim::{Verdict, Violation};

use crate::arguments::{Common, Printed, write_output};
use crate::commands::failure::read_kmb;
use engine::analysis::explain::{Explanation, explain};
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::{BAD, styled};
use engine::base::{exit, format};
use engine::cases::kmb::Kmb;
use engine::cases::systems::{Engine, SystemEntry};

/// The arguments of `vopr explain`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The .kmb file; one that `vopr minimize` made is told best
    file: PathBuf,
    /// Where the text goes as Markdown, for a bug report
    #[arg(long, value_name = "FILE.md")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let kmb = read_kmb(&arguments.file)?;
    let mut engine = Engine::for_case(&kmb.case)?;
    let Verdict::Violated(violation) = engine.run(&kmb.case, true).verdict else {
        let path = arguments.file.display();
        return Err(Error::usage(format!("{path}: no invariant breaks, so there is nothing to explain")));
    };
    let explanation = explain(&kmb.case, engine.recorded(), &engine.outcomes().begun(), &violation);
    let report =
        Report { kmb: &kmb, system: engine.system(), file: &arguments.file, violation: &violation, explanation };
    if let Some(path) = &arguments.output {
        write_output(path, report.markdown().as_bytes())?;
    }
    report.print(common.format)?;
    Ok(exit::CLEAN)
}

struct Report<'a> {
    kmb: &'a Kmb,
    system: &'static SystemEntry,
    file: &'a Path,
    violation: &'a Violation,
    explanation: Explanation,
}

impl Printed for Report<'_> {
    fn human(&self) -> String {
        let mut text = format!("{}\n\n", self.about());
        for (number, step) in (1..).zip(&self.explanation.steps) {
            let _ = writeln!(text, "{number:>3}. {:>12}  {}", format::moment(step.at), step.text);
        }
        if let Some(left_out) = self.left_out() {
            let _ = writeln!(text, "                   ({left_out})");
        }
        let violation = self.violation;
        let _ = writeln!(text, "\n{}: {}", styled(BAD, violation.invariant), violation.rule);
        let _ = writeln!(text, "    promised: {}", format::printable(&violation.expected));
        let _ = writeln!(text, "    seen:     {}", format::printable(&violation.seen));
        for (name, breaks) in self.bugs() {
            let _ = writeln!(text, "    planted:  {name}, with which {breaks}");
        }
        let _ = writeln!(text, "    vopr repro {}", self.file.display());
        text
    }

    fn json(&self) -> Value {
        let violation = self.violation;
        let bugs = self.bugs().map(|(name, breaks)| json!({ "name": name, "breaks": breaks }));
        json!({
            "version": terminal::JSON_VERSION, "command": "explain", "name": self.kmb.name(),
            "system": self.kmb.case.system, "scenario": self.kmb.case.scenario,
            "steps": self.explanation.steps, "left_out": self.explanation.left_out,
            "violation": {
                "invariant": violation.invariant, "rule": violation.rule, "at": violation.at,
                "event": violation.event, "expected": violation.expected, "seen": violation.seen,
            },
            "bugs": bugs.collect::<Vec<_>>(), "replay": format!("vopr repro {}", self.file.display()),
        })
    }

    fn compact(&self) -> String {
        self.explanation.steps.iter().fold(String::new(), |mut text, step| {
            let _ = writeln!(text, "{} {} {}", self.kmb.name(), step.event, step.text);
            text
        })
    }
}

impl Report<'_> {
    fn about(&self) -> String {
        let case = &self.kmb.case;
        let cluster = &case.config.cluster;
        let liars = if case.liars.is_empty() {
            String::new()
        } else {
            format!(", of which {} may lie", format::replicas(case.liars))
        };
        format!(
            "{} {}, scenario {}: {} replicas{liars}; {} make a replication quorum, {} a view change quorum",
            case.system,
            self.system.version,
            format::printable(&case.scenario),
            cluster.replicas,
            cluster.replication_quorum,
            cluster.view_change_quorum
        )
    }

    /// The planted bugs: the name of each, and what it breaks.
    fn bugs(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        let bugs = self.kmb.case.bugs.iter().filter_map(|name| self.system.find_bug(name).ok());
        bugs.map(|bug| (bug.name, bug.breaks))
    }

    fn left_out(&self) -> Option<String> {
        match self.explanation.left_out {
            0 => None,
            1 => Some("One more fact bears less on it; `vopr show --events` has all.".to_string()),
            count => Some(format!("{count} more facts bear less on it; `vopr show --events` has all.")),
        }
    }

    fn markdown(&self) -> String {
        let violation = self.violation;
        let mut text = format!("# `{}`: {}\n\n{}\n\n", violation.invariant, violation.rule, escaped(&self.about()));
        for (number, step) in (1..).zip(&self.explanation.steps) {
            let _ = writeln!(text, "{number}. ({}) {}", format::moment(step.at), escaped(&step.text));
        }
        if let Some(left_out) = self.left_out() {
            let _ = writeln!(text, "\n{left_out}");
        }
        let _ = writeln!(text, "\n- Promised: {}", escaped(&format::printable(&violation.expected)));
        let _ = writeln!(text, "- Seen: {}", escaped(&format::printable(&violation.seen)));
        for (name, breaks) in self.bugs() {
            let _ = writeln!(text, "- Planted bug: `{name}`, with which {breaks}");
        }
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let _ =
            writeln!(text, "\nTo replay it:\n\n```sh\nvopr repro {}\n```", format::printable(&name).replace('`', ""));
        text
    }
}

/// Escapes the characters that have a meaning in Markdown.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, symbol| {
        if matches!(symbol, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '|') {
            escaped.push('\\');
        }
        escaped.push(symbol);
        escaped
    })
}
