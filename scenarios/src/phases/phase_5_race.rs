//! Phase 5: races between view changes, and between a view change and a commit.

use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, Mark, MessageKind, ReplicaId, ReplicaSet, Trigger};

use crate::entry::{Entry, crash_config, five_config, with_checkpoints};
use crate::palette::Palette;
use crate::script::{Setup, after, after_first_at, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "race_concurrent_view_changes",
        description: "Partitions that shift in the middle of a view change make parts of the cluster aim at different views \
                      at the same time; one of them wins.",
        faults: "shifting partitions, one-way cuts",
        invariants: &["vsr_view_change_safety", "vsr_agreement", "view_monotonic"],
        config: || with_checkpoints(five_config(), 8),
        palette: Palette::faults(&[
            Fault::Partition,
            Fault::Cut,
            Fault::Clog,
            Fault::Delay,
            Fault::Loss,
            Fault::Reordering,
            Fault::Duplication,
            Fault::Crash,
            Fault::Pause,
            Fault::Burst,
            Fault::Garbling,
        ]),
        baseline: concurrent,
        marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::ConcurrentViewChanges],
    },
    Entry {
        name: "race_commit_during_dvc",
        description: "ActionKind the old primary needs to commit arrives while the others are already changing the view.",
        faults: "a primary that goes unheard, or whose mail is held back, until a view change is under way",
        invariants: &["vsr_view_change_safety", "vsr_agreement", "durability"],
        config: || with_checkpoints(crash_config(), 8),
        palette: Palette::faults(&[
            Fault::Clog,
            Fault::Cut,
            Fault::Partition,
            Fault::Delay,
            Fault::Loss,
            Fault::Reordering,
            Fault::Duplication,
            Fault::Pause,
            Fault::Crash,
            Fault::Burst,
            Fault::Garbling,
        ]),
        baseline: commit_late,
        marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::CommittedDuringViewChange],
    },
];

/// A set of `count` random replicas.
fn some(setup: &mut Setup<'_>, count: usize) -> ReplicaSet {
    let mut side = ReplicaSet::default();
    for replica in setup.everyone().into_iter().take(count) {
        side.insert(replica);
    }
    side
}

/// The script begins as follows; then partitions change at random.
///
/// 1. The primary is deposed, and the others enter view 1.
/// 2. The primary of view 1 is cut off at that moment. It does not receive the DoViewChanges.
/// 3. The others time out again and enter view 2.
fn concurrent(setup: &mut Setup<'_>) -> Vec<Action> {
    let begin = setup.span(60, 200);
    let (long, longer) = (setup.long_absence(), setup.long_absence() + setup.long_absence());
    let mut actions = vec![at(begin, setup.depose(Target::Primary))];
    let delay = setup.draw.between(0, ms(1));
    let next = ReplicaId(1);
    let cut_off = ActionKind::Isolate { target: Target::Subject, duration: longer };
    actions.push(after_first_at(next, Trigger::ViewChangeStarted, delay, cut_off));
    let mut time = begin + long + setup.span(300, 500);
    for _ in 0..setup.draw.between(1, 3) {
        let count = setup.draw.between(2, 3) as usize;
        let side = some(setup, count);
        let duration = setup.span(220, 420);
        actions.push(at(time, ActionKind::Partition { side, duration }));
        if setup.draw.chance(50) {
            // The primary is cut off from its own side as well, so that neither side has a working primary.
            let duration = duration + setup.span(0, 100);
            actions.push(at(time + setup.span(0, 30), ActionKind::Isolate { target: Target::Primary, duration }));
        }
        time += duration + setup.span(0, 120);
    }
    if setup.draw.chance(50) {
        let (count, delay) = (setup.draw.between(1, 4), setup.draw.between(0, ms(2)));
        let duration = setup.span(100, 350);
        let cut = ActionKind::Cut { target: Target::Subject, outgoing: true, duration };
        actions.push(after(Trigger::Sent(MessageKind::StartView), count, delay, cut));
    }
    actions
}

/// Twice the following:
///
/// 1. Messages to the primary are held back, mainly `PrepareOk`s.
/// 2. Messages from the primary are lost.
/// 3. The others start a view change, during which one of them pauses.
/// 4. The `PrepareOk`s reach the old primary, and it commits.
fn commit_late(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let target = Target::Primary;
    let timeout = setup.config.cluster.view_change_timeout;
    let mut time = setup.span(60, 200);
    // Two replicas begin the first view change, and the old primary joins them late. So the next view change begins
    // with the fourth event.
    for first in [1, 4] {
        let quiet = setup.span(60, 110);
        let late = quiet + timeout * 3 / 2 + setup.span(30, 120);
        actions.push(at(time, ActionKind::Clog { target, outgoing: false, duration: late }));
        actions.push(at(time + quiet, ActionKind::Cut { target, outgoing: true, duration: late }));
        for count in [first, first + 1] {
            if count == first || setup.draw.chance(50) {
                let asleep = ActionKind::Pause { target: Target::Subject, duration: setup.span(180, 300) };
                let delay = setup.draw.between(0, ms(1) / 2);
                actions.push(after(Trigger::ViewChangeStarted, count, delay, asleep));
            }
        }
        time += quiet + late + setup.span(200, 400);
    }
    actions
}
