//! The JSON format: one document per command. Programs read it, so its keys and their order are pinned by tests.

use serde::Serialize;
use serde_json::{Value, json};
use sim::observers::coverage::REGIONS;

use crate::reports::results::{Own, Results};
use crate::reports::scenario::{ScenarioReport, ScenarioVerdict};
use engine::base::error::Error;
use engine::base::terminal;
use engine::base::terminal::rate;
use engine::campaigns::causes;
use engine::search::fuzzing::campaign::{Campaign, Summary};

/// The document, as one line.
pub(super) fn text(results: &Results) -> Result<String, Error> {
    match results.own {
        Own::Run { iterations, verdict, scenarios } => {
            terminal::json_line(&Run::of(results, iterations, verdict, scenarios))
        }
        Own::Fuzz { campaign, summary } => terminal::json_line(&fuzz(campaign, summary)),
    }
}

/// The document of `vopr run`.
#[derive(Serialize)]
struct Run<'a> {
    version: u32,
    command: &'a str,
    system: &'a str,
    bugs: &'a [String],
    /// As text, since JSON numbers lose digits.
    seed: &'a str,
    iterations: u64,
    verdict: ScenarioVerdict,
    interrupted: bool,
    scenarios: &'a [ScenarioReport],
}

impl<'a> Run<'a> {
    fn of(
        results: &'a Results<'_>,
        iterations: u64,
        verdict: ScenarioVerdict,
        scenarios: &'a [ScenarioReport],
    ) -> Self {
        Run {
            version: terminal::JSON_VERSION,
            command: results.command,
            system: results.system.0,
            bugs: &results.bugs,
            seed: &results.seed,
            iterations,
            verdict,
            interrupted: results.interrupted,
            scenarios,
        }
    }
}

/// The document of `vopr fuzz`.
fn fuzz(campaign: &Campaign, summary: &Summary) -> Value {
    let targets = campaign.targets.iter().zip(&summary.shares).map(|(target, share)| {
        let reached = share.states.reached();
        json!({
            "target": target.name, "turns": share.turns, "runs": share.runs, "violated": share.violated,
            "seconds": share.elapsed.as_secs_f64(), "runs_per_second": rate(share.runs, share.elapsed),
            "states": reached.states, "states_estimated": reached.estimated(), "regions": REGIONS.map(|region| reached.of_region(&region)),
            "collisions_estimated": reached.collisions(), "new_in_last_turn": share.last_turn.0,
            "saturated": share.saturated(), "corpus": share.corpus, "corpus_directory": campaign.corpus(target),
        })
    });
    let names: Vec<_> = campaign.targets.iter().map(|target| target.name.as_str()).collect();
    json!({
        "version": terminal::JSON_VERSION, "command": "fuzz", "campaign": campaign.name, "target": names.join(","),
        "targets": targets.collect::<Vec<_>>(), "system": campaign.system.name, "bugs": campaign.bugs,
        "seed": campaign.seed.to_string(), "runs": summary.runs(), "violated": summary.violated(),
        "seconds": summary.elapsed.as_secs_f64(), "runs_per_second": rate(summary.runs(), summary.elapsed),
        "states": summary.states(), "corpus": summary.corpus(), "corpus_directory": campaign.corpus,
        "interrupted": summary.interrupted, "findings": summary.findings, "groups": causes::groups(&summary.findings), "again": summary.again,
        "duplicates": summary.duplicates, "deaths": summary.deaths,
    })
}
