//! Helpers that run the binary.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;

/// `vopr` with these arguments, without the user's environment variables, in its own directory.
pub fn vopr(directory: &Path, arguments: &str) -> Command {
    command(Path::new(env!("CARGO_BIN_EXE_vopr")), directory, arguments)
}

/// The same for another program.
pub fn command(program: &Path, directory: &Path, arguments: &str) -> Command {
    let mut command = Command::new(program);
    let variables = ["VOPR_DATA_DIR", "VOPR_SEED", "VOPR_ITERATIONS", "VOPR_NO_COLOR", "NO_COLOR", "CLICOLOR_FORCE"];
    for variable in variables.into_iter().chain(["GITHUB_STEP_SUMMARY"]) {
        command.env_remove(variable);
    }
    command.current_dir(directory).args(arguments.split_whitespace());
    command
}

/// A directory that is removed after the test.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The standard output of a command that exits with `code`.
pub fn stdout(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().clone();
    String::from_utf8(output.stdout).expect("text")
}

/// The JSON output of a command that exits with `code`.
pub fn json(command: &mut Command, code: i32) -> Value {
    let text = stdout(command, code);
    let value: Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!(value["version"], 1, "JSON says its version");
    value
}

/// The `.kmb` files of findings in a directory, without the minimized ones.
pub fn kmb_files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = directory.read_dir() else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let finding = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with(".kmb") && !name.ends_with(".min.kmb")
    };
    let mut paths: Vec<_> = paths.filter(finding).collect();
    paths.sort();
    paths
}

/// The JSON output of a command, whether or not it found a violation.
pub fn json_either_way(command: &mut Command) -> Value {
    let output = command.output().expect("it runs");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// The path of a browser, if one is installed.
pub fn chromium() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    std::env::split_paths(&paths).flat_map(|path| names.map(|name| path.join(name))).find(|path| path.is_file())
}

/// A planted bug with a scenario that finds it.
pub struct Failing {
    /// The bug.
    pub bug: String,
    /// The scenario.
    pub scenario: String,
    /// The failure files of the runs that found the bug.
    pub files: Vec<PathBuf>,
}

/// The first planted bug in the list that a few runs of a scenario of its fuzz target find. The search runs once.
pub fn failing() -> &'static Failing {
    static FAILING: OnceLock<Failing> = OnceLock::new();
    FAILING.get_or_init(|| {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory").keep();
        find_failing(&directory)
    })
}

fn find_failing(directory: &Path) -> Failing {
    let bugs = json(&mut vopr(directory, "bugs --format json"), 0);
    let scenarios = json(&mut vopr(directory, "scenarios --format json"), 0);
    for bug in bugs["bugs"].as_array().expect("a list") {
        for scenario in scenarios["scenarios"].as_array().expect("a list") {
            let targets = scenario["targets"].as_array().expect("a list");
            if !targets.contains(&bug["target"]) {
                continue;
            }
            let (bug, scenario) = (bug["name"].as_str().expect("a name"), scenario["name"].as_str().expect("a name"));
            let arguments = format!("run --scenario {scenario} --bug {bug} {FAILING_RUNS} --save-failures");
            vopr(directory, &arguments).output().expect("it runs");
            let files = kmb_files(&directory.join("failures"));
            if !files.is_empty() {
                return Failing { bug: bug.to_string(), scenario: scenario.to_string(), files };
            }
        }
    }
    panic!("no scenario finds any planted bug with {FAILING_RUNS}");
}

/// The options of the runs that find the bug.
pub const FAILING_RUNS: &str = "--iterations 100 --seed 1";
