//! One finding is reported once: findings that break the same invariant by the same kinds of actions have one cause, as far
//! as one can tell from outside.

use std::collections::BTreeSet;

use sim::{Action, ActionKind};

use crate::campaigns::finding::Finding;
use crate::cases::kmb::Kmb;

/// Findings with one cause, as numbers of the list that they are from. The first is the one with the fewest actions.
pub type Group = Vec<usize>;

/// The kinds of actions of a plan, each once, whatever their order.
pub fn shape(actions: &[Action]) -> String {
    let kinds: BTreeSet<String> = actions.iter().map(|action| kind(&action.what)).collect();
    if kinds.is_empty() { "no action".to_string() } else { kinds.into_iter().collect::<Vec<_>>().join(" + ") }
}

fn kind(what: &ActionKind) -> String {
    if let ActionKind::Lie(lie) = what {
        return format!("lie about {:?}.{:?}", lie.kind, lie.field);
    }
    let text = format!("{what:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_string()
}

/// Says of each finding what its plan looks like, by the smallest file that there is of it.
pub fn add_shapes(findings: &mut [Finding]) {
    for finding in findings {
        let file = finding.minimized.as_ref().map_or(&finding.file, |smaller| &smaller.file);
        finding.shape = Kmb::read(file).ok().map(|kmb| shape(&kmb.case.actions));
    }
}

/// The findings by what they have in common: invariant and shape; where there is no shape, invariant and rule.
pub fn groups(findings: &[Finding]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let key = |finding: &Finding| {
        let common = finding.shape.clone().unwrap_or_else(|| finding.rule.rule.clone());
        (finding.rule.invariant.clone(), common)
    };
    for (number, finding) in findings.iter().enumerate() {
        match groups.iter_mut().find(|group| key(&findings[group[0]]) == key(finding)) {
            Some(group) => group.push(number),
            None => groups.push(vec![number]),
        }
    }
    let actions = |number: &usize| findings[*number].minimized.as_ref().map_or(usize::MAX, |smaller| smaller.actions);
    for group in &mut groups {
        group.sort_by_key(actions);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::violation::BrokenRule;

    fn finding(invariant: &str, rule: &str, shape: Option<&str>) -> Finding {
        Finding {
            file: "failure.kmb".into(),
            name: String::new(),
            target: String::new(),
            scenario: String::new(),
            rule: BrokenRule { invariant: invariant.to_string(), rule: rule.to_string() },
            reproduced: true,
            runs: 1,
            minimized: None,
            shape: shape.map(str::to_string),
        }
    }

    #[test]
    fn what_breaks_the_same_invariant_in_the_same_way_is_one_finding() {
        let findings = [
            finding("liveness", "not normal", Some("Crash")),
            finding("liveness", "not answered", Some("Crash")),
            finding("liveness", "not answered", Some("Cut")),
            finding("durability", "lost", Some("Crash")),
        ];
        assert_eq!(groups(&findings), [vec![0, 1], vec![2], vec![3]]);
        let rules = findings.map(|finding| Finding { shape: None, ..finding });
        assert_eq!(groups(&rules), [vec![0], vec![1, 2], vec![3]], "by their rules where nothing else is known");
    }
}
