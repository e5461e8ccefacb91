//! Rules of the repository that the compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of all crates.
pub(crate) const CRATES: &[&str] = &[
    "sim",
    "hermetic",
    "systems/vsr",
    "systems/primary-backup",
    "systems/kimberlite",
    "systems/host",
    "systems/raft",
    "systems/omnipaxos",
    "scenarios",
    "engine",
    "vopr",
    "benches",
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_path_buf()
}

/// All Rust files under a folder of the repository.
pub(crate) fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() && !entry.ends_with("target") {
                folders.push(entry);
            } else if entry.extension().is_some_and(|it| it == "rs") {
                files.push(entry);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has Rust files");
    files
}

#[test]
fn code_inside_a_run_uses_nothing_nondeterministic() {
    let forbidden = [
        "Instant",
        "SystemTime",
        "std::thread",
        "HashMap",
        "HashSet",
        "RandomState",
        "thread_rng",
        "getrandom",
        "f32",
        "f64",
    ];
    let folders = [
        "sim/src",
        "systems/vsr/src",
        "systems/primary-backup/src",
        "systems/kimberlite/src",
        "systems/host/src",
        "systems/raft/src",
        "systems/omnipaxos/src",
        "scenarios/src",
    ];
    for file in folders.into_iter().flat_map(rust_files) {
        let text = fs::read_to_string(&file).expect("text");
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').collect();
            for name in forbidden {
                let found = words.iter().any(|word| {
                    *word == name || word.contains(&format!("{name}::")) || word.ends_with(&format!("::{name}"))
                });
                assert!(!found, "{}:{number} uses {name}", file.display());
            }
        }
    }
}

#[test]
fn files_have_at_most_600_lines() {
    for folder in CRATES.iter().copied().chain(["fuzz", "tests", "systems/tests"]) {
        for file in rust_files(folder) {
            let lines = fs::read_to_string(&file).expect("text").lines().count();
            assert!(lines <= 600, "{} has {lines} lines; past 500 it is probably two files", file.display());
        }
    }
}

#[test]
fn every_file_begins_with_a_module_comment() {
    for folder in CRATES.iter().copied().chain(["fuzz", "tests", "systems/tests"]) {
        for file in rust_files(folder) {
            let text = fs::read_to_string(&file).expect("text");
            assert!(text.starts_with("//!"), "{} does not", file.display());
        }
    }
}
