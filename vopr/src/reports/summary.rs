//! The summary in Markdown, for the page of a CI job: verdicts, and of each finding the plan in words and the command that
//! replays it.

use std::fmt::Write;

use crate::reports::results::{Found, Results};
use engine::base::format;
use engine::base::terminal::{grouped, rate};

/// More findings are counted only: such a page has a limit, and a reader, too.
const FINDINGS_MAX: usize = 20;
/// A longer plan is cut off.
const PLAN_MAX: usize = 50;
/// A longer text is cut off.
const TEXT_MAX: usize = 2_000;

/// The summary.
pub(super) fn markdown(results: &Results) -> String {
    let Results { command, system: (system, version), seed, verdict, .. } = results;
    let mut text = format!("## vopr {command}: {verdict}\n\nSystem {system} {version}, seed {seed}");
    if !results.bugs.is_empty() {
        let _ = write!(text, ", planted bugs: {}", results.bugs.join(", "));
    }
    text.push_str(if results.interrupted { ". It was interrupted.\n\n" } else { ".\n\n" });
    let what = if *command == "fuzz" { "target" } else { "scenario" };
    let _ = writeln!(text, "| {what} | runs | seconds | runs/s | verdict |\n| --- | ---: | ---: | ---: | --- |");
    for part in &results.parts {
        let seconds = part.elapsed.as_secs_f64();
        let (runs, rate) = (grouped(part.runs), grouped(rate(part.runs, part.elapsed)));
        let _ = writeln!(text, "| {} | {runs} | {seconds:.1} | {rate} | {} |", cell(&part.name), cell(part.outcome()));
    }
    let findings: Vec<&Found> = results.parts.iter().flat_map(|part| &part.findings).collect();
    for found in findings.iter().take(FINDINGS_MAX) {
        describe(found, &mut text);
    }
    if findings.len() > FINDINGS_MAX {
        let _ = writeln!(text, "\nAnd {} more.", findings.len() - FINDINGS_MAX);
    }
    for part in &results.parts {
        for (how, replay) in part.deaths.iter().take(FINDINGS_MAX) {
            let _ = writeln!(text, "\n### A worker of {} died {}", cell(&part.name), cell(how));
            if let Some(replay) = replay {
                let _ = writeln!(text, "\n{}", block("console", replay));
            }
        }
    }
    text.push('\n');
    text
}

fn describe(found: &Found, text: &mut String) {
    let violation = &found.violation;
    let _ = writeln!(
        text,
        "\n### {}: {}, in {}\n\n{}",
        cell(&violation.invariant),
        cell(&violation.rule),
        cell(&found.scenario),
        block("text", &format!("expected: {}\nseen:     {}", clipped(&violation.expected), clipped(&violation.seen)))
    );
    let count = found.plan.len();
    let actions = if count == 1 { "action" } else { "actions" };
    let _ = match (count, found.actions_before) {
        (0, _) => writeln!(text, "\nIt takes no action at all."),
        (_, Some(before)) => writeln!(text, "\nThe plan, minimized from {before} to {count} {actions}:\n"),
        (_, None) => writeln!(text, "\nThe plan, {count} {actions}:\n"),
    };
    for (number, action) in (1..).zip(found.plan.iter().take(PLAN_MAX)) {
        let _ = writeln!(text, "{number}. {}", cell(action));
    }
    if count > PLAN_MAX {
        let _ = writeln!(text, "\nand {} more.", count - PLAN_MAX);
    }
    let _ = writeln!(text, "\nReplay:\n\n{}", block("console", &found.replay));
}

fn clipped(text: &str) -> String {
    format::printable(&text.chars().take(TEXT_MAX).collect::<String>())
}

/// A text as one line of plain Markdown: no letter of it is markup.
fn cell(text: &str) -> String {
    let mut plain = String::new();
    for symbol in clipped(text).chars() {
        if "\\`*{}[]<>#|!&~$@".contains(symbol) {
            plain.push('\\');
        }
        plain.push(symbol);
    }
    plain
}

/// A text as a block of code, fenced by more backticks than it has anywhere.
fn block(language: &str, text: &str) -> String {
    let longest = text.split(|symbol| symbol != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        assert_eq!(cell("a|b <script>\nx"), "a\\|b \\<script\\>\u{FFFD}x");
        assert_eq!(block("text", "a ``` b"), "````text\na ``` b\n````");
        assert_eq!(block("text", "plain"), "```text\nplain\n```");
    }
}
