//! Phase 7: client sessions, the part of Viewstamped Replication Revisited with two known defects. The cluster keeps
//! the sessions (`Cluster::sessions_max`), so clients register before they send requests.

use sim::config::spec::{Cluster, Workload};
use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, ClientId, Config, Mark};

use crate::entry::{Entry, crash_config};
use crate::palette::Palette;
use crate::script::{Setup, at, ms};

/// The faults that may be added to these scenarios.
const PALETTE: Palette = Palette::faults(&[
    Fault::ClientCrash,
    Fault::DuplicateRequest,
    Fault::Burst,
    Fault::Partition,
    Fault::Cut,
    Fault::Loss,
    Fault::Delay,
    Fault::Duplication,
    Fault::Reordering,
    Fault::Crash,
    Fault::Pause,
    Fault::DiskSlow,
    Fault::Garbling,
]);

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "client_session_crash",
        description: "Clients crash and come back again and again; each request is executed at most once and \
                      gets its own answer.",
        faults: "clients that crash while they wait, repeated requests, deposed primaries, damaged messages",
        invariants: &["exactly_once", "linearizability", "message_deduplication", "session_eviction"],
        config: crash_sessions_config,
        palette: PALETTE,
        baseline: client_crashes,
        marks: &[Mark::Committed(40), Mark::Injected(Fault::ClientCrash, 6), Mark::ClientsCrashedWaiting(3)],
    },
    Entry {
        name: "client_session_view_change_lockout",
        description: "A view changes while requests are under way; their clients are served by the new \
                      primary and never locked out.",
        faults: "deposed primaries under load",
        invariants: &["exactly_once", "liveness", "session_eviction"],
        config: lockout_config,
        palette: PALETTE,
        baseline: lockout,
        marks: &[
            Mark::Committed(40),
            Mark::ViewsStarted(3),
            Mark::AnsweredInLaterView(2),
            Mark::LedAfterTruncation,
            Mark::Forwarded,
        ],
    },
    Entry {
        name: "client_session_eviction",
        description: "More clients come than the session table has room for; all replicas evict the same \
                      ones, and those come back.",
        faults: "more clients than places, slow disks, a deposed primary, repeated requests",
        invariants: &["session_eviction", "exactly_once", "liveness"],
        config: eviction_config,
        palette: PALETTE,
        baseline: eviction,
        marks: &[Mark::Committed(60), Mark::EvictedCameBack(5)],
    },
];

/// Room for the sessions of all clients, so that there is no eviction.
fn crash_sessions_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { sessions_max: 8, ..config.cluster },
        workload: Workload { clients: 4, requests: 80, think_max: ms(80), timeout: ms(150), ..config.workload },
        ..config
    }
}

/// View changes are much faster than the timeouts of the clients. A request that was lost with its primary's log is
/// sent again only when that replica leads again.
fn lockout_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { sessions_max: 16, heartbeat: ms(15), view_change_timeout: ms(60), ..config.cluster },
        workload: Workload { clients: 8, requests: 80, think_max: ms(60), timeout: ms(450), ..config.workload },
        heal_at: ms(2_600),
        ..config
    }
}

/// Room for three sessions, and eight clients.
fn eviction_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { sessions_max: 3, ..config.cluster },
        workload: Workload { clients: 8, requests: 56, think_max: ms(120), timeout: ms(100), ..config.workload },
        heal_at: ms(2_400),
        ..config
    }
}

fn client(setup: &mut Setup<'_>) -> ClientId {
    ClientId(setup.draw.below(setup.config.workload.clients.into()) as u16)
}

/// Clients send requests without a pause and crash soon after. Some crash again before they have completed much.
fn client_crashes(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = repetitions(setup);
    let mut time = setup.span(40, 120);
    for _ in 0..7 {
        let client = client(setup);
        let requests = setup.draw.between(2, 5) as u8;
        actions.push(at(time, ActionKind::Burst { client, requests }));
        let mut crash = time + setup.span(1, 12);
        if setup.draw.chance(60) {
            actions.push(at(crash - ms(1), ActionKind::DuplicateRequest { client }));
        }
        actions.push(at(crash, ActionKind::ClientCrash { client }));
        if setup.draw.chance(50) {
            crash += setup.span(1, 20);
            actions.push(at(crash, ActionKind::ClientCrash { client }));
        }
        time += setup.span(60, 200);
    }
    if setup.draw.chance(60) {
        let (begin, what) = (setup.span(200, 900), setup.depose(Target::Primary));
        actions.push(at(begin, what));
    }
    // Requests that backups forward reach the primary damaged.
    let (begin, per_mille, duration) = (setup.span(30, 600), setup.draw.between(50, 400) as u16, setup.span(300, 900));
    actions.push(at(begin, ActionKind::Garble { target: Target::Primary, per_mille, duration }));
    actions
}

/// A period in which messages are duplicated or lost.
fn repetitions(setup: &mut Setup<'_>) -> Vec<Action> {
    let (begin, duration) = (setup.span(30, 300), setup.span(300, 900));
    let per_mille = setup.draw.between(100, 500) as u16;
    let mut actions = vec![at(begin, ActionKind::Duplicate { per_mille, duration })];
    if setup.draw.chance(40) {
        let (begin, duration) = (setup.span(30, 900), setup.span(100, 300));
        actions.push(at(begin, ActionKind::Loss { per_mille: setup.draw.between(20, 200) as u16, duration }));
    }
    actions
}

/// Several primaries are cut off one after the other with requests in their logs, just long enough for the next view to
/// start without these requests. Each returns and leads again.
fn lockout(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let timeout = setup.config.cluster.view_change_timeout;
    let mut time = setup.span(40, 150);
    for _ in 0..setup.draw.between(9, 13) {
        let client = client(setup);
        actions.push(at(time - ms(3), ActionKind::Burst { client, requests: 4 }));
        let duration = 2 * timeout + setup.span(20, 60);
        let target = Target::Primary;
        let what = if setup.draw.chance(85) {
            ActionKind::Isolate { target, duration }
        } else {
            ActionKind::Crash { target, down: duration }
        };
        actions.push(at(time, what));
        time += duration + setup.span(1, 40);
    }
    actions
}

/// Slow disks, so that registrations wait in the log together with requests of the clients that they evict.
fn eviction(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = repetitions(setup);
    for replica in setup.everyone().into_iter().take(2) {
        let (begin, extra, duration) = (setup.span(40, 400), setup.span(10, 40), setup.span(400, 900));
        actions.push(at(begin, ActionKind::DiskSlow { target: Target::Replica(replica), extra, duration }));
    }
    for _ in 0..4 {
        let (begin, client) = (setup.span(30, 1_200), client(setup));
        actions.push(at(begin, ActionKind::Burst { client, requests: setup.draw.between(2, 4) as u8 }));
    }
    if setup.draw.chance(60) {
        let (begin, what) = (setup.span(200, 900), setup.depose(Target::Primary));
        actions.push(at(begin, what));
    }
    actions
}
