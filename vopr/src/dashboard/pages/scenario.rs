//! The scenario pages: the list, and a page for each scenario.

use maud::{Markup, html};
use scenarios::{FuzzTarget, Scenario, ScenarioType, TARGETS};

use crate::dashboard::pages::failure;
use crate::dashboard::parts::frame;
use crate::dashboard::sources::kills;
use engine::base::format;
use engine::campaigns::data_dir::{Data, Failure};
use engine::cases::systems::SYSTEMS;

/// The topics of the phases, in order.
const PHASES: [&str; 11] = [
    "Core",
    "Byzantine attacks",
    "Corruption",
    "Crashes",
    "Gray failures",
    "Races",
    "Clocks",
    "Client sessions",
    "Repair, timeouts and state transfer",
    "Scrubbing",
    "Reconfiguration",
];

pub fn list(data: &Data) -> Markup {
    let all: Vec<Scenario> = ScenarioType::ALL.iter().map(|kind| kind.create_scenario()).collect();
    html! {
        h1 { "Scenarios" }
        p.lead {
            "Each leads a cluster into one kind of trouble. Its kills are the planted bugs that it caught when "
            code { (kills::measured_by()) } " was run on the reference protocol."
        }
        p.filter hidden { label { "Filter " input #filter type="search" autocomplete="off" spellcheck="false"; } }
        @for (phase, name) in (0..).zip(PHASES) {
            section data-filtered {
                h2 { "Phase " (phase) ": " (name) }
                @let rows = html! {
                    @for scenario in all.iter().filter(|scenario| scenario.phase == phase) { (row(scenario, data)) }
                };
                (frame::table(name, &["scenario", "what it is for", "#kills", "#failures here"], &rows))
            }
        }
    }
}

fn failures_in<'a>(data: &'a Data, scenario: &str) -> Vec<&'a Failure> {
    data.failures.iter().filter(|failure| failure.kmb.case.scenario == scenario).collect()
}

fn row(scenario: &Scenario, data: &Data) -> Markup {
    let kills = kills::of(scenario.name).map_or(0, |row| row.kills.len());
    let failures = failures_in(data, scenario.name).len();
    html! {
        tr {
            th scope="row" { (frame::scenario(scenario.name)) }
            td.text { (scenario.description) }
            (frame::number(kills as u64))
            @if failures > 0 { td.number.bad { (failures) } } @else { td.number.muted { "0" } }
        }
    }
}

pub fn page(scenario: &Scenario, data: &Data) -> Markup {
    let name = scenario.name;
    let has = |target: &&FuzzTarget| scenario.kind.is_some_and(|kind| target.scenarios.contains(&kind));
    let targets = TARGETS.iter().filter(has).map(|target| target.name);
    let failures = failures_in(data, name);
    let settings = html! {
        @for setting in scenario.config.settings() {
            tr { th scope="row" { span.name { (setting.name) } } td.number { (format::setting(&setting)) } }
        }
    };
    html! {
        p.crumbs { a href="/scenarios" { "Scenarios" } " / phase " (scenario.phase) }
        h1 { span.name { (name) } }
        p.lead { (scenario.description) }
        dl.facts {
            dt { "Faults" } dd { (scenario.faults) }
            dt { "Invariants" } dd { @for (index, name) in scenario.invariants.iter().enumerate() { @if index > 0 { ", " } (frame::invariant(name)) } }
            @if !scenario.marks.is_empty() {
                dt { "Proves nothing without" } dd { (frame::names(scenario.marks.iter().map(|mark| format!("{mark:?}")).collect::<Vec<_>>().iter().map(String::as_str))) }
            }
            dt { "Fuzz targets" } dd { (frame::names(targets)) }
        }
        h2 { "What it kills" }
        (kill_row(name))
        h2 { "Failures in the data directory" }
        @if failures.is_empty() { p.muted { "None." } } @else { (failure::table(&failures)) }
        h2 { "To run it" }
        (frame::command(&["vopr", "run", "--scenario", name, "--iterations", "1000"]))
        (frame::command(&["vopr", "fuzz", name, "--time", "60s"]))
        details {
            summary { "Its configuration" }
            (frame::table("Configuration", &["setting", "#value"], &settings))
        }
    }
}

fn kill_row(scenario: &str) -> Markup {
    let Some(row) = kills::of(scenario) else { return html! { p.muted { "It was not measured." } } };
    let breaks = |bug: &str| SYSTEMS[0].find_bug(bug).map_or("", |bug| bug.breaks);
    let rows = html! {
        @for kill in &row.kills {
            tr {
                th scope="row" { span.name { (kill.bug) } }
                td.text { (breaks(kill.bug)) }
                td { (frame::invariant(kill.invariant)) }
                td.number { (kill.run) }
            }
        }
    };
    html! {
        @if row.kills.is_empty() { p { "No planted bug names it as its own." } }
        @else { (frame::table("Kills", &["planted bug", "what it does", "caught by", "#in run"], &rows)) }
        p.muted {
            "The correct protocol here: " (row.correct) ", and " (row.marked) " of them showed all that the scenario is for. "
            "Measured for the reference protocol by " code { (kills::measured_by()) }
            ", which tries a bug in those scenarios that the bug names."
        }
    }
}
