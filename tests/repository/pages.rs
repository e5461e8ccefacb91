//! The pages name every command, option, scenario and invariant that the code has.

use std::fs;

use scenarios::ScenarioType;

use crate::repository::tidy::root;
use crate::support::{directory, stdout, vopr};

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_numbers_of_scenarios_and_invariants_are_right() {
    let (scenarios, invariants) = (ScenarioType::ALL.len(), sim::invariants::NAMES.len());
    let readme = page("README.md");
    for text in [format!("{invariants} invariants in {scenarios} scenarios"), format!("**{scenarios} scenarios**")] {
        assert!(readme.contains(&text), "README.md has no \"{text}\"");
    }
    let architecture = page("ARCHITECTURE.md");
    for text in [format!("| {invariants} invariants,"), format!("the {scenarios} baselines")] {
        assert!(architecture.contains(&text), "ARCHITECTURE.md has no \"{text}\"");
    }
}

#[test]
fn every_scenario_is_on_the_page_of_its_phase() {
    for scenario in ScenarioType::ALL.iter().map(|kind| kind.create_scenario()) {
        let files =
            fs::read_dir(root().join("docs/phases")).expect("a folder").map(|file| file.expect("an entry").path());
        let begin = format!("{}-", scenario.phase);
        let pages =
            files.filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begin)));
        let text: String = pages.map(|file| fs::read_to_string(file).expect("text")).collect();
        assert!(text.contains(&format!("`{}`", scenario.name)), "docs/phases/{begin}*.md: {}", scenario.name);
    }
}

#[test]
fn every_command_has_a_line_in_the_readme() {
    let here = directory();
    let help = stdout(&mut vopr(here.path(), "--help"), 0);
    let commands = help.split_once("Commands:").and_then(|(_, rest)| rest.split_once("\n\n")).expect("a list").0;
    let readme = page("README.md");
    for name in commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(readme.contains(&format!("\n| `vopr {name}")), "README.md has no line for `vopr {name}`");
    }
}

#[test]
fn every_report_is_on_its_page() {
    let here = directory();
    let help = stdout(&mut vopr(here.path(), "run --help"), 0);
    let reports = page("docs/reports.md");
    let options: Vec<_> =
        help.split_whitespace().filter(|it| it.starts_with("--") && it.ends_with("-output")).collect();
    assert!(options.len() >= 3, "{options:?}");
    for option in options {
        assert!(reports.contains(&format!("| `{option} FILE` |")), "docs/reports.md has no line for {option}");
    }
}
