//! The human format of `vopr fuzz`: the runs, the findings by cause, and the workers that died.

use std::fmt::Write;

use engine::base::format;
use engine::base::terminal;
use engine::base::terminal::{BAD, DOUBTFUL, GOOD, grouped, rate, styled};
use engine::campaigns::causes;
use engine::campaigns::causes::Group;
use engine::campaigns::finding::{Finding, Smaller};
use engine::cases::systems::system_option;
use engine::cases::violation::BrokenRule;
use engine::search::fuzzing::campaign::{Campaign, Known, Summary};

/// The text.
pub(super) fn text(campaign: &Campaign, summary: &Summary) -> String {
    let mut text = heading(campaign, summary);
    if summary.interrupted {
        text.push_str("interrupted: the corpus and all findings are kept\n");
    }
    let groups = causes::groups(&summary.findings);
    for group in &groups {
        found(summary, group, &mut text);
    }
    for Known { rule, file, .. } in &summary.again {
        let (invariant, rule) = (styled(BAD, &rule.invariant), &rule.rule);
        let _ = writeln!(text, "{invariant}: {rule}, as found before\n    vopr repro {}", file.display());
    }
    for death in &summary.deaths {
        let _ = writeln!(text, "{} died {}", styled(DOUBTFUL, "a worker"), death.status);
        if let Some(input) = &death.input {
            let bugs = format::bug_options(&campaign.bugs);
            let system = system_option(campaign.system.name);
            let _ = writeln!(text, "    vopr repro {} --target {}{system}{bugs}", input.display(), death.target);
        }
        if let Some(file) = &death.file {
            let _ = writeln!(text, "    vopr repro {}", file.display());
        }
    }
    let runs = runs(summary.violated());
    let _ = match (groups.len() + summary.again.len(), summary.fails()) {
        (0, false) => writeln!(text, "{}", styled(GOOD, "nothing found")),
        (0, true) => writeln!(text, "{}", styled(BAD, "the system, or vopr, died")),
        (1, _) => writeln!(text, "{}, in {runs}", styled(BAD, "1 kind of violation")),
        (count, _) => writeln!(text, "{}, in {runs}", styled(BAD, format_args!("{count} kinds of violations"))),
    };
    text
}

/// The findings of one cause.
fn found(summary: &Summary, group: &Group, text: &mut String) {
    let findings = &summary.findings;
    for (place, finding) in group.iter().map(|number| &findings[*number]).enumerate() {
        let Finding { rule: BrokenRule { invariant, rule }, scenario, file, .. } = finding;
        let again = if finding.reproduced { "" } else { ", but not when run again: not deterministic" };
        let _ = if place == 0 {
            let (name, after) = (&finding.name, runs(finding.runs));
            writeln!(text, "{name} {}: {rule} in {scenario} after {after}{again}", styled(BAD, invariant))
        } else {
            writeln!(text, "    likewise {rule} in {scenario}{again}")
        };
        let _ = writeln!(text, "    vopr repro {}", file.display());
        if let Some(Smaller { file, actions, actions_before }) = &finding.minimized {
            let _ = writeln!(text, "    vopr repro {} ({actions} of {actions_before} actions)", file.display());
        }
        let same = |other: &&Finding| other.rule == finding.rule && other.scenario == finding.scenario;
        for other in summary.duplicates.iter().filter(same) {
            let _ = writeln!(text, "    the same from another job: {}", other.file.display());
        }
    }
}

/// The runs that were done: a sentence for one target, a table for several.
fn heading(campaign: &Campaign, summary: &Summary) -> String {
    let (corpus, seed) = (campaign.corpus.display(), campaign.seed);
    if let ([target], [share]) = (&campaign.targets[..], &summary.shares[..]) {
        return format!(
            "{}: {} runs in {:.1} s ({}/s), {} states, corpus {} in {corpus}, seed {seed}\n",
            target.name,
            grouped(share.runs),
            share.elapsed.as_secs_f64(),
            grouped(rate(share.runs, share.elapsed)),
            grouped(share.states.count() as u64),
            grouped(share.corpus as u64),
        );
    }
    let mut table = terminal::table(&["target", "turns", "time", "runs", "runs/s", "states", "new", "corpus", "found"]);
    for (target, share) in campaign.targets.iter().zip(&summary.shares) {
        let found = summary.findings.iter().filter(|finding| finding.target == target.name).count();
        table.add_row(vec![
            target.name.clone(),
            share.turns.to_string(),
            format!("{:.0} s", share.elapsed.as_secs_f64()),
            grouped(share.runs),
            grouped(rate(share.runs, share.elapsed)),
            grouped(share.states.count() as u64),
            grouped(share.last_turn.0 as u64),
            grouped(share.corpus as u64),
            found.to_string(),
        ]);
    }
    let mut text = format!("{table}\n");
    let (runs, time) = (grouped(summary.runs()), summary.elapsed.as_secs_f64());
    let _ =
        writeln!(text, "{runs} runs in {time:.1} s, corpora in {corpus}, seed {seed}; new: states in the last turn");
    let targets = || campaign.targets.iter().zip(&summary.shares);
    let saturated: Vec<_> = targets().filter(|(_, share)| share.saturated()).map(|(target, _)| &*target.name).collect();
    if !saturated.is_empty() {
        let _ = writeln!(text, "saturated, no new state in the last turn: {}", saturated.join(", "));
    }
    let idle: Vec<_> = targets().filter(|(_, share)| share.turns == 0).map(|(target, _)| &*target.name).collect();
    if !idle.is_empty() {
        let _ = writeln!(text, "without a turn, for lack of time: {}", idle.join(", "));
    }
    text
}

fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_string() } else { format!("{} runs", grouped(count)) }
}
