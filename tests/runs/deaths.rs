//! The state after the death of a process: a system under test that aborts, hangs or uses all memory, a campaign that
//! is killed, and a full disk. No announced finding is lost, and each such input becomes a `.kmb` file.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
#[cfg(unix)]
use std::time::{Duration, Instant};

#[cfg(unix)]
use crate::interfaces::dashboard::Dashboard;
#[cfg(unix)]
use crate::interfaces::tui::Terminal;
use crate::support::{Failing, command, directory, failing, json, kmb_files, vopr};

/// The program of `vopr/examples/dying.rs`: `vopr` with a system that dies.
fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_vopr")).with_file_name("examples").join("dying");
    assert!(program.exists(), "{} is built by `cargo test` without --test", program.display());
    program
}

fn dying(directory: &Path, arguments: &str) -> assert_cmd::Command {
    command(&program(), directory, arguments)
}

/// Checks that a campaign against the system with this bug dies, and that its `.kmb` file and its raw input both die
/// again in the way that `how` names.
fn check(bug: &str, how: &str) {
    let here = directory();
    let system = format!("--system dying --bug {bug}");
    let fuzz = format!("fuzz baseline {system} --runs 400 --seed 1 --stop-on-first --output-dir found --format json");
    let value = json(&mut dying(here.path(), &fuzz), 1);
    let deaths = value["deaths"].as_array().expect("a list");
    assert_eq!(deaths.len(), 1, "{value}");
    let path = |value: &serde_json::Value| value.as_str().expect("a path").to_string();
    let (file, input) = (path(&deaths[0]["file"]), path(&deaths[0]["input"]));

    let again = json(&mut dying(here.path(), &format!("repro {file} --format json")), 1);
    assert_eq!(again["result"], "died", "{again}");
    assert!(again["how"].as_str().is_some_and(|words| words.contains(how)), "{again}");
    let raw = format!("repro {input} --target baseline {system} --output-dir made --format json");
    let raw = json(&mut dying(here.path(), &raw), 1);
    assert_eq!((&raw["result"], &raw["name"]), (&"died".into(), &again["name"]));
    let made = kmb_files(&here.path().join("made"));
    assert_eq!(made, [here.path().join(path(&raw["file"]))]);
    // The export does not run the case.
    let export = format!("corpus export baseline {input} {system} --output-dir exported --format json");
    assert_eq!(json(&mut dying(here.path(), &export), 0)["files"].as_array().map(Vec::len), Some(1));
    let harmless = format!("repro {input} --target baseline --system dying --output-dir none --format json");
    assert_eq!(json(&mut dying(here.path(), &harmless), 0)["result"], "none");
    assert!(kmb_files(&here.path().join("none")).is_empty(), "nothing is kept of an input that does no harm");
}

#[test]
fn an_abort_becomes_a_failure_file() {
    check("abort", "signal");
}

#[test]
fn an_exit_becomes_a_failure_file() {
    check("exit", "exit status: 7");
}

#[test]
fn a_hang_becomes_a_failure_file() {
    check("hang", "no end after");
}

#[cfg(target_os = "linux")]
#[test]
fn a_memory_blow_up_becomes_a_failure_file() {
    check("memory", "megabytes of memory");
}

/// A data directory with one file for each way to die.
#[cfg(unix)]
fn deadly_directory() -> tempfile::TempDir {
    let here = directory();
    for bug in ["abort", "exit", "hang", "memory"] {
        let fuzz = format!("fuzz baseline --system dying --bug {bug} --runs 400 --seed 1 --stop-on-first");
        dying(here.path(), &format!("{fuzz} --output-dir found-{bug}")).assert().code(1);
        let files = kmb_files(&here.path().join(format!("found-{bug}")));
        assert_eq!(files.len(), 1, "{bug}");
        std::fs::create_dir_all(here.path().join("data")).expect("a directory");
        std::fs::copy(&files[0], here.path().join(format!("data/{bug}.kmb"))).expect("a copy");
    }
    here
}

/// The text that the dashboard and the terminal interface show for each of them.
#[cfg(unix)]
const ENDS: [(&str, &str); 4] = [
    ("abort", "signal: 6"),
    ("exit", "exit status: 7"),
    ("hang", "no end after 10 s"),
    ("memory", "megabytes of memory"),
];
/// The time limit of a page. A case that hangs is ended after ten seconds; the rest is for a busy machine.
#[cfg(unix)]
const BOUND: Duration = Duration::from_secs(60);

#[cfg(unix)]
#[test]
fn no_failure_kills_the_dashboard_and_its_page_reports_how_it_ended() {
    let here = deadly_directory();
    let dashboard = Dashboard::by(&program(), &here.path().join("data"));
    for (bug, how) in ENDS.into_iter().filter(|(bug, _)| cfg!(target_os = "linux") || *bug != "memory") {
        let bytes = std::fs::read(here.path().join(format!("data/{bug}.kmb"))).expect("a file");
        let name = engine::cases::kmb::Kmb::decode(&bytes).expect("a failure").name();
        let began = Instant::now();
        let page = dashboard.page(&format!("/failures/{name}"));
        assert!(began.elapsed() < BOUND, "{bug}: {:?}", began.elapsed());
        let said = page.split("It could not be run again here: ").nth(1).unwrap_or_else(|| panic!("{bug}: {page}"));
        assert!(said.split('<').next().is_some_and(|said| said.contains(how)), "{bug}: {said}");
        // The result is cached now.
        let began = Instant::now();
        dashboard.page(&format!("/failures/{name}"));
        assert!(began.elapsed() < Duration::from_secs(5), "{bug}: {:?}", began.elapsed());
        for path in ["/", "/failures", "/coverage", "/invariants", "/scenarios"] {
            dashboard.page(path);
        }
    }
}

#[cfg(unix)]
#[test]
fn no_failure_kills_the_terminal_interface_and_it_reports_how_it_ended() {
    let here = deadly_directory();
    let terminal = Terminal::of(&program(), here.path(), "--data-dir data", 30, 120);
    terminal.press("3");
    terminal.wait_for("memory.kmb");
    // They have one cause, whose line comes first.
    for (bug, how) in ENDS {
        terminal.press("j");
        if cfg!(target_os = "linux") || bug != "memory" {
            terminal.press("\r");
            let began = Instant::now();
            terminal.wait_for(how);
            assert!(began.elapsed() < BOUND, "{bug}: {:?}", began.elapsed());
            terminal.wait_for(&format!("{bug}.kmb: "));
        }
    }
    // The interface responds while a run hangs, and the run can be cancelled.
    terminal.press("k\r");
    terminal.press("?");
    terminal.wait_for("this help");
    terminal.press("?\u{1b}1");
    terminal.wait_for("multi_tenant");
    terminal.press("q");
    terminal.ended_with(0);
}

/// A campaign that finds a violation, and the file that it announced first.
#[cfg(target_os = "linux")]
struct Announced {
    child: Child,
    /// The remaining lines of its output.
    lines: Box<dyn Iterator<Item = String>>,
    file: String,
}

#[cfg(target_os = "linux")]
fn announced(here: &Path, jobs: &str) -> Announced {
    let Failing { bug, scenario, .. } = failing();
    let mut child = Command::new(env!("CARGO_BIN_EXE_vopr"))
        .current_dir(here)
        .args(["fuzz", scenario, "--bug", bug, "--jobs", jobs, "--seed", "3", "--output-dir", "found"])
        .args(["--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("found ")).expect("it finds something");
    let file = line.rsplit(": ").next().expect("a path").to_string();
    Announced { child, lines: Box::new(lines), file }
}

/// An announced finding is completely on the disk, even if the campaign is killed at that moment. No worker survives.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_campaign_loses_nothing_that_it_announced() {
    let here = directory();
    let Announced { mut child, file, .. } = announced(here.path(), "2");
    let workers = children(child.id());
    assert!(!workers.is_empty(), "there are workers");
    child.kill().expect("kill -9");
    child.wait().expect("an end");
    let repro = json(&mut vopr(here.path(), &format!("repro {file} --format json")), 1);
    assert_eq!(repro["result"], "same_violation_same_digest");
    let is_alive =
        |worker: &u32| Path::new(&format!("/proc/{worker}/cwd")).read_link().is_ok_and(|at| at == here.path());
    for _ in 0..100 {
        if !workers.iter().any(is_alive) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("a worker lives on: {workers:?}");
}

/// A killed worker is replaced. What it had announced is kept, its runs count, and its death is reported.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_worker_is_replaced_and_what_it_announced_is_kept() {
    let here = directory();
    let Announced { child, mut lines, file } = announced(here.path(), "1");
    let first = children(child.id());
    assert_eq!(first.len(), 1);
    signal("-KILL", first[0]);
    lines.find(|line| line.contains("a worker died with signal: 9")).expect("it is told");
    let second = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        children(child.id()).into_iter().find(|worker| *worker != first[0])
    });
    assert!(second.is_some(), "another takes its place");
    signal("-INT", child.id());
    let output = child.wait_with_output().expect("an end");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(output.status.code(), Some(1), "{value}");
    assert_eq!(value["deaths"].as_array().map(Vec::len), Some(1), "{value}");
    let findings = value["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|finding| finding["file"] == file.as_str()), "{file}: {value}");
    let repro = json(&mut vopr(here.path(), &format!("repro {file} --format json")), 1);
    assert_eq!(repro["result"], "same_violation_same_digest");
}

#[cfg(target_os = "linux")]
fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args([name, &process.to_string()]).status();
    assert!(status.expect("kill runs").success(), "{name} {process}");
}

#[cfg(target_os = "linux")]
fn children(parent: u32) -> Vec<u32> {
    let processes = Path::new("/proc").read_dir().expect("a folder").map_while(Result::ok);
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent_of = |process: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // After the name in parentheses, which may contain any characters, follow the state and the parent.
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok())
    };
    numbers.filter(|process| parent_of(process) == Some(parent)).collect()
}

/// Runs bash with a limit on the size of files in kilobytes. The signal for exceeding it is ignored, so writes fail as
/// they do on a full disk.
#[cfg(unix)]
fn on_a_disk_of(kilobytes: u32, here: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, "bash", env!("CARGO_BIN_EXE_vopr")]).args(arguments).current_dir(here);
    let output = command.output().expect("bash runs");
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_before_the_campaign_begins() {
    let here = directory();
    let (code, told) = on_a_disk_of(0, here.path(), &["fuzz", "combined", "--runs", "10"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.starts_with("error: cannot write to the directory") && told.lines().count() == 1, "{told}");
}

/// On a disk without room for a finding, the campaign ends with an error and announces nothing that it could not write.
#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_ends_a_campaign_with_an_error() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let fuzz = ["fuzz", scenario, "--bug", bug, "--runs", "4000", "--seed", "3", "--output-dir", "found"];
    let (code, told) = on_a_disk_of(1, here.path(), &fuzz);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("error: cannot write to found") && told.contains("make room"), "{told}");
    assert!(!told.lines().any(|line| line.starts_with("found ")), "{told}");
    assert!(kmb_files(&here.path().join("found")).is_empty());
}

/// If inputs cannot be kept, the search continues with a warning.
#[test]
fn a_corpus_that_becomes_unwritable_is_reported() {
    let here = directory();
    let corpus = here.path().join("inputs");
    let child = Command::new(env!("CARGO_BIN_EXE_vopr"))
        .current_dir(&here)
        .args(["fuzz", "baseline", "--time", "6s", "--seed", "3", "--corpus", "inputs"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    while corpus.read_dir().map_or(0, Iterator::count) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // Root may write to any folder, so the test replaces the folder with a file.
    std::fs::rename(&corpus, here.path().join("elsewhere")).expect("it moves");
    std::fs::write(&corpus, "a file in its place").expect("it is written");
    let output = child.wait_with_output().expect("an end");
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(told.matches("no more inputs are kept in inputs").count(), 1, "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_corpus_that_cannot_be_written_is_an_error_before_the_campaign_begins() {
    let here = directory();
    let output = vopr(here.path(), "fuzz combined --runs 10 --corpus /proc").assert().code(3).get_output().clone();
    let told = String::from_utf8(output.stderr).expect("text");
    assert!(told.contains("/proc") && told.contains("--corpus") && told.lines().count() == 1, "{told}");
}
