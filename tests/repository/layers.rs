//! The layers: which crate may depend on which, and that no two folders of a crate import each other.
//!
//! Dependencies of crates are read from the manifests, so an import under another name is included. Dependencies of
//! modules are read from the source. Every path that begins with `crate`, `self` or `super`, outside of comments and
//! tests, is an edge from its file to the file that it refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::repository::tidy::{CRATES, root, rust_files};

/// The crates that each crate may depend on, in addition to published crates.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("sim", &[]),
    ("hermetic", &[]),
    ("vsr", &["sim"]),
    ("primary-backup", &["sim"]),
    ("kimberlite", &["hermetic", "sim"]),
    ("host", &["sim"]),
    ("raft-system", &["host", "sim"]),
    ("omnipaxos-system", &["host", "sim"]),
    ("systems-tests", &[]),
    ("scenarios", &["sim"]),
    (
        "engine",
        &["hermetic", "kimberlite", "omnipaxos-system", "primary-backup", "raft-system", "scenarios", "sim", "vsr"],
    ),
    ("vopr", &["engine", "scenarios", "sim"]),
    ("benches", &["sim", "vsr"]),
];

#[test]
fn crates_depend_only_on_allowed_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    assert_eq!(packages.len(), DEPENDENCIES.len(), "every crate is in the list");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root()).ok()).expect("in the repository");
        assert!(name == "systems-tests" || CRATES.iter().any(|it| folder == Path::new(it)), "{name} is not in CRATES");
        let (_, allowed) = DEPENDENCIES.iter().find(|(known, _)| *known == name).expect("the crate is in the list");
        let dependencies = package["dependencies"].as_array().expect("a list").iter();
        // Dependencies of tests are not restricted.
        let own = dependencies.filter(|it| it["source"].is_null() && it["kind"].is_null());
        for dependency in own.filter_map(|it| it["name"].as_str()) {
            assert!(allowed.contains(&dependency), "{name} depends on {dependency}");
        }
    }
}

/// The allowed cycles of files within one folder: `impl` blocks of one type, and a trait with the type that its methods
/// receive.
const FILE_CIRCLES: &[(&str, &[&str])] =
    &[("sim/src/world", &["core", "system"]), ("systems/kimberlite/src", &["observe", "replica"])];

#[test]
fn no_two_folders_import_each_other() {
    let mut found = Vec::new();
    for krate in CRATES {
        let source = format!("{krate}/src");
        for (folder, circle) in circles(&source) {
            found.push(([std::slice::from_ref(&source), &folder].concat().join("/"), circle));
        }
    }
    let allowed = FILE_CIRCLES
        .iter()
        .map(|(place, names)| ((*place).to_string(), names.iter().map(ToString::to_string).collect::<Vec<_>>()));
    assert_eq!(found, allowed.collect::<Vec<_>>(), "what imports each other, and what may");
}

#[test]
fn a_folder_has_at_most_a_dozen_files() {
    /// cargo-fuzz requires one file for each target.
    const LISTS: [&str; 1] = ["fuzz/fuzz_targets"];
    for krate in CRATES {
        let mut folders: BTreeMap<String, usize> = BTreeMap::new();
        for file in rust_files(krate) {
            let folder = file.parent().expect("a folder").strip_prefix(root()).expect("in the repository");
            *folders.entry(folder.display().to_string()).or_default() += 1;
        }
        for (folder, files) in folders {
            assert!(files <= 12 || LISTS.contains(&&folder[..]), "{folder} has {files} files");
        }
    }
}

type Module = Vec<String>;

/// The cycles of siblings in each folder.
fn circles(source: &str) -> Vec<(Module, Vec<String>)> {
    let modules = modules(source);
    let exported = modules.get(&Module::new()).map_or_else(BTreeMap::new, |text| exports(text));
    // The imports between siblings in each folder.
    let mut edges: BTreeMap<Module, BTreeSet<(String, String)>> = BTreeMap::new();
    for (module, text) in &modules {
        for path in paths(text, module) {
            let Some(to) = target(&path, &modules, &exported) else { continue };
            let common = module.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(a), Some(b)) = (module.get(common), to.get(common)) {
                edges.entry(module[..common].to_vec()).or_default().insert((a.clone(), b.clone()));
            }
        }
    }
    let mut circles = Vec::new();
    for (folder, edges) in edges {
        let names: BTreeSet<&String> = edges.iter().map(|(from, _)| from).collect();
        let mut done = BTreeSet::new();
        for name in names {
            let reached = reached(name, &edges);
            let circle: Vec<String> =
                reached.iter().filter(|other| self::reached(other, &edges).contains(name)).cloned().collect();
            if !circle.is_empty() && done.insert(circle.clone()) {
                circles.push((folder.clone(), circle));
            }
        }
    }
    circles
}

/// The modules that can be reached from `from` over at least one edge.
fn reached(from: &String, edges: &BTreeSet<(String, String)>) -> BTreeSet<String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(place) = open.pop() {
        for (_, to) in edges.iter().filter(|(from, _)| from == place) {
            if reached.insert(to.clone()) {
                open.push(to);
            }
        }
    }
    reached
}

/// The modules of a crate without tests, with their code.
fn modules(source: &str) -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for file in rust_files(source) {
        let text = without_comments(&fs::read_to_string(&file).expect("text"));
        let relative = file.strip_prefix(root().join(source)).expect("in the crate").with_extension("");
        let mut module: Module = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        let (code, of_tests) = without_tests(&text, &relative);
        tests.extend(of_tests);
        modules.insert(module, code);
    }
    modules.retain(|module, _| !tests.contains(module));
    modules
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The code before the tests of a file, and the modules that are files of tests.
fn without_tests(text: &str, file: &Path) -> (String, Vec<Module>) {
    let (mut code, mut tests) = (String::new(), Vec::new());
    let folder: Module = file.parent().into_iter().flatten().map(|it| it.to_string_lossy().into_owned()).collect();
    let own: Module = file.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        code.push_str(before);
        rest = after;
        let Some((item, name)) = after.split_once("mod ") else { continue };
        let name: String = name.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
        let declares = after[item.len() + 4 + name.len()..].starts_with(';');
        if item.contains(['{', '(']) && !item.contains("#[path") {
            continue;
        }
        if !declares {
            return (code, tests);
        }
        // The tests are in another file: beside this one, in this one's folder, or at the path given by `#[path]`.
        let path = item.split_once("path = \"").and_then(|(_, path)| path.split_once(".rs")).map(|(path, _)| path);
        tests.extend([[&folder[..], &[path.unwrap_or(&name).to_string()]].concat(), [&own[..], &[name]].concat()]);
    }
    code.push_str(rest);
    (code, tests)
}

/// The names that the root of a crate exports, with the modules that they come from.
fn exports(text: &str) -> BTreeMap<String, Module> {
    let bodies = text.split("pub use ").skip(1).filter_map(|rest| rest.split_once(';'));
    let mut exports = BTreeMap::new();
    for (body, _) in bodies {
        for mut path in expanded(body, &[]) {
            let name = path.pop().unwrap_or_default();
            exports.insert(name, path);
        }
    }
    exports
}

/// All paths in the code that refer to a module of the same crate, relative to the root of the crate.
fn paths(text: &str, module: &[String]) -> Vec<Module> {
    let mut found = Vec::new();
    for begin in ["crate::", "self::", "super::"] {
        for (at, _) in text.match_indices(begin) {
            if text[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_' || it == ':') {
                continue;
            }
            found.extend(expanded(one_path(&text[at..]), &[]));
        }
    }
    let absolute = |path: Module| {
        if path[0] == "crate" {
            return path[1..].to_vec();
        }
        let up = path.iter().filter(|part| *part == "super").count();
        let kept = &module[..module.len().saturating_sub(up)];
        [kept, &path.into_iter().filter(|it| it != "self" && it != "super").collect::<Vec<_>>()].concat()
    };
    found.into_iter().map(absolute).collect()
}

/// The path at the beginning of the text, including its braces.
fn one_path(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|it: char| {
        match it {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth < 0 || depth == 0 && !(it.is_alphanumeric() || matches!(it, '_' | ':' | '}'))
    });
    &text[..end.unwrap_or(text.len())]
}

/// Expands a path with braces into single paths.
fn expanded(body: &str, before: &[String]) -> Vec<Module> {
    let body = body.split(" as ").next().unwrap_or_default().trim();
    let (path, group) = body.split_once('{').map_or((body, None), |(path, group)| (path, Some(group)));
    let parts = path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_string);
    let path: Module = before.iter().cloned().chain(parts).collect();
    let Some(group) = group else { return vec![path] };
    let (mut all, mut depth, mut begin) = (Vec::new(), 0, 0);
    let group = group.strip_suffix('}').unwrap_or(group);
    for (at, symbol) in group.char_indices().chain([(group.len(), ',')]) {
        match symbol {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[begin..at].trim().is_empty() {
                    all.extend(expanded(&group[begin..at], &path));
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
    all
}

/// The module that a path refers to.
fn target(path: &[String], modules: &BTreeMap<Module, String>, exported: &BTreeMap<String, Module>) -> Option<Module> {
    let longest =
        |path: &[String]| (1..=path.len()).rev().map(|end| path[..end].to_vec()).find(|it| modules.contains_key(it));
    longest(path).or_else(|| longest(exported.get(path.first()?)?))
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let here = ["a".to_string(), "b".to_string()];
    let read = |text: &str| paths(text, &here).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(read("use crate::x::{self, y::{Z, w}, v as u};"), ["x::self", "x::y::Z", "x::y::w", "x::v"]);
    assert_eq!(read("use super::c::D; let e = self::f::g();"), ["a::b::f::g", "a::c::D"]);
    assert_eq!(read("fn f(x: crate::x::Y) -> $crate::z::W {}").len(), 2);
    let (code, tests) =
        without_tests("a\n#[cfg(test)]\nmod harness;\nb\n#[cfg(test)]\nmod tests {\nc", Path::new("x/y"));
    assert_eq!((code.contains('b'), code.contains('c'), tests[0].join("/")), (true, false, "x/harness".to_string()));
}
