//! Phase 3: crashes in the short intervals between acknowledgement, commit and view change, and restarts with a damaged
//! log.

use sim::plan::Target;
use sim::protocol::observation::{Fault, Status};
use sim::{Action, ActionKind, Mark, MessageKind, Trigger};

use crate::entry::{Entry, crash_config, five_config, with_checkpoints};
use crate::palette::Palette;
use crate::script::{Setup, after, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "crash_during_commit",
        description: "Replicas crash right after they promised, committed or executed an entry, and must come back with \
                      all that they promised.",
        faults: "crashes timed by Acknowledged, Committed and Executed; power loss",
        invariants: &["vsr_recovery_safety", "log_consistency", "durability"],
        config: || with_checkpoints(crash_config(), 8),
        palette: Palette::faults(&[
            Fault::Crash,
            Fault::PowerLoss,
            Fault::Loss,
            Fault::Delay,
            Fault::Reordering,
            Fault::DiskSlow,
            Fault::DiskError,
            Fault::Pause,
            Fault::Burst,
            Fault::ClientCrash,
        ]),
        baseline: commit,
        marks: &[Mark::Committed(40), Mark::CrashedWithUncommitted, Mark::RecoveredWith(1)],
    },
    Entry {
        name: "crash_during_view_change",
        description: "Replicas crash between the messages of a view change, old and new primaries among them.",
        faults: "crashes timed by ViewChangeStarted, DoViewChange and StartView; deposed primaries",
        invariants: &["vsr_view_change_safety", "vsr_recovery_safety", "view_monotonic"],
        config: five_config,
        palette: Palette::faults(&[
            Fault::Crash,
            Fault::PowerLoss,
            Fault::Partition,
            Fault::Cut,
            Fault::Clog,
            Fault::Loss,
            Fault::Delay,
            Fault::Pause,
            Fault::DiskSlow,
            Fault::Burst,
        ]),
        baseline: view_change,
        marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::CrashedWhile(Status::ViewChange)],
    },
    Entry {
        name: "recovery_corrupt_log",
        description: "A replica crashes with damaged records on its disk, finds them when it restarts, and gets the entries \
                      from its peers.",
        faults: "flipped bits, lost and misdirected writes just before a crash",
        invariants: &["vsr_recovery_safety", "hash_chain", "durability"],
        config: || with_checkpoints(five_config(), 16),
        palette: Palette::faults(&[
            Fault::BitFlip,
            Fault::LostWrite,
            Fault::MisdirectedWrite,
            Fault::Crash,
            Fault::PowerLoss,
            Fault::Partition,
            Fault::Loss,
            Fault::DiskError,
            Fault::Burst,
        ]),
        baseline: corrupt,
        marks: &[Mark::Committed(40), Mark::RecoveredWith(1), Mark::FoundDamage],
    },
];

fn commit(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut count = 0;
    for _ in 0..setup.draw.between(3, 5) {
        count += setup.draw.between(3, 20);
        let watch = setup.draw.pick(&[
            Trigger::Acknowledged,
            Trigger::Committed,
            Trigger::Executed,
            Trigger::Appended,
            Trigger::Delivered(MessageKind::PrepareOk),
            Trigger::Sent(MessageKind::PrepareOk),
        ]);
        let delay_max = setup.draw.pick(&[0, ms(1) / 5, ms(2)]);
        let delay = setup.draw.between(0, delay_max);
        let target = if setup.draw.chance(75) { Target::Subject } else { Target::Primary };
        let down = setup.span(20, 350);
        actions.push(after(watch, count, delay, ActionKind::Crash { target, down }));
    }
    if setup.draw.chance(25) {
        let down = setup.span(20, 200);
        actions.push(after(Trigger::Committed, setup.draw.between(10, 90), 0, ActionKind::PowerLoss { down }));
    }
    actions
}

fn view_change(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = setup.depose_primaries(3);
    let moments = [
        Trigger::ViewChangeStarted,
        Trigger::Sent(MessageKind::DoViewChange),
        Trigger::Delivered(MessageKind::DoViewChange),
        Trigger::Sent(MessageKind::StartView),
        Trigger::Delivered(MessageKind::StartView),
        Trigger::ViewStarted,
    ];
    // The first two triggers precede the new view, the others follow it. One of the first two is always used.
    for (moments, crashes, count_max) in [(&moments[..2], 1, 3), (&moments[..], setup.draw.between(1, 3), 6)] {
        for _ in 0..crashes {
            let watch = setup.draw.pick(moments);
            let delay = if crashes == 1 || setup.draw.chance(60) { 0 } else { setup.draw.between(0, ms(1)) };
            let count = setup.draw.between(1, count_max);
            let down = setup.span(20, 300);
            actions.push(after(watch, count, delay, ActionKind::Crash { target: Target::Subject, down }));
        }
    }
    actions
}

fn corrupt(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let target = setup.anyone();
    // The damage budget allows one zone per replica, and two of five replicas. By convention, the first zone is the
    // log.
    let zone = 0;
    let mut time = setup.span(150, 350);
    for _ in 0..setup.draw.between(1, 3) {
        for _ in 0..setup.draw.between(2, 4) {
            let record = setup.draw.below(6) as u16;
            let bit = setup.draw.below(1 << 12) as u16;
            let what = match setup.draw.below(5) {
                0..3 => ActionKind::BitFlip { target, zone, record, bit },
                3 => ActionKind::LostWrite { target, zone, record },
                _ => ActionKind::MisdirectedWrite { target, zone, record, away: 1 + bit % 8 },
            };
            actions.push(at(time, what));
        }
        let down = setup.span(10, 250);
        actions.push(at(time + setup.draw.between(0, ms(3)), ActionKind::Crash { target, down }));
        time += down + setup.span(150, 400);
    }
    if setup.draw.chance(30) {
        actions.extend(setup.depose_primaries(1));
    }
    actions
}
