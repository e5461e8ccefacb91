//! Phase 9: scrubbing. Damage in data that is not read is detected in time, at a low cost.

use sim::config::spec::Cluster;
use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, Config, Mark, ReplicaId};

use crate::entry::{Entry, five_config, scrub_config};
use crate::palette::Palette;
use crate::phases::phase_2_corruption::{damage, first_damage};
use crate::script::{Setup, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "scrub_detects_corruption",
        description: "A record that is never read rots, and the scrubber finds it.",
        faults: "silent damage in old records",
        invariants: &["corruption_detection", "scrub_repair", "hash_chain", "durability"],
        config: scrub_config,
        palette: Palette::faults(&[
            Fault::BitFlip,
            Fault::FlippedBits,
            Fault::TruncatedRecord,
            Fault::ShiftedRecord,
            Fault::LostWrite,
            Fault::MisdirectedWrite,
            Fault::StaleRead,
            Fault::Partition,
            Fault::Pause,
            Fault::Burst,
        ]),
        baseline: rot,
        marks: &[Mark::Committed(40), Mark::ScrubTours(2), Mark::ScrubFound(1)],
    },
    Entry {
        name: "scrub_completes_tour",
        description: "The scrubber looks at every record once within its time.",
        faults: "none",
        invariants: &["scrub_completeness", "corruption_detection", "liveness"],
        config: scrub_config,
        palette: Palette::faults(&[Fault::Burst, Fault::DuplicateRequest, Fault::Pause, Fault::Crash]),
        baseline: |_| Vec::new(),
        marks: &[Mark::Committed(40), Mark::ScrubTours(3)],
    },
    Entry {
        name: "scrub_rate_limited",
        description: "The scrubber keeps to its share of the disk, and clients do not notice it.",
        faults: "none",
        invariants: &["scrub_rate", "scrub_completeness", "resource_limits", "liveness"],
        config: busy_config,
        palette: Palette::faults(&[
            Fault::Burst,
            Fault::DuplicateRequest,
            Fault::DiskSlow,
            Fault::ClockDrift,
            Fault::Crash,
            Fault::Pause,
        ]),
        baseline: |_| Vec::new(),
        marks: &[Mark::Committed(40), Mark::ScrubTours(4)],
    },
    Entry {
        name: "scrub_triggers_repair",
        description: "ActionKind the scrubber finds damaged is written anew: from memory, or, where a restart has lost it, from a \
                      peer.",
        faults: "silent damage in old records, and a restart with damaged entries while the primary is out of reach",
        invariants: &["scrub_repair", "corruption_detection", "hash_chain", "durability", "log_consistency"],
        config: repair_config,
        palette: Palette::faults(&[
            Fault::BitFlip,
            Fault::FlippedBits,
            Fault::LostWrite,
            Fault::MisdirectedWrite,
            Fault::Crash,
            Fault::Partition,
            Fault::Loss,
            Fault::DiskError,
            Fault::Burst,
        ]),
        baseline: repair,
        marks: &[Mark::Committed(40), Mark::ScrubRepaired(1), Mark::HoleFilled],
    },
];

fn busy_config() -> Config {
    let config = scrub_config();
    Config { cluster: Cluster { scrub_iops: 150, ..config.cluster }, ..config }
}

fn repair_config() -> Config {
    let Config { cluster: Cluster { scrub_iops, scrub_tour_max, .. }, workload, heal_at, .. } = scrub_config();
    let config = five_config();
    Config { cluster: Cluster { scrub_iops, scrub_tour_max, ..config.cluster }, workload, heal_at, ..config }
}

/// Old records of one zone are damaged repeatedly while nothing reads them.
fn rot(setup: &mut Setup<'_>) -> Vec<Action> {
    let target = setup.anyone();
    let zone = if setup.draw.chance(70) { 0 } else { setup.draw.between(1, 3) as u8 };
    let mut actions = first_damage(setup, target, zone);
    for _ in 0..setup.draw.between(1, 3) {
        let patterns = damage(setup, target, zone);
        let what = setup.draw.pick(&patterns);
        actions.push(at(setup.span(300, 1000), what));
    }
    if setup.draw.chance(30) {
        let (away, per_mille) = (setup.draw.below(4) as u8, setup.draw.between(300, 1000) as u16);
        let duration = setup.span(100, 400);
        actions.push(at(setup.span(300, 900), ActionKind::StaleRead { target, zone, away, per_mille, duration }));
    }
    actions
}

/// Old records are damaged on one disk. Another replica restarts with damaged entries and cannot reach its primary.
fn repair(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut backups = [1, 2, 3, 4].map(ReplicaId);
    setup.draw.shuffle(&mut backups);
    let target = Target::Replica(backups[0]);
    actions.extend(first_damage(setup, target, 0));
    for _ in 0..setup.draw.between(1, 3) {
        let patterns = damage(setup, target, 0);
        let what = setup.draw.pick(&patterns);
        actions.push(at(setup.span(300, 900), what));
    }
    let target = Target::Replica(backups[1]);
    actions.extend(first_damage(setup, target, 0));
    let time = setup.span(400, 900);
    // The headers of the last entries may not be written yet.
    for record in 1..setup.draw.between(3, 5) as u16 {
        let bit = setup.draw.below(1 << 12) as u16;
        actions.push(at(time, ActionKind::BitFlip { target, zone: 0, record, bit }));
    }
    let down = setup.span(5, 30);
    actions.push(at(time, ActionKind::Crash { target, down }));
    let duration = setup.long_absence();
    actions.push(at(time + down / 2, ActionKind::Isolate { target: Target::Primary, duration }));
    if setup.draw.chance(30) {
        actions.push(at(time + down + ms(2), ActionKind::Isolate { target, duration: ms(60) }));
    }
    actions
}
