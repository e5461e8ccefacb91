//! The first page: the progress of the campaigns, and their findings.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maud::{Markup, html};

use crate::dashboard::pages::failure;
use crate::dashboard::parts::charts::sparkline;
use crate::dashboard::parts::frame;
use engine::base::format;
use engine::base::terminal::{count, grouped, rate, span};
use engine::campaigns::campaign_log::Progress;
use engine::campaigns::data_dir::{Data, Past, Sums, date};

/// The number of seconds without a log record after which a campaign no longer counts as running. A campaign writes one
/// every ten seconds.
const SILENT_AFTER: u64 = 45;
/// The number of campaigns shown. `vopr stats --detailed` lists all.
const CAMPAIGNS_SHOWN: usize = 12;

/// The current time, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_secs())
}

pub fn page(data: &Data, directory: &Path) -> Markup {
    html! {
        h1 { "Overview" }
        p.lead { "What is in " code { (format::printable(&directory.to_string_lossy())) } ". This page changes by itself." }
        div #live { (changing(data, now())) }
    }
}

/// The part of the page that changes.
pub fn changing(data: &Data, now: u64) -> Markup {
    let Sums { runs, violated, elapsed } = Sums::of(data.latest());
    let checks = data.checks().values().fold(0_u64, |sum, checks| sum.saturating_add(*checks));
    let causes = data.causes().len();
    let died: usize = data.campaigns.iter().map(|past| past.died).sum();
    let most = data.latest().max_by_key(|progress| progress.reached.states);
    html! {
        div.tiles {
            (frame::tile(&grouped(runs), "runs", &format!("{}/s in {}", grouped(rate(runs, elapsed)), span(elapsed))))
            (frame::tile(&grouped(violated), "runs with a violation", ""))
            (frame::tile(&grouped(data.failures.len() as u64), "failures", &format!("of {}", count(causes, "cause", "causes"))))
            @if let Some(most) = most {
                (frame::tile(&grouped(most.reached.states as u64), "states", &format!("in {}, the most of a target", format::printable(&most.target))))
            }
            (frame::tile(&short(checks), "invariant checks", ""))
            @if died > 0 { (frame::tile(&grouped(died as u64), "workers died", "")) }
        }
        h2 { "Findings" }
        (failure::causes(data))
        h2 { "Campaigns" }
        @if data.campaigns.is_empty() {
            p { "None has been here yet. " code { "vopr fuzz combined --time 60s" } " begins one." }
        }
        @for past in data.campaigns.iter().rev().take(CAMPAIGNS_SHOWN) { (campaign(past, now)) }
        @if data.campaigns.len() > CAMPAIGNS_SHOWN {
            p.muted { "Older ones are left out; " code { "vopr stats --detailed" } " lists all " (data.campaigns.len()) "." }
        }
    }
}

/// The state of a campaign: a word, its style, and the time.
fn state(past: &Past, now: u64) -> (&'static str, &'static str, String) {
    match (past.ended, now.saturating_sub(past.last) <= SILENT_AFTER) {
        (true, _) => ("ended", "muted", frame::ago(past.last, now)),
        (false, true) => ("running", "good", format!("heard of {}", frame::ago(past.last, now))),
        (false, false) => {
            ("silent", "doubtful", format!("ended without a word, last heard of {}", frame::ago(past.last, now)))
        }
    }
}

fn campaign(past: &Past, now: u64) -> Markup {
    let (state, class, when) = state(past, now);
    let started = &past.started;
    let mut targets: Vec<_> = past.progress.values().filter(|series| !series.is_empty()).collect();
    targets.sort_by_key(|series| std::cmp::Reverse(series.last().map(|(_, latest)| latest.reached.states)));
    let rows = html! { @for series in targets { (target(series)) } };
    html! {
        section.card {
            h3 {
                span.badge.(class) { (state) }
                " " (format::printable(&started.system)) " " (format::printable(&started.system_version))
                @if !started.bugs.is_empty() { " with " (frame::names(started.bugs.iter().map(String::as_str))) }
            }
            p.muted {
                @if past.name.is_some() { "Campaign " strong { (past.called()) } " · began " } @else { "Began " }
                (date(past.at)) " UTC · " (when) " · " (count(started.jobs, "worker", "workers"))
                " · seed " (format::printable(&started.seed)) " · " (count(past.found, "finding", "findings"))
                @if past.died > 0 { " · " (count(past.died, "worker", "workers")) " died" }
            }
            @if past.progress.is_empty() { p.muted { "Nothing was heard of its progress yet." } }
            @else {
                (frame::table("Targets", &["target", "#time", "#runs", "#runs/s", "#states", "over time", "#inputs", "#violated"], &rows))
            }
        }
    }
}

fn target(series: &[(u64, Progress)]) -> Markup {
    let Some((_, latest)) = series.last() else { return html! {} };
    let time = Duration::from_millis(latest.milliseconds);
    let points: Vec<_> = series.iter().map(|(_, it)| (it.milliseconds, it.reached.states)).collect();
    html! {
        tr {
            td.name { (format::printable(&latest.target)) }
            td.number { (span(time)) }
            (frame::number(latest.runs))
            (frame::number(rate(latest.runs, time)))
            (frame::number(latest.reached.states as u64))
            td { (sparkline(&points)) }
            (frame::number(latest.corpus as u64))
            @if latest.violated > 0 { td.number.bad { (grouped(latest.violated)) } } @else { td.number { "0" } }
        }
    }
}

/// A large number in a short notation.
fn short(number: u64) -> String {
    match number {
        0..100_000 => grouped(number),
        number @ 100_000..100_000_000 => format!("{:.1} million", number as f64 / 1e6),
        number => format!("{:.2} billion", number as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use engine::campaigns::campaign_log::Started;

    #[test]
    fn a_campaign_without_recent_records_is_not_shown_as_running() {
        let started = Started { jobs: 1, ..Started::default() };
        let mut past = Past {
            name: None,
            started,
            at: 100,
            last: 1_000,
            ended: false,
            progress: BTreeMap::new(),
            found: 0,
            died: 0,
        };
        assert_eq!(state(&past, 1_010).0, "running");
        assert_eq!(state(&past, 2_000).0, "silent");
        past.ended = true;
        assert_eq!(state(&past, 1_010).0, "ended");
        assert!(campaign(&past, 1_010).into_string().contains("Nothing was heard"));
        // The name of the campaign, if the log has it.
        assert!(!campaign(&past, 1_010).into_string().contains("Campaign"));
        past.name = Some("<b>nightly\u{1b}".to_string());
        let named = campaign(&past, 1_010).into_string();
        assert!(named.contains("Campaign <strong>&lt;b&gt;nightly\u{FFFD}</strong>"), "{named}");
    }
}
