//! `vopr minimize`: finds the smallest case that still breaks the same invariant.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::arguments::{Common, Printed, stop_at_interrupt, write_output};
use crate::commands::failure::read_kmb;
use crate::commands::search::fuzz::parse_duration;
use crate::commands::search::run::{jobs_default, parse_jobs};
use engine::analysis::minimize::{Minimized, Minimizer, Strategy};
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::{DOUBTFUL, GOOD, Progress, grouped, styled};
use engine::base::{exit, format};
use engine::cases::kmb::Kmb;
use engine::cases::systems::SystemEntry;

/// The arguments of `vopr minimize`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The .kmb file
    file: PathBuf,
    /// In which order actions are left out
    #[arg(long, value_enum, default_value_t = Strategy::Delta)]
    strategy: Strategy,
    /// Where the smaller case goes [default: FILE with the ending .min.kmb]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// For how long at most: 90, 60s, 5m, 8h; until it is done if not given
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,
    /// How many threads; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = jobs_default(), value_parser = parse_jobs)]
    jobs: usize,
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let kmb = read_kmb(&arguments.file)?;
    let stop = stop_at_interrupt()?;
    let started = Instant::now();
    let total = kmb.case.actions.len();
    let minimized = {
        let mut progress = Progress::new(0);
        let mut minimizer = Minimizer {
            strategy: arguments.strategy,
            jobs: arguments.jobs,
            deadline: arguments.time.map(|time| started + time),
            stop: &stop,
            progress: &mut |actions, runs| {
                progress.set(runs, || format!("{actions} of {total} actions left, {} runs", grouped(runs)));
            },
        };
        minimizer.minimize(&kmb.case)?
    };
    let Some(minimized) = minimized else {
        let path = arguments.file.display();
        return Err(Error::usage(format!("{path}: no invariant breaks, so there is nothing to minimize")));
    };
    let path = arguments.output.clone().unwrap_or_else(|| arguments.file.with_extension("min.kmb"));
    let system = SystemEntry::find(&kmb.case.system)?;
    let small = Kmb::new(minimized.case.clone(), system.version, kmb.origin.clone(), Some(&minimized.outcome));
    let bytes = small.encode().map_err(|error| Error::Internal(error.to_string()))?;
    write_output(&path, &bytes)?;
    let report = Report { before: &kmb, after: &small, minimized: &minimized, path, elapsed: started.elapsed() };
    report.print(common.format)?;
    Ok(exit::CLEAN)
}

struct Report<'a> {
    before: &'a Kmb,
    after: &'a Kmb,
    minimized: &'a Minimized,
    path: PathBuf,
    elapsed: Duration,
}

impl Printed for Report<'_> {
    fn human(&self) -> String {
        let [before, after] = [self.before, self.after].map(|kmb| &kmb.case);
        let mut text = String::new();
        let mut line = |name: &str, before: u64, after: u64| {
            let _ = writeln!(text, "{name:10} {before} before, {after} now");
        };
        line("actions", before.actions.len() as u64, after.actions.len() as u64);
        line("requests", before.config.workload.requests.into(), after.config.workload.requests.into());
        line("clients", before.config.workload.clients.into(), after.config.workload.clients.into());
        line("replicas", before.config.cluster.replicas.into(), after.config.cluster.replicas.into());
        for (number, action) in (1..).zip(&after.actions) {
            let _ = writeln!(text, "    {number:3}. {}", format::action(action));
        }
        if let Some(expected) = &self.after.expected {
            let _ = writeln!(text, "{}: {}", expected.invariant, expected.rule);
        }
        let verdict = if self.minimized.minimal {
            styled(GOOD, "no action can be left out")
        } else {
            styled(DOUBTFUL, "interrupted: the smallest so far")
        };
        let runs = grouped(self.minimized.runs);
        let _ = writeln!(text, "{verdict}; {runs} runs in {:.1} s", self.elapsed.as_secs_f64());
        let _ = writeln!(text, "    vopr repro {}", self.path.display());
        text
    }

    fn json(&self) -> Value {
        let size = |kmb: &Kmb| {
            let config = &kmb.case.config;
            json!({
                "name": kmb.name(), "actions": kmb.case.actions.len(), "requests": config.workload.requests,
                "clients": config.workload.clients, "replicas": config.cluster.replicas,
            })
        };
        json!({
            "version": terminal::JSON_VERSION, "command": "minimize", "before": size(self.before),
            "after": size(self.after), "minimal": self.minimized.minimal, "runs": self.minimized.runs,
            "seconds": self.elapsed.as_secs_f64(), "file": self.path, "violation": self.after.expected,
        })
    }

    fn compact(&self) -> String {
        let [before, after] = [self.before, self.after].map(|kmb| kmb.case.actions.len());
        format!("{} {before} {after} {:.2}s {}\n", self.after.name(), self.elapsed.as_secs_f64(), self.path.display())
    }
}
