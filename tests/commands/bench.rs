//! `vopr bench bugs`: guided search compared with random search, with results on the disk.

use std::fs;

use crate::support::{directory, failing, json, stdout, vopr};

#[test]
fn a_benchmark_continues_where_it_stopped_and_writes_its_results() {
    let here = directory();
    let bug = &failing().bug;
    let bench = |trials: u32| format!("bench bugs --bug {bug} --trials {trials} --runs 400 --arm guided --arm random");
    let first = json(&mut vopr(here.path(), &format!("{} --format json", bench(1))), 0);
    assert_eq!(first["bugs"][0]["arms"][0]["trials"], 1);
    let trials = here.path().join("bench/trials.jsonl");
    let before = fs::read_to_string(&trials).expect("a file");
    assert_eq!(before.lines().count(), 1 + 2, "the settings, and a trial of each arm");

    // The state after a crash of the machine in the middle of a line.
    fs::write(&trials, before.trim_end_matches(['}', '\n'])).expect("it is written");
    let second = json(&mut vopr(here.path(), &format!("{} --format json", bench(2))), 0);
    let after = fs::read_to_string(&trials).expect("a file");
    assert!(after.starts_with(before.trim_end_matches(['}', '\n'])), "what was there stays");
    let bugs = &second["bugs"][0];
    assert_eq!((&bugs["arms"][0]["trials"], &bugs["arms"][1]["trials"]), (&2.into(), &2.into()));
    assert!(bugs["comparisons"][0]["runs"]["superiority"].is_number());

    // With a number of runs as the budget, the results are reproducible.
    let runs = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().skip(1).filter_map(|line| serde_json::from_str(line).ok());
        lines.filter(|it: &serde_json::Value| it["trial"] == 0).map(|it| it["runs"].clone()).collect()
    };
    let mut again = runs(&after);
    again.sort_by_key(serde_json::Value::as_u64);
    let mut once = runs(&before);
    once.sort_by_key(serde_json::Value::as_u64);
    assert_eq!(again, once);

    for (name, begins) in [("bugs.md", "# "), ("bugs.svg", "<svg "), ("bugs.json", "{")] {
        let text = fs::read_to_string(here.path().join("bench").join(name)).expect("a file");
        assert!(text.starts_with(begins), "{name}");
    }
    let text = stdout(&mut vopr(here.path(), &bench(2)), 0);
    assert!(text.contains(bug.as_str()) && text.contains("guided beside random"), "{text}");
    let lines = stdout(&mut vopr(here.path(), &format!("{} --format compact", bench(2))), 0);
    assert!(lines.starts_with(&format!("{bug} guided 2 ")), "{lines}");
}

#[test]
fn different_settings_are_rejected() {
    let here = directory();
    let bug = &failing().bug;
    let bench = format!("bench bugs --bug {bug} --trials 1 --arm random --runs");
    stdout(&mut vopr(here.path(), &format!("{bench} 5")), 0);
    let trials = fs::read(here.path().join("bench/trials.jsonl")).expect("a file");
    let refused = vopr(here.path(), &format!("{bench} 6")).assert().code(2).get_output().clone();
    let error = String::from_utf8(refused.stderr).expect("text");
    assert!(error.contains("other settings") && error.lines().count() == 1, "{error}");
    assert_eq!(fs::read(here.path().join("bench/trials.jsonl")).expect("a file"), trials);
    for wrong in
        ["bench bugs --bug no-such-bug", "bench bugs --target no_such_target", "bench bugs --trials 0", "bench"]
    {
        vopr(here.path(), wrong).assert().code(2);
    }
}
