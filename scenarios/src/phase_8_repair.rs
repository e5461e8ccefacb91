//! Phase 8: repair and timeouts. Falling behind costs the cluster little, and standing still ends by itself.
//!
//! Not runnable yet, but for `repair_sync_timeout`: the protocol lacks what the others are about.

use sim::observation::Fault;
use sim::plan::Target;
use sim::spec::{Cluster, Workload};
use sim::{Action, Config, Mark, ReplicaId, Watch, What};

use crate::entry::{Entry, Run, crash_config};
use crate::palette::Palette;
use crate::script::{Setup, after, after_first_at, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "repair_budget_prevents_storm",
        description: "Several replicas miss many entries at once, and their requests for them stay within a budget.",
        faults: "replicas that come back together after a long absence",
        invariants: &["resource_limits", "liveness"],
        run: None,
    },
    Entry {
        name: "repair_ewma_selection",
        description: "Some peers are slow, and a replica learns to ask the fast ones.",
        faults: "peers with steadily slow links",
        invariants: &["liveness", "log_consistency"],
        run: None,
    },
    Entry {
        name: "repair_sync_timeout",
        description: "A replica misses what the others have dropped from their logs; after a timeout it stops asking for \
                      entries and takes over a whole state.",
        faults: "a replica that is away for a long time; crashes around checkpoints and transfers, damaged checkpoints",
        invariants: &["state_transfer", "liveness", "vsr_recovery_safety", "exactly_once"],
        run: Some(Run {
            config: sync_config,
            palette: Palette::faults(&[
                Fault::Partition,
                Fault::Cut,
                Fault::Crash,
                Fault::PowerLoss,
                Fault::Loss,
                Fault::Delay,
                Fault::Pause,
                Fault::DiskSlow,
                Fault::DiskError,
                Fault::BitFlip,
                Fault::LostWrite,
                Fault::Burst,
                Fault::DuplicateRequest,
            ]),
            baseline: left_behind,
            marks: &[
                Mark::Committed(40),
                Mark::StateTransferStarted,
                Mark::StateInstalled,
                Mark::CommittedAfterTransfer,
            ],
        }),
    },
    Entry {
        name: "primary_abdicate_partition",
        description: "A primary that has lost its quorum steps down, and the others go on without it.",
        faults: "a primary partitioned from the majority",
        invariants: &["liveness", "vsr_view_change_safety"],
        run: None,
    },
    Entry {
        name: "commit_stall_detection",
        description: "A primary is alive but commits nothing any more; the backups notice and replace it.",
        faults: "a primary whose Prepares do not get through",
        invariants: &["liveness", "vsr_view_change_safety"],
        run: None,
    },
];

/// A checkpoint every 8 ops, and a ring of the log that is little longer than it has to be.
fn sync_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { checkpoint_interval: 8, log_slots: 32, ..config.cluster },
        workload: Workload { requests: 90, ..config.workload },
        heal_at: 2400 * sim::time::MILLISECOND,
        ..config
    }
}

/// 1. A replica is away for so long that the others have dropped what it misses.
/// 2. It comes back and gets a state; and sometimes it, or whoever has just made a checkpoint, crashes over it.
/// 3. Now and then a checkpoint is damaged, or a disk is so slow that the log outruns the checkpoints.
fn left_behind(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let everyone = setup.everyone();
    let behind = everyone[0];
    let target = Target::Replica(behind);
    let leave = setup.span(60, 200);
    let away = setup.span(900, 1200);
    let duration = away;
    let absence = match setup.draw.below(8) {
        0..4 => What::Isolate { target, duration },
        // A primary that hears nothing and is heard would let everybody wait.
        4 | 5 if behind != ReplicaId(0) => What::Cut { target, outgoing: false, duration },
        _ => What::Crash { target, down: away },
    };
    actions.push(at(leave, absence));
    let back = leave + away;
    match setup.draw.below(8) {
        0 => actions.push(crash_over(setup, behind, Watch::StateTransferStarted)),
        1 => actions.push(crash_over(setup, behind, Watch::StateInstalled)),
        2 | 3 => {
            let down = setup.span(20, 150);
            let (count, delay) = (setup.draw.between(4, 14), setup.draw.between(0, ms(1)));
            actions.push(after(Watch::Checkpointed, count, delay, What::Crash { target: Target::Subject, down }));
        }
        4 => actions.push(at(back + setup.span(0, 200), setup.depose(Target::Primary))),
        5 => actions.extend(damage(setup, everyone[1], back)),
        6 => actions.extend(slow_disk(setup, everyone[2], back)),
        _ => {}
    }
    actions
}

/// Crashes a replica just after it asked for a state, or has it.
fn crash_over(setup: &mut Setup<'_>, replica: ReplicaId, watch: Watch) -> Action {
    let delay_max = setup.draw.pick(&[0, ms(1), ms(6)]);
    let delay = setup.draw.between(0, delay_max);
    let down = setup.span(20, 200);
    after_first_at(replica, watch, delay, What::Crash { target: Target::Replica(replica), down })
}

/// Flips a bit in the checkpoint of a replica, which then restarts. By convention, checkpoints are the fifth zone.
fn damage(setup: &mut Setup<'_>, replica: ReplicaId, time: u64) -> Vec<Action> {
    let target = Target::Replica(replica);
    let time = time + setup.span(150, 350);
    let mut actions = Vec::new();
    for record in 0..3 {
        let bit = setup.draw.below(1 << 10) as u16;
        actions.push(at(time, What::BitFlip { target, zone: 4, record, bit }));
    }
    let down = setup.span(20, 150);
    actions.push(at(time + setup.draw.between(0, ms(2)), What::Crash { target, down }));
    actions
}

/// A disk cannot keep up, while clients are in a hurry; then its replica crashes.
fn slow_disk(setup: &mut Setup<'_>, replica: ReplicaId, time: u64) -> Vec<Action> {
    let target = Target::Replica(replica);
    let (extra, duration, down) = (setup.span(60, 200), setup.span(300, 500), setup.span(20, 150));
    let mut actions = vec![at(time + ms(50), What::DiskSlow { target, extra, duration })];
    for client in 0..setup.config.workload.clients {
        actions.push(at(time + ms(60), What::Burst { client: sim::ClientId(client), requests: 12 }));
    }
    actions.push(at(time + ms(50) + duration - setup.span(0, 200), What::Crash { target, down }));
    actions
}
