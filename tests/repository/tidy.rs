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
    let in_a_run = |krate: &&&str| krate.starts_with("systems/") || ["sim", "scenarios"].contains(*krate);
    for file in CRATES.iter().filter(in_a_run).flat_map(|krate| rust_files(&format!("{krate}/src"))) {
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

/// A file that no other file declares is not compiled.
#[test]
fn every_file_is_a_module() {
    let read = |file: PathBuf| fs::read_to_string(file).unwrap_or_default();
    for krate in CRATES {
        // Some files are modules of a package in a folder of the crate, by their paths.
        let whole: String = rust_files(krate).into_iter().map(read).collect();
        for file in rust_files(&format!("{krate}/src")) {
            let name = file.file_name().expect("a name").to_string_lossy();
            let module = if name == "mod.rs" { file.parent().expect("a folder") } else { &file.with_extension("") };
            let (parent, module) = (module.parent().expect("a folder"), module.file_name().expect("a name"));
            let declaration = format!("mod {};", module.to_string_lossy());
            let parents = ["lib.rs", "main.rs", "mod.rs"].map(|name| parent.join(name));
            let declared =
                parents.into_iter().chain([parent.with_extension("rs")]).any(|file| read(file).contains(&declaration));
            let by_path = [format!("\"{name}\"]"), format!("/{name}\"]")].iter().any(|path| whole.contains(path));
            let root = ["lib.rs", "main.rs"].contains(&&*name);
            assert!(root || declared || by_path, "{}: no `{declaration}`", file.display());
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
