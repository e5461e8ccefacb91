//! `vopr matrix`: runs scenarios against planted bugs.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use maud::{DOCTYPE, html};
use serde_json::json;
use sim::Bug;

use crate::arguments::{Common, Format, ScenarioArguments, stop_at_interrupt, write_output};
use crate::commands::search::run::{jobs_default, parse_jobs};
use engine::base::error::Error;
use engine::base::exit;
use engine::base::terminal;
use engine::base::terminal::{BAD, DOUBTFUL, GOOD, grouped, styled};
use engine::cases::seeds;
use engine::cases::systems::{SYSTEMS, SystemEntry};
use engine::search::matrix::{Caught, Cell, Matrix};

/// The arguments of `vopr matrix`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scenarios: ScenarioArguments,
    /// Which planted bug (repeatable; all if not given)
    #[arg(long = "bug", value_name = "NAME")]
    bugs: Vec<String>,
    /// Only the scenarios that a bug names as its own: each of them has to catch it
    #[arg(long)]
    own: bool,
    /// How many runs a scenario has to catch a bug
    #[arg(long, env = "VOPR_ITERATIONS", value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(1..))]
    iterations: u64,
    /// How many runs of each scenario the correct protocol has to pass [default: as --iterations]
    #[arg(long, value_name = "N")]
    correct_iterations: Option<u64>,
    /// The seed that all runs follow from; a fresh one if not given
    #[arg(long, env = "VOPR_SEED", value_name = "S")]
    seed: Option<u64>,
    /// How many threads; the results do not depend on it
    #[arg(long, value_name = "N", default_value_t = jobs_default(), value_parser = parse_jobs)]
    jobs: usize,
    /// The system under test
    #[arg(long, value_name = "NAME", default_value = SYSTEMS[0].name)]
    system: String,
    /// Save the whole matrix (repeatable): .json, .csv, .html or .md
    #[arg(long = "output", value_name = "FILE", value_parser = parse_output)]
    outputs: Vec<(PathBuf, Kind)>,
}

/// What a file with the matrix contains.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    Csv,
    Html,
    Markdown,
}

fn parse_output(text: &str) -> Result<(PathBuf, Kind), String> {
    let path = PathBuf::from(text);
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Kind::Json,
        Some("csv") => Kind::Csv,
        Some("html") => Kind::Html,
        Some("md") => Kind::Markdown,
        _ => return Err("a file that ends in .json, .csv, .html or .md is needed".to_string()),
    };
    Ok((path, kind))
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    let system = SystemEntry::find(&arguments.system)?;
    let bugs: Vec<&'static Bug> = if arguments.bugs.is_empty() {
        system.bugs.iter().collect()
    } else {
        arguments.bugs.iter().map(|name| system.find_bug(name)).collect::<Result<_, _>>()?
    };
    let mut scenarios = arguments.scenarios.resolve(system)?;
    scenarios.retain(|scenario| system.not_applicable(scenario).is_none());
    let matrix = Matrix {
        system,
        scenarios,
        bugs,
        own: arguments.own,
        iterations: arguments.iterations,
        correct_iterations: arguments.correct_iterations.unwrap_or(arguments.iterations),
        seed: arguments.seed.unwrap_or_else(seeds::fresh),
        jobs: arguments.jobs,
    };
    let stop = stop_at_interrupt()?;
    let cells = {
        let progress = std::sync::Mutex::new(terminal::Progress::new(0));
        matrix.run(&stop, &|done, of| {
            if let Ok(mut progress) = progress.lock() {
                progress.set(done as u64, || format!("{done} of {of} cells"));
            }
        })?
    };
    let interrupted = stop.load(Ordering::Relaxed);
    let report = Report { matrix: &matrix, cells: &cells, interrupted };
    for (path, kind) in &arguments.outputs {
        report.save(path, *kind)?;
    }
    match common.format {
        Format::Human => terminal::print(&report.human())?,
        Format::Json => terminal::print_json(&report.json())?,
        Format::Compact => terminal::print(&report.csv())?,
    }
    Ok(if cells.iter().any(Cell::wrong) { exit::VIOLATION } else { exit::CLEAN })
}

struct Report<'a> {
    matrix: &'a Matrix,
    cells: &'a [Cell],
    interrupted: bool,
}

impl Report<'_> {
    fn save(&self, path: &Path, kind: Kind) -> Result<(), Error> {
        let text = match kind {
            Kind::Json => format!("{}\n", self.json()),
            Kind::Csv => self.csv(),
            Kind::Html => self.html(),
            Kind::Markdown => self.markdown(),
        };
        write_output(path, text.as_bytes())
    }

    /// The cells with this bug, or those of the correct protocol for `None`.
    fn of(&self, bug: Option<&'static str>) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(move |cell| cell.bug == bug)
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "version": terminal::JSON_VERSION, "command": "matrix", "system": self.matrix.system.name,
            "seed": self.matrix.seed.to_string(), "iterations": self.matrix.iterations,
            "correct_iterations": self.matrix.correct_iterations, "interrupted": self.interrupted,
            "cells": self.cells,
        })
    }

    /// One line for each cell. Names are plain, so no quoting is needed.
    fn csv(&self) -> String {
        let mut text = "scenario,bug,own,runs,vacuous,caught_in_run,invariant,seed,wrong\n".to_string();
        for cell in self.cells {
            let Cell { scenario, own, runs, vacuous, .. } = cell;
            let (run, invariant, seed) = match &cell.caught {
                Some(caught) => (caught.run.to_string(), caught.invariant, caught.seed.as_str()),
                None => (String::new(), "", ""),
            };
            let (bug, wrong) = (cell.bug.unwrap_or(""), cell.wrong());
            let _ = writeln!(text, "{scenario},{bug},{own},{runs},{vacuous},{run},{invariant},{seed},{wrong}");
        }
        text
    }

    /// One row for each bug, then the wrong cells line by line.
    fn human(&self) -> String {
        let mut table = terminal::table(&["bug", "caught by", "soonest in", "run", "invariant", "its own scenarios"]);
        let mut caught_bugs = 0;
        for bug in &self.matrix.bugs {
            let soonest = self.of(Some(bug.name)).filter_map(|cell| Some((cell.caught.as_ref()?, cell.scenario)));
            let soonest = soonest.min_by_key(|(caught, _)| caught.run);
            let (count, tried) =
                (self.of(Some(bug.name)).filter(|cell| cell.caught.is_some()).count(), self.of(Some(bug.name)).count());
            caught_bugs += usize::from(count > 0);
            let own = self.of(Some(bug.name)).filter(|cell| cell.own).map(|cell| match &cell.caught {
                Some(caught) => format!("{} {}", cell.scenario, grouped(caught.run)),
                None => format!("{} {}", cell.scenario, styled(BAD, "missed")),
            });
            let own = own.collect::<Vec<_>>().join(", ");
            let (scenario, run, invariant) = match soonest {
                Some((caught, scenario)) => (scenario, grouped(caught.run), caught.invariant),
                None => ("-", "-".to_string(), "-"),
            };
            table.add_row([bug.name, &format!("{count} of {tried}"), scenario, &run, invariant, &own]);
        }
        let mut text = format!("{table}\n");
        let correct: Vec<_> = self.of(None).collect();
        let runs = correct.iter().map(|cell| cell.runs).sum();
        let failed = correct.iter().filter(|cell| cell.wrong()).count();
        let _ = writeln!(
            text,
            "the correct protocol: {} scenarios, {} runs, {}",
            correct.len(),
            grouped(runs),
            if failed == 0 { styled(GOOD, "no violation") } else { styled(BAD, format_args!("{failed} failed")) }
        );
        for cell in self.cells.iter().filter(|cell| cell.wrong()) {
            let _ = match (&cell.bug, &cell.caught) {
                (None, Some(caught)) => writeln!(
                    text,
                    "{} the correct protocol breaks {} in {}: vopr run --scenario {} --seed {} --iterations 1",
                    styled(BAD, "wrong:"),
                    caught.invariant,
                    cell.scenario,
                    cell.scenario,
                    caught.seed
                ),
                (bug, _) => writeln!(
                    text,
                    "{} {} does not catch {} in {} runs",
                    styled(BAD, "wrong:"),
                    cell.scenario,
                    bug.unwrap_or(""),
                    grouped(cell.runs)
                ),
            };
        }
        if self.interrupted {
            let _ = writeln!(text, "{}", styled(DOUBTFUL, "interrupted: cells are missing"));
        }
        let _ = writeln!(
            text,
            "{caught_bugs} of {} bugs caught, {} cells, seed {}",
            self.matrix.bugs.len(),
            grouped(self.cells.len() as u64),
            self.matrix.seed
        );
        text
    }

    /// One row for each scenario with the bugs that it caught: its own ones, and others if they were run.
    fn markdown(&self) -> String {
        let Matrix { system, own, iterations, correct_iterations, seed, .. } = self.matrix;
        let own = if *own { " --own" } else { "" };
        let mut text = format!("# Kill matrix of `{}`\n\n", system.name);
        let _ = writeln!(
            text,
            "Which scenario catches which planted bug, under which invariant, and in which of its random runs first;"
        );
        let _ = writeln!(text, "and what the correct protocol does in the same scenarios. Written by");
        let _ = writeln!(
            text,
            "`vopr matrix{own} --iterations {iterations} --correct-iterations {correct_iterations} --seed {seed}`.\n"
        );
        let _ = writeln!(text, "| scenario | the correct protocol | runs with all marks | catches (invariant, run) |");
        let _ = writeln!(text, "|---|---|---:|---|");
        for correct in self.of(None) {
            let here = self.cells.iter().filter(|cell| cell.scenario == correct.scenario && cell.bug.is_some());
            let kills = here.filter_map(|cell| {
                let Caught { invariant, run, .. } = cell.caught.as_ref()?;
                Some(format!("`{}` ({invariant}, {})", cell.bug?, grouped(*run)))
            });
            let verdict = match &correct.caught {
                None => format!("{} runs, no violation", grouped(correct.runs)),
                Some(caught) => format!("breaks {}, seed {}", caught.invariant, caught.seed),
            };
            let marked = 100.0 * (correct.runs - correct.vacuous) as f64 / correct.runs.max(1) as f64;
            let kills = kills.collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "| `{}` | {verdict} | {marked:.1} % | {kills} |", correct.scenario);
        }
        let caught = |bug: &&&Bug| self.of(Some(bug.name)).any(|cell| cell.caught.is_some());
        let missed: Vec<_> =
            self.matrix.bugs.iter().filter(|bug| !caught(bug)).map(|bug| format!("`{}`", bug.name)).collect();
        let of = self.matrix.bugs.len();
        let _ = writeln!(text, "\n{} of {of} bugs are caught by random runs.", of - missed.len());
        if !missed.is_empty() {
            let _ = writeln!(text, "Left for the guided search: {}.", missed.join(", "));
        }
        text
    }

    /// The whole grid as a standalone page.
    fn html(&self) -> String {
        let scenarios: Vec<&Cell> = self.of(None).collect();
        let title = format!("vopr: kill matrix of {}", self.matrix.system.name);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (title) }
                    style { (maud::PreEscaped(STYLE)) }
                }
                body {
                    h1 { (title) }
                    p {
                        "A number is the run in which a scenario first caught a bug under an invariant that the bug names; of "
                        (grouped(self.matrix.iterations)) " runs, seed " (self.matrix.seed) ". A frame marks the pairs that have to hold."
                    }
                    table {
                        thead {
                            tr {
                                th { "scenario" }
                                th.bug { span { "correct" } }
                                @for bug in &self.matrix.bugs { th.bug { span title=(bug.breaks) { (bug.name) } } }
                            }
                        }
                        tbody {
                            @for correct in scenarios {
                                tr {
                                    th { (correct.scenario) }
                                    (cell_html(Some(correct)))
                                    @for bug in &self.matrix.bugs {
                                        (cell_html(self.of(Some(bug.name)).find(|cell| cell.scenario == correct.scenario)))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        .into_string()
    }
}

fn cell_html(cell: Option<&Cell>) -> maud::Markup {
    let Some(cell) = cell else { return html! { td {} } };
    let class = match (cell.wrong(), cell.bug, &cell.caught) {
        (true, ..) => "wrong",
        (false, None, _) => "passed",
        (false, Some(_), Some(_)) => "caught",
        (false, Some(_), None) => "missed",
    };
    let (text, why) = match (&cell.caught, cell.bug) {
        (Some(caught), _) => {
            (grouped(caught.run), format!("{}: {}, seed {}", caught.invariant, caught.rule, caught.seed))
        }
        (None, None) => ("ok".to_string(), format!("{} runs, {} of them vacuous", cell.runs, cell.vacuous)),
        (None, Some(_)) => (String::new(), format!("not in {} runs", cell.runs)),
    };
    html! { td.(class).own[cell.own] title=(why) { (text) } }
}

const STYLE: &str = "
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; padding: 2px 8px; white-space: nowrap; }
th.bug { height: 15rem; vertical-align: bottom; padding: 4px 2px; }
th.bug span { writing-mode: vertical-rl; transform: rotate(180deg); }
td { text-align: right; padding: 2px 5px; border: 1px solid #e4e4e4; min-width: 2.2em; }
td.own { outline: 2px solid #333; outline-offset: -2px; }
td.passed { background: #e8f5e9; } td.caught { background: #c8e6c9; } td.wrong { background: #ef9a9a; }
tbody tr:hover th { text-decoration: underline; }
";

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(bug: Option<&'static str>, own: bool, run: Option<u64>) -> Cell {
        let caught = run.map(|run| Caught { invariant: "vsr_agreement", rule: "two entries", run, seed: "9".into() });
        Cell { scenario: "baseline", bug, own, runs: 10, vacuous: 1, caught, otherwise: None }
    }

    #[test]
    fn wrong_cells_are_distinguished_from_missed_ones() {
        assert!(cell(None, false, Some(1)).wrong() && !cell(None, false, None).wrong());
        assert!(cell(Some("bug"), true, None).wrong() && !cell(Some("bug"), true, Some(3)).wrong());
        assert!(!cell(Some("bug"), false, None).wrong());
    }

    #[test]
    fn all_formats_show_every_cell() {
        let system = &SYSTEMS[0];
        let bug = &system.bugs[0];
        let matrix = Matrix {
            system,
            scenarios: Vec::new(),
            bugs: vec![bug],
            own: false,
            iterations: 10,
            correct_iterations: 10,
            seed: 5,
            jobs: 1,
        };
        let cells = [cell(None, false, None), cell(Some(bug.name), true, Some(7))];
        let report = Report { matrix: &matrix, cells: &cells, interrupted: true };
        assert_eq!(report.csv().lines().count(), 3);
        assert!(report.csv().contains(&format!("baseline,{},true,10,1,7,vsr_agreement,9,false", bug.name)));
        let human = report.human();
        assert!(human.contains("1 of 1 bugs caught") && human.contains("interrupted"));
        let html = report.html();
        assert!(html.contains("class=\"caught own\"") && html.contains("class=\"passed\"") && html.contains(bug.name));
        let markdown = report.markdown();
        assert!(
            markdown.contains("| `baseline` | 10 runs, no violation | 90.0 % |")
                && markdown.contains("vsr_agreement, 7")
        );
        assert_eq!(report.json()["cells"].as_array().map(Vec::len), Some(2));
    }
}
