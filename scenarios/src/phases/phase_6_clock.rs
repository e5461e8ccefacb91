//! Phase 6: clocks. They drift, jump and lose the time service. Commit timestamps never go backwards, and a replica
//! whose clock is wrong does not lead.

use sim::config::spec::{Clock, Cluster, Workload};
use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, Config, Mark, ReplicaId, ReplicaSet};

use crate::entry::{Entry, crash_config};
use crate::palette::Palette;
use crate::script::{Setup, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "clock_drift",
        description: "The clocks of the replicas drift apart, slowly enough for the cluster to agree on a \
                      time all along.",
        faults: "drift within the tolerance, and a change of the primary",
        invariants: &["commit_timestamp_order", "clock_offset_detection", "liveness"],
        config: disciplined_config,
        palette: Palette::faults(&[
            Fault::ClockDrift,
            Fault::Delay,
            Fault::Crash,
            Fault::Partition,
            Fault::Burst,
            Fault::DuplicateRequest,
        ]),
        baseline: drift,
        marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::Injected(Fault::ClockDrift, 3)],
    },
    Entry {
        name: "clock_offset_exceeded",
        description: "One clock leaves the tolerance, and its replica notices and does not hand out times any more.",
        faults: "drift and steps beyond the tolerance",
        invariants: &["clock_offset_detection", "commit_timestamp_order", "liveness"],
        config: clock_config,
        palette: Palette::faults(&[
            Fault::ClockStep,
            Fault::ClockDrift,
            Fault::ClockFreeze,
            Fault::Crash,
            Fault::Pause,
            Fault::Burst,
        ]),
        baseline: exceed,
        marks: &[Mark::Committed(40), Mark::ClockLost, Mark::ViewsStarted(1)],
    },
    Entry {
        name: "clock_ntp_failure",
        description: "The time service is gone or wrong, and the replicas fall back on each other and on themselves.",
        faults: "a time service that is out of reach or tells a false time, and drift meanwhile",
        invariants: &["clock_offset_detection", "commit_timestamp_order", "liveness"],
        config: disciplined_config,
        palette: Palette::faults(&[
            Fault::NoNtp,
            Fault::WrongNtp,
            Fault::ClockDrift,
            Fault::Partition,
            Fault::Crash,
            Fault::Burst,
        ]),
        baseline: without_service,
        marks: &[
            Mark::Committed(40),
            Mark::Injected(Fault::NoNtp, 1),
            Mark::Injected(Fault::WrongNtp, 1),
            Mark::ClockLost,
        ],
    },
    Entry {
        name: "clock_backward_jump",
        description: "A replica behind a partition has its clock set back; it comes back without ever handing \
                      out an earlier time than before.",
        faults: "a backward step of a wall clock during a partition",
        invariants: &["commit_timestamp_order", "clock_offset_detection", "vsr_agreement", "liveness"],
        config: jump_config,
        palette: Palette::faults(&[Fault::ClockStep, Fault::Partition, Fault::Crash, Fault::Burst]),
        baseline: jump_back,
        marks: &[Mark::Committed(40), Mark::SetBackWhileCut, Mark::TimestampedAfterSetBack],
    },
];

/// Replicas that compare their clocks, without a time service. The clients are slow, because it takes a while to detect
/// a wrong clock and to replace the primary.
fn clock_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { clock_ping: ms(35), ..config.cluster },
        workload: Workload { requests: 48, think_max: ms(170), ..config.workload },
        heal_at: ms(2_200),
        ..config
    }
}

/// Replicas that compare their clocks, and a time service that sets them from time to time.
fn disciplined_config() -> Config {
    let config = clock_config();
    Config { clock: Clock { ntp_interval: ms(250), ..config.clock }, ..config }
}

/// Each clock drifts at its own rate, and primaries are deposed. Between two corrections a clock gains or loses less
/// than 3 ms.
fn drift(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = setup.depose_primaries(2);
    for replica in (0..setup.replicas()).map(ReplicaId) {
        let ppm = setup.draw.between(0, 18_000) as i32 - 9_000;
        let (begin, duration) = (setup.span(0, 100), setup.span(1_000, 1_900));
        actions.push(at(begin, ActionKind::ClockDrift { target: Target::Replica(replica), ppm, duration }));
    }
    actions
}

/// A number of microseconds forward or back, far beyond the tolerance.
fn far(setup: &mut Setup<'_>) -> i32 {
    let micros = setup.draw.between(60, 2_000) as i32 * 1_000;
    if setup.draw.chance(50) { -micros } else { micros }
}

/// The clock of the first primary jumps, or drifts out of the tolerance. In some runs the clock of another replica is
/// set wrong after that.
fn exceed(setup: &mut Setup<'_>) -> Vec<Action> {
    let first = setup.span(50, 200);
    let drifts = setup.draw.chance(50);
    let what = if drifts {
        let ppm = setup.draw.between(100_000, 250_000) as i32;
        let ppm = if setup.draw.chance(70) { ppm } else { -ppm / 2 };
        ActionKind::ClockDrift { target: Target::Replica(ReplicaId(0)), ppm, duration: ms(2_000) }
    } else {
        ActionKind::ClockStep { target: Target::Replica(ReplicaId(0)), micros: far(setup) }
    };
    let mut actions = vec![at(first, what)];
    if drifts && setup.draw.chance(25) {
        // It pauses while its clock leaves the tolerance, and continues with outdated samples.
        let (time, duration) = (first + setup.span(30, 150), setup.span(700, 950));
        actions.push(at(time, ActionKind::Pause { target: Target::Replica(ReplicaId(0)), duration }));
    } else if setup.draw.chance(40) {
        // Its clock is corrected, and that of another replica is set wrong.
        let (time, micros) = (setup.span(900, 1_300), far(setup));
        if let ActionKind::ClockStep { target, micros: before } = what {
            actions.push(at(time - ms(100), ActionKind::ClockStep { target, micros: -before }));
            actions.push(at(time + ms(200), ActionKind::ClockStep { target: Target::Replica(ReplicaId(1)), micros }));
        }
    }
    actions
}

/// No replica reaches the time service while the clocks drift within the tolerance. Then the service is reachable again
/// and gives the primary a wrong time.
fn without_service(setup: &mut Setup<'_>) -> Vec<Action> {
    let (begin, duration) = (setup.span(0, 100), setup.span(400, 700));
    let mut actions = vec![at(begin, ActionKind::NoNtp { side: ReplicaSet(0), duration })];
    for replica in (0..setup.replicas()).map(ReplicaId) {
        let ppm = setup.draw.between(0, 16_000) as i32 - 8_000;
        let target = Target::Replica(replica);
        actions.push(at(begin, ActionKind::ClockDrift { target, ppm, duration }));
    }
    let (time, micros) = (begin + duration + setup.span(20, 200), far(setup));
    let duration = setup.span(700, 1_100);
    actions.push(at(time, ActionKind::WrongNtp { target: Target::Primary, micros, duration }));
    actions
}

/// The clients are busy for longer, so that there are requests to order for the primary after the jump.
fn jump_config() -> Config {
    let config = disciplined_config();
    Config { workload: Workload { requests: 72, ..config.workload }, ..config }
}

/// A replica is cut off, and its clock is set back meanwhile: either the primary, which returns before the others time
/// out, or the primary of the next view.
fn jump_back(setup: &mut Setup<'_>) -> Vec<Action> {
    let leads = setup.draw.chance(85);
    let target = if leads { Target::Primary } else { Target::Replica(ReplicaId(1)) };
    let begin = setup.span(100, 250);
    let duration = if leads { setup.span(90, 190) } else { setup.long_absence() };
    let micros = -(setup.draw.between(60, 1_500) as i32) * 1_000;
    let step = begin + setup.draw.between(ms(40), duration * 3 / 4);
    let mut actions =
        vec![at(begin, ActionKind::Isolate { target, duration }), at(step, ActionKind::ClockStep { target, micros })];
    if !leads {
        let (time, what) = (begin + duration + setup.span(0, 150), setup.depose(Target::Replica(ReplicaId(0))));
        actions.push(at(time, what));
    }
    // If another replica leads since then, it is deposed as well.
    for time in [setup.span(900, 1_050), setup.span(1_450, 1_600)] {
        let what = setup.depose(Target::Primary);
        actions.push(at(time, what));
    }
    actions
}
