//! The measured kill matrix: which scenario caught which planted bug of the reference protocol. It is read from
//! docs/kill-matrix.md, which `vopr matrix` wrote, when vopr is built.

use std::sync::OnceLock;

const PAGE: &str = include_str!("../../../../docs/kill-matrix.md");

/// The measurements of a scenario.
pub struct Row {
    pub scenario: &'static str,
    /// The result of the correct protocol.
    pub correct: &'static str,
    /// The share of runs in which all marks of the scenario were seen.
    pub marked: &'static str,
    pub kills: Vec<Kill>,
}

/// A planted bug that was caught.
pub struct Kill {
    pub bug: &'static str,
    pub invariant: &'static str,
    /// The number of the run.
    pub run: &'static str,
}

/// All rows.
pub fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| PAGE.lines().filter_map(row).collect())
}

/// The command that produced the matrix.
pub fn measured_by() -> &'static str {
    PAGE.lines().find_map(|line| line.strip_prefix('`')?.strip_suffix("`.")).unwrap_or_default()
}

/// The row of a scenario.
pub fn of(scenario: &str) -> Option<&'static Row> {
    rows().iter().find(|row| row.scenario == scenario)
}

fn row(line: &'static str) -> Option<Row> {
    let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ");
    let scenario = cells.next()?.strip_suffix('`')?;
    let (correct, marked) = (cells.next()?, cells.next()?);
    let kills = cells.next().unwrap_or_default().split("), ").filter_map(kill).collect();
    Some(Row { scenario, correct, marked, kills })
}

fn kill(text: &'static str) -> Option<Kill> {
    let (bug, rest) = text.strip_prefix('`')?.split_once("` (")?;
    let (invariant, run) = rest.trim_end_matches(')').split_once(", ")?;
    Some(Kill { bug, invariant, run })
}

#[cfg(test)]
mod tests {
    use scenarios::ScenarioType;

    use super::*;
    use engine::cases::systems::SYSTEMS;

    #[test]
    fn the_page_is_understood_and_every_name_in_it_is_known() {
        let names: Vec<_> = rows().iter().map(|row| row.scenario).collect();
        assert_eq!(names, ScenarioType::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>());
        let kills: Vec<_> = rows().iter().flat_map(|row| &row.kills).collect();
        assert!(kills.len() > 80);
        for kill in &kills {
            let bug = SYSTEMS[0].find_bug(kill.bug).unwrap();
            assert!(bug.caught_by.contains(&kill.invariant), "{} by {}", kill.bug, kill.invariant);
            assert!(kill.run.replace(',', "").parse::<u64>().is_ok(), "{}", kill.run);
        }
        assert!(measured_by().starts_with("vopr matrix --own"), "{}", measured_by());
        assert!(rows().iter().all(|row| row.correct.ends_with("no violation") && row.marked.ends_with('%')));
    }
}
