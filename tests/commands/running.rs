//! `vopr run`.

use predicates::prelude::*;

use crate::support::{FAILING_RUNS, Failing, directory, failing, json, json_either_way, kmb_files, stdout, vopr};

#[test]
fn the_baseline_passes_and_says_so_in_each_format() {
    let here = directory();
    let run = "run --scenario baseline --iterations 20 --seed 7";
    let human = stdout(&mut vopr(here.path(), run), 0);
    assert!(human.contains("baseline") && human.contains("passed") && human.contains("base seed 7"), "{human}");
    let compact = stdout(&mut vopr(here.path(), &format!("{run} --format compact")), 0);
    assert!(compact.starts_with("baseline 20 ") && compact.trim_end().ends_with("passed"), "{compact}");
    assert_eq!(compact.lines().count(), 1);
    let value = json(&mut vopr(here.path(), &format!("{run} --format json --coverage")), 0);
    let scenario = &value["scenarios"][0];
    assert_eq!(value["verdict"], "passed");
    assert_eq!((&scenario["runs"], &scenario["violated"]), (&20.into(), &0.into()));
    assert!(scenario["committed"].as_u64() > Some(0), "something was committed");
    assert!(scenario["states"].as_u64() > Some(0), "states were counted");
}

#[test]
fn all_runs_every_scenario() {
    let here = directory();
    let run = "run --scenario all --iterations 5 --seed 7 --format json";
    let value = json_either_way(&mut vopr(here.path(), run));
    let listed = json(&mut vopr(here.path(), "scenarios --format json"), 0);
    let names = |value: &serde_json::Value| {
        let list = value["scenarios"].as_array().expect("a list").iter().map(|it| it["name"].clone());
        list.collect::<Vec<_>>()
    };
    assert_eq!(names(&value), names(&listed));
    assert_eq!(names(&value).len(), scenarios::ScenarioType::ALL.len());
}

#[test]
fn environment_variables_replace_options() {
    let here = directory();
    let mut command = vopr(here.path(), "run --scenario baseline --format json");
    let value = json(command.env("VOPR_SEED", "9").env("VOPR_ITERATIONS", "3"), 0);
    assert_eq!((&value["seed"], &value["iterations"]), (&"9".into(), &3.into()));
}

#[test]
fn a_run_without_a_seed_prints_its_random_seed() {
    let here = directory();
    let first = json(&mut vopr(here.path(), "run --scenario baseline --iterations 2 --format json"), 0);
    let seed = first["seed"].as_str().expect("a seed").to_string();
    let again = format!("run --scenario baseline --iterations 2 --format json --seed {seed}");
    let second = json(&mut vopr(here.path(), &again), 0);
    assert_eq!(first["scenarios"][0]["digest"], second["scenarios"][0]["digest"]);
}

#[test]
fn a_violation_exits_with_1_and_its_seed_reproduces_it() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let run = format!("run --scenario {scenario} --bug {bug} {FAILING_RUNS} --format json");
    let value = json(&mut vopr(here.path(), &run), 1);
    let failure = &value["scenarios"][0]["failures"][0];
    let seed = failure["seed"].as_str().expect("a seed");
    let one = format!("run --scenario {scenario} --bug {bug} --iterations 1 --seed {seed} --format json");
    let again = json(&mut vopr(here.path(), &one), 1);
    let failure_again = &again["scenarios"][0]["failures"][0];
    assert_eq!(failure["digest"], failure_again["digest"]);
    assert_eq!(failure["invariant"], failure_again["invariant"]);
}

#[test]
fn failures_are_saved_only_when_asked_for() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let run = format!("run --scenario {scenario} --bug {bug} {FAILING_RUNS}");
    vopr(here.path(), &run).assert().code(1);
    assert!(kmb_files(&here.path().join("failures")).is_empty());
    vopr(here.path(), &format!("{run} --save-failures")).env("VOPR_DATA_DIR", "data/here").assert().code(1);
    assert!(!kmb_files(&here.path().join("data/here")).is_empty());
}

#[test]
fn faults_can_be_restricted_and_determinism_checked() {
    let here = directory();
    let run = "run --scenario baseline --iterations 5 --seed 7 --check-determinism --faults network,crash";
    vopr(here.path(), run).assert().code(0);
    vopr(here.path(), "run --scenario baseline --faults gremlins")
        .assert()
        .code(2)
        .stderr(predicate::str::contains("gremlins"));
}
