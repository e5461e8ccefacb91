//! Phase 4: gray failures, which are hard to distinguish from normal operation: a slow disk, an unreliable network.

use sim::protocol::observation::{DropReason, Fault};
use sim::{Action, ActionKind, Config, Mark};

use crate::entry::{Entry, crash_config};
use crate::palette::Palette;
use crate::script::{Setup, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "gray_failure_slow_disk",
        description: "Disks take up to seconds for what takes a millisecond, and the cluster goes on without the slow ones.",
        faults: "latency spikes of more than a second on one disk, smaller ones on others",
        invariants: &["liveness", "durability", "vsr_agreement"],
        config: slow_config,
        palette: Palette::faults(&[
            Fault::DiskSlow,
            Fault::DiskError,
            Fault::DiskFull,
            Fault::Pause,
            Fault::Delay,
            Fault::Crash,
            Fault::Burst,
            Fault::DuplicateRequest,
        ]),
        baseline: slow_disk,
        marks: &[Mark::Committed(40), Mark::Injected(Fault::DiskSlow, 2)],
    },
    Entry {
        name: "gray_failure_intermittent_network",
        description: "For moments the network loses, doubles, reorders and damages messages, and then is well again.",
        faults: "loss, duplication, reordering, delays, damaged messages",
        invariants: &["vsr_agreement", "message_deduplication", "exactly_once", "liveness"],
        config: crash_config,
        palette: Palette::faults(&[
            Fault::Loss,
            Fault::Duplication,
            Fault::Reordering,
            Fault::Delay,
            Fault::Cut,
            Fault::Clog,
            Fault::Burst,
            Fault::DuplicateRequest,
            Fault::Garbling,
        ]),
        baseline: flaky_network,
        marks: &[
            Mark::Committed(40),
            Mark::Dropped(DropReason::Lost),
            Mark::Injected(Fault::Duplication, 1),
            Mark::Injected(Fault::Reordering, 1),
            Mark::Dropped(DropReason::Garbled),
        ],
    },
];

fn slow_config() -> Config {
    Config { heal_at: ms(3_000), ..crash_config() }
}

fn slow_disk(setup: &mut Setup<'_>) -> Vec<Action> {
    let slow = setup.anyone();
    let mut actions = Vec::new();
    for begin in [setup.span(40, 200), setup.span(1_000, 1_500)] {
        let (extra, duration) = (setup.span(1_000, 1_800), setup.span(300, 900));
        actions.push(at(begin, ActionKind::DiskSlow { target: slow, extra, duration }));
    }
    for _ in 0..setup.draw.between(1, 3) {
        let (begin, target) = (setup.span(50, 1_500), setup.anyone());
        let (extra, duration) = (setup.span(5, 150), setup.span(100, 600));
        actions.push(at(begin, ActionKind::DiskSlow { target, extra, duration }));
    }
    actions
}

fn flaky_network(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut begin = setup.span(20, 100);
    for _ in 0..3 {
        let per_mille = setup.draw.between(50, 350) as u16;
        let duration = setup.span(100, 400);
        actions.push(at(begin, ActionKind::Loss { per_mille, duration }));
        let (per_mille, duration) = (setup.draw.between(50, 500) as u16, setup.span(100, 400));
        actions.push(at(begin + setup.span(0, 100), ActionKind::Duplicate { per_mille, duration }));
        let (per_mille, duration) = (setup.draw.between(100, 800) as u16, setup.span(100, 400));
        actions.push(at(begin + setup.span(0, 100), ActionKind::Reorder { per_mille, duration }));
        begin += setup.span(250, 500);
    }
    let (target, per_mille, duration) = (setup.anyone(), setup.draw.between(50, 400) as u16, setup.span(200, 600));
    actions.push(at(setup.span(20, 1_000), ActionKind::Garble { target, per_mille, duration }));
    actions
}
