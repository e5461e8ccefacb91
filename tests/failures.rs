//! Failure files: `vopr repro` and `vopr show`.

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
        assert!(show["states"].as_u64() > Some(0));
        assert!(show["checks"].is_object());
        let human = stdout(&mut vopr(here.path(), &format!("show {file}")), 0);
        assert!(human.contains(scenario) && human.contains(bug), "{human}");
        let detailed = stdout(&mut vopr(here.path(), &format!("show {file} --detailed --events")), 0);
        assert!(detailed.lines().count() > human.lines().count() + 20, "{detailed}");
    }
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
    // Once more finds nothing more.
    let once_more = json(&mut vopr(here.path(), "minimize small.kmb --time 1s --output again.kmb --format json"), 0);
    assert_eq!(once_more["after"]["actions"], value["after"]["actions"]);
    vopr(here.path(), "minimize missing.kmb").assert().code(3);
}
