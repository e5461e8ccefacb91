//! The inputs and failures in the repository, and `vopr corpus`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use engine::cases::kmb::Kmb;
use engine::cases::systems::Engine;
use engine::search::packed::Packed;
use scenarios::{Choice, FuzzTarget, Scenario, TARGETS};
use sim::{Case, Plan, Verdict, plan::codec};

use crate::support::{Failing, directory, failing, json, json_either_way, stdout, vopr};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

/// The files of a folder, sorted by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// The seeds of a target in the repository, by name.
fn seeds(target: &FuzzTarget) -> BTreeMap<String, Vec<u8>> {
    let file = corpus().join(target.name).with_extension("corpus");
    Packed::read(&file).unwrap_or_else(|error| panic!("{error}")).inputs
}

fn scenarios(target: &FuzzTarget) -> Vec<Scenario> {
    target.scenarios.iter().map(|kind| kind.create_scenario()).collect()
}

fn case(scenarios: &[Scenario], bugs: &[String], input: &[u8]) -> Case {
    let plan = codec::decode(input);
    let scenario = &scenarios[usize::from(plan.scenario) % scenarios.len()];
    scenario.planned_case(engine::cases::systems::SYSTEMS[0].name, bugs, &plan)
}

/// Runs the whole corpus on the correct protocol: no input is a finding. Each scenario of a target has an input named
/// after it, whose plan has no actions, so that only the scenario's own faults occur. `just corpus-min` regenerates the
/// corpus.
#[test]
fn no_input_of_the_corpus_breaks_an_invariant_and_every_scenario_has_one() {
    let mut engine = Engine::new(&engine::cases::systems::SYSTEMS[0]);
    let mut bytes = 0;
    for target in TARGETS {
        let (seeds, scenarios) = (seeds(target), scenarios(target));
        for (number, scenario) in (0u8..).zip(&scenarios) {
            let plan = Plan { scenario: number, ..Plan::default() };
            assert_eq!(seeds.get(scenario.name), Some(&codec::encode(&plan)), "{}/{}", target.name, scenario.name);
        }
        for (name, input) in seeds {
            bytes += input.len();
            let verdict = engine.run(&case(&scenarios, &[], &input), false).verdict;
            assert!(!matches!(verdict, Verdict::Violated(_)), "{}/{name}: {verdict:?}", target.name);
        }
    }
    assert!((10_000..500_000).contains(&bytes), "{bytes} bytes: a few hundred kilobytes in all");
}

/// Each input is the output of `encode`, with the number of its scenario. Therefore every byte has a meaning, and no
/// byte changes its meaning when a table grows. `vopr corpus pack --target` converts inputs to this form.
#[test]
fn every_input_of_the_corpus_is_canonical_and_named_after_a_scenario_a_regression_or_its_content() {
    let regressions = files(&corpus().join("regressions"));
    let stems: Vec<_> = regressions.iter().filter_map(|file| file.file_stem()?.to_str()).collect();
    for target in TARGETS {
        let choice = Choice::of_target(target, |kind| Some(kind.create_scenario())).expect("it has scenarios");
        for (name, input) in seeds(target) {
            let mut plan = codec::decode(&input);
            plan.scenario = choice.number(plan.scenario);
            assert_eq!(input, codec::encode(&plan), "{}/{name}", target.name);
            let thing = stems.contains(&name.as_str()) || choice.scenarios().iter().any(|it| it.name == name);
            let hash = blake3::hash(&input).to_hex();
            assert!(thing || name == hash[..40], "{}/{name}", target.name);
        }
    }
}

/// The corpus has few files, so that the repository stays easy to browse.
#[test]
fn the_corpus_is_a_packed_file_for_each_target_and_a_failure_file_for_each_regression() {
    let extensions = |folder: &Path| {
        let mut counts = BTreeMap::<_, usize>::new();
        for file in files(folder) {
            *counts.entry(file.extension().unwrap_or_default().to_string_lossy().to_string()).or_default() += 1;
        }
        counts
    };
    assert_eq!(extensions(&corpus()).get("corpus"), Some(&TARGETS.len()));
    let regressions = extensions(&corpus().join("regressions"));
    assert!(regressions.len() == 1 && regressions["kmb"] < 80, "{regressions:?}");
}

/// Each fixed fault is in the corpus of the targets that can express it. With the planted bug that reintroduces the
/// fault, the input named after its file breaks the same invariant.
#[test]
fn the_corpus_has_inputs_for_the_fixed_faults() {
    let mut engine = Engine::new(&engine::cases::systems::SYSTEMS[0]);
    let mut remembered = 0;
    for file in files(&corpus().join("regressions")) {
        let kmb = Kmb::read(&file).expect("a failure file");
        let expected = kmb.expected.as_ref().expect("a violation");
        for target in TARGETS {
            let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            let Some(bytes) = seeds(target).remove(name) else { continue };
            let case = case(&scenarios(target), &kmb.case.bugs, &bytes);
            assert_eq!(case.scenario, kmb.case.scenario, "{}/{name}", target.name);
            if !kmb.case.bugs.is_empty() {
                match engine.run(&case, false).verdict {
                    Verdict::Violated(it) => assert_eq!(it.invariant, expected.invariant, "{}/{name}", target.name),
                    verdict => panic!("{}/{name}: {verdict:?}", target.name),
                }
                remembered += 1;
            }
        }
    }
    assert!(remembered >= 8, "only {remembered}");
}

/// Failures that were found in the reference protocol. Most have a planted bug that reintroduces the fault: with the
/// bug, the same invariant breaks, and without it, none does. The others only have to pass.
#[test]
fn fixed_faults_stay_fixed() {
    let files = files(&corpus().join("regressions"));
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
        let fixed = Case { bugs: Vec::new(), ..kmb.case.clone() };
        let verdict = engine.run(&fixed, false).verdict;
        assert!(!matches!(verdict, Verdict::Violated(_)), "{name}: {verdict:?}");
    }
}

#[test]
fn exported_inputs_are_imported_unchanged() {
    let here = directory();
    let run = |arguments: &str| json(&mut vopr(here.path(), &format!("corpus {arguments} --format json")), 0);
    json_either_way(&mut vopr(here.path(), "fuzz clock --runs 200 --seed 3 --format json"));
    let stats = run("stats clock");
    let count = stats["inputs"].as_u64().expect("a number");
    assert!(count > 5 && stats["states"].as_u64() > Some(100), "{stats}");
    let by_scenario = stats["scenarios"].as_object().expect("by name").values().filter_map(serde_json::Value::as_u64);
    assert_eq!(by_scenario.sum::<u64>(), count);
    let reached = stats["regions"].as_array().expect("a list").iter().filter_map(|region| region["reached"].as_u64());
    assert_eq!(Some(reached.sum::<u64>()), stats["states"].as_u64());

    let exported = run("export clock --output-dir exported --corpus failures/corpus/clock");
    let written = exported["files"].as_array().expect("a list");
    assert_eq!(written.len() as u64, count);
    let file = written[0].as_str().expect("a path");
    assert_eq!(json_either_way(&mut vopr(here.path(), &format!("repro {file} --format json")))["result"], "none");

    // The imported inputs have the same content. Inputs that are shorter than the plan they decode to are normalized.
    let back = run("import clock exported --corpus back");
    assert_eq!((&back["added"], &back["left_out"]), (&count.into(), &0.into()), "{back}");
    let contents = |folder: &str| {
        let files = files(&here.path().join(folder)).into_iter();
        let mut contents: Vec<_> = files.map(|file| fs::read(file).expect("a file")).collect();
        contents.sort();
        contents
    };
    assert_eq!(contents("back"), contents("failures/corpus/clock"));
    let again = run("import clock failures/corpus/clock back --corpus merged");
    assert_eq!((&again["added"], &again["known"]), (&count.into(), &count.into()), "merged by content");
    // Inputs of another target are left out and reported.
    let other = vopr(here.path(), "corpus import scrub exported --corpus other").assert().code(0).get_output().clone();
    let told = String::from_utf8(other.stderr).expect("text");
    assert_eq!(told.lines().count() as u64, count);
    assert!(told.contains("the target has no scenario clock_"), "{told}");
}

#[test]
fn a_minimized_corpus_reaches_the_same_states() {
    let here = directory();
    let run = |arguments: &str| json(&mut vopr(here.path(), &format!("corpus {arguments} --format json")), 0);
    json_either_way(&mut vopr(here.path(), "fuzz clock --runs 300 --seed 3 --format json"));
    run("import clock --baselines");
    let before = run("stats clock");
    let few = run("minimize clock --output few");
    assert_eq!(few["before"]["inputs"], before["inputs"], "nothing is taken from the corpus itself");
    assert!(few["after"]["inputs"].as_u64() < few["before"]["inputs"].as_u64(), "{few}");
    assert_eq!(few["after"]["states"], before["states"]);
    assert_eq!(run("stats clock --corpus few")["states"], before["states"], "what is said is on the disk");
    assert!(here.path().join("few/clock_drift").exists(), "what has a name stays");
    // Minimizing in place gives the same result.
    let in_place = run("minimize clock");
    assert_eq!(in_place["after"], few["after"]);
    assert_eq!(files(&here.path().join("few")).len(), files(&here.path().join("failures/corpus/clock")).len());
    let small = run("minimize clock --corpus few --output smaller --bytes-max 500");
    assert!(small["after"]["bytes"].as_u64() <= Some(500) && small["after"]["states"].as_u64() > Some(100), "{small}");
}

#[test]
fn an_imported_failure_breaks_the_same_invariant() {
    let here = directory();
    let Failing { bug, scenario, files: found } = failing();
    let from = found[0].display();
    let import = format!("corpus import {scenario} {from} --nearest --corpus inputs --format json");
    assert_eq!(json(&mut vopr(here.path(), &import), 0)["added"], 1);
    let input = &files(&here.path().join("inputs"))[0];
    let repro = format!("repro {} --target {scenario} --bug {bug} --format json", input.display());
    let again = json(&mut vopr(here.path(), &repro), 1);
    let invariant =
        json(&mut vopr(here.path(), &format!("repro {from} --format json")), 1)["violation"]["invariant"].clone();
    assert_eq!(again["violation"]["invariant"], invariant);
    // The raw input has been converted to a failure file.
    let file = again["file"].as_str().expect("a path");
    let repro = json(&mut vopr(here.path(), &format!("repro {file} --format json")), 1);
    assert_eq!(repro["result"], "same_violation_same_digest");
}

#[test]
fn untrusted_corpus_files_are_handled_safely() {
    let here = directory();
    let corpus = here.path().join("strange");
    fs::create_dir_all(corpus.join("folder")).expect("a folder");
    fs::write(corpus.join("empty"), []).expect("written");
    fs::write(corpus.join("huge"), vec![7; 3 << 20]).expect("written");
    fs::write(corpus.join("random"), blake3::hash(b"random").as_bytes()).expect("written");
    fs::write(corpus.join(".hidden"), b"x").expect("written");
    fs::write(corpus.join("false.kmb"), b"VOPRKMB\0 and no more").expect("written");
    fs::write(corpus.join("na\nme"), b"0123456789").expect("written");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/zero", corpus.join("endless")).expect("a link");
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", corpus.join("dangling")).expect("a link");
    let value = json(&mut vopr(here.path(), "corpus import combined strange --corpus new --format json"), 0);
    assert_eq!((&value["added"], &value["left_out"]), (&3.into(), &1.into()));
    assert_eq!(json(&mut vopr(here.path(), "corpus stats combined --corpus new --format json"), 0)["inputs"], 3);
    let text = stdout(&mut vopr(here.path(), "corpus export combined strange --output-dir exported"), 0);
    assert!(text.lines().count() >= 3 && !text.contains("na\nme"), "{text}");
    // A campaign accepts all these files as inputs, and truncates the huge one.
    let fuzz = "fuzz combined --corpus strange --runs 50 --seed 1 --format json";
    let value = json_either_way(&mut vopr(here.path(), fuzz));
    assert_eq!((&value["runs"], &value["deaths"]), (&50.into(), &serde_json::json!([])));
}
