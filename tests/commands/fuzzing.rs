//! `vopr fuzz`: embedded libFuzzer in worker processes.

use std::path::Path;

use crate::support::{Failing, directory, failing, json, kmb_files, stdout, vopr};

fn logs(directory: &Path) -> String {
    let paths = directory.read_dir().expect("a directory").map(|entry| entry.expect("an entry").path());
    let logs = paths.filter(|path| path.extension().is_some_and(|it| it == "log"));
    logs.map(|path| std::fs::read_to_string(path).expect("a log")).collect()
}

#[test]
fn a_campaign_without_a_bug_finds_nothing_and_is_guided_by_states() {
    let here = directory();
    let value = json(&mut vopr(here.path(), "fuzz baseline --runs 300 --seed 3 --format json"), 0);
    assert_eq!((&value["runs"], &value["findings"]), (&300.into(), &serde_json::json!([])));
    assert!(value["states"].as_u64() > Some(1), "states were reached");
    assert!(value["corpus"].as_u64() > Some(1), "inputs that reached new ones were kept");
    assert!(here.path().join("failures/corpus/baseline").is_dir());
    if cfg!(target_os = "linux") {
        assert!(logs(&here.path().join("failures")).contains("65536 Extra Counters"), "libFuzzer took the counters");
    }
}

#[test]
fn findings_are_saved_and_reproduced_and_the_search_continues() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let fuzz = format!("fuzz {scenario} --bug {bug} --runs 4000 --jobs 2 --seed 3 --output-dir found --format json");
    let value = json(&mut vopr(here.path(), &fuzz), 1);
    assert_eq!(value["runs"], 4000, "shared out between two jobs");
    let findings = value["findings"].as_array().expect("a list");
    assert!(!findings.is_empty());
    assert!(!kmb_files(&here.path().join("found")).is_empty());
    for finding in findings {
        assert_eq!(finding["reproduced"], true);
        let file = finding["file"].as_str().expect("a path");
        let repro = json(&mut vopr(here.path(), &format!("repro {file} --format json")), 1);
        assert_eq!(repro["result"], "same_violation_same_digest");
        assert_eq!(repro["name"], finding["name"]);
        let small = finding["minimized"]["file"].as_str().expect("it is minimized");
        assert!(finding["minimized"]["actions"].as_u64() <= finding["minimized"]["actions_before"].as_u64());
        let repro = json(&mut vopr(here.path(), &format!("repro {small} --format json")), 1);
        assert_eq!(
            (&repro["result"], &repro["violation"]["invariant"]),
            (&"same_violation_same_digest".into(), &finding["invariant"])
        );
    }
    let fuzz =
        format!("fuzz {scenario} --bug {bug} --runs 400 --seed 3 --output-dir other --no-minimize --format json");
    let value = json(&mut vopr(here.path(), &fuzz), 1);
    assert!(value["findings"].as_array().expect("a list").iter().all(|finding| finding["minimized"].is_null()));
}

#[test]
fn the_first_finding_can_end_the_campaign() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let fuzz = format!("fuzz {scenario} --bug {bug} --time 60s --seed 3 --stop-on-first --output-dir found");
    let text = stdout(&mut vopr(here.path(), &fuzz), 1);
    assert!(text.contains("vopr repro found"), "{text}");
}

#[test]
fn the_time_limit_is_kept() {
    let here = directory();
    let started = std::time::Instant::now();
    vopr(here.path(), "fuzz baseline --time 2s --jobs 2").assert().code(0);
    let seconds = started.elapsed().as_secs();
    assert!((2..10).contains(&seconds), "{seconds} s");
}

#[test]
fn a_scenario_of_a_target_can_be_selected() {
    let here = directory();
    let listed = json(&mut vopr(here.path(), "scenarios --format json"), 0);
    let scenarios = listed["scenarios"].as_array().expect("a list");
    let of_target =
        |it: &&serde_json::Value| it["targets"].as_array().is_some_and(|them| them.contains(&"byzantine_dvc".into()));
    let name = scenarios.iter().find(of_target).and_then(|it| it["name"].as_str()).expect("a scenario");
    let fuzz = format!("fuzz byzantine_dvc --scenario {name} --runs 10 --format json");
    let value = json(&mut vopr(here.path(), &fuzz), 0);
    assert_eq!(value["target"], name);
}

/// After Ctrl-C, the corpus and the summary are kept, and the exit code is that of the findings.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_campaign_cleanly() {
    use std::io::Read;
    let here = directory();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_vopr"))
        .current_dir(&here)
        .args(["fuzz", "baseline", "--jobs", "2", "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    let value: serde_json::Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!(value["interrupted"], true);
    assert!(value["runs"].as_u64() > Some(0));
    assert!(here.path().join("failures/corpus/baseline").read_dir().expect("a corpus").count() > 0);
}

#[test]
fn several_targets_take_turns_and_share_the_budget() {
    let here = directory();
    let fuzz = "fuzz --targets clock,gray_network,clock --runs 61 --seed 3 --format json";
    let value = json(&mut vopr(here.path(), fuzz), 0);
    let targets = value["targets"].as_array().expect("a list");
    let shares: Vec<_> = targets.iter().map(|it| (it["target"].as_str(), it["runs"].as_u64())).collect();
    assert_eq!(shares, [(Some("clock"), Some(31)), (Some("gray_network"), Some(30))]);
    assert!(targets.iter().all(|target| target["states"].as_u64() > Some(1) && target["turns"] == 1));
    assert!(here.path().join("failures/corpus/gray_network").is_dir());
    let text = stdout(&mut vopr(here.path(), "fuzz --targets clock,gray_network --time 2s"), 0);
    assert!(text.contains("turns") && text.contains("gray_network") && text.contains("nothing found"), "{text}");
    let error = vopr(here.path(), "fuzz --targets clock,nonsense").assert().code(2);
    let error = String::from_utf8_lossy(&error.get_output().stderr).to_string();
    assert!(error.contains("unknown fuzz target `nonsense`"), "{error}");
    let error = vopr(here.path(), "fuzz message_codec").assert().code(2);
    let error = String::from_utf8_lossy(&error.get_output().stderr).to_string();
    assert!(error.contains("`cargo fuzz run -s none message_codec`"), "{error}");
}

/// A campaign that continues in a directory reports known findings with their old files and does not save them again.
#[test]
fn a_campaign_continues_from_the_log_of_the_previous_one() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let fuzz = format!("fuzz {scenario} --bug {bug} --runs 400 --seed 3 --no-minimize --format json");
    let first = json(&mut vopr(here.path(), &fuzz), 1);
    let files = kmb_files(&here.path().join("failures"));
    let findings = first["findings"].as_array().expect("a list");
    let log = here.path().join("failures/campaign.jsonl");
    let kinds = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        lines.map(|line| line["kind"].as_str().expect("a kind").to_string()).collect()
    };
    let text = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(kinds(&text).iter().filter(|kind| *kind == "found").count(), findings.len());
    assert_eq!((kinds(&text).first(), kinds(&text).last()), (Some(&"started".into()), Some(&"ended".into())));

    // The state after the process was killed in the middle of a line.
    std::fs::write(&log, format!("{text}{{\"at\":1,\"kind\":\"prog")).expect("it is written");
    let second = json(&mut vopr(here.path(), &fuzz), 1);
    // It continues with the inputs of the first campaign, so it may find other violations, but not the same ones as
    // new.
    let new = second["findings"].as_array().expect("a list");
    assert!(new.iter().all(|new| findings.iter().all(|known| known["rule"] != new["rule"])), "{second}");
    let again = second["again"].as_array().expect("a list");
    assert!(!again.is_empty());
    for known in again {
        let first = findings.iter().find(|finding| finding["rule"] == known["rule"]).expect("it was found");
        assert_eq!((&known["file"], &known["invariant"]), (&first["file"], &first["invariant"]));
    }
    let now = kmb_files(&here.path().join("failures"));
    assert!(
        files.iter().all(|file| now.contains(file)) && now.len() == files.len() + new.len(),
        "no file more: {now:?}"
    );
    // A finding whose file was deleted counts as new.
    for file in &now {
        std::fs::remove_file(file).expect("it can be removed");
    }
    let third = json(&mut vopr(here.path(), &fuzz), 1);
    assert!(!third["findings"].as_array().expect("a list").is_empty() && third["again"] == serde_json::json!([]));
}

/// Two concurrent campaigns in one directory: each has its own numbers, and the next one knows what each of them found
/// with which bugs.
#[test]
fn concurrent_campaigns_are_distinguished() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let fuzz = |name: &str, rest: &str| {
        format!("fuzz {scenario} --campaign {name} --corpus {name} --seed 3 --no-minimize --format json {rest}")
    };
    let with_bug = format!("--bug {bug} --runs 400");
    let (broken, sound) = std::thread::scope(|scope| {
        let broken = scope.spawn(|| json(&mut vopr(here.path(), &fuzz("broken", &with_bug)), 1));
        let sound = scope.spawn(|| json(&mut vopr(here.path(), &fuzz("sound", "--runs 500")), 0));
        (broken.join().expect("it ends"), sound.join().expect("it ends"))
    });
    let stats = json(&mut vopr(here.path(), "stats --format json"), 0);
    let campaigns = stats["campaigns"].as_array().expect("a list");
    assert_eq!(campaigns.len(), 2);
    for (name, said) in [("broken", &broken), ("sound", &sound)] {
        let campaign = campaigns.iter().find(|campaign| campaign["name"] == name).expect("it is there");
        assert_eq!((&said["campaign"], &campaign["started"]["bugs"]), (&name.into(), &said["bugs"]));
        let latest = &campaign["targets"][0]["latest"];
        assert_eq!((&latest["runs"], &latest["states"]), (&said["runs"], &said["states"]), "{name}");
        assert_eq!(campaign["found"].as_u64(), said["findings"].as_array().map(|found| found.len() as u64), "{name}");
        assert_eq!(campaign["ended"], true);
    }
    let text = stdout(&mut vopr(here.path(), "stats --detailed --coverage"), 0);
    assert!(text.contains(" of campaign broken, ") && text.contains(" of campaign sound, "), "{text}");
    // A campaign that continues is told the findings of the earlier campaign with the same bugs, and none of the
    // other's.
    let again = json(&mut vopr(here.path(), &fuzz("broken", &with_bug)), 1);
    let rules = |said: &serde_json::Value, part: &str| -> Vec<String> {
        said[part].as_array().expect("a list").iter().map(|finding| finding["rule"].to_string()).collect()
    };
    let known = rules(&broken, "findings");
    // With the inputs of the first campaign it may find other violations.
    assert!(rules(&again, "findings").iter().all(|rule| !known.contains(rule)), "{again}");
    let told = rules(&again, "again");
    assert!(!told.is_empty() && told.iter().all(|rule| known.contains(rule)), "{again}");
    let sound = json(&mut vopr(here.path(), &fuzz("sound", "--runs 100")), 0);
    assert_eq!(sound["again"], serde_json::json!([]));
    vopr(here.path(), &fuzz("two/names", "--runs 1")).assert().code(2);
}

#[test]
fn stats_summarizes_a_data_directory() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let fuzz = format!("fuzz {scenario} --bug {bug} --runs 300 --seed 3 --format json");
    let fuzzed = json(&mut vopr(here.path(), &fuzz), 1);
    std::fs::write(here.path().join("failures/failure-x.kmb"), "not one").expect("it is written");
    let stats = json(&mut vopr(here.path(), "stats --format json"), 0);
    assert_eq!((&stats["runs"], &stats["violated"]), (&fuzzed["runs"], &fuzzed["violated"]));
    let target = &stats["campaigns"][0]["targets"][0];
    assert_eq!((&target["latest"]["states"], &target["latest"]["target"]), (&fuzzed["states"], &fuzzed["target"]));
    assert!(target["states_estimated"].as_u64() >= fuzzed["states"].as_u64());
    let files: usize = stats["causes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["files"].as_array().expect("a list").len())
        .sum();
    assert_eq!(files, fuzzed["findings"].as_array().expect("a list").len());
    let checked = |it: &&serde_json::Value| it["name"] == "vsr_agreement" && it["checks"].as_u64() > Some(300);
    assert!(stats["invariants"].as_array().expect("a list").iter().any(|it| checked(&it)));
    let text = stdout(&mut vopr(here.path(), "stats --detailed --coverage --invariants"), 0);
    for wanted in [scenario, "Chao1", "Good-Turing", "replica transitions", "vsr_agreement", "unreadable failure-x.kmb"]
    {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
    vopr(here.path(), "stats --data-dir nowhere").assert().code(3);
}
