//! The inputs and failures that the repository ships.

use std::fs;
use std::path::{Path, PathBuf};

use scenarios::{FuzzTarget, Scenario, TARGETS};
use sim::{Plan, Verdict, codec};
use vopr::engine::Engine;
use vopr::kmb::Kmb;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn scenarios(target: &FuzzTarget) -> impl Iterator<Item = Scenario> {
    target.scenarios.iter().map(|kind| kind.create_scenario())
}

/// The seed corpus of a target has one input for each of its scenarios, named after it: a plan without actions, so that the
/// scenario's own faults stand alone. `VOPR_WRITE_CORPUS=1 cargo test corpus` writes them anew.
#[test]
fn every_target_has_a_seed_for_each_of_its_scenarios() {
    let system = &vopr::engine::SYSTEMS[0];
    let mut engine = Engine::new(system);
    for target in TARGETS {
        let directory = corpus().join(target.name);
        for (number, scenario) in (0u8..).zip(scenarios(target)) {
            let file = directory.join(scenario.name);
            let bytes = codec::encode(&Plan { scenario: number, ..Plan::default() });
            if std::env::var_os("VOPR_WRITE_CORPUS").is_some() {
                fs::create_dir_all(&directory).expect("a directory");
                fs::write(&file, &bytes).expect("a file");
            }
            let shipped = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(shipped, bytes, "{}", file.display());
            let case = scenario.planned_case(system.name, &[], &codec::decode(&shipped));
            let outcome = engine.run(&case, false);
            assert!(!matches!(outcome.verdict, Verdict::Violated(_)), "{}: {:?}", file.display(), outcome.verdict);
        }
        let shipped = fs::read_dir(&directory).expect("a directory").count();
        assert_eq!(shipped, target.scenarios.len(), "{} holds nothing else", directory.display());
    }
}

/// Failures that were found in the reference protocol. Most have a planted bug that brings the old fault back: with it the
/// same invariant breaks, without it nothing does. The others only have to pass.
#[test]
fn faults_that_were_mended_stay_mended() {
    let files: Vec<PathBuf> = fs::read_dir(corpus().join("regressions"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert!(files.len() >= 4, "the regressions are there");
    for file in files {
        let name = file.display();
        let kmb = Kmb::read(&file).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let mut engine = Engine::for_case(&kmb.case).expect("a known system");
        let expected = kmb.expected.as_ref().expect("a violation");
        if !kmb.case.bugs.is_empty() {
            match engine.run(&kmb.case, false).verdict {
                Verdict::Violated(violation) => assert_eq!(violation.invariant, expected.invariant, "{name}"),
                verdict => panic!("{name}: the fault shows no more: {verdict:?}"),
            }
        }
        let mended = sim::Case { bugs: Vec::new(), ..kmb.case.clone() };
        let verdict = engine.run(&mended, false).verdict;
        assert!(!matches!(verdict, Verdict::Violated(_)), "{name}: {verdict:?}");
    }
}
