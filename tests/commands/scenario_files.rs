//! `vopr run --scenario-file`, `vopr fuzz --scenario-file` and `vopr scenarios --export`.

use predicates::prelude::*;

use crate::support::{directory, json, stdout, vopr};

/// The example in the documentation.
fn documented() -> &'static str {
    let page = include_str!("../../docs/scenario-files.md");
    let start = page.find("```toml\n").expect("an example") + "```toml\n".len();
    &page[start..start + page[start..].find("```").expect("its end")]
}

#[test]
fn the_documented_example_runs_and_passes() {
    let here = directory();
    std::fs::write(here.path().join("mine.toml"), documented()).expect("a file");
    let run = "run --scenario-file mine.toml --iterations 50 --seed 1 --format json";
    let value = json(&mut vopr(here.path(), run), 0);
    let scenario = &value["scenarios"][0];
    assert_eq!((&scenario["name"], &scenario["violated"]), (&"primary_crashes".into(), &0.into()), "{value}");
    assert!(scenario["passed"].as_u64().expect("a number") > 45, "{value}");
    let fuzz = "fuzz --scenario-file mine.toml --runs 200 --seed 1 --format json --output-dir out";
    assert_eq!(json(&mut vopr(here.path(), fuzz), 0)["runs"], 200);
}

#[test]
fn an_exported_scenario_runs_like_the_built_in_one() {
    let here = directory();
    let text = stdout(&mut vopr(here.path(), "scenarios --export crash_during_commit"), 0);
    std::fs::write(here.path().join("exported.toml"), text).expect("a file");
    let digest = |which: &str| {
        let value = json(&mut vopr(here.path(), &format!("run {which} --iterations 30 --seed 7 --format json")), 0);
        value["scenarios"][0]["digest"].clone()
    };
    let built_in = digest("--scenario crash_during_commit");
    assert!(built_in.is_string());
    assert_eq!(digest("--scenario-file exported.toml"), built_in);
}

#[test]
fn errors_are_one_line_with_their_position() {
    let here = directory();
    let complains = |text: &str, words: &str| {
        std::fs::write(here.path().join("bad.toml"), text).expect("a file");
        let output = vopr(here.path(), "run --scenario-file bad.toml").output().expect("it runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains(words), "{said}");
    };
    complains(&documented().replace("replicas = 5", "replicas = 50"), "bad.toml:7: replicas is 50");
    complains(&documented().replace("\"Crash\", \"Loss\"", "\"Crush\""), "bad.toml:12: ");
    complains(&documented().replace("\"250ms\"", "\"2500000s\""), "more than an hour");
    complains("name = 3", "bad.toml:1: ");
    complains("", "bad.toml:1: missing field");
    vopr(here.path(), "run --scenario-file missing.toml")
        .assert()
        .code(3)
        .stderr(predicate::str::contains("missing.toml"));
    vopr(here.path(), "scenarios --export nothing").assert().code(2);
    vopr(here.path(), "fuzz").assert().code(2);
}
