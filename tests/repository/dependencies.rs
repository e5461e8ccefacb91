//! The licences of all dependencies: deny.toml allows each of them. The test needs no network.

use std::process::Command;

use serde_json::Value;

#[test]
fn every_dependency_has_an_allowed_licence_and_comes_from_the_registry() {
    let deny = include_str!("../../deny.toml");
    let list = deny.lines().find_map(|line| line.strip_prefix("allow = [")).expect("deny.toml has a list of licences");
    let allowed: Vec<&str> = list.trim_end_matches(']').split(',').map(|name| name.trim().trim_matches('"')).collect();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    assert!(packages.len() > 20, "the list of packages is not empty");
    for package in packages {
        let name = &package["name"];
        let licence = package["license"].as_str().unwrap_or_default().replace('/', " OR ");
        // An expression is accepted if one alternative of each of its conjuncts is allowed.
        let conjunct_is_fine = |part: &str| {
            part.split(" OR ").any(|name| allowed.contains(&name.trim_matches(|c| c == '(' || c == ')' || c == ' ')))
        };
        assert!(licence.split(" AND ").all(conjunct_is_fine), "{name}: {licence}");
        let source = package["source"].as_str();
        assert!(source.is_none_or(|source| source.starts_with("registry+")), "{name} comes from {source:?}");
    }
}
