//! Phase 8: repair and timeouts. A replica that falls behind costs the cluster little, and a cluster without progress
//! recovers by itself.

use sim::base::time::Time;
use sim::config::spec::{Cluster, Workload};
use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, Config, Mark, ReplicaId, ReplicaSet, Trigger};

use crate::entry::{Entry, crash_config};
use crate::palette::Palette;
use crate::script::{Setup, after, after_first_at, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "repair_budget_prevents_storm",
        description: "Several replicas miss many entries at once, and their requests for them stay within a budget.",
        faults: "two of five replicas cut off for long and back at the same time, loss when they return",
        invariants: &["repair_budget", "resource_limits", "liveness"],
        config: storm_config,
        palette: Palette::faults(&[
            Fault::Partition,
            Fault::Cut,
            Fault::Loss,
            Fault::Delay,
            Fault::Duplication,
            Fault::Reordering,
            Fault::Pause,
            Fault::Burst,
        ]),
        baseline: storm,
        marks: &[Mark::Committed(150), Mark::ConcurrentRepairs(2), Mark::RepairsRequested(20)],
    },
    Entry {
        name: "repair_ewma_selection",
        description: "Some peers are slow, and a replica that misses entries learns to ask the fast ones.",
        faults: "two of six replicas with steadily slow links, another one cut off again and again",
        invariants: &["repair_efficiency", "repair_budget", "liveness", "log_consistency"],
        config: slow_peers_config,
        palette: Palette::faults(&[Fault::Delay, Fault::Cut, Fault::Partition, Fault::Pause, Fault::Burst]),
        baseline: slow_peers,
        marks: &[Mark::Committed(200), Mark::RepairsRequested(80), Mark::RepairsAmongSlowPeers(30)],
    },
    Entry {
        name: "repair_sync_timeout",
        description: "A replica misses what the others have dropped from their logs; after a timeout it stops asking for \
                      entries and takes over a whole state.",
        faults: "a replica that is away for a long time; crashes around checkpoints and transfers, damaged checkpoints",
        invariants: &["state_transfer", "liveness", "vsr_recovery_safety", "exactly_once"],
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
        marks: &[Mark::Committed(40), Mark::StateTransferStarted, Mark::StateInstalled, Mark::CommittedAfterTransfer],
    },
    Entry {
        name: "primary_abdicate_partition",
        description: "A primary that has lost its quorum steps down, and the others go on without it while it is cut off.",
        faults: "a primary partitioned from the majority, alone, with the one whose turn is next, or deaf but still heard",
        invariants: &["primary_abdication", "availability", "liveness", "vsr_view_change_safety"],
        config: abdication_config,
        palette: Palette::faults(&[
            Fault::Partition,
            Fault::Cut,
            Fault::Clog,
            Fault::Delay,
            Fault::Crash,
            Fault::Pause,
            Fault::DiskFull,
            Fault::Burst,
        ]),
        baseline: lose_the_quorum,
        marks: &[Mark::Committed(80), Mark::ViewsStarted(1), Mark::Abdicated, Mark::MovedOn(10)],
    },
    Entry {
        name: "commit_stall_detection",
        description: "A primary is alive and heard but commits nothing any more; the backups notice and replace it, and do \
                      not replace one because of a single backup that hears nothing.",
        faults: "a backup that is deaf for a while, then the other one, then the primary, or a primary whose mail is held",
        invariants: &["availability", "needless_view_change", "liveness", "vsr_view_change_safety"],
        config: stall_config,
        palette: Palette::faults(&[
            Fault::Cut,
            Fault::Clog,
            Fault::Partition,
            Fault::Crash,
            Fault::Pause,
            Fault::DiskSlow,
            Fault::DiskFull,
            Fault::Burst,
        ]),
        baseline: stall,
        marks: &[Mark::Committed(80), Mark::ViewsStarted(1), Mark::CommitStalled, Mark::MovedOn(10)],
    },
];

/// Many requests, and repairs of a few entries each.
fn storm_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster {
            replicas: 5,
            replication_quorum: 3,
            view_change_quorum: 3,
            repair_entries: 4,
            view_change_timeout: ms(300),
            ..config.cluster
        },
        workload: Workload { clients: 8, requests: 240, think_min: ms(10), think_max: ms(60), ..config.workload },
        heal_at: ms(2_500),
        ..config
    }
}
/// A checkpoint every 8 ops, and a log ring that is little longer than the minimum.
fn sync_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { checkpoint_interval: 8, log_slots: 32, ..config.cluster },
        workload: Workload { requests: 90, ..config.workload },
        heal_at: 2400 * sim::base::time::MILLISECOND,
        ..config
    }
}

/// Two backups are cut off together. After they return, some of their repair messages are lost.
fn storm(setup: &mut Setup<'_>) -> Vec<Action> {
    let (begin, away) = (setup.span(60, 150), setup.span(450, 700));
    let side = backups(setup, 2);
    let (per_mille, duration) = (setup.draw.between(100, 300) as u16, setup.span(100, 250));
    vec![
        at(begin, ActionKind::Partition { side, duration: away }),
        at(begin + away, ActionKind::Loss { per_mille, duration }),
    ]
}

/// `count` random replicas other than the primary of view 0.
fn backups(setup: &mut Setup<'_>, count: usize) -> ReplicaSet {
    let mut side = ReplicaSet::default();
    for replica in setup.everyone().into_iter().filter(|replica| replica.0 != 0).take(count) {
        side.insert(replica);
    }
    side
}

/// Six replicas, so that three fast ones are a quorum while two are slow and one is absent. Each entry is requested
/// separately.
fn slow_peers_config() -> Config {
    let config = storm_config();
    Config {
        cluster: Cluster {
            replicas: 6,
            replication_quorum: 3,
            view_change_quorum: 4,
            repair_entries: 1,
            repair_explore: 8,
            view_change_timeout: ms(500),
            ..config.cluster
        },
        workload: Workload { requests: 360, ..config.workload },
        ..config
    }
}

/// One backup is cut off and returns twice: first among equally fast peers, so that it measures them, then among peers
/// of which two are slow.
fn slow_peers(setup: &mut Setup<'_>) -> Vec<Action> {
    let order: Vec<ReplicaId> = setup.everyone().into_iter().filter(|replica| replica.0 != 0).collect();
    let target = Target::Replica(order[0]);
    let (begin, away) = (setup.span(60, 120), setup.span(400, 500));
    let mut actions = vec![at(begin, ActionKind::Isolate { target, duration: away })];
    // By then it has caught up.
    let again = begin + away + setup.span(200, 250);
    for slow in &order[1..3] {
        let (extra, duration) = (setup.span(100, 200), setup.span(1_400, 1_800));
        actions.push(at(again, ActionKind::Delay { target: Target::Replica(*slow), extra, duration }));
    }
    actions.push(at(again + setup.span(0, 20), ActionKind::Isolate { target, duration: setup.span(450, 600) }));
    actions
}

/// Short timeouts of replicas and clients, and requests for a long time.
fn short_timeouts_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { heartbeat: ms(30), view_change_timeout: ms(120), ..config.cluster },
        workload: Workload {
            clients: 4,
            requests: 160,
            think_min: ms(20),
            think_max: ms(140),
            timeout: ms(90),
            ..config.workload
        },
        heal_at: ms(5_000),
        ..config
    }
}

fn abdication_config() -> Config {
    let config = short_timeouts_config();
    Config {
        cluster: Cluster {
            replicas: 5,
            replication_quorum: 3,
            view_change_quorum: 3,
            abdicate_timeout: ms(150),
            ..config.cluster
        },
        ..config
    }
}

/// Longer than the others may take to become available again.
fn very_long(setup: &mut Setup<'_>) -> Time {
    setup.span(2_200, 2_700)
}

fn lose_the_quorum(setup: &mut Setup<'_>) -> Vec<Action> {
    let (begin, duration) = (setup.span(80, 400), very_long(setup));
    let what = match setup.draw.below(4) {
        0 | 1 => ActionKind::Isolate { target: Target::Primary, duration },
        2 => ActionKind::Cut { target: Target::Primary, outgoing: false, duration },
        // The primaries of the first two views.
        _ => ActionKind::Partition { side: ReplicaSet(0b11), duration },
    };
    vec![at(begin, what)]
}

fn stall_config() -> Config {
    let config = short_timeouts_config();
    Config { cluster: Cluster { commit_stall_timeout: ms(200), ..config.cluster }, ..config }
}

/// Each of two backups loses its incoming messages for a while, not at the same time, and votes for a view change. Then
/// the primary loses its incoming messages.
fn stall(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut begin = setup.span(60, 150);
    for backup in backups(setup, 2).iter() {
        let duration = setup.span(250, 350);
        actions.push(at(begin, ActionKind::Cut { target: Target::Replica(backup), outgoing: false, duration }));
        begin += duration + setup.span(500, 600);
    }
    let (target, duration) = (Target::Primary, very_long(setup));
    actions.push(if setup.draw.chance(60) {
        at(begin, ActionKind::Cut { target, outgoing: false, duration })
    } else {
        at(begin, ActionKind::Clog { target, outgoing: false, duration })
    });
    actions
}
/// The script does the following:
///
/// 1. A replica is absent for so long that the others have dropped what it misses.
/// 2. It returns and gets a state. In some runs it crashes during that, or a replica that has just written a checkpoint
///    does.
/// 3. In some runs a checkpoint is damaged, or a disk is so slow that the log outruns the checkpoints.
fn left_behind(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let everyone = setup.everyone();
    let behind = everyone[0];
    let target = Target::Replica(behind);
    let leave = setup.span(60, 200);
    let away = setup.span(900, 1200);
    let duration = away;
    let absence = match setup.draw.below(8) {
        0..4 => ActionKind::Isolate { target, duration },
        // Not the primary: if it lost its incoming messages only, it would not be replaced, and the whole cluster would
        // wait.
        4 | 5 if behind != ReplicaId(0) => ActionKind::Cut { target, outgoing: false, duration },
        _ => ActionKind::Crash { target, down: away },
    };
    actions.push(at(leave, absence));
    let back = leave + away;
    match setup.draw.below(8) {
        0 => actions.push(crash_over(setup, behind, Trigger::StateTransferStarted)),
        1 => actions.push(crash_over(setup, behind, Trigger::StateInstalled)),
        2 | 3 => {
            let down = setup.span(20, 150);
            let (count, delay) = (setup.draw.between(4, 14), setup.draw.between(0, ms(1)));
            actions.push(after(
                Trigger::Checkpointed,
                count,
                delay,
                ActionKind::Crash { target: Target::Subject, down },
            ));
        }
        4 => actions.push(at(back + setup.span(0, 200), setup.depose(Target::Primary))),
        5 => actions.extend(damage(setup, everyone[1], back)),
        6 => actions.extend(slow_disk(setup, everyone[2], back)),
        _ => {}
    }
    actions
}

/// Crashes a replica just after it requested a state, or has installed it.
fn crash_over(setup: &mut Setup<'_>, replica: ReplicaId, watch: Trigger) -> Action {
    let delay_max = setup.draw.pick(&[0, ms(1), ms(6)]);
    let delay = setup.draw.between(0, delay_max);
    let down = setup.span(20, 200);
    after_first_at(replica, watch, delay, ActionKind::Crash { target: Target::Replica(replica), down })
}

/// Flips bits in the checkpoint of a replica, which then restarts. By convention, checkpoints are the fifth zone.
fn damage(setup: &mut Setup<'_>, replica: ReplicaId, time: u64) -> Vec<Action> {
    let target = Target::Replica(replica);
    let time = time + setup.span(150, 350);
    let mut actions = Vec::new();
    for record in 0..3 {
        let bit = setup.draw.below(1 << 10) as u16;
        actions.push(at(time, ActionKind::BitFlip { target, zone: 4, record, bit }));
    }
    let down = setup.span(20, 150);
    actions.push(at(time + setup.draw.between(0, ms(2)), ActionKind::Crash { target, down }));
    actions
}

/// A disk is too slow while clients send bursts of requests. Then its replica crashes.
fn slow_disk(setup: &mut Setup<'_>, replica: ReplicaId, time: u64) -> Vec<Action> {
    let target = Target::Replica(replica);
    let (extra, duration, down) = (setup.span(60, 200), setup.span(300, 500), setup.span(20, 150));
    let mut actions = vec![at(time + ms(50), ActionKind::DiskSlow { target, extra, duration })];
    for client in 0..setup.config.workload.clients {
        actions.push(at(time + ms(60), ActionKind::Burst { client: sim::ClientId(client), requests: 12 }));
    }
    actions.push(at(time + ms(50) + duration - setup.span(0, 200), ActionKind::Crash { target, down }));
    actions
}
