//! Phase 5: races between view changes, and between a view change and a commit.

use sim::observation::Fault;
use sim::plan::Target;
use sim::{Action, Mark, MessageKind, ReplicaSet, Watch, What};

use crate::entry::{Entry, Run, crash_config, five_config};
use crate::palette::Palette;
use crate::script::{Setup, after, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "race_concurrent_view_changes",
        description: "Partitions that shift in the middle of a view change make parts of the cluster aim at different views \
                      at the same time; one of them wins.",
        faults: "shifting partitions, one-way cuts",
        invariants: &["vsr_view_change_safety", "vsr_agreement", "view_monotonic"],
        run: Some(Run {
            config: five_config,
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
            ]),
            baseline: concurrent,
            marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::ConcurrentViewChanges],
        }),
    },
    Entry {
        name: "race_commit_during_dvc",
        description: "What the old primary needs to commit arrives while the others are already changing the view.",
        faults: "a primary that goes unheard, or whose mail is held back, until a view change is under way",
        invariants: &["vsr_view_change_safety", "vsr_agreement", "durability"],
        run: Some(Run {
            config: crash_config,
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
            ]),
            baseline: commit_late,
            marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::CommittedDuringViewChange],
        }),
    },
];

/// A set of so many replicas, the first of a random order.
fn some(setup: &mut Setup<'_>, count: usize) -> ReplicaSet {
    let mut side = ReplicaSet::default();
    for replica in setup.everyone().into_iter().take(count) {
        side.insert(replica);
    }
    side
}

fn concurrent(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut time = setup.span(60, 200);
    for _ in 0..setup.draw.between(3, 4) {
        let count = setup.draw.between(2, 3) as usize;
        let side = some(setup, count);
        let duration = setup.span(220, 420);
        actions.push(at(time, What::Partition { side, duration }));
        if setup.draw.chance(60) {
            // The primary, too, is cut off from its side: nobody is content.
            let duration = duration + setup.span(0, 100);
            actions.push(at(time + setup.span(0, 30), What::Isolate { target: Target::Primary, duration }));
        }
        time += duration + setup.span(0, 120);
    }
    if setup.draw.chance(50) {
        let (count, delay) = (setup.draw.between(1, 4), setup.draw.between(0, ms(2)));
        let duration = setup.span(100, 350);
        let cut = What::Cut { target: Target::Subject, outgoing: true, duration };
        actions.push(after(Watch::Sent(MessageKind::StartView), count, delay, cut));
    }
    actions
}

fn commit_late(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut time = setup.span(60, 200);
    let timeout = setup.config.cluster.view_change_timeout;
    for _ in 0..3 {
        let target = Target::Primary;
        let duration = timeout + setup.draw.between(0, timeout);
        if setup.draw.chance(60) {
            // Its mail is held back, both ways; what is in it comes out in the middle of the view change.
            let early = setup.span(0, 10);
            actions.push(at(time + early, What::Clog { target, outgoing: true, duration: duration + ms(60) }));
            actions.push(at(time, What::Clog { target, outgoing: false, duration }));
        } else {
            // It is heard no more, but hears: the last acknowledgements come in late.
            let extra = setup.span(150, 300);
            actions.push(at(time, What::Delay { target, extra, duration: duration / 2 }));
            actions.push(at(time + setup.span(1, 20), What::Cut { target, outgoing: true, duration }));
        }
        time += duration + setup.span(100, 250);
    }
    actions
}
