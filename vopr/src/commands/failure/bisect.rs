//! `vopr bisect`: finds the event of a failing run from which on the failure is certain.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use serde_json::{Value, json};
use sim::{Case, Seen};

use crate::arguments::{Common, Printed, stop_at_interrupt, write_output};
use crate::commands::failure::read_kmb;
use crate::commands::search::run::{jobs_default, parse_jobs};
use engine::analysis::bisect::search::{Shape, Step};
use engine::analysis::bisect::{Bisected, Bisecter, draw};
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::{BAD, DOUBTFUL, GOOD, Progress, grouped, styled};
use engine::base::{exit, format};
use engine::cases::kmb::Kmb;

/// The number of events printed before and after the jump.
const AROUND: usize = 6;

/// The arguments of `vopr bisect`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The .kmb file
    file: PathBuf,
    /// First ask about every N-th event, then between those that differ [default: a 24th of the run]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_interval: Option<u64>,
    /// Where the curve goes, beside what is printed: a picture (.svg), JSON (.json) or text (.txt)
    #[arg(long, value_name = "FILE", value_parser = parse_output)]
    output: Option<(PathBuf, Kind)>,
    /// How many runs are made for an event that is asked about
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    samples: u32,
    /// The seed of the random choices that the runs go on with
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many threads; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = jobs_default(), value_parser = parse_jobs)]
    jobs: usize,
}

/// The format of the output file.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Svg,
    Json,
    Text,
}

fn parse_output(text: &str) -> Result<(PathBuf, Kind), String> {
    let path = PathBuf::from(text);
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Kind::Svg,
        Some("json") => Kind::Json,
        Some("txt") => Kind::Text,
        _ => return Err("a name that ends in .svg, .json or .txt is needed".to_string()),
    };
    Ok((path, kind))
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let kmb = read_kmb(&arguments.file)?;
    let stop = stop_at_interrupt()?;
    let bisected = {
        let mut progress = Progress::new(0);
        let mut bisecter = Bisecter {
            interval: arguments.checkpoint_interval,
            samples: arguments.samples,
            seed: arguments.seed,
            jobs: arguments.jobs,
            stop: &stop,
            progress: &mut |asked| {
                progress.set(asked, || format!("{asked} events asked about"));
            },
        };
        bisecter.bisect(&kmb.case)?
    };
    let path = arguments.file.display();
    if stop.load(Ordering::Relaxed) {
        return Err(Error::usage(format!("{path}: interrupted before the curve was known; let it go on for longer")));
    }
    let Some(bisected) = bisected else {
        return Err(Error::usage(format!("{path}: no invariant breaks, so there is nothing to bisect")));
    };
    let report = Report { kmb: &kmb, file: &arguments.file, bisected: &bisected };
    if let Some((path, kind)) = &arguments.output {
        let content = match kind {
            Kind::Svg => draw::svg(&bisected.curve, &report.title()),
            Kind::Json => format!("{}\n", report.json()),
            Kind::Text => anstream::adapter::strip_str(&report.human()).to_string(),
        };
        write_output(path, content.as_bytes())?;
    }
    report.print(common.format)?;
    Ok(exit::CLEAN)
}

struct Report<'a> {
    kmb: &'a Kmb,
    file: &'a Path,
    bisected: &'a Bisected,
}

impl Printed for Report<'_> {
    fn human(&self) -> String {
        let Bisected { violation, curve, begun, prefix, runs, .. } = self.bisected;
        let mut text = String::new();
        let _ =
            writeln!(text, "{}: {}, at event {}", styled(BAD, &violation.invariant), violation.rule, violation.event);
        let _ = writeln!(text, "how likely it is after an event, with other random choices and no further faults:\n");
        let _ = writeln!(text, "    event  fails");
        text.push_str(&draw::text(curve));
        text.push('\n');
        let _ = writeln!(text, "{}", self.verdict());
        if let Some(step) = curve.largest() {
            text.push('\n');
            self.around(&step, &mut text);
        }
        let _ = writeln!(text, "\n{}", self.prefix());
        for begun in &begun[..prefix.needed] {
            let action = &self.case().actions[usize::from(begun.action)];
            let _ = writeln!(text, "    event {:>7}: {}", begun.event, format::action(action));
        }
        let file = self.file.display();
        let _ = writeln!(text, "{} runs; `vopr explain {file}` tells the failure step by step", grouped(*runs));
        text
    }

    fn json(&self) -> Value {
        let Bisected { violation, curve, begun, prefix, runs, recorded } = self.bisected;
        let step = |step: Step| {
            let seen = recorded.iter().filter(|seen| seen.event == step.after.event).map(format::observation);
            json!({
                "event": step.after.event, "before": step.before.share(), "after": step.after.share(),
                "observations": seen.collect::<Vec<_>>(),
            })
        };
        let points = curve.points.iter().map(|point| {
            let (low, high) = point.interval();
            json!({
                "event": point.event, "failed": point.failed, "runs": point.runs, "share": point.share(),
                "low": low, "high": high,
            })
        });
        let actions = begun[..prefix.needed].iter().map(|begun| {
            let action = &self.case().actions[usize::from(begun.action)];
            json!({ "event": begun.event, "action": format::action(action) })
        });
        json!({
            "version": terminal::JSON_VERSION, "command": "bisect", "name": self.kmb.name(),
            "invariant": violation.invariant, "rule": violation.rule, "event": violation.event,
            "shape": curve.shape(), "jump": curve.largest().map(step), "certain_from": curve.certain_from(),
            "steps": curve.steps().into_iter().map(step).collect::<Vec<_>>(),
            "curve": points.collect::<Vec<_>>(),
            "actions_needed": prefix.needed, "actions_done": prefix.of, "actions": actions.collect::<Vec<_>>(),
            "runs": runs,
        })
    }

    fn compact(&self) -> String {
        let Bisected { violation, curve, prefix, .. } = self.bisected;
        let shape = match curve.shape() {
            Shape::FromTheBeginning => "from_the_beginning",
            Shape::Jump => "jump",
            Shape::Steps => "steps",
        };
        let (event, before, after) =
            curve.largest().map_or((0, 0.0, 0.0), |step| (step.after.event, step.before.share(), step.after.share()));
        let certain = curve.certain_from().unwrap_or(violation.event);
        let (name, invariant, last) = (self.kmb.name(), &violation.invariant, violation.event);
        let (needed, of) = (prefix.needed, prefix.of);
        format!("{name} {invariant} {shape} {event} {before:.2} {after:.2} {certain} {last} {needed}/{of}\n")
    }
}

impl Report<'_> {
    fn case(&self) -> &Case {
        &self.kmb.case
    }

    fn title(&self) -> String {
        format!("{}: how likely {} is broken", self.kmb.name(), self.bisected.violation.invariant)
    }

    /// Describes the shape of the curve.
    fn verdict(&self) -> String {
        let curve = &self.bisected.curve;
        let rise = |step: &Step| {
            let [before, after] = [step.before, step.after].map(|point| draw::percent(point.share()));
            format!("from {before} to {after} at event {}", step.after.event)
        };
        let certain = curve.certain_from().map_or_else(String::new, |event| format!("certain from event {event} on"));
        match (curve.shape(), curve.largest()) {
            (Shape::FromTheBeginning, _) => {
                let text = "certain from the beginning, before any fault: the configuration alone brings it about";
                styled(DOUBTFUL, text)
            }
            (Shape::Jump, Some(step)) => {
                format!("{}; {certain}", styled(GOOD, format!("it jumps {}", rise(&step))))
            }
            (_, None) => format!("{}; {certain}", styled(DOUBTFUL, "no clear jump: it climbs slowly")),
            (_, Some(_)) => {
                let steps: Vec<_> = curve.steps().iter().map(rise).collect();
                format!("{}: {}; {certain}", styled(DOUBTFUL, "no clear jump: it climbs in steps"), steps.join(", "))
            }
        }
    }

    /// Describes what happened in the event and around it.
    fn around(&self, step: &Step, text: &mut String) {
        let (recorded, event) = (&self.bisected.recorded, step.after.event);
        let notable = |seen: &&Seen| format::notable(&seen.what);
        let before = recorded.iter().rev().filter(|seen| seen.event < event).filter(notable).take(AROUND);
        let mut before: Vec<&Seen> = before.collect();
        before.reverse();
        let after = recorded.iter().filter(|seen| seen.event > event).filter(notable).take(AROUND);
        for seen in before {
            let _ = writeln!(text, "  {}", format::observation(seen));
        }
        for seen in recorded.iter().filter(|seen| seen.event == event) {
            let _ = writeln!(text, "{}", styled(BAD, format!("> {}", format::observation(seen))));
        }
        for seen in after {
            let _ = writeln!(text, "  {}", format::observation(seen));
        }
    }

    fn prefix(&self) -> String {
        let prefix = self.bisected.prefix;
        match (prefix.needed, prefix.of) {
            (_, 0) => "no action was carried out".to_string(),
            (0, of) => format!("none of the {of} actions is needed: it fails without the plan"),
            (1, 1) => "the only action is needed:".to_string(),
            (2, 2) => "both actions are needed:".to_string(),
            (needed, of) if needed == of => format!("all {of} actions are needed:"),
            (needed, of) => format!("the first {needed} of {of} actions are enough:"),
        }
    }
}
