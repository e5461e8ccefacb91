//! Phase 10: reconfiguration. The membership changes while the cluster serves clients.

use sim::config::spec::{Cluster, Workload};
use sim::observers::mark::Phase;
use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, ClientId, Config, Mark, ReplicaId, ReplicaSet, Time, Trigger};

use crate::entry::{Entry, crash_config};
use crate::palette::Palette;
use crate::script::{Setup, after, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "reconfig_add_replicas",
        description: "Two replicas join a cluster of three, catch up, and count in its quorums.",
        faults: "none during the change; a crash and a deposed primary after it",
        invariants: &["reconfiguration_safety", "vsr_agreement", "durability", "liveness"],
        config: add_config,
        palette: Palette::faults(MILD),
        baseline: add,
        marks: &[
            Mark::Committed(40),
            Mark::Reconfigured(1),
            Mark::NewMemberAcknowledged,
            Mark::CommittedIn(Phase::Old),
            Mark::CommittedIn(Phase::Joint),
            Mark::CommittedIn(Phase::New),
        ],
    },
    Entry {
        name: "reconfig_remove_replicas",
        description: "Two replicas leave a cluster of five, and at no time is a quorum of either kind missing.",
        faults: "none during the change; a deposed primary after it",
        invariants: &["reconfiguration_safety", "vsr_agreement", "durability", "liveness"],
        config: remove_config,
        palette: Palette::faults(MILD),
        baseline: remove,
        marks: &[
            Mark::Committed(40),
            Mark::Reconfigured(1),
            Mark::Retired(2),
            Mark::CommittedIn(Phase::Old),
            Mark::CommittedIn(Phase::Joint),
            Mark::CommittedIn(Phase::New),
        ],
    },
    Entry {
        name: "reconfig_during_partition",
        description: "The membership changes while a partition splits the cluster; the change happens \
                      everywhere or nowhere.",
        faults: "a partition during the change",
        invariants: &["reconfiguration_safety", "vsr_agreement", "vsr_view_change_safety", "liveness"],
        config: partition_config,
        palette: Palette::faults(FAULTS),
        baseline: partition,
        marks: &[Mark::Committed(40), Mark::Injected(Fault::Partition, 1), Mark::CutWhileJoint, Mark::Reconfigured(1)],
    },
];

/// The faults that may be added to a change without difficulties of its own.
const MILD: &[Fault] = &[
    Fault::Loss,
    Fault::Delay,
    Fault::Duplication,
    Fault::Reordering,
    Fault::Crash,
    Fault::Burst,
    Fault::DuplicateRequest,
    Fault::ClientCrash,
    Fault::Reconfiguration,
];

/// The faults that may be added to a change with difficulties of its own.
const FAULTS: &[Fault] = &[
    Fault::Partition,
    Fault::Cut,
    Fault::Clog,
    Fault::Loss,
    Fault::Delay,
    Fault::Crash,
    Fault::PowerLoss,
    Fault::Pause,
    Fault::DiskSlow,
    Fault::Burst,
    Fault::ClientCrash,
    Fault::Reconfiguration,
];

/// The number of clients. It is high, so that some request is always pending.
const CLIENTS: u16 = 10;

/// A cluster of `members` of `replicas`, with majorities as quorums.
fn config(replicas: u8, members: u8) -> Config {
    let config = crash_config();
    let quorum = members / 2 + 1;
    Config {
        cluster: Cluster {
            replicas,
            members,
            replication_quorum: quorum,
            view_change_quorum: quorum,
            ..config.cluster
        },
        workload: Workload { clients: CLIENTS, requests: 220, ..config.workload },
        ..config
    }
}

fn add_config() -> Config {
    config(5, 3)
}

fn remove_config() -> Config {
    config(5, 5)
}

/// Five of seven are members.
fn partition_config() -> Config {
    config(7, 5)
}

/// Each client sends a burst of requests. The bursts begin one after the other from `time` on, so that the clients are
/// not synchronized.
fn rush(time: Time, requests: u8) -> impl Iterator<Item = Action> {
    let step = ms(10) / Time::from(CLIENTS);
    (0..CLIENTS).map(move |client| {
        at(time + Time::from(client) * step, ActionKind::Burst { client: ClientId(client), requests })
    })
}

/// The administrator requests `members` while the clients are busy.
fn change(setup: &mut Setup<'_>, members: ReplicaSet) -> Vec<Action> {
    let time = setup.span(200, 400);
    let mut actions: Vec<Action> = rush(time - ms(10), 14).collect();
    actions.push(at(time, ActionKind::Reconfigure { members }));
    actions
}

fn add(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = change(setup, ReplicaSet::first(5));
    // A replica that has completed the change restarts. It may become the primary soon after that.
    if setup.draw.chance(60) {
        let (count, delay, down) = (setup.draw.between(1, 5), setup.span(0, 30), setup.span(20, 100));
        actions.push(after(Trigger::Reconfigured, count, delay, ActionKind::Crash { target: Target::Subject, down }));
    }
    if setup.draw.chance(70) {
        let (delay, what) = (setup.span(150, 400), setup.depose(Target::Primary));
        actions.push(after(Trigger::Reconfigured, 1, delay, what));
    }
    actions
}

fn remove(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut members = ReplicaSet::first(5);
    for leaving in setup.everyone().into_iter().take(2) {
        members = members.without(ReplicaSet(1 << leaving.0));
    }
    let mut actions = change(setup, members);
    if setup.draw.chance(70) {
        let (delay, what) = (setup.span(50, 400), setup.depose(Target::Primary));
        actions.push(after(Trigger::Reconfigured, 1, delay, what));
    }
    actions
}

/// Two members are replaced by two others. When the primary, replica 0, has logged this, a partition leaves it without
/// a quorum of the old members and of the new ones. In half of the runs the administrator then requests other members.
fn partition(setup: &mut Setup<'_>) -> Vec<Action> {
    let old = ReplicaSet::first(5);
    let mut new = ReplicaSet::first(7);
    for _ in 0..2 {
        let members: Vec<ReplicaId> = new.and(old).iter().collect();
        new = new.without(ReplicaSet(1 << setup.draw.pick(&members).0));
    }
    let mut actions = change(setup, new);
    let mut side = ReplicaSet::first(1);
    for replica in setup.everyone() {
        let mut wider = side;
        wider.insert(replica);
        if wider.and(old).len() < 3 || wider.and(new).len() < 3 {
            side = if setup.draw.chance(60) { wider } else { side };
        }
    }
    let (delay, duration) = (setup.draw.between(0, ms(1) / 4), setup.span(100, 900));
    actions.push(after(Trigger::ConfigurationAppended, 1, delay, ActionKind::Partition { side, duration }));
    if setup.draw.chance(50) {
        let members = ReplicaSet(setup.draw.between(1, 127) as u8);
        let delay = setup.span(5, 100);
        actions.push(after(Trigger::ConfigurationAppended, 1, delay, ActionKind::Reconfigure { members }));
    }
    actions
}
