//! `vopr matrix`: which scenario catches which planted bug.

use crate::support::{directory, json, stdout, vopr};

#[test]
fn a_bug_is_caught_by_its_own_scenario_and_the_cell_can_be_run_alone() {
    let here = directory();
    let small = "matrix --scenario byzantine_inflated_commit --bug dvc-inflated-commit --iterations 200 --seed 1";
    let value = json(&mut vopr(here.path(), &format!("{small} --format json")), 0);
    let cells = value["cells"].as_array().expect("a list");
    assert_eq!(cells.len(), 2, "the correct protocol and the bug");
    assert!(cells[0]["caught"].is_null() && cells[0]["runs"] == 200);
    let caught = &cells[1]["caught"];
    assert_eq!((&cells[1]["own"], &caught["invariant"]), (&true.into(), &"vsr_prefix_property".into()));
    let seed = caught["seed"].as_str().expect("a seed");
    let run =
        format!("run --scenario byzantine_inflated_commit --bug dvc-inflated-commit --iterations 1 --seed {seed}");
    assert!(stdout(&mut vopr(here.path(), &run), 1).contains("vsr_prefix_property"));
}

#[test]
fn the_matrix_is_the_same_with_any_number_of_threads_and_is_saved_in_four_formats() {
    let here = directory();
    let matrix = "matrix --phase 5 --bug commit-quorum-minus-one --bug start-view-race --iterations 40 --seed 3";
    let files = "--output m.json --output m.csv --output m.html --output m.md --format compact";
    let run = |jobs| {
        let output = vopr(here.path(), &format!("{matrix} {files} --jobs {jobs}")).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let one = run(1);
    assert_eq!(one, run(4));
    let read = |name: &str| std::fs::read_to_string(here.path().join(name)).expect("it was written");
    assert_eq!(read("m.csv"), one);
    assert_eq!(one.lines().count(), 1 + 2 + 4, "a header, two scenarios without a bug and with two");
    assert!(read("m.md").contains("| `race_commit_during_dvc` | 40 runs, no violation |"));
    assert!(read("m.html").contains("race_commit_during_dvc") && read("m.json").contains("\"command\":\"matrix\""));
}

#[test]
fn a_missed_bug_and_a_wrong_output_are_reported() {
    let here = directory();
    // A single run does not find this bug.
    let missed = "matrix --own --bug view-led-twice --iterations 1 --seed 1";
    assert!(stdout(&mut vopr(here.path(), missed), 1).contains("does not catch view-led-twice in 1 runs"));
    vopr(here.path(), "matrix --output here.pdf").assert().code(2);
    vopr(here.path(), "matrix --bug no-such-bug").assert().code(2);
}
