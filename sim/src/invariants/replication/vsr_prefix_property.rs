//! The prefix property: a replica commits its own log from the front, without gaps, and never more of it than it holds.
//!
//! 1. A commit number grows by one op at a time.
//! 2. A committed op lies within the replica's log, and the committed entry is the one that stands there.
//! 3. A replica that starts a view, or votes for one, has no commit number past its log.
//!
//! Source: "Viewstamped Replication Revisited", section 4.1 (a backup executes an operation once it has executed all earlier
//! ones), and the user's Bugs #2 and #3 (commit numbers past the log).
//! Not checked: whether other replicas hold the entry (see `vsr_agreement`, `vsr_view_change_safety`).

use crate::invariants::support::{Context, Invariant, Violation, kinds, short};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "vsr_prefix_property";
const INTERESTS: u128 = kinds::COMMITTED | kinds::VIEW_STARTED | kinds::VOTED;

/// The invariant; it remembers nothing.
#[derive(Debug, Default)]
pub(in crate::invariants) struct VsrPrefixProperty;

impl Invariant for VsrPrefixProperty {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str = "The prefix property: a replica commits its own log from the front, without gaps, and never more of it than it holds.";
    const INTERESTS: u128 = INTERESTS;

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let (id, me) = (context.id, context.me);
        match context.seen.what {
            Observation::Committed { op, entry } => committed(context, op, entry),
            Observation::ViewStarted { view, op, commit, .. } if commit > op || commit > me.op() => context.violation(
                NAME,
                "a view started with a commit number past the log",
                format!("{id} starts view {view} with a commit number of at most {}", op.min(me.op())),
                format!("its commit number is {commit}, its log ends at op {}, and it says op {op}", me.op()),
            ),
            Observation::Voted { view, op, commit, .. } if commit > op => context.violation(
                NAME,
                "a vote with a commit number past the log",
                format!("{id} votes for view {view} with a commit number of at most {op}"),
                format!("its commit number is {commit}"),
            ),
            _ => None,
        }
    }
}

fn committed(context: &Context<'_>, op: u64, entry: u128) -> Option<Box<Violation>> {
    let (id, me) = (context.id, context.me);
    if op != me.commit + 1 {
        return context.violation(
            NAME,
            "commits with a gap",
            format!("{id} commits op {} next", me.commit + 1),
            format!("it committed op {op}"),
        );
    }
    match me.entry(op) {
        Some(held) if held.entry == entry => None,
        Some(held) if entry != 0 => context.violation(
            NAME,
            "commits another entry than its log has",
            format!("{id} commits {} at op {op}, as its log says", short(held.entry)),
            format!("it committed {}", short(entry)),
        ),
        _ => context.violation(
            NAME,
            "commits what it does not hold",
            format!("{id} commits at most op {}, where its log ends", me.op()),
            format!("it committed op {op} with entry {}", short(entry)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use Observation as O;

    #[test]
    fn a_log_committed_from_the_front_passes() {
        let mut script = Script::new();
        script.committed(&[0, 1], 1..=3);
        script.ok(0, O::Voted { view: 1, last_normal: 0, op: 3, commit: 3 });
        script.ok(0, O::ViewStarted { view: 1, op: 3, commit: 3, primary: false });
    }

    #[test]
    fn a_gap_is_caught() {
        let mut script = Script::new();
        script.append(0, 1..=3);
        script.commit(0, 1..=1);
        script.caught(0, O::Committed { op: 3, entry: entry(3) }, NAME, "commits with a gap");
    }

    #[test]
    fn a_commit_past_the_log_or_beside_it_is_caught() {
        let mut script = Script::new();
        script.append(0, 1..=1);
        script.caught(0, O::Committed { op: 1, entry: 9 }, NAME, "commits another entry than its log has");
        script.caught(0, O::Committed { op: 2, entry: 0 }, NAME, "commits what it does not hold");
    }

    #[test]
    fn claims_of_commits_past_the_log_are_caught() {
        let mut script = Script::new();
        script.append(0, 1..=2);
        let rule = "a vote with a commit number past the log";
        script.caught(0, O::Voted { view: 1, last_normal: 0, op: 2, commit: 3 }, NAME, rule);
        let rule = "a view started with a commit number past the log";
        script.caught(0, O::ViewStarted { view: 1, op: 9, commit: 9, primary: false }, NAME, rule);
    }
}
