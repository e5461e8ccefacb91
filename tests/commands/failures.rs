//! `vopr repro`, `vopr show` and other commands about failure files.

use std::path::Path;

use engine::cases::kmb::Kmb;
use sim::{Action, ActionKind, ReplicaId, Target, When};

use crate::support::{Failing, directory, failing, json, stdout, vopr};

#[test]
fn a_failure_is_reproduced_and_shown() {
    let here = directory();
    let Failing { bug, scenario, files } = failing();
    for file in files {
        let file = file.display();
        let repro = json(&mut vopr(here.path(), &format!("repro {file} --format json")), 1);
        assert_eq!(repro["result"], "same_violation_same_digest");
        assert_eq!(repro["same_digest"], true);
        let human = stdout(&mut vopr(here.path(), &format!("repro {file}")), 1);
        assert!(human.contains("reproduced: the same violation and the same digest"), "{human}");
        let verbose = stdout(&mut vopr(here.path(), &format!("repro {file} --verbose")), 1);
        assert!(verbose.lines().count() > human.lines().count(), "the trace is printed");
        let unchecked = stdout(&mut vopr(here.path(), &format!("repro {file} --no-check-invariants")), 0);
        assert!(unchecked.contains("the same digest"), "{unchecked}");

        let show = json(&mut vopr(here.path(), &format!("show {file} --format json --coverage --invariants")), 0);
        assert_eq!((&show["scenario"], &show["bugs"][0]), (&scenario.as_str().into(), &bug.as_str().into()));
        assert_eq!(show["violation"]["invariant"], repro["violation"]["invariant"]);
        let regions = show["coverage"].as_object().expect("by region");
        let sum: u64 = regions.values().map(|count| count.as_u64().expect("a number")).sum();
        assert!(sum > 0 && show["states"].as_u64() == Some(sum), "{show}");
        assert!(show["checks"].is_object());
        let human = stdout(&mut vopr(here.path(), &format!("show {file}")), 0);
        assert!(human.contains(scenario) && human.contains(bug), "{human}");
        let detailed = stdout(&mut vopr(here.path(), &format!("show {file} --detailed --events")), 0);
        assert!(detailed.lines().count() > human.lines().count() + 20, "{detailed}");
    }
}

/// A case with a replica that does not exist, an action that is skipped, and an action that never becomes due.
#[test]
fn actions_are_shown_as_the_run_understands_them() {
    let here = directory();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/regressions/superblock-in-one-copy.kmb");
    let mut kmb = Kmb::read(&shipped).expect("a failure file");
    let crash = |id, millis: u64| Action {
        when: When::At(millis * 1_000_000),
        what: ActionKind::Crash { target: Target::Replica(ReplicaId(id)), down: 50_000_000 },
    };
    kmb.case.actions = vec![crash(6, 20), crash(1, 30), crash(2, 3_600_000)];
    std::fs::write(here.path().join("changed.kmb"), kmb.encode().expect("bytes")).expect("written");
    let plain = stdout(&mut vopr(here.path(), "show changed.kmb"), 0);
    assert!(plain.contains("1. at 20 ms: crash replica 1 for 50 ms\n"), "6 of 5 is 1: {plain}");
    assert!(!plain.contains('['), "it was not run: {plain}");
    let detailed = stdout(&mut vopr(here.path(), "show changed.kmb --detailed"), 0);
    assert!(detailed.contains("1. at 20 ms: crash replica 1 for 50 ms\n"), "{detailed}");
    assert!(detailed.contains("2. at 30 ms: crash replica 1 for 50 ms [skipped: "), "{detailed}");
    assert!(detailed.contains("3. at 3600 s: crash replica 2 for 50 ms [it did not come to it]"), "{detailed}");
}

#[test]
fn a_raw_input_is_replayed_with_its_target() {
    let here = directory();
    std::fs::write(here.path().join("input"), [0; 16]).expect("written");
    let value = json(&mut vopr(here.path(), "repro input --target baseline --format json"), 0);
    assert_eq!(value["result"], "none");
    vopr(here.path(), "repro input").assert().code(2);
}

#[test]
fn a_failure_is_minimized_and_the_smaller_one_is_replayed() {
    let here = directory();
    let Failing { files, .. } = failing();
    let file = files[0].display();
    let value = json(&mut vopr(here.path(), &format!("minimize {file} --output small.kmb --format json")), 0);
    assert_eq!((&value["minimal"], &value["file"]), (&true.into(), &"small.kmb".into()));
    let actions = |side: &str| value[side]["actions"].as_u64().expect("a number");
    assert!(actions("after") <= actions("before"));
    let again = json(&mut vopr(here.path(), "repro small.kmb --format json"), 1);
    assert_eq!(again["result"], "same_violation_same_digest");
    assert_eq!(again["violation"]["invariant"], value["violation"]["invariant"]);
    // Minimizing the result again does not reduce it further.
    let once_more = json(&mut vopr(here.path(), "minimize small.kmb --time 1s --output again.kmb --format json"), 0);
    assert_eq!(once_more["after"]["actions"], value["after"]["actions"]);
    vopr(here.path(), "minimize missing.kmb").assert().code(3);
}

#[test]
fn a_failure_is_bisected_the_same_way_each_time() {
    let here = directory();
    let Failing { files, .. } = failing();
    let file = files[0].display();
    let arguments = format!("bisect {file} --samples 8 --format json");
    let value = json(&mut vopr(here.path(), &format!("{arguments} --jobs 1 --output curve.svg")), 0);
    assert_eq!(json(&mut vopr(here.path(), &format!("{arguments} --jobs 3")), 0), value, "whatever the threads do");
    let curve = value["curve"].as_array().expect("a list");
    let (first, last) = (&curve[0], curve.last().expect("a point"));
    assert_eq!((&first["event"], &last["event"]), (&0.into(), &value["event"]));
    assert_eq!((&last["failed"], &last["runs"]), (&8.into(), &8.into()), "the violation itself is certain");
    assert!(value["certain_from"].as_u64() <= value["event"].as_u64());
    assert!(value["actions_needed"].as_u64() <= value["actions_done"].as_u64());
    let picture = std::fs::read_to_string(here.path().join("curve.svg")).expect("written");
    assert_eq!(picture.matches("<circle").count(), curve.len());

    let text = stdout(&mut vopr(here.path(), &format!("bisect {file} --samples 8 --output curve.txt")), 0);
    assert_eq!(std::fs::read_to_string(here.path().join("curve.txt")).expect("written"), text);
    let small = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bisect/skipped-fsync.kmb");
    let every = format!("bisect {small} --samples 2 --checkpoint-interval 1 --format json");
    let every = json(&mut vopr(here.path(), &every), 0);
    assert_eq!(every["curve"].as_array().map(|curve| curve.len() as u64), every["event"].as_u64().map(|last| last + 1));
    vopr(here.path(), &format!("bisect {file} --output curve.gif")).assert().code(2);
    vopr(here.path(), "bisect missing.kmb").assert().code(3);
}

#[test]
fn a_failure_is_explained_in_a_few_sentences() {
    let here = directory();
    let Failing { bug, files, .. } = failing();
    vopr(here.path(), &format!("minimize {} --output small.kmb", files[0].display())).assert().code(0);
    let value = json(&mut vopr(here.path(), "explain small.kmb --format json --output report.md"), 0);
    let steps = value["steps"].as_array().expect("a list");
    assert!((3..=15).contains(&steps.len()), "{value}");
    let events: Vec<_> = steps.iter().map(|step| step["event"].as_u64().expect("a number")).collect();
    assert!(events.is_sorted() && events.last() <= value["violation"]["event"].as_u64().as_ref(), "{events:?}");
    assert_eq!(value["bugs"][0]["name"], bug.as_str());
    let human = stdout(&mut vopr(here.path(), "explain small.kmb"), 0);
    let report = std::fs::read_to_string(here.path().join("report.md")).expect("written");
    for (number, step) in (1..).zip(steps) {
        let sentence = step["text"].as_str().expect("a sentence");
        assert!(
            sentence.ends_with('.') && human.contains(&format!("{number}. ")) && human.contains(sentence),
            "{human}"
        );
        assert!(report.lines().any(|line| line.starts_with(&format!("{number}. "))), "{report}");
    }
    assert!(human.ends_with("vopr repro small.kmb\n") && report.contains("vopr repro small.kmb"), "{human}{report}");
    vopr(here.path(), "explain missing.kmb").assert().code(3);
}

/// The statements of docs/bisect.md about planted bugs: the event in which the failure becomes likely, and what is
/// observed in it.
#[test]
fn the_causal_events_of_planted_bugs_are_named() {
    let here = directory();
    let named = [
        ("dvc-inflated-commit", 625, "lied (kind: DoViewChange, field: Commit"),
        ("dvc-identical-claims", 621, "lied (kind: DoViewChange, field: Tail, how: Forge"),
        ("view-led-twice", 97, "replica 1   crashed"),
        ("commit-quorum-minus-one", 17, "injected (fault: PowerLoss)"),
        ("skipped-fsync", 43, "replica 0   crashed"),
        ("second-reconfiguration-accepted", 146, "reconfiguration asked"),
        ("start-view-race", 226, "kind: StartView"),
        ("checksum-not-checked", 88, "replica 1   crashed"),
    ];
    for (bug, event, what) in named {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bisect");
        let value = json(&mut vopr(here.path(), &format!("bisect {file}/{bug}.kmb --samples 40 --format json")), 0);
        assert_eq!((&value["shape"], &value["jump"]["event"]), (&"jump".into(), &event.into()), "{bug}: {value}");
        let seen = value["jump"]["observations"].as_array().expect("a list");
        assert!(seen.iter().any(|seen| seen.as_str().is_some_and(|seen| seen.contains(what))), "{bug}: {seen:?}");
    }
}
