//! The report of a benchmark for each bug and in total: a table for people, JSON, and a Markdown page.

use std::fmt::Write;

use comfy_table::CellAlignment;
use serde::Serialize;
use serde_json::json;

use crate::base::terminal;
use crate::search::bench::statistics::{Time, holm, log_rank, median, superiority};
use crate::search::bench::trial::Arm;
use crate::search::bench::{Benchmark, Trial};

/// The significance level: a difference with a smaller p-value counts as real.
const LEVEL: f64 = 0.05;

/// The results of one arm for one bug.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The arm.
    pub arm: Arm,
    /// How many trials there were.
    pub trials: usize,
    /// How many of them found the bug.
    pub found: usize,
    /// The median CPU time until the bug was found, in seconds.
    pub median_seconds: Option<f64>,
    /// The median number of runs until the bug was found.
    pub median_runs: Option<f64>,
}

/// The guided arm compared with another arm, for one bug.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The other arm.
    pub with: Arm,
    /// Compared by CPU time.
    pub seconds: Difference,
    /// Compared by number of runs, which excludes the cost of a run and of starting a search.
    pub runs: Difference,
}

/// How much faster guided search is, and how significant the difference is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Difference {
    /// The p-value of the log-rank test; `null` if neither arm found the bug.
    pub p: Option<f64>,
    /// The p-value, corrected for the number of bugs (Holm).
    pub p_corrected: Option<f64>,
    /// The probability that a guided trial is the faster one.
    pub superiority: Option<f64>,
}

/// The results for one bug.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The bug.
    pub bug: String,
    /// The fuzz target in which it was searched for.
    pub target: String,
    /// The results of each arm.
    pub arms: Vec<Row>,
    /// Guided search compared with each other arm.
    pub comparisons: Vec<Comparison>,
}

/// The report on all bugs.
pub struct Report<'a> {
    benchmark: &'a Benchmark,
    trials: &'a [Trial],
    lines: Vec<Line>,
}

/// For how many bugs guided search is faster, slower, or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Guided search is faster.
    pub sooner: usize,
    /// Guided search is slower.
    pub later: usize,
    /// The difference is not significant.
    pub neither: usize,
}

impl<'a> Report<'a> {
    /// Creates the report of these trials.
    pub fn new(benchmark: &'a Benchmark, trials: &'a [Trial]) -> Self {
        let of = |bug: &str, arm: Arm| -> Vec<&Trial> {
            trials.iter().filter(|trial| trial.bug == bug && trial.arm == arm).collect()
        };
        let mut lines: Vec<Line> = Vec::new();
        for bug in &benchmark.bugs {
            let guided = of(bug.name, Arm::Guided);
            let others = benchmark.arms.iter().filter(|arm| **arm != Arm::Guided);
            let comparisons = others.map(|arm| {
                let other = of(bug.name, *arm);
                let by = |measure: Measure| difference(&times(&guided, measure), &times(&other, measure));
                Comparison { with: *arm, seconds: by(seconds), runs: by(runs) }
            });
            lines.push(Line {
                bug: bug.name.to_string(),
                target: benchmark.settings.target.clone().unwrap_or_else(|| bug.target.to_string()),
                comparisons: comparisons.collect(),
                arms: benchmark.arms.iter().map(|arm| row(*arm, &of(bug.name, *arm))).collect(),
            });
        }
        for index in 0..benchmark.arms.len().saturating_sub(1) {
            let parts: [fn(&mut Comparison) -> &mut Difference; 2] = [|it| &mut it.seconds, |it| &mut it.runs];
            for part in parts {
                let mut all: Vec<&mut Difference> =
                    lines.iter_mut().filter_map(|line| line.comparisons.get_mut(index).map(part)).collect();
                let corrected = holm(&all.iter().map(|difference| difference.p).collect::<Vec<_>>());
                for (difference, p) in all.iter_mut().zip(corrected) {
                    difference.p_corrected = p;
                }
            }
        }
        Report { benchmark, trials, lines }
    }

    /// Counts for how many bugs guided search is faster or slower than this arm, by the given measure, before or after
    /// the correction.
    pub fn score(&self, with: Arm, by: fn(&Comparison) -> Difference, corrected: bool) -> Score {
        let mut score = Score::default();
        let all = self.lines.iter().flat_map(|line| &line.comparisons).filter(|comparison| comparison.with == with);
        for Difference { p, p_corrected, superiority } in all.map(by) {
            let p = if corrected { p_corrected } else { p };
            let real = p.is_some_and(|p| p < LEVEL);
            match superiority {
                Some(share) if real && share > 0.5 => score.sooner += 1,
                Some(share) if real && share < 0.5 => score.later += 1,
                _ => score.neither += 1,
            }
        }
        score
    }

    /// The table for people.
    pub fn human(&self) -> String {
        let mut headers = vec!["bug".to_string()];
        headers.extend(self.benchmark.arms.iter().map(|arm| arm.name().to_string()));
        headers.extend(self.others().flat_map(|_| ["p".to_string(), "A".to_string()]));
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let mut table = terminal::table(&headers);
        for column in 1..headers.len() {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in &self.lines {
            table.add_row(std::iter::once(line.bug.clone()).chain(cells(line)));
        }
        format!("{table}\n{}", self.summary())
    }

    /// A line for each bug and arm: bug, arm, trials, how many found it, median seconds, median runs.
    pub fn compact(&self) -> String {
        let or_dash = |value: Option<f64>| value.map_or("-".to_string(), |value| value.to_string());
        let mut text = String::new();
        for (line, row) in self.lines.iter().flat_map(|line| line.arms.iter().map(move |row| (line, row))) {
            let (seconds, runs) = (or_dash(row.median_seconds), or_dash(row.median_runs));
            let _ = writeln!(text, "{} {} {} {} {seconds} {runs}", line.bug, row.arm.name(), row.trials, row.found);
        }
        text
    }

    fn others(&self) -> impl Iterator<Item = Arm> {
        self.benchmark.arms.iter().copied().filter(|arm| *arm != Arm::Guided)
    }

    /// The totals, as lines of text.
    fn summary(&self) -> String {
        let mut text = String::new();
        let Benchmark { bugs, arms, trials, .. } = self.benchmark;
        let (done, wanted) = (self.trials.len(), bugs.len() * arms.len() * *trials as usize);
        if done < wanted {
            let _ = writeln!(text, "stopped early: {done} of {wanted} trials; the same command goes on");
        }
        for arm in &self.benchmark.arms {
            let trials: Vec<&Trial> = self.trials.iter().filter(|trial| trial.arm == *arm).collect();
            let found = trials.iter().filter(|trial| trial.found.invariant.is_some()).count();
            let seconds: f64 = trials.iter().map(|trial| trial.found.seconds).sum();
            let runs: u64 = trials.iter().map(|trial| trial.found.runs).sum();
            let (all, rate) = (trials.len(), runs as f64 / seconds.max(1e-9));
            let _ = writeln!(
                text,
                "{}: {found} of {all} trials found it, {seconds:.0} s of CPU time, {rate:.0} runs/s",
                arm.name()
            );
        }
        if !self.benchmark.arms.contains(&Arm::Guided) {
            return text;
        }
        for with in self.others() {
            for (name, by) in MEASURES {
                let (plain, strict) = (self.score(with, by, false), self.score(with, by, true));
                let _ = writeln!(
                    text,
                    "guided beside {}, by {name}: sooner for {} bugs, later for {}, no difference shown for {} (p < {LEVEL}); \
                     after Holm's correction {}, {} and {}",
                    with.name(),
                    plain.sooner,
                    plain.later,
                    plain.neither,
                    strict.sooner,
                    strict.later,
                    strict.neither
                );
            }
        }
        text
    }

    /// The budget of a trial, as text.
    fn budget(&self) -> String {
        let settings = &self.benchmark.settings;
        let time = settings.cpu_milliseconds.map(|time| format!("{} s of CPU time", time as f64 / 1000.0));
        let runs = settings.runs.map(|runs| format!("{runs} runs"));
        [time, runs].into_iter().flatten().collect::<Vec<_>>().join(" or ")
    }

    /// The Markdown page.
    pub fn markdown(&self) -> String {
        let Benchmark { system, trials, settings, .. } = self.benchmark;
        let mut text = format!(
            "# `vopr bench bugs`: {} {}\n\n{trials} trials of each arm, {} each, seed {}. A cell has the median CPU time and \
             the median number of runs to the find, and the share of trials that found it where not all did.\n\n| bug |",
            system.name,
            system.version,
            self.budget(),
            settings.seed
        );
        let mut columns = 1 + self.benchmark.arms.len();
        for arm in &self.benchmark.arms {
            let _ = write!(text, " {} |", arm.name());
        }
        for with in self.others() {
            columns += 2;
            let _ = write!(text, " p ({0}) | A ({0}) |", with.name());
        }
        let _ = writeln!(text, "\n|---|{}", "--:|".repeat(columns - 1));
        for line in &self.lines {
            let _ = writeln!(text, "| {} | {} |", line.bug, cells(line).join(" | "));
        }
        let _ = write!(text, "\n```text\n{}```\n", self.summary());
        text
    }

    /// The report as JSON.
    pub fn json(&self) -> serde_json::Value {
        let scores: Vec<_> = self
            .others()
            .flat_map(|arm| MEASURES.map(|(name, by)| (arm, name, by)))
            .map(|(arm, name, by)| {
                let (score, corrected) = (self.score(arm, by, false), self.score(arm, by, true));
                json!({ "with": arm, "by": name, "score": score, "score_corrected": corrected })
            })
            .collect();
        json!({
            "version": terminal::JSON_VERSION, "command": "bench bugs", "settings": self.benchmark.settings,
            "trials": self.benchmark.trials, "bugs": self.lines, "scores": scores,
        })
    }
}

/// The cells of a line that follow the bug's name.
fn cells(line: &Line) -> Vec<String> {
    let mut cells: Vec<String> = line
        .arms
        .iter()
        .map(|row| {
            let share =
                if row.found == row.trials { String::new() } else { format!(" ({}/{})", row.found, row.trials) };
            match (row.median_seconds, row.median_runs) {
                _ if row.trials == 0 => "-".to_string(),
                (Some(seconds), Some(runs)) => format!("{seconds:.2} s, {runs}{share}"),
                _ => format!("not found{share}"),
            }
        })
        .collect();
    for Difference { p, superiority, .. } in line.comparisons.iter().map(|comparison| comparison.seconds) {
        cells.push(p.map_or("-".to_string(), |p| if p < 0.001 { "<0.001".to_string() } else { format!("{p:.3}") }));
        cells.push(superiority.map_or("-".to_string(), |share| format!("{share:.2}")));
    }
    cells
}

/// A measure of the cost of a trial.
type Measure = fn(&Trial) -> f64;

/// The difference of a comparison by one measure.
type Compared = fn(&Comparison) -> Difference;

/// The measures by which guided search is compared.
const MEASURES: [(&str, Compared); 2] =
    [("CPU time", |comparison| comparison.seconds), ("runs", |comparison| comparison.runs)];

fn seconds(trial: &Trial) -> f64 {
    trial.found.seconds
}

fn runs(trial: &Trial) -> f64 {
    trial.found.runs as f64
}

fn times(trials: &[&Trial], measure: Measure) -> Vec<Time> {
    trials.iter().map(|trial| (measure(trial), trial.found.invariant.is_some())).collect()
}

fn difference(first: &[Time], second: &[Time]) -> Difference {
    Difference { p: log_rank(first, second), p_corrected: None, superiority: superiority(first, second) }
}

fn row(arm: Arm, trials: &[&Trial]) -> Row {
    Row {
        arm,
        trials: trials.len(),
        found: trials.iter().filter(|trial| trial.found.invariant.is_some()).count(),
        median_seconds: median(&times(trials, seconds)),
        median_runs: median(&times(trials, runs)),
    }
}
