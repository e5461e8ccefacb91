//! The invariants page: how often each invariant was checked and broken, and which planted bug was caught by it in
//! which scenario.

use std::collections::BTreeMap;
use std::fmt::Write;

use maud::{Markup, html};
use scenarios::{Scenario, ScenarioType};
use sim::Bug;
use sim::invariants::NAMES;

use crate::dashboard::pages::failure;
use crate::dashboard::parts::frame;
use crate::dashboard::sources::kills;
use crate::dashboard::sources::kills::Kill;
use engine::base::terminal::grouped;
use engine::campaigns::data_dir::Data;
use engine::cases::systems::SYSTEMS;

pub fn page(data: &Data) -> Markup {
    let all: Vec<Scenario> = ScenarioType::ALL.iter().map(|kind| kind.create_scenario()).collect();
    let checks = data.checks();
    let rows = html! { @for name in NAMES { (row(name, checks.get(*name).copied().unwrap_or(0), data)) } };
    html! {
        h1 { "Invariants" }
        p.lead {
            "What has to hold in every run. A planted bug of the reference protocol proves an invariant: with the bug, it has to break."
        }
        (frame::table("Invariants", &["invariant", "#checks", "#failures here", "planted bugs that prove it"], &rows))
        h2 { "Invariants and scenarios" }
        p.legend {
            span.key.there {} " the scenario is there for this invariant"
            span.key.kills { "2" } " so many planted bugs were caught there by it, measured by " code { (kills::measured_by()) }
            span.key.failed { "3" } " so many failures here broke it there"
        }
        (matrix(&all, data))
    }
}

fn row(name: &str, checks: u64, data: &Data) -> Markup {
    let failures: Vec<_> = data.failures_of(name).collect();
    let proves = |bug: &&Bug| bug.caught_by.contains(&name);
    html! {
        tr id=(name) {
            th scope="row" { span.name { (name) } }
            @if checks > 0 { (frame::number(checks)) } @else { td.number.muted { "0" } }
            @if failures.is_empty() { td.number.muted { "0" } }
            @else { td.number.bad { a href={ "/failures#" (failure::anchor(name)) } { (grouped(failures.len() as u64)) } } }
            td.text { @for (index, bug) in SYSTEMS[0].bugs.iter().filter(proves).enumerate() {
                @if index > 0 { ", " } span.name title=(bug.breaks) { (bug.name) }
            } }
        }
    }
}

/// The number of failures by invariant and scenario.
type Broken<'a> = BTreeMap<(&'a str, &'a str), u64>;

fn matrix(all: &[Scenario], data: &Data) -> Markup {
    let mut broken = Broken::new();
    for kmb in data.failures.iter().map(|failure| &failure.kmb) {
        let invariant = kmb.expected.iter().map(|expected| expected.invariant.as_str());
        invariant.for_each(|invariant| *broken.entry((invariant, &kmb.case.scenario)).or_default() += 1);
    }
    html! {
        div.scroll.grid tabindex="0" role="region" aria-label="Invariants and scenarios" {
            table {
                thead { tr {
                    td {}
                    @for scenario in all {
                        th.upright scope="col" { a href={ "/scenarios/" (scenario.name) } { (scenario.name) } }
                    }
                } }
                tbody { @for name in NAMES { tr {
                    th scope="row" { span.name { (name) } }
                    @for scenario in all { (cell(name, scenario, &broken)) }
                } } }
            }
        }
    }
}

fn cell(invariant: &str, scenario: &Scenario, broken: &Broken) -> Markup {
    let there = scenario.invariants.contains(&invariant);
    let caught = |kill: &&Kill| kill.invariant == invariant;
    let bugs: Vec<_> =
        kills::of(scenario.name).into_iter().flat_map(|row| &row.kills).filter(caught).map(|kill| kill.bug).collect();
    let failures = broken.get(&(invariant, scenario.name)).copied().unwrap_or_default();
    if !there && bugs.is_empty() && failures == 0 {
        return html! { td {} };
    }
    let mut title = format!("{invariant} in {}", scenario.name);
    if !bugs.is_empty() {
        let _ = write!(title, "; catches {}", bugs.join(", "));
    }
    if failures > 0 {
        let _ = write!(title, "; failures here: {failures}");
    }
    html! {
        td.there[there] title=(title) {
            @if !bugs.is_empty() { span.kills { (bugs.len()) } }
            @if failures > 0 { span.failed { (grouped(failures)) } }
        }
    }
}
