//! Phase 0: the core. Operation without faults, each family of common faults by itself, and all faults together.

use sim::base::time::MILLISECOND;
use sim::config::spec::{Clock, Cluster, Workload};
use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, Config, Mark, ReplicaId};

use crate::entry::{Entry, byzantine_config, crash_config, five_config};
use crate::palette::Palette;
use crate::phases::phase_1_byzantine::ALL_LIES;
use crate::script::{Setup, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "baseline",
        description: "The cluster serves its clients and nothing goes wrong: the yardstick for all the others.",
        faults: "none; at most a client in a hurry",
        invariants: &[
            "vsr_agreement",
            "vsr_prefix_property",
            "log_consistency",
            "hash_chain",
            "exactly_once",
            "linearizability",
            "needless_view_change",
            "liveness",
        ],
        config: crash_config,
        palette: Palette::faults(&[Fault::Burst, Fault::DuplicateRequest]),
        baseline: |_| Vec::new(),
        marks: &[Mark::Committed(40)],
    },
    Entry {
        name: "swizzle_clogging",
        description: "Links clog up one after the other and come free in another order, so that old messages arrive late \
                      and in bulk.",
        faults: "clogged and cut links, delays, loss, reordering",
        invariants: &["vsr_agreement", "vsr_prefix_property", "log_consistency", "view_monotonic", "liveness"],
        config: five_config,
        palette: Palette::faults(&[
            Fault::Clog,
            Fault::Cut,
            Fault::Delay,
            Fault::Loss,
            Fault::Duplication,
            Fault::Reordering,
            Fault::Burst,
            Fault::DuplicateRequest,
        ]),
        baseline: swizzle,
        marks: &[Mark::Committed(40), Mark::Injected(Fault::Clog, 3)],
    },
    Entry {
        name: "gray_failures",
        description: "Replicas are neither dead nor well: slow, absent for moments, with disks that fail now and then or \
                      take no more writes.",
        faults: "pauses, slow links, disks that are slow, full or fail",
        invariants: &["vsr_agreement", "vsr_recovery_safety", "durability", "liveness"],
        config: crash_config,
        palette: Palette::faults(&[
            Fault::Pause,
            Fault::Delay,
            Fault::Cut,
            Fault::DiskError,
            Fault::DiskSlow,
            Fault::DiskFull,
            Fault::ClockFreeze,
            Fault::Burst,
            Fault::DuplicateRequest,
        ]),
        baseline: gray,
        marks: &[Mark::Committed(40), Mark::Injected(Fault::DiskSlow, 1), Mark::Injected(Fault::Pause, 1)],
    },
    Entry {
        name: "multi_tenant_isolation",
        description: "Many tenants share the cluster while network, disks and replicas fail; none may see another's data, \
                      an older version than asked for, or a position that goes backwards.",
        faults: "partitions, loss, crashes, damaged records",
        invariants: &["tenant_isolation", "mvcc_visibility", "applied_position_monotonic", "linearizability"],
        config: tenants_config,
        palette: Palette::faults(&[
            Fault::Partition,
            Fault::Loss,
            Fault::Delay,
            Fault::Duplication,
            Fault::Crash,
            Fault::PowerLoss,
            Fault::BitFlip,
            Fault::LostWrite,
            Fault::MisdirectedWrite,
            Fault::Burst,
            Fault::ClientCrash,
            Fault::DuplicateRequest,
        ]),
        baseline: tenants,
        marks: &[Mark::Committed(60), Mark::Tenants(8), Mark::Injected(Fault::Crash, 1)],
    },
    Entry {
        name: "time_compression",
        description: "Ten times as much virtual time passes as elsewhere, with clocks that drift and jump, so that \
                      everything that happens rarely or late does happen.",
        faults: "drifting, jumping and standing clocks, a few crashes and pauses",
        invariants: &["applied_position_monotonic", "resource_limits", "view_monotonic", "liveness"],
        config: long_config,
        palette: Palette::faults(&[
            Fault::ClockDrift,
            Fault::ClockStep,
            Fault::ClockFreeze,
            Fault::Pause,
            Fault::Crash,
            Fault::Partition,
            Fault::Burst,
            Fault::ClientCrash,
            Fault::NoNtp,
            Fault::WrongNtp,
        ]),
        baseline: long,
        marks: &[Mark::Committed(40), Mark::VirtualSeconds(15), Mark::Injected(Fault::ClockDrift, 2)],
    },
    Entry {
        name: "combined",
        description: "Every family of faults at once, and a liar among five replicas.",
        faults: "all: network, disks, crashes, clocks, clients, lies",
        invariants: &[
            "vsr_agreement",
            "vsr_prefix_property",
            "vsr_view_change_safety",
            "vsr_recovery_safety",
            "durability",
            "exactly_once",
            "linearizability",
            "liveness",
        ],
        config: combined_config,
        palette: Palette::with_lies(ALL_FAULTS, ALL_LIES),
        baseline: combined,
        marks: &[Mark::Committed(35), Mark::ViewsStarted(1)],
    },
];

/// All faults except reconfiguration.
const ALL_FAULTS: &[Fault] = &[
    Fault::Partition,
    Fault::Cut,
    Fault::Clog,
    Fault::Loss,
    Fault::Delay,
    Fault::Duplication,
    Fault::Reordering,
    Fault::Crash,
    Fault::PowerLoss,
    Fault::Pause,
    Fault::BitFlip,
    Fault::LostWrite,
    Fault::MisdirectedWrite,
    Fault::DiskError,
    Fault::DiskSlow,
    Fault::DiskFull,
    Fault::ClockStep,
    Fault::ClockDrift,
    Fault::ClockFreeze,
    Fault::Burst,
    Fault::ClientCrash,
    Fault::DuplicateRequest,
    Fault::Lie,
    Fault::NoNtp,
    Fault::WrongNtp,
    Fault::FlippedBits,
    Fault::TruncatedRecord,
    Fault::ShiftedRecord,
    Fault::StaleRead,
    Fault::Garbling,
];

/// Links are clogged one after the other in one order, and unclogged in another.
fn swizzle(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut begin = setup.span(40, 150);
    for _ in 0..2 {
        let count = setup.draw.between(2, u64::from(setup.replicas())) as usize;
        let (clog_order, unclog_order) = (setup.everyone(), setup.everyone());
        let step = setup.span(5, 60);
        for (place, replica) in clog_order.into_iter().take(count).enumerate() {
            let start = begin + place as u64 * step;
            let last = begin + count as u64 * step;
            let turn = unclog_order.iter().position(|other| *other == replica).unwrap_or(0) as u64;
            let duration = last - start + turn * step + setup.span(1, 30);
            let outgoing = setup.draw.chance(50);
            actions.push(at(start, ActionKind::Clog { target: Target::Replica(replica), outgoing, duration }));
        }
        begin += setup.span(600, 800);
    }
    actions
}

fn gray(setup: &mut Setup<'_>) -> Vec<Action> {
    let (slow, paused) = (setup.anyone(), setup.anyone());
    let mut actions = Vec::new();
    let duration = setup.span(300, 900);
    let extra = setup.span(20, 250);
    actions.push(at(setup.span(30, 300), ActionKind::DiskSlow { target: slow, extra, duration }));
    for _ in 0..setup.draw.between(1, 3) {
        let duration = setup.span(30, 350);
        actions.push(at(setup.span(50, 1100), ActionKind::Pause { target: paused, duration }));
    }
    let duration = setup.span(100, 600);
    let per_mille = setup.draw.between(50, 400) as u16;
    let (begin, target) = (setup.span(50, 900), setup.anyone());
    actions.push(match setup.draw.below(3) {
        0 => at(begin, ActionKind::DiskError { target, per_mille, duration }),
        1 => at(begin, ActionKind::DiskFull { target, duration }),
        _ => at(begin, ActionKind::Delay { target, extra: ms(u64::from(per_mille) / 2), duration }),
    });
    actions
}

fn tenants_config() -> Config {
    let config = crash_config();
    Config {
        workload: Workload {
            clients: 16,
            requests: 96,
            tenants: 8,
            reads: 500_000,
            think_max: ms(350),
            ..config.workload
        },
        ..config
    }
}

fn tenants(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = setup.depose_primaries(1);
    let (target, down) = (setup.anyone(), setup.span(30, 300));
    let crash = setup.span(400, 1100);
    if setup.draw.chance(60) {
        let (zone, record) = (setup.draw.below(4) as u8, setup.draw.below(8) as u16);
        let bit = setup.draw.below(1 << 12) as u16;
        actions.push(at(crash - ms(1), ActionKind::BitFlip { target, zone, record, bit }));
    }
    actions.push(at(crash, ActionKind::Crash { target, down }));
    if setup.draw.chance(50) {
        let (per_mille, duration) = (setup.draw.between(20, 200) as u16, setup.span(200, 800));
        actions.push(at(setup.span(50, 800), ActionKind::Loss { per_mille, duration }));
    }
    actions
}

fn long_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster {
            heartbeat: 100 * MILLISECOND,
            view_change_timeout: ms(500),
            clock_ping: ms(200),
            clock_epoch: ms(900),
            clock_tolerance: ms(50),
            sessions_max: 2,
            scrub_iops: 10,
            scrub_tour_max: ms(10_000),
            abdicate_timeout: ms(600),
            commit_stall_timeout: ms(800),
            ..config.cluster
        },
        clock: Clock { ntp_interval: ms(1_000), ..config.clock },
        workload: Workload { requests: 66, think_min: ms(50), think_max: ms(1_800), ..config.workload },
        heal_at: ms(20_000),
        ..config
    }
}

fn long(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    for replica in (0..setup.replicas()).map(ReplicaId) {
        let ppm = setup.draw.between(0, 20_000) as i32 - 10_000;
        let (begin, duration) = (setup.span(0, 3_000), setup.span(5_000, 15_000));
        actions.push(at(begin, ActionKind::ClockDrift { target: Target::Replica(replica), ppm, duration }));
    }
    for _ in 0..setup.draw.between(1, 4) {
        let (begin, target) = (setup.span(1_000, 17_000), setup.anyone());
        let duration = setup.span(200, 1_500);
        actions.push(match setup.draw.below(4) {
            0 => {
                at(begin, ActionKind::ClockStep { target, micros: setup.draw.between(0, 4_000_000) as i32 - 2_000_000 })
            }
            1 => at(begin, ActionKind::ClockFreeze { target, duration }),
            2 => at(begin, ActionKind::Crash { target, down: duration }),
            _ => at(begin, ActionKind::Pause { target, duration }),
        });
    }
    actions
}

/// One liar among five replicas, clocks that are compared, room for two sessions of three clients, and scrubbers.
fn combined_config() -> Config {
    let config = byzantine_config();
    Config {
        cluster: Cluster {
            clock_ping: ms(60),
            clock_epoch: ms(240),
            clock_tolerance: ms(15),
            sessions_max: 2,
            scrub_iops: 20,
            scrub_tour_max: ms(10_000),
            abdicate_timeout: ms(180),
            commit_stall_timeout: ms(240),
            ..config.cluster
        },
        clock: Clock { ntp_interval: ms(300), ..config.clock },
        ..config
    }
}

fn combined(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = setup.depose_primaries(2);
    actions.push(setup.lie(ALL_LIES));
    let palette = Palette::with_lies(ALL_FAULTS, ALL_LIES);
    for _ in 0..setup.draw.between(3, 6) {
        actions.extend(palette.random_action(&mut setup.draw, setup.config));
    }
    actions
}
