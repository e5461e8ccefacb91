//! A timeline as a standalone page: the interactive drawing, and the events as a list.
//!
//! The page needs no network and can be opened from a file. Its content security policy allows only its own script and
//! styles, so that nothing in a failure file can be executed.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sim::{MessageKind, Time};

use crate::analysis::timeline::model::{Finding, Timeline};
use crate::analysis::timeline::row::milliseconds;
use crate::analysis::timeline::svg;

/// The styles of the page around the drawing.
pub const STYLE: &str = include_str!("assets/page.css");
/// The script for the interactive figures of a page. It needs no other script.
pub const SCRIPT: &str = include_str!("assets/timeline.js");

/// The maximum number of events in the list.
const EVENTS_MAX: usize = 1_000;

/// Renders the whole page.
pub fn file(timeline: &Timeline) -> String {
    let figure = figure(timeline, "t");
    // The nonce cannot be predicted before the page is generated, least of all by the content of the page.
    let nonce = blake3::hash(figure.0.as_bytes()).to_hex();
    let policy = format!("default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'");
    let title = timeline.finding.as_ref().map_or(&timeline.scenario, |finding| &finding.invariant);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " in " (timeline.scenario) }
                style nonce=(nonce) { (PreEscaped(svg::STYLE)) (PreEscaped(STYLE)) }
                style nonce=(nonce) media="(prefers-color-scheme: dark)" data-timeline-dark { (PreEscaped(svg::STYLE_DARK)) }
            }
            body.timeline-page {
                (heading(timeline))
                (figure)
                (help())
                (events(timeline))
                script nonce=(nonce) { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// The drawing with its controls, for a page that includes the styles and the script. `id` is unique in the page.
pub fn figure(timeline: &Timeline, id: &str) -> Markup {
    let mut drawn = timeline.clone();
    if drawn.messages.len() > svg::MESSAGES_MAX {
        drawn.keep_relevant();
    }
    drawn.bound(svg::MESSAGES_MAX, svg::MARKS_MAX);
    let kinds = MessageKind::ALL.into_iter().filter_map(|kind| {
        let mut of_kind = drawn.messages.iter().filter(|message| message.kind == kind).peekable();
        let relevant = of_kind.peek()?.is_relevant();
        Some((format!("{kind:?}"), of_kind.count(), relevant))
    });
    html! {
        figure.timeline-figure {
            div.timeline-controls {
                button type="button" data-command="out" title="Key: -" { "\u{2212}" }
                button type="button" data-command="in" title="Key: +" { "+" }
                button type="button" data-command="fit" title="Key: 0" { "whole run" }
                @if drawn.finding.is_some() {
                    button type="button" data-command="violation" title="Key: v" { "violation" }
                }
                button type="button" data-command="previous" title="Key: p" { "previous" }
                button type="button" data-command="next" title="Key: n" { "next" }
                label { "colours " select data-timeline-theme {
                    option value="auto" { "as the system" } option value="light" { "light" } option value="dark" { "dark" }
                } }
            }
            fieldset.timeline-controls {
                legend { "messages" }
                @for (kind, count, relevant) in kinds {
                    label { input type="checkbox" data-kind=(kind) checked[relevant]; (kind) " " i { (count) } }
                }
                @if let Some(words) = drawn.thinned_words() {
                    label { input type="checkbox" data-all; "all of them, not " (words) }
                }
            }
            div { (svg::embedded(&drawn, id)) }
            div.timeline-tip role="status" hidden {}
            (svg::key(&drawn))
            @if drawn.left_out > 0 {
                p { (drawn.left_out) " things too many are left out: --time-range shows less of the run" }
            }
        }
    }
}

fn heading(timeline: &Timeline) -> Markup {
    let Timeline { name, scenario, system, bugs, .. } = timeline;
    html! {
        @match &timeline.finding {
            Some(Finding { invariant, rule, owed, .. }) => {
                h1.violation { (invariant) ": " (rule) @if !owed { " (beyond the promise)" } }
            }
            None => { h1 { "A run of " (scenario) " without a violation" } }
        }
        dl {
            @if let Some(finding) = &timeline.finding {
                dt { "expected" } dd { (finding.expected) }
                dt { "seen" } dd { (finding.seen) }
                dt { "when" } dd { (milliseconds(finding.at)) " ms of virtual time, event " (finding.event) }
            }
            dt { "scenario" } dd { (scenario) ", " (system) @if !bugs.is_empty() { ", bug " (bugs.join(", ")) } }
            dt { "case" } dd { (name) }
        }
    }
}

fn help() -> Markup {
    html! {
        p {
            "Drag to move, " kbd { "Ctrl" } " and the wheel or two fingers to zoom. With the drawing focused: "
            kbd { "+" } " " kbd { "-" } " zoom, " kbd { "\u{2190}" } " " kbd { "\u{2192}" } " move, " kbd { "0" } " the whole run, "
            kbd { "n" } " " kbd { "p" } " one event on or back, " kbd { "v" } " the violation."
        }
    }
}

/// The events as a table.
fn events(timeline: &Timeline) -> Markup {
    let mut events: Vec<(Time, u64, String, &str)> = Vec::new();
    for lane in &timeline.lanes {
        let who = format!("replica {}", lane.replica);
        events.extend(lane.marks.iter().map(|mark| (mark.at, mark.event, who.clone(), mark.words.as_str())));
    }
    for fault in &timeline.faults {
        if let Some(at) = fault.at.filter(|_| fault.skipped.is_none()) {
            events.push((at, 0, format!("action {}", fault.number), &fault.words));
        }
    }
    if let Some(finding) = &timeline.finding {
        events.push((finding.at, u64::MAX, finding.invariant.clone(), &finding.rule));
    }
    events.sort();
    let left_out = events.len().saturating_sub(EVENTS_MAX);
    html! {
        details {
            summary { "The course of events" @if left_out > 0 { " (the first " (left_out) " are left out)" } }
            div.scroll { table {
                thead { tr { th { "ms" } th { "who" } th { "what" } } }
                tbody {
                    @for (at, _, who, what) in events.iter().skip(left_out) {
                        tr { td { (milliseconds(*at)) } td { (who) } td { (what) } }
                    }
                }
            } }
        }
    }
}
