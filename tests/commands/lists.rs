//! `vopr scenarios`, `vopr bugs`, help and version.

use predicates::prelude::*;
use scenarios::{ScenarioType, TARGETS};

use crate::support::{directory, json, stdout, vopr};

#[test]
fn every_list_has_its_three_formats() {
    let here = directory();
    for list in ["scenarios", "bugs"] {
        assert!(!stdout(&mut vopr(here.path(), list), 0).is_empty());
        assert!(!stdout(&mut vopr(here.path(), &format!("{list} --describe")), 0).is_empty());
        assert!(!stdout(&mut vopr(here.path(), &format!("{list} --format compact")), 0).is_empty());
        let value = json(&mut vopr(here.path(), &format!("{list} --format json")), 0);
        assert!(!value[list].as_array().expect("a list").is_empty(), "{list}");
    }
}

/// Consistency of the kill matrix: every scenario is named by a planted bug that it kills.
#[test]
fn every_scenario_is_named_by_a_planted_bug_and_every_name_is_a_scenario() {
    let here = directory();
    let list = |what: &str| json(&mut vopr(here.path(), &format!("{what} --format json")), 0)[what].clone();
    let (scenarios, bugs) = (list("scenarios"), list("bugs"));
    let names: Vec<&str> = scenarios.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect();
    let own = bugs.as_array().into_iter().flatten().flat_map(|bug| bug["scenarios"].as_array().into_iter().flatten());
    let own: Vec<&str> = own.filter_map(|name| name.as_str()).collect();
    assert_eq!(names.len(), ScenarioType::ALL.len());
    assert!(own.iter().all(|name| names.contains(name)), "{own:?}");
    let targets: Vec<&str> = bugs.as_array().into_iter().flatten().filter_map(|bug| bug["target"].as_str()).collect();
    assert!(targets.iter().all(|name| TARGETS.iter().any(|target| target.name == *name)), "{targets:?}");
    let unproven: Vec<_> = names.iter().filter(|name| !own.contains(name)).collect();
    assert!(unproven.is_empty(), "{unproven:?}");
}

#[test]
fn scenarios_are_filtered_by_phase_and_text() {
    let here = directory();
    let value = json(&mut vopr(here.path(), "scenarios --phase 0 --filter basel --format json"), 0);
    let names: Vec<_> = value["scenarios"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["baseline"]);
    vopr(here.path(), "scenarios --filter nothing_is_called_so").assert().code(2);
}

#[test]
fn help_and_version_are_no_errors() {
    let here = directory();
    vopr(here.path(), "--help").assert().code(0).stdout(predicate::str::contains("Exit codes"));
    vopr(here.path(), "run --help").assert().code(0).stdout(predicate::str::contains("--check-determinism"));
    vopr(here.path(), "--version").assert().code(0).stdout(predicate::str::starts_with("vopr "));
}

#[test]
fn colours_are_for_terminals_or_on_demand() {
    let here = directory();
    let colourful = predicate::str::contains("\u{1b}[");
    let run = "run --scenario baseline --iterations 2 --seed 1";
    vopr(here.path(), run).assert().stdout(colourful.clone().not());
    vopr(here.path(), &format!("{run} --color always")).assert().stdout(colourful.clone());
    vopr(here.path(), &format!("{run} --color never")).assert().stdout(colourful.clone().not());
    vopr(here.path(), run).env("NO_COLOR", "1").assert().stdout(colourful.clone().not());
    vopr(here.path(), run).env("VOPR_NO_COLOR", "1").assert().stdout(colourful.not());
}
