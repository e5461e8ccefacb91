//! Phase 2: corruption. Damage on a disk is detected before the data is used.

use sim::config::spec::Cluster;
use sim::plan::Target;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, Config, Mark, ReplicaId, Trigger};

use crate::entry::{Entry, crash_config, five_config, scrub_config};
use crate::palette::Palette;
use crate::script::{Setup, after, at, ms};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "corruption_bit_flip",
        description: "A single bit of a stored entry flips, and the replica notices before it uses the entry.",
        faults: "one flipped bit in one record just before a crash",
        invariants: &["corruption_detection", "hash_chain", "log_consistency", "durability"],
        config: crash_config,
        palette: Palette::faults(&[
            Fault::BitFlip,
            Fault::Crash,
            Fault::PowerLoss,
            Fault::Partition,
            Fault::Loss,
            Fault::Burst,
        ]),
        baseline: bit_flip,
        marks: &[Mark::Committed(40), Mark::Injected(Fault::BitFlip, 1), Mark::FoundDamage],
    },
    Entry {
        name: "corruption_checksum_validation",
        description: "Records are damaged in every way a disk knows, and each time the checksum gives it away.",
        faults: "flipped bits, cut-off and shifted records, lost and misdirected writes",
        invariants: &["corruption_detection", "hash_chain", "log_consistency", "durability"],
        config: five_config,
        palette: Palette::faults(&[
            Fault::BitFlip,
            Fault::FlippedBits,
            Fault::TruncatedRecord,
            Fault::ShiftedRecord,
            Fault::LostWrite,
            Fault::MisdirectedWrite,
            Fault::Crash,
            Fault::PowerLoss,
            Fault::Partition,
            Fault::Burst,
        ]),
        baseline: every_pattern,
        marks: &[
            Mark::Committed(40),
            Mark::Injected(Fault::FlippedBits, 1),
            Mark::Injected(Fault::TruncatedRecord, 1),
            Mark::Injected(Fault::ShiftedRecord, 1),
            Mark::FoundDamage,
        ],
    },
    Entry {
        name: "corruption_silent_disk_failure",
        description: "A disk answers with intact records that are the wrong ones, which only the chain of \
                      hashes can tell.",
        faults: "stale and misplaced records with valid checksums",
        invariants: &["corruption_detection", "hash_chain", "log_consistency", "vsr_recovery_safety", "durability"],
        config: silent_config,
        palette: Palette::faults(&[
            Fault::StaleRead,
            Fault::LostWrite,
            Fault::MisdirectedWrite,
            Fault::Crash,
            Fault::PowerLoss,
            Fault::Partition,
            Fault::Burst,
        ]),
        baseline: stale,
        marks: &[Mark::Committed(40), Mark::Misread, Mark::FoundDamage],
    },
];

fn silent_config() -> Config {
    let config = crash_config();
    Config { cluster: Cluster { scrub_iops: 50, ..scrub_config().cluster }, ..config }
}

/// By convention, the first zone is the log.
const LOG: u8 = 0;

/// Flips a bit of an early record. From then on the disk counts in the damage budget, and added faults cannot use the
/// script's share of it.
pub(crate) fn first_damage(setup: &mut Setup<'_>, target: Target, zone: u8) -> Vec<Action> {
    let bit = setup.draw.below(1 << 12) as u16;
    [1, 3]
        .map(|count| after(Trigger::Executed, count, 0, ActionKind::BitFlip { target, zone, record: 0, bit }))
        .to_vec()
}

/// An entry loses a bit, and its replica crashes. In most runs the other replicas hold the entry. Sometimes it was the
/// last intact copy but one, and the one that is left is not reachable.
fn bit_flip(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut begin = setup.span(150, 300);
    let mut target = setup.replica();
    if setup.draw.chance(50) {
        target = ReplicaId(1 + setup.draw.below(2) as u8);
        let away = ReplicaId(3 - target.0);
        let absence = setup.span(70, 110);
        actions.push(at(begin, ActionKind::Isolate { target: Target::Replica(away), duration: absence }));
        let crash = begin + absence - setup.span(20, 40);
        actions.extend(flip_and_crash(setup, target, crash, 2, 5));
        let duration = setup.long_absence();
        let gone = crash + setup.span(0, 5);
        actions.push(at(gone, ActionKind::Isolate { target: Target::Replica(ReplicaId(0)), duration }));
        begin = gone + duration + setup.span(50, 150);
    }
    actions.extend(first_damage(setup, Target::Replica(target), LOG));
    for _ in 0..setup.draw.between(1, 3) {
        actions.extend(flip_and_crash(setup, target, begin, 8, 200));
        begin += setup.span(250, 400);
    }
    actions
}

/// Flips a bit in one of the last `records` records, and crashes the replica for up to `down` milliseconds.
fn flip_and_crash(setup: &mut Setup<'_>, replica: ReplicaId, time: sim::Time, records: u64, down: u64) -> [Action; 2] {
    let target = Target::Replica(replica);
    let (record, bit) = (setup.draw.below(records) as u16, setup.draw.below(1 << 12) as u16);
    let down = setup.span(1, down);
    [at(time, ActionKind::BitFlip { target, zone: LOG, record, bit }), at(time, ActionKind::Crash { target, down })]
}

/// One of two replicas loses entries, the other one data in another zone of its disk.
fn every_pattern(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let targets = setup.everyone();
    let other_zone = setup.draw.between(1, 3) as u8;
    for (replica, zone) in [(targets[0], LOG), (targets[1], other_zone)] {
        let target = Target::Replica(replica);
        actions.extend(first_damage(setup, target, zone));
        let mut time = setup.span(200, 400);
        for _ in 0..setup.draw.between(1, 2) {
            let mut patterns = damage(setup, target, zone);
            setup.draw.shuffle(&mut patterns);
            actions.extend(patterns.into_iter().map(|what| at(time, what)));
            let down = setup.span(10, 200);
            actions.push(at(time + setup.draw.between(0, ms(1)), ActionKind::Crash { target, down }));
            time += down + setup.span(200, 400);
        }
    }
    actions
}

/// One damage of each kind, in the last records of a zone.
pub(crate) fn damage(setup: &mut Setup<'_>, target: Target, zone: u8) -> Vec<ActionKind> {
    let mut record = || setup.draw.below(10) as u16;
    let records: [u16; 6] = std::array::from_fn(|_| record());
    let (bit, byte) = (setup.draw.below(1 << 12) as u16, setup.draw.below(1 << 8) as u16);
    let few = setup.draw.between(2, 9) as u8;
    vec![
        ActionKind::BitFlip { target, zone, record: records[0], bit },
        ActionKind::FlippedBits { target, zone, record: records[1], bit, count: few },
        ActionKind::TruncatedRecord { target, zone, record: records[2], keep: byte },
        ActionKind::ShiftedRecord { target, zone, record: records[3], from: byte, by: few },
        ActionKind::LostWrite { target, zone, record: records[4] },
        ActionKind::MisdirectedWrite { target, zone, record: records[5], away: few.into() },
    ]
}

/// A replica restarts while its disk returns wrong data.
fn stale(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let target = setup.anyone();
    let mut time = setup.span(200, 400);
    // Wrong reads begin at a low rate, so that the disk counts in the damage budget from the start.
    actions.push(at(0, ActionKind::StaleRead { target, zone: LOG, away: 1, per_mille: 50, duration: time + ms(1) }));
    for _ in 0..setup.draw.between(2, 3) {
        let down = setup.span(10, 150);
        let duration = down + setup.span(40, 200);
        let (away, per_mille) = (setup.draw.below(5) as u8, setup.draw.between(600, 1000) as u16);
        actions.push(at(time, ActionKind::StaleRead { target, zone: LOG, away, per_mille, duration }));
        actions.push(at(time + ms(5), ActionKind::Crash { target, down }));
        time += duration + setup.span(100, 300);
    }
    if setup.draw.chance(30) {
        actions.extend(setup.depose_primaries(1));
    }
    actions
}
