//! The coverage page: the number of protocol states that each target reached over time, and an estimate of those that
//! are left.

use maud::{Markup, html};
use sim::observers::coverage::{MAP_SIZE, REGIONS};

use crate::dashboard::parts::{charts, frame};
use engine::base::format;
use engine::base::terminal::grouped;
use engine::campaigns::campaign_log::Progress;
use engine::campaigns::data_dir::{Data, Past, date};

/// The number of campaigns drawn.
const CAMPAIGNS_SHOWN: usize = 6;

pub fn page(data: &Data) -> Markup {
    let campaigns = data.campaigns.iter().rev().filter(|past| !past.progress.is_empty());
    html! {
        h1 { "Coverage" }
        p.lead {
            "A state is a slot of the coverage map (" (grouped(MAP_SIZE as u64)) " of them): an abstract state of the cluster, a "
            "transition, a fault in some phase, a lie, a pair of cause and effect. What lies ahead is estimated from the states "
            "that one run alone reached and those that two did (Chao1; Good and Turing). Guided runs are no independent samples, so "
            "take it as a hint."
        }
        @if data.campaigns.iter().all(|past| past.progress.is_empty()) {
            p { "No campaign has told of its progress yet." }
        }
        @for (index, past) in campaigns.take(CAMPAIGNS_SHOWN).enumerate() {
            details.campaign open[index == 0] {
                summary { h2 {
                    (format::printable(&past.started.system)) ", " (date(past.at)) " UTC"
                    @if past.name.is_some() { ", campaign " (past.called()) }
                    @if !past.started.bugs.is_empty() { ", with " (frame::names(past.started.bugs.iter().map(String::as_str))) }
                } }
                (campaign(past))
            }
        }
    }
}

fn campaign(past: &Past) -> Markup {
    let mut targets: Vec<_> = past.progress.values().filter(|series| !series.is_empty()).collect();
    targets.sort_by_key(|series| std::cmp::Reverse(series.last().map(|(_, latest)| latest.reached.states)));
    html! { div.charts { @for series in targets { (target(series)) } } }
}

fn target(series: &[(u64, Progress)]) -> Markup {
    let Some((_, latest)) = series.last() else { return html! {} };
    let reached = &latest.reached;
    let estimate = reached.estimated();
    let points: Vec<_> = series.iter().map(|(_, it)| (it.milliseconds, it.reached.states)).collect();
    let states = grouped(reached.states as u64);
    let name = format::printable(&latest.target);
    html! {
        section.card {
            h3.name { (name) }
            (charts::curve(&format!("States of {name} over time: {states} at last"), &points, estimate))
            p {
                strong { (states) } " states in " (grouped(latest.runs)) " runs. At least " (grouped(estimate as u64))
                " may be there"
                @if let Some(runs) = reached.runs_to_a_new_one(latest.runs) {
                    ", and a new one is to be expected every " (grouped(runs)) " runs"
                }
                " (estimates). Some " (grouped(reached.collisions())) " states share a slot with another."
            }
            details {
                summary { "Regions of the map" }
                @let rows = html! {
                    @for region in &REGIONS {
                        @let (reached, size) = (reached.of_region(region) as usize, region.size as usize);
                        tr {
                            th scope="row" { (region.name) }
                            td { (charts::bar(reached, size)) }
                            td.number { (grouped(reached as u64)) " of " (grouped(size as u64)) }
                            td.number { (format!("{:.1} %", 100.0 * reached as f64 / size as f64)) }
                        }
                    }
                };
                (frame::table("Regions", &["region", "", "#slots", "#full"], &rows))
            }
        }
    }
}
