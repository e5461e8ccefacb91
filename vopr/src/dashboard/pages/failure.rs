//! The failure pages: the list by cause, the list of all failures, and a page for each failure.

use std::path::Path;

use maud::{Markup, PreEscaped, html};

use crate::dashboard::parts::frame;
use crate::dashboard::sources::replay::{Explanation, Replay};
use engine::base::format;
use engine::base::terminal::count;
use engine::campaigns::data_dir::{Cause, Data, Failure};
use engine::cases::description;
use engine::cases::kmb::Kmb;

/// The anchor of the failures of an invariant in the list.
pub fn anchor(invariant: &str) -> String {
    // The name of the invariant may come from a file, so it is reduced to a safe anchor.
    invariant.chars().filter(|symbol| symbol.is_ascii_alphanumeric() || *symbol == '_').take(64).collect()
}

pub fn list(data: &Data) -> Markup {
    let causes = data.causes();
    html! {
        h1 { "Failures" }
        p.lead {
            (count(data.failures.len(), "failure", "failures")) " of " (count(causes.len(), "cause", "causes"))
            ". Those that break one invariant by the same kinds of actions have one cause, as far as one can tell."
            @if data.more { " There are more files than are looked at." }
        }
        p.filter hidden { label { "Filter " input #filter type="search" autocomplete="off" spellcheck="false"; } }
        @for cause in &causes { (of_cause(cause, data)) }
        @if data.failures.is_empty() { p { "Nothing was found, or nothing was saved here." } }
        (unreadable(data))
    }
}

fn of_cause(cause: &Cause, data: &Data) -> Markup {
    let mut failures: Vec<_> = cause.failures.iter().map(|number| &data.failures[*number]).collect();
    failures.sort_by_key(|failure| failure.smallest().case.actions.len());
    html! {
        section data-filtered {
            h2 id=(anchor(&cause.invariant)) { span.name { (format::printable(&cause.invariant)) } }
            p.muted { (shape(&cause.shape)) }
            (table(&failures))
        }
    }
}

fn shape(shape: &str) -> Markup {
    html! { "by " (shape) }
}

/// A table of failures with one row each.
pub fn table(failures: &[&Failure]) -> Markup {
    let rows = html! { @for failure in failures { (row(failure)) } };
    frame::table("Failures", &["failure", "what broke", "scenario", "planted bugs", "#actions", "file"], &rows)
}

fn row(failure: &Failure) -> Markup {
    let kmb = &failure.kmb;
    html! {
        tr {
            th scope="row" { (link(failure)) }
            td.text { (format::printable(rule(kmb))) }
            td { (frame::scenario(&kmb.case.scenario)) }
            td { @if kmb.case.bugs.is_empty() { span.muted { "none" } } @else { (frame::names(kmb.case.bugs.iter().map(String::as_str))) } }
            td.number { (actions(failure)) }
            td.file { (format::printable(&failure.file)) }
        }
    }
}

fn rule(kmb: &Kmb) -> &str {
    kmb.expected.as_ref().map_or("the process died at it", |expected| &expected.rule)
}

fn link(failure: &Failure) -> Markup {
    let name = failure.kmb.name();
    html! { a.name href={ "/failures/" (name) } { (name) } }
}

/// The number of actions after and before minimization.
fn actions(failure: &Failure) -> Markup {
    let (before, after) = (failure.kmb.case.actions.len(), failure.smallest().case.actions.len());
    html! { (after) @if before != after { span.muted { " of " (before) } } }
}

fn unreadable(data: &Data) -> Markup {
    if data.unreadable.is_empty() {
        return html! {};
    }
    let rows = html! {
        @for (file, why) in &data.unreadable {
            tr { th.file scope="row" { (format::printable(file)) } td.text { (format::printable(why)) } }
        }
    };
    html! {
        h2 #unreadable { "Files that cannot be read" }
        (frame::table("Unreadable files", &["file", "why"], &rows))
    }
}

/// The number of causes on the first page, where the campaigns follow.
const CAUSES_SHOWN: usize = 10;

/// One row for each cause with its smallest failure. Causes with the most failures come first.
pub fn causes(data: &Data) -> Markup {
    let causes = data.causes();
    let rows = html! {
        @for cause in causes.iter().take(CAUSES_SHOWN) {
            @let smallest = cause.failures.iter().map(|number| &data.failures[*number]);
            @if let Some(smallest) = smallest.min_by_key(|failure| failure.smallest().case.actions.len()) {
                tr {
                    th scope="row" { span.name.bad { (format::printable(&cause.invariant)) } }
                    td.text { (format::printable(rule(&smallest.kmb))) }
                    td.text { (shape(&cause.shape)) }
                    td.number { (cause.failures.len()) }
                    td.number { (actions(smallest)) }
                    td { (link(smallest)) }
                }
            }
        }
    };
    html! {
        @if data.failures.is_empty() { p { "Nothing was found so far." } }
        @else { (frame::table("Causes", &["invariant", "what broke", "how", "#files", "#actions", "the smallest"], &rows)) }
        @if let Some(more @ 1..) = causes.len().checked_sub(CAUSES_SHOWN) {
            p { a href="/failures" { "All failures" } ", with " (count(more, "cause more", "causes more")) "." }
        }
        @if !data.unreadable.is_empty() {
            p { a href="/failures#unreadable" { (count(data.unreadable.len(), "file", "files")) } " cannot be read." }
        }
    }
}

/// The page of a failure.
pub fn page(data: &Data, number: usize, directory: &Path, replay: &Result<Replay, String>) -> Markup {
    let failure = &data.failures[number];
    let kmb = failure.smallest();
    html! {
        p.crumbs { a href="/failures" { "Failures" } " / " (format::printable(&failure.file)) }
        @match &kmb.expected {
            Some(expected) => {
                h1 { span.name.bad { (format::printable(&expected.invariant)) } }
                p.lead { (format::printable(&expected.rule)) }
                dl.facts {
                    dt { "Promised" } dd { (format::printable(&expected.expected)) }
                    dt { "Seen" } dd { strong { (format::printable(&expected.seen)) } }
                    dt { "When" } dd { (format::moment(expected.at)) " of virtual time, event " (expected.event) ", " (format::replicas(expected.replicas)) }
                }
            }
            None => {
                h1 { "The process died" }
                p.lead { "The file holds the input at which the system under test, or vopr, died or did not end; no invariant is known to break." }
            }
        }
        (replayed(replay))
        h2 { "The plan" }
        (plan(failure, replay))
        h2 { "To replay it" }
        (commands(failure, directory))
        h2 { "The case" }
        (case(failure))
        (others(data, number))
    }
}

fn replayed(replay: &Result<Replay, String>) -> Markup {
    let replay = match replay {
        Ok(replay) => replay,
        Err(why) => return html! { p.note.doubtful { "It could not be run again here: " (format::printable(why)) } },
    };
    html! {
        p.note.doubtful[!replay.same] {
            "Run again here: " (replay.result) ". " (replay.events) " events, " (replay.time) " of virtual time."
        }
        @if let Some(explanation) = &replay.explanation { (explained(explanation)) }
        h2 { "Timeline" }
        // The replay process, which is vopr itself, has drawn this and escaped the text from the file.
        div.card.drawn { (PreEscaped(&replay.timeline)) }
        @if !replay.around.is_empty() {
            details {
                summary { "The last " (count(replay.around.len(), "notable observation", "notable observations")) " up to it" }
                div.scroll tabindex="0" role="region" aria-label="Observations" { pre { (replay.around.join("\n")) } }
            }
        }
    }
}

fn explained(explanation: &Explanation) -> Markup {
    html! {
        h2 { "What happened" }
        ol.plan.steps {
            @for step in &explanation.steps {
                li { span.at { (format::moment(step.at)) } " " (format::printable(&step.text)) }
            }
        }
        @if explanation.left_out > 0 {
            p.muted { (count(explanation.left_out, "fact that bears", "facts that bear")) " on it less " (if explanation.left_out == 1 { "is" } else { "are" }) " left out." }
        }
    }
}

fn plan(failure: &Failure, replay: &Result<Replay, String>) -> Markup {
    let list = |actions: &[String]| html! { ol.plan { @for action in actions { li { (action) } } } };
    let smallest = match replay {
        Ok(replay) => replay.plan.clone(),
        Err(_) => description::actions(&failure.smallest().case, None),
    };
    let original = &failure.kmb.case;
    html! {
        @if smallest.is_empty() { p { "No action: the scenario's ordinary course is enough." } } @else { (list(&smallest)) }
        @if failure.minimized.is_some() {
            details {
                summary { "As it was found: " (count(original.actions.len(), "action", "actions")) }
                (list(&description::actions(original, None)))
            }
        }
    }
}

fn commands(failure: &Failure, directory: &Path) -> Markup {
    let path = |file: &str| directory.join(file).to_string_lossy().into_owned();
    let smallest = path(failure.smallest_file());
    html! {
        (frame::command(&["vopr", "repro", &smallest, "--verbose"]))
        @if failure.smallest().expected.is_some() {
            (frame::command(&["vopr", "show", &smallest, "--events"]))
            (frame::command(&["vopr", "explain", &smallest]))
            (frame::command(&["vopr", "timeline", &smallest, "--output", "timeline.html"]))
            (frame::command(&["vopr", "bisect", &smallest]))
            @if failure.minimized.is_none() { (frame::command(&["vopr", "minimize", &smallest])) }
        } @else {
            // All other commands run the case, and would not end either.
            (frame::command(&["vopr", "show", &smallest]))
        }
        @if failure.minimized.is_some() { (frame::command(&["vopr", "repro", &path(&failure.file)])) }
    }
}

fn case(failure: &Failure) -> Markup {
    let kmb = failure.smallest();
    let case = &kmb.case;
    let cluster = &case.config.cluster;
    let workload = &case.config.workload;
    let settings = html! {
        @for setting in case.config.settings() {
            tr { th scope="row" { span.name { (setting.name) } } td.number { (format::setting(&setting)) } }
        }
    };
    html! {
        dl.facts {
            dt { "Name" } dd { span.name { (failure.kmb.name()) } @if failure.minimized.is_some() { ", minimized " span.name { (kmb.name()) } } }
            dt { "Scenario" } dd { (frame::scenario(&case.scenario)) }
            dt { "System" } dd { (case.system) " " (kmb.system_version) }
            dt { "Planted bugs" } dd { @if case.bugs.is_empty() { "none" } @else { (frame::names(case.bugs.iter().map(String::as_str))) } }
            dt { "Cluster" } dd {
                (cluster.replicas) " replicas, replication quorum " (cluster.replication_quorum) ", view change quorum "
                (cluster.view_change_quorum) ", liars: " @if case.liars.is_empty() { "none" } @else { (format::replicas(case.liars)) }
            }
            dt { "Workload" } dd { (format::workload(workload)) }
            dt { "Origin" } dd { (description::origin(&failure.kmb)) }
            dt { "Written by" } dd { "vopr " (kmb.vopr_version) }
            @if let Some(digest) = kmb.digest { dt { "Digest" } dd { span.name { (format!("{digest:016x}")) } } }
        }
        details {
            summary { "The whole configuration" }
            (frame::table("Configuration", &["setting", "#value"], &settings))
        }
    }
}

fn others(data: &Data, number: usize) -> Markup {
    let causes = data.causes();
    let Some(cause) = causes.iter().find(|cause| cause.failures.contains(&number)) else { return html! {} };
    let others: Vec<_> =
        cause.failures.iter().filter(|other| **other != number).map(|other| &data.failures[*other]).collect();
    html! {
        @if !others.is_empty() {
            h2 { "Others of the same cause" }
            (table(&others))
        }
    }
}
