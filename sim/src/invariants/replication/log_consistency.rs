//! Log consistency: a replica's log is what it says, and one view prepares one entry at one op.
//!
//! 1. Entries are appended at the end of the log, and their views never decrease along it.
//! 2. A normal replica appends no entry of a view above its own; neither does a replica start a view, or acknowledge
//!    anything, with an entry of a later view in its log.
//! 3. A replica acknowledges what stands in its log, and a view starts with a log that ends where it says.
//! 4. Where two correct replicas hold an entry of the same view at the same op, it is the same entry, unless that view's
//!    primary lies (view-stamps are unique).
//!
//! Source: "Viewstamped Replication Revisited", sections 4.1 (op numbers and view numbers are assigned by one primary a
//! view, in order) and 4.2; the user's Bugs #4 and 3.1.
//! Not checked: rule 4 against entries that no correct replica holds any more; rule 2 while a replica reads its disk.

use crate::base::ids::ReplicaId;
use crate::invariants::support::{Context, Violation, kinds, short};
use crate::protocol::observation::{EntryHash, Observation, Status};

/// The invariant's name.
pub const NAME: &str = "log_consistency";
pub(in crate::invariants) const INTERESTS: u128 = kinds::APPENDED | kinds::VIEW_STARTED | kinds::ACKNOWLEDGED;

const LATER_VIEW: &str = "an entry from a later view";

pub(in crate::invariants) fn observe(context: &Context<'_>) -> Option<Box<Violation>> {
    match context.seen.what {
        Observation::Appended { op, view, entry, .. } => appended(context, op, view, entry),
        Observation::ViewStarted { view, op, .. } => started(context, view, op),
        Observation::Acknowledged { view, op, entry } => acknowledged(context, view, op, entry),
        _ => None,
    }
}

fn appended(context: &Context<'_>, op: u64, view: u64, entry: EntryHash) -> Option<Box<Violation>> {
    let (id, me) = (context.id, context.me);
    if op != me.op() + 1 {
        return context.violation(
            NAME,
            "an entry is out of its place",
            format!("{id} appends op {} next", me.op() + 1),
            format!("it appended an entry that says op {op}"),
        );
    }
    if let Some(last) = me.log.last()
        && last.view > view
    {
        return context.violation(
            NAME,
            "the views of entries decrease",
            format!("the entry at op {op} was prepared in view {} or later, like the one before it", last.view),
            format!("{id} appended an entry of view {view}"),
        );
    }
    if me.status == Status::Normal && !me.loading && view > me.view {
        return context.violation(
            NAME,
            LATER_VIEW,
            format!("{id}, in view {}, appends no entry of a later view", me.view),
            format!("it appended an entry of view {view} at op {op}"),
        );
    }
    unique(context, op, view, entry)
}

/// Rule 4. The logs themselves are the table of what each view prepared: n - 1 look-ups, and nothing to remember.
fn unique(context: &Context<'_>, op: u64, view: u64, entry: EntryHash) -> Option<Box<Violation>> {
    let replicas = context.cluster_view.replicas.len() as u64;
    let index = usize::try_from(op - 1).ok()?;
    for (other, state) in context.cluster_view.correct_replicas() {
        if let Some(held) = state.log.get(index)
            && held.view == view
            && held.entry != entry
            && other != context.id
        {
            let primary = ReplicaId((view % replicas) as u8);
            if !context.cluster_view.correct(primary) {
                return None;
            }
            return context.violation_with(
                other,
                NAME,
                "two entries for one view and op",
                format!("view {view} prepared one entry at op {op}: {other} has {}", short(held.entry)),
                format!("{} appended {}", context.id, short(entry)),
            );
        }
    }
    None
}

fn started(context: &Context<'_>, view: u64, op: u64) -> Option<Box<Violation>> {
    let (id, me) = (context.id, context.me);
    if op != me.op() {
        return context.violation(
            NAME,
            "the log does not end where it says",
            format!("{id} starts view {view} with a log that ends at op {op}, as it says"),
            format!("its log ends at op {}", me.op()),
        );
    }
    let last = me.log.last().filter(|last| last.view > view)?;
    context.violation(
        NAME,
        LATER_VIEW,
        format!("{id} starts view {view} with entries of that view and of earlier ones"),
        format!("the last entry of its log is of view {}", last.view),
    )
}

fn acknowledged(context: &Context<'_>, view: u64, op: u64, entry: EntryHash) -> Option<Box<Violation>> {
    let (id, me) = (context.id, context.me);
    match me.entry(op) {
        Some(held) if held.entry != entry => context.violation(
            NAME,
            "acknowledges another entry than its log has",
            format!("{id} acknowledges {} at op {op}, as its log says", short(held.entry)),
            format!("it acknowledged {}", short(entry)),
        ),
        Some(held) if held.view > view => context.violation(
            NAME,
            LATER_VIEW,
            format!("{id} acknowledges in view {view} entries of that view and of earlier ones"),
            format!("it acknowledged op {op} with an entry of view {}", held.view),
        ),
        Some(_) => None,
        None => context.violation(
            NAME,
            "acknowledges what it does not hold",
            format!("{id} acknowledges at most op {}, where its log ends", me.op()),
            format!("it acknowledged op {op}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use Observation as O;

    fn normal(view: u64) -> Observation {
        O::StatusChanged { status: Status::Normal, view, primary: false }
    }

    #[test]
    fn an_ordinary_log_passes() {
        let mut script = Script::new();
        script.ok(0, normal(0));
        script.append(0, 1..=2);
        script.append(1, 1..=2);
        script.ok(0, O::Acknowledged { view: 0, op: 2, entry: entry(2) });
        script.ok(0, O::ViewChangeStarted { view: 3 });
        script.ok(0, Script::appended(3, 2));
        script.ok(0, O::ViewStarted { view: 3, op: 3, commit: 0, primary: true });
        script.ok(0, Script::appended(4, 3));
    }

    #[test]
    fn entries_out_of_place_or_of_the_wrong_view_are_caught() {
        let mut script = Script::new();
        script.ok(0, O::ViewStarted { view: 2, op: 0, commit: 0, primary: true });
        script.ok(0, Script::appended(1, 1));
        script.caught(0, Script::appended(3, 1), NAME, "an entry is out of its place");

        let mut script = Script::new();
        script.ok(0, O::ViewStarted { view: 2, op: 0, commit: 0, primary: true });
        script.ok(0, Script::appended(1, 1));
        script.caught(0, Script::appended(2, 0), NAME, "the views of entries decrease");

        let mut script = Script::new();
        script.ok(0, normal(2));
        script.caught(0, Script::appended(1, 3), NAME, LATER_VIEW);
    }

    #[test]
    fn what_a_new_view_starts_with_fits_what_it_says() {
        let start = |view, op| O::ViewStarted { view, op, commit: 0, primary: false };
        let mut script = Script::new();
        script.append(0, 1..=2);
        script.caught(0, start(1, 3), NAME, "the log does not end where it says");

        let mut script = Script::new();
        script.ok(0, O::ViewChangeStarted { view: 1 });
        script.ok(0, Script::appended(1, 2));
        script.caught(0, start(1, 1), NAME, LATER_VIEW);
    }

    #[test]
    fn false_acknowledgements_are_caught() {
        let mut script = Script::new();
        script.append(0, 1..=1);
        let acknowledged = |view, op, entry| O::Acknowledged { view, op, entry };
        script.caught(0, acknowledged(0, 2, entry(2)), NAME, "acknowledges what it does not hold");
        script.caught(0, acknowledged(0, 1, entry(2)), NAME, "acknowledges another entry than its log has");

        let mut script = Script::new();
        script.ok(0, O::ViewChangeStarted { view: 3 });
        script.ok(0, Script::appended(1, 3));
        script.caught(0, acknowledged(2, 1, entry(1)), NAME, LATER_VIEW);
    }

    #[test]
    fn two_entries_for_one_view_and_op_are_caught_unless_the_primary_lies() {
        let other = O::Appended { op: 2, view: 0, entry: 9, parent: entry(1) };
        let mut script = Script::new();
        script.append(0, 1..=2);
        script.append(1, 1..=1);
        script.caught(1, other, NAME, "two entries for one view and op");

        let mut script = Script::with_liar(0);
        script.append(2, 1..=2);
        script.append(1, 1..=1);
        script.ok(1, other);
    }
}
