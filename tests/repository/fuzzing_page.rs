//! The tables in docs/fuzzing.md match the code. `VOPR_WRITE_DOCS=1 cargo test fuzzing_page` regenerates them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use scenarios::{Palette, TARGETS};

const BEGIN: &str = "<!-- tables: begin -->\n";
const END: &str = "<!-- tables: end -->\n";

fn palettes() -> Vec<Vec<Palette>> {
    let of_target = |target: &scenarios::FuzzTarget| {
        target.scenarios.iter().map(|kind| kind.create_scenario().palette).collect::<Vec<_>>()
    };
    TARGETS.iter().map(of_target).collect()
}

/// A table of what each target may use, with one row for each item and one column for each target that uses any.
fn matrix(first: &str, used: &[BTreeSet<String>], text: &mut String) {
    let columns: Vec<usize> = (0..TARGETS.len()).filter(|target| !used[*target].is_empty()).collect();
    let rows: BTreeSet<&String> = used.iter().flatten().collect();
    let _ = write!(text, "| {first} |");
    // The headers are numbers in the order of the first table, because the names would make the table too wide.
    for target in &columns {
        let _ = write!(text, " {} |", target + 1);
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(columns.len()));
    for row in rows {
        let _ = write!(text, "\n| {row} |");
        for target in &columns {
            text.push_str(if used[*target].contains(row) { " x |" } else { "  |" });
        }
    }
    text.push('\n');
}

fn tables() -> String {
    let mut text = String::from("\n| | target | looks for | scenarios |\n| --- | --- | --- | --- |\n");
    for (number, target) in (1..).zip(TARGETS) {
        let names: Vec<_> = target.scenarios.iter().map(|kind| kind.name()).collect();
        let names = if target.name == "combined" { format!("all {}", names.len()) } else { names.join(", ") };
        let _ = writeln!(text, "| {number} | `{}` | {} | {names} |", target.name, target.description);
    }
    let palettes = palettes();
    let of_each = |names: &dyn Fn(&Palette) -> BTreeSet<String>| -> Vec<BTreeSet<String>> {
        palettes.iter().map(|palettes| palettes.iter().flat_map(names).collect()).collect()
    };
    text.push_str(
        "\nWhich faults may be laid over the scenarios of each target, by the numbers of the table above:\n\n",
    );
    let faults = |palette: &Palette| {
        let faults = palette.faults.iter().filter(|fault| **fault != sim::protocol::observation::Fault::Lie);
        faults.map(|fault| format!("{fault:?}")).collect()
    };
    matrix("fault", &of_each(&faults), &mut text);
    text.push_str("\nAnd which lies: a field of a kind of message, and the ways in which it may be false:\n\n");
    let mut hows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (kind, field, how) in palettes.iter().flatten().flat_map(|palette| palette.lies) {
        hows.entry(format!("{kind:?}.{field:?}")).or_default().insert(format!("{how:?}"));
    }
    let lies = |palette: &Palette| {
        let names = palette.lies.iter().map(|(kind, field, _)| format!("{kind:?}.{field:?}"));
        let ways = |name: &String| hows[name].iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        names.map(|name| format!("{name}: {}", ways(&name))).collect()
    };
    matrix("lie", &of_each(&lies), &mut text);
    text.push('\n');
    text
}

#[test]
fn the_page_about_fuzzing_has_the_tables_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fuzzing.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("the tables begin");
    let (there, after) = rest.split_once(END).expect("the tables end");
    let tables = tables();
    if std::env::var_os("VOPR_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{tables}{END}{after}")).expect("written");
    } else {
        assert_eq!(there, tables, "docs/fuzzing.md; VOPR_WRITE_DOCS=1 cargo test fuzzing_page writes it anew");
    }
    for target in TARGETS {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fuzz/fuzz_targets/{}.rs", target.name));
        assert!(source.exists(), "{} has a file for cargo-fuzz", target.name);
    }
}
