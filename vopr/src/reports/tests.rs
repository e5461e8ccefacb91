//! The three reports of one small result.

use std::path::Path;

use serde_json::Value;

use super::*;
use engine::campaigns::finding::Smaller;

/// A run of one scenario with one finding, and one of another without.
fn results() -> Results {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/regressions/view-led-twice.kmb");
    let smaller = Smaller { file: file.clone(), actions: 1, actions_before: 9 };
    let part = |name: &str, ending, why: &str, findings| Part {
        name: name.to_string(),
        class: "vopr.phase0".to_string(),
        runs: 1_000,
        elapsed: Duration::from_millis(500),
        ending,
        verdict: "a | b".to_string(),
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
            part("one", Ending::Failed, "broken\nreally", vec![found]),
            part("two", Ending::Passed, "", Vec::new()),
            part("three", Ending::Skipped, "it makes no sense", Vec::new()),
            died,
        ],
    }
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
