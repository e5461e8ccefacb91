//! All formats of one small result.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::reports::results::{Ending, Found, Own, Part};
use crate::reports::scenario::{FailureReport, ScenarioReport, ScenarioVerdict};
use engine::base::terminal::{BAD, styled};
use engine::campaigns::finding::Smaller;
use engine::cases::kmb::Kmb;
use engine::cases::violation::BrokenRule;
use engine::search::fuzzing::Death;
use engine::search::fuzzing::campaign::{Campaign, Known, Share, Summary};
use engine::search::summary::Tally;
use engine::search::targets::Target;

/// A result with four parts: failed with one finding, passed, skipped, died.
fn results() -> Results<'static> {
    let file = regression();
    let smaller = Smaller { file: file.clone(), actions: 1, actions_before: 9 };
    let part = |name: &str, ending, why: &str, findings| Part {
        name: name.to_string(),
        class: "vopr.phase0".to_string(),
        runs: 1_000,
        elapsed: Duration::from_millis(500),
        ending,
        verdict: "a | b".to_string(),
        no_verdict: None,
        why: why.to_string(),
        findings,
        deaths: Vec::new(),
    };
    let found = Found::saved(Path::new("found.kmb"), Some(&smaller)).unwrap();
    let mut died = part("died", Ending::Died, "a worker died", Vec::new());
    died.deaths.push(("with signal 6".to_string(), Some("vopr repro x.kmb".to_string())));
    Results {
        command: "run",
        system: ("vsr", "1.0.0"),
        bugs: vec!["a-bug".to_string()],
        seed: "7".to_string(),
        verdict: "VIOLATED".to_string(),
        fails: true,
        interrupted: false,
        parts: vec![
            part("one", Ending::Failed, &format!("{}\nreally", styled(BAD, "broken")), vec![found]),
            part("two", Ending::Passed, "", Vec::new()),
            part("three", Ending::Skipped, "it makes no sense", Vec::new()),
            died,
        ],
        own: Own::Run { iterations: 1_000, verdict: ScenarioVerdict::Violated, scenarios: &[] },
    }
}

fn regression() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/regressions/view-led-twice.kmb")
}

#[test]
fn compact_has_a_line_for_each_part() {
    let text = compact::text(&results());
    assert_eq!(text.lines().next(), Some("one 1000 0.50s 2000/s a | b"));
    assert_eq!(text.lines().count(), results().parts.len());
    let mut results = results();
    results.parts[2].no_verdict = Some("no turn");
    assert_eq!(compact::text(&results), text, "it has verdicts only");
    assert!(summary::markdown(&results).contains("| three | 1,000 | 0.5 | 2,000 | no turn |"));
}

/// Other programs read these names, and some read them in this order.
#[test]
fn the_json_of_a_run_is_pinned() {
    let violation = Kmb::read(&regression()).unwrap().expected.unwrap();
    let (seed, digest) = ("7".to_string(), "00".to_string());
    let minimized = Some(Smaller { file: "b".into(), actions: 1, actions_before: 2 });
    let failure = FailureReport { iteration: 1, seed, violation, digest, file: Some("a".into()), minimized };
    let kind = scenarios::ScenarioType::ALL[0].create_scenario();
    let report = ScenarioReport::new(&kind, Tally::default(), Duration::from_millis(500), true, vec![failure]);
    let scenarios = [report, ScenarioReport::not_applicable(&kind, "why")];
    let own = Own::Run { iterations: 9, verdict: ScenarioVerdict::NotRun, scenarios: &scenarios };
    let text = json::text(&Results { own, ..results() }).unwrap();
    assert_eq!(
        keys(&text),
        "version command system bugs seed iterations verdict interrupted scenarios \
         name phase verdict runs passed vacuous violated violations missing_marks beyond_the_promise events committed \
         seconds runs_per_second events_per_second states digest unstable_seeds failures \
         iteration seed invariant rule at event replicas expected seen digest file minimized file actions actions_before \
         name phase verdict reason runs passed vacuous violated violations missing_marks beyond_the_promise events \
         committed seconds runs_per_second events_per_second digest unstable_seeds failures"
    );
    assert!(text.contains("\"seconds\":0.5,") && text.contains("\"verdict\":\"not_applicable\""), "{text}");
}

#[test]
fn the_json_of_a_campaign_is_pinned() {
    let system = &engine::cases::systems::SYSTEMS[0];
    let campaign = Campaign {
        name: "nightly".to_string(),
        system,
        bugs: Vec::new(),
        targets: vec![Target::find(system, "clock", None).unwrap()],
        scenario_file: None,
        time: None,
        runs: None,
        jobs: 1,
        corpus: "corpus".into(),
        output_directory: "failures".into(),
        stop_on_first: false,
        stop_on: Vec::new(),
        seed: 7,
    };
    let rule = BrokenRule { invariant: "liveness".to_string(), rule: "not answered".to_string() };
    let known = Known { target: "clock".to_string(), rule, file: "a".into() };
    let death = Death { target: "clock".to_string(), status: "with signal 6".to_string(), input: None, file: None };
    let summary =
        Summary { shares: vec![Share::default()], again: vec![known], deaths: vec![death], ..Summary::default() };
    let results = Results::of_campaign(&campaign, &summary);
    let text = json::text(&results).unwrap();
    assert_eq!(
        keys(&text),
        "again file invariant rule target bugs campaign command corpus corpus_directory deaths file input status target \
         duplicates findings groups interrupted runs runs_per_second seconds seed states system target targets \
         collisions_estimated corpus corpus_directory new_in_last_turn regions runs runs_per_second saturated seconds \
         states states_estimated target turns violated version violated"
    );
    assert!(text.contains("\"regions\":[0,0,0,0,0,0,0,0]"), "{text}");
    assert_eq!((results.fails, compact::text(&results)), (true, "clock 0 0.00s 0/s VIOLATED liveness\n".to_string()));
}

/// The keys of all objects in a text of JSON, in their order.
fn keys(text: &str) -> String {
    let names: Vec<&str> = text.split("\":").filter_map(|before| before.rsplit('"').next()).collect();
    names[..names.len() - 1].join(" ")
}

#[test]
fn sarif_has_a_rule_for_each_invariant_and_a_result_for_each_finding() {
    let log: Value = serde_json::from_str(&sarif::log(&results()).unwrap()).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), sim::invariants::NAMES.len());
    let [result] = &run["results"].as_array().unwrap()[..] else { panic!("one finding, one result") };
    let index = result["ruleIndex"].as_u64().unwrap() as usize;
    assert_eq!(rules[index]["id"], result["ruleId"]);
    assert_eq!((&result["level"], &result["kind"]), (&"error".into(), &"fail".into()));
    let location = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(location.as_str().is_some_and(|uri| uri.starts_with("file:///") && uri.ends_with("view-led-twice.kmb")));
    assert_eq!(result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"], "found.kmb");
    let replay = result["properties"]["replay"].as_str().unwrap();
    assert!(replay.starts_with("vopr repro ") && result["message"]["text"].as_str().unwrap().contains(replay));
    let invocation = &run["invocations"][0];
    assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&false.into(), &1.into()));
    assert!(invocation["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap().contains("signal 6"));
    let again: Value = serde_json::from_str(&sarif::log(&results()).unwrap()).unwrap();
    assert_eq!(log, again, "nothing in it depends on when it is written");
}

#[test]
fn the_summary_has_verdicts_the_plan_in_words_and_the_command() {
    let text = summary::markdown(&results());
    let plan = results().parts.remove(0).findings.remove(0).plan;
    assert!(!plan.is_empty());
    for wanted in [
        "## vopr run: VIOLATED\n",
        "System vsr 1.0.0, seed 7, planted bugs: a-bug.\n",
        "| one | 1,000 | 0.5 | 2,000 | a \\| b |\n",
        &format!("minimized from 9 to {} action", plan.len()),
        &format!("1. {}\n", plan[0]),
        "```console\nvopr repro /",
        "### A worker of died died with signal 6\n",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
}

#[test]
fn junit_tells_failures_of_the_system_from_those_of_vopr() {
    let xml = junit::xml(&results()).unwrap();
    for wanted in [
        "<testsuite name=\"vopr run\" tests=\"4\" skipped=\"1\" errors=\"1\" failures=\"1\"",
        "<failure message=\"broken\" type=\"a | b\">",
        "<skipped message=\"it makes no sense\"",
        "<error message=\"a worker died\"",
    ] {
        assert!(xml.contains(wanted), "{wanted} is missing in\n{xml}");
    }
}

#[test]
fn what_cannot_be_written_is_said_before_the_work() {
    let here = tempfile::tempdir().unwrap();
    let arguments =
        |path: PathBuf| ReportArguments { junit_output: None, sarif_output: Some(path), summary_output: None };
    arguments(here.path().join("new.sarif")).prepare().unwrap();
    for wrong in [here.path().to_path_buf(), here.path().join("nowhere/new.sarif")] {
        let error = arguments(wrong).prepare().unwrap_err();
        assert_eq!(error.exit_code(), engine::base::exit::IO);
        assert!(error.to_string().contains("--sarif-output"), "{error}");
    }
    assert_eq!(here.path().read_dir().unwrap().count(), 0, "trying leaves nothing behind");
}
