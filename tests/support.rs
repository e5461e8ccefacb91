//! How the tests call the binary.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// `vopr` with these arguments, none of the user's variables, and a directory of its own to stand in.
pub fn vopr(directory: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vopr"));
    for variable in ["VOPR_DATA_DIR", "VOPR_SEED", "VOPR_ITERATIONS", "VOPR_NO_COLOR", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command.current_dir(directory).args(arguments.split_whitespace());
    command
}

/// A directory that goes away with the test.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// What the command writes to its standard output, if it exits with `code`.
pub fn stdout(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().clone();
    String::from_utf8(output.stdout).expect("text")
}

/// The JSON document that the command writes, if it exits with `code`.
pub fn json(command: &mut Command, code: i32) -> Value {
    let text = stdout(command, code);
    let value: Value = serde_json::from_str(&text).expect("one JSON document");
    assert_eq!(value["version"], 1, "JSON says its version");
    value
}

/// The `.kmb` files in a directory.
pub fn kmb_files(directory: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = directory.read_dir() else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|it| it == "kmb")).collect();
    paths.sort();
    paths
}

/// A planted bug that the fuzzer and the scenarios find, with the name of a scenario that shows it: the first bug in the
/// list that a few hundred runs of some scenario of its target find. `failures` has its files then.
pub fn failing(directory: &Path) -> (String, String) {
    let bugs = json(&mut vopr(directory, "bugs --format json"), 0);
    let scenarios = json(&mut vopr(directory, "scenarios --format json"), 0);
    for bug in bugs["bugs"].as_array().expect("a list") {
        for scenario in scenarios["scenarios"].as_array().expect("a list") {
            let targets = scenario["targets"].as_array().expect("a list");
            if scenario["runnable"] != true || !targets.contains(&bug["target"]) {
                continue;
            }
            let (bug, scenario) = (bug["name"].as_str().expect("a name"), scenario["name"].as_str().expect("a name"));
            let arguments = format!("run --scenario {scenario} --bug {bug} --iterations 200 --seed 1 --save-failures");
            let output = vopr(directory, &arguments).output().expect("it runs");
            if output.status.code() == Some(1) && !kmb_files(&directory.join("failures")).is_empty() {
                return (bug.to_string(), scenario.to_string());
            }
        }
    }
    panic!("no scenario finds any planted bug within 200 runs");
}
