//! Makes [`Results`] of a campaign of `vopr fuzz`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::reports::results::{Ending, Found, Own, Part, Results};
use engine::base::format;
use engine::campaigns::finding::Smaller;
use engine::cases::kmb::Kmb;
use engine::cases::systems::system_option;
use engine::search::fuzzing::campaign::{Campaign, Share, Summary};
use engine::search::targets::Target;

impl<'a> Results<'a> {
    /// The results of a campaign.
    pub fn of_campaign(campaign: &'a Campaign, summary: &'a Summary) -> Results<'a> {
        let part = |(target, share): (&Target, &Share)| part(campaign, summary, target, share);
        let parts: Vec<Part> = campaign.targets.iter().zip(&summary.shares).map(part).collect();
        let whole = if parts.iter().any(|part| part.ending == Ending::Failed) {
            "VIOLATED"
        } else if summary.fails() {
            "vopr itself failed"
        } else {
            "nothing found"
        };
        Results {
            command: "fuzz",
            system: (campaign.system.name, campaign.system.version),
            bugs: campaign.bugs.clone(),
            seed: campaign.seed.to_string(),
            verdict: whole.to_string(),
            fails: summary.fails(),
            interrupted: summary.interrupted,
            parts,
            own: Own::Fuzz { campaign, summary },
        }
    }
}

/// The smaller case that an earlier campaign left beside a finding.
fn beside(file: &Path) -> Option<Smaller> {
    let smaller = file.with_extension("min.kmb");
    let actions = |file: &Path| Kmb::read(file).ok().map(|kmb| kmb.case.actions.len());
    Some(Smaller { actions: actions(&smaller)?, actions_before: actions(file)?, file: smaller })
}

fn part(campaign: &Campaign, summary: &Summary, target: &Target, share: &Share) -> Part {
    let mut why = String::new();
    let (mut findings, mut broken) = (Vec::new(), false);
    for finding in summary.findings.iter().filter(|finding| finding.target == target.name) {
        broken = true;
        let replay = format::quoted(&finding.file.display().to_string());
        let _ = writeln!(why, "{} in {}\n    vopr repro {replay}", finding.rule, finding.scenario);
        if let Some(smaller) = &finding.minimized {
            let replay = format::quoted(&smaller.file.display().to_string());
            let (now, before) = (smaller.actions, smaller.actions_before);
            let _ = writeln!(why, "    vopr repro {replay} ({now} of {before} actions)");
        }
        findings.extend(Found::saved(&finding.file, finding.minimized.as_ref()));
    }
    for known in summary.again.iter().filter(|known| known.target == target.name) {
        broken = true;
        let replay = format::quoted(&known.file.display().to_string());
        let _ = writeln!(why, "{}, as found before\n    vopr repro {replay}", known.rule);
        findings.extend(Found::saved(&known.file, beside(&known.file).as_ref()));
    }
    let mut deaths = Vec::new();
    for death in summary.deaths.iter().filter(|death| death.target == target.name) {
        let path = |path: &Path| format::quoted(&path.display().to_string());
        let (system, bugs) = (system_option(campaign.system.name), format::bug_options(&campaign.bugs));
        let replay = match (&death.file, &death.input) {
            (Some(file), _) => Some(format!("vopr repro {}", path(file))),
            (None, Some(input)) => Some(format!("vopr repro {} --target {}{system}{bugs}", path(input), target.name)),
            (None, None) => None,
        };
        let _ = writeln!(why, "a worker died {}", death.status);
        if let Some(replay) = &replay {
            let _ = writeln!(why, "    {replay}");
        }
        deaths.push((death.status.clone(), replay));
    }
    let ending = match (broken, deaths.is_empty(), share.turns) {
        (true, ..) => Ending::Failed,
        (false, false, _) => Ending::Died,
        (false, true, 0) => Ending::Skipped,
        (false, true, _) => Ending::Passed,
    };
    Part {
        name: target.name.clone(),
        class: "vopr.fuzz".to_string(),
        runs: share.runs,
        elapsed: share.elapsed,
        ending,
        verdict: verdict(summary, &target.name),
        no_verdict: (ending == Ending::Skipped).then_some("no turn, for lack of time"),
        why,
        findings,
        deaths,
    }
}

/// The verdict on a target. If there are violations, the names of the broken invariants follow.
fn verdict(summary: &Summary, target: &str) -> String {
    let found = summary.findings.iter().chain(&summary.duplicates).filter(|finding| finding.target == target);
    let again = summary.again.iter().filter(|known| known.target == target);
    let rules = found.map(|finding| &finding.rule).chain(again.map(|known| &known.rule));
    let invariants: BTreeSet<_> = rules.map(|rule| rule.invariant.as_str()).collect();
    let died = summary.deaths.iter().any(|death| death.target == target);
    match (invariants.is_empty(), died) {
        (false, _) => format!("VIOLATED {}", invariants.into_iter().collect::<Vec<_>>().join(",")),
        (true, true) => "FAILED".to_string(),
        (true, false) => "nothing found".to_string(),
    }
}
