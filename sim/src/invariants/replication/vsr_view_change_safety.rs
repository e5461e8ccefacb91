//! View change safety: what was committed in earlier views is in the log that a new view starts from.
//!
//! 1. When a correct primary starts view w, its log holds every entry that correct replicas committed in a view below w.
//! 2. The other way round, for commits that become known later: an entry prepared in a view below w, and committed by a
//!    replica that has not gone beyond w, is in the log from which the highest started view w started.
//! 3. A view has one primary.
//! 4. A correct primary never drops what it has committed itself, as it would by choosing a wrong log for its view.
//!
//! Source: "Viewstamped Replication Revisited", section 4.2 and the argument of section 8.1: every quorum that
//! changes the view meets every quorum that made a commit.
//!
//! Commits in view w itself, or above it, need not be in the log of w: a primary whose quorum was slow to reach it may start
//! its view after a later one has started and committed more. Not checked: the logs of liars; rule 2 for views below
//! the highest that a correct primary has started.

use crate::base::ids::ReplicaId;
use crate::invariants::support::{Context, Violation, kinds, short};
use crate::protocol::observation::{EntryHash, Observation};

/// The invariant's name.
pub const NAME: &str = "vsr_view_change_safety";
pub(in crate::invariants) const INTERESTS: u128 = kinds::VIEW_STARTED | kinds::COMMITTED | kinds::TRUNCATED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct ViewChangeSafety {
    /// The views that correct primaries have started, sorted, with their primaries.
    started: Vec<(u64, ReplicaId)>,
    /// The log that the highest of them started from.
    log: Vec<EntryHash>,
}

impl ViewChangeSafety {
    pub fn reset(&mut self) {
        self.started.clear();
        self.log.clear();
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        match context.seen.what {
            Observation::ViewStarted { view, primary: true, .. } => self.started(context, view),
            Observation::Committed { op, entry } => self.committed(context, op, entry),
            Observation::Truncated { op } if context.me.primary && !context.me.loading && op < context.me.commit => {
                context.violation(
                    NAME,
                    "a primary dropped a committed entry",
                    format!("{} keeps its log up to op {}, which it has committed", context.id, context.me.commit),
                    format!("it truncated its log to op {op} for view {}", context.me.view),
                )
            }
            _ => None,
        }
    }

    fn started(&mut self, context: &Context<'_>, view: u64) -> Option<Box<Violation>> {
        let (id, me) = (context.id, context.me);
        match self.started.binary_search_by_key(&view, |started| started.0) {
            Ok(place) if self.started[place].1 != id => {
                let other = self.started[place].1;
                return context.violation_with(
                    other,
                    NAME,
                    "two primaries in one view",
                    format!("view {view} has one primary, {other}"),
                    format!("{id} started it as primary, too"),
                );
            }
            Ok(_) => {}
            Err(place) => {
                if place == self.started.len() {
                    self.log.clear();
                    self.log.extend(me.log.iter().map(|held| held.entry));
                }
                self.started.insert(place, (view, id));
            }
        }
        let lost = |op: u64, first: &crate::observers::cluster_view::CommittedEntry| {
            first.view < view && me.entry(op).is_none_or(|held| held.entry != first.entry)
        };
        let (op, first) = (1..).zip(&context.cluster_view.committed).find(|(op, first)| lost(*op, first))?;
        context.violation_with(
            first.by,
            NAME,
            "a view started without a committed entry",
            format!(
                "{id} starts view {view} with {} at op {op}, which {} committed in view {}",
                short(first.entry),
                first.by,
                first.view
            ),
            match me.entry(op) {
                Some(held) => format!("it has {} there", short(held.entry)),
                None => format!("its log ends at op {}", me.op()),
            },
        )
    }

    fn committed(&mut self, context: &Context<'_>, op: u64, entry: EntryHash) -> Option<Box<Violation>> {
        let (view, primary) = *self.started.last()?;
        let me = context.me;
        if op != context.cluster_view.committed.len() as u64 + 1 || me.view > view {
            return None;
        }
        let held = me.entry(op).filter(|held| held.entry == entry && held.view < view)?;
        let start = self.log.get(usize::try_from(op - 1).ok()?);
        if start == Some(&entry) {
            return None;
        }
        context.violation_with(
            primary,
            NAME,
            "committed past a view that started without it",
            format!("an entry of view {} that commits at op {op} is in the log of view {view}", held.view),
            match start {
                Some(other) => format!("{} committed {}; view {view} has {}", context.id, short(entry), short(*other)),
                None => format!("{} committed it; view {view} started with {} entries", context.id, self.log.len()),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use Observation as O;

    fn start(view: u64, op: u64, commit: u64) -> Observation {
        O::ViewStarted { view, op, commit, primary: true }
    }

    #[test]
    fn a_view_that_starts_with_all_that_was_committed_passes() {
        let mut script = Script::new();
        script.committed(&[0, 1], 1..=2);
        script.append(1, 3..=3);
        script.ok(1, start(1, 3, 2));
        script.commit(1, 3..=3);
        script.ok(1, Script::appended(4, 1));
        script.commit(1, 4..=4);
        script.ok(1, start(1, 4, 4));
    }

    #[test]
    fn a_late_primary_need_not_know_what_a_later_view_committed() {
        let mut script = Script::new();
        script.committed(&[0, 1], 1..=1);
        script.append(2, 1..=1);
        script.ok(2, start(2, 1, 0));
        script.commit(2, 1..=1);
        script.ok(2, Script::appended(2, 2));
        script.commit(2, 2..=2);
        script.ok(1, start(1, 1, 1));
    }

    #[test]
    fn a_view_that_starts_without_a_committed_entry_is_caught() {
        let rule = "a view started without a committed entry";
        let mut script = Script::new();
        script.committed(&[0], 1..=2);
        script.append(1, 1..=1);
        script.caught(1, start(1, 1, 0), NAME, rule);
        script.ok(2, O::Appended { op: 1, view: 1, entry: 9, parent: 0 });
        script.caught(2, start(2, 1, 0), NAME, rule);
    }

    #[test]
    fn a_commit_that_a_started_view_does_not_know_is_caught() {
        let mut script = Script::new();
        script.append(0, 1..=2);
        script.append(1, 1..=1);
        script.ok(1, start(1, 1, 0));
        script.commit(0, 1..=1);
        let rule = "committed past a view that started without it";
        script.caught(0, O::Committed { op: 2, entry: entry(2) }, NAME, rule);
    }

    #[test]
    fn a_second_primary_in_a_view_is_caught() {
        let mut script = Script::new();
        script.ok(1, start(1, 0, 0));
        script.caught(2, start(1, 0, 0), NAME, "two primaries in one view");
    }
    #[test]
    fn a_primary_that_drops_its_own_commits_is_caught_here() {
        let mut script = Script::new();
        script.committed(&[1], 1..=2);
        script.ok(1, O::StatusChanged { status: crate::Status::Normal, view: 1, primary: true });
        script.caught(1, O::Truncated { op: 1 }, NAME, "a primary dropped a committed entry");
    }
}
