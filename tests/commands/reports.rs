//! Machine-readable reports: `JUnit`, SARIF and the summary of a CI job.

use std::path::Path;

use predicates::prelude::*;
use serde_json::Value;

use crate::support::{FAILING_RUNS, Failing, directory, failing, json, json_either_way, vopr};

fn read(directory: &Path, file: &str) -> String {
    std::fs::read_to_string(directory.join(file)).expect("a report")
}

/// Checks the required parts of a SARIF log and the parts that each result of vopr has. Returns the results.
fn check_sarif(text: &str) -> Vec<Value> {
    let log: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().is_some_and(|schema| schema.ends_with("sarif-schema-2.1.0.json")));
    let [run] = &log["runs"].as_array().expect("runs")[..] else { panic!("one run") };
    assert_eq!(run["tool"]["driver"]["name"], "vopr");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results").clone();
    for result in &results {
        let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        let text = result["message"]["text"].as_str().expect("a message");
        assert!(text.contains("Replay: vopr re") || text.contains("Replay: vopr run"), "{text}");
        assert!(!result["locations"].as_array().expect("locations").is_empty());
        assert!(result["partialFingerprints"]["cause/v1"].is_string());
    }
    results
}

#[test]
fn junit_has_one_case_for_each_scenario() {
    let here = directory();
    let run = "run --phase 0 --iterations 5 --seed 7 --junit-output report.xml --format json";
    json_either_way(&mut vopr(here.path(), run));
    let report = read(here.path(), "report.xml");
    assert!(report.contains("<testsuite name=\"vopr run\"") && report.contains("name=\"baseline\""), "{report}");
}

#[test]
fn a_campaign_reports_its_findings_in_three_formats() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let fuzz = format!(
        "fuzz {scenario} --bug {bug} --runs 400 --seed 3 --output-dir found --format json \
         --junit-output report.xml --sarif-output report.sarif --summary-output report.md"
    );
    let value = json(&mut vopr(here.path(), &fuzz), 1);
    let findings = value["findings"].as_array().expect("a list");
    let results = check_sarif(&read(here.path(), "report.sarif"));
    assert_eq!(results.len(), findings.len());
    for (finding, result) in findings.iter().zip(&results) {
        assert_eq!(finding["invariant"], result["ruleId"]);
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a file");
        assert!(here.path().join(uri).is_file(), "{uri}");
        let smallest = finding["minimized"]["file"].as_str().or(finding["file"].as_str());
        assert_eq!(smallest, Some(uri));
        // The printed command reproduces the failure.
        let replay = result["properties"]["replay"].as_str().expect("a command");
        let arguments = replay.strip_prefix("vopr ").expect("vopr itself");
        assert_eq!(
            json(&mut vopr(here.path(), &format!("{arguments} --format json")), 1)["violation"]["invariant"],
            finding["invariant"]
        );
    }
    let junit = read(here.path(), "report.xml");
    assert!(
        junit.contains("<testsuite name=\"vopr fuzz\" tests=\"1\"") && junit.contains("<failure message="),
        "{junit}"
    );
    let summary = read(here.path(), "report.md");
    let invariant = findings[0]["invariant"].as_str().expect("a name");
    assert!(summary.starts_with("## vopr fuzz: VIOLATED\n"), "{summary}");
    assert!(summary.contains("```console\nvopr repro found/") && summary.contains("\n1. "), "{summary}");
    assert!(summary.contains(&format!("### {invariant}: ")), "{summary}");
}

#[test]
fn a_campaign_that_finds_nothing_reports_that() {
    let here = directory();
    let reports = "--junit-output report.xml --sarif-output report.sarif";
    let fuzz = format!("fuzz baseline --runs 50 --seed 3 --format compact {reports}");
    vopr(here.path(), &fuzz).env("GITHUB_STEP_SUMMARY", here.path().join("step.md")).assert().code(0);
    assert!(check_sarif(&read(here.path(), "report.sarif")).is_empty());
    assert!(!read(here.path(), "report.xml").contains("<failure"));
    assert!(read(here.path(), "step.md").contains("| baseline | 50 |"));
}

/// Steps of a job that share the file append to it. A run whose failures were not saved prints the command that repeats
/// it.
#[test]
fn the_summary_of_a_step_grows() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let step = here.path().join("step.md");
    std::fs::write(&step, "before\n").expect("a file");
    let run = format!("run --scenario {scenario} --bug {bug} {FAILING_RUNS} --sarif-output report.sarif");
    vopr(here.path(), &run).env("GITHUB_STEP_SUMMARY", &step).assert().code(1);
    let text = read(here.path(), "step.md");
    assert!(text.starts_with("before\n## vopr run: VIOLATED\n"), "{text}");
    let replay = format!("```console\nvopr run --scenario {scenario} --seed ");
    assert!(text.contains(&replay) && text.contains(&format!("--bug {bug}\n```")), "{text}");
    let results = check_sarif(&read(here.path(), "report.sarif"));
    assert!(!results.is_empty() && results[0]["locations"][0]["physicalLocation"].is_null());
}

#[test]
fn unwritable_reports_are_errors_before_the_runs() {
    let here = directory();
    for command in ["run --scenario baseline --iterations 1000000", "fuzz baseline --time 1h"] {
        for option in ["--junit-output", "--sarif-output", "--summary-output"] {
            vopr(here.path(), &format!("{command} {option} nowhere/report"))
                .assert()
                .code(3)
                .stderr(predicate::str::contains(option));
        }
    }
    // An unwritable summary page of a workflow does not fail the run.
    vopr(here.path(), "run --scenario baseline --iterations 2 --seed 1")
        .env("GITHUB_STEP_SUMMARY", here.path().join("nowhere/step.md"))
        .assert()
        .code(0)
        .stderr(predicate::str::contains("GITHUB_STEP_SUMMARY"));
}
