//! Corruption is detected: a replica believes nothing that its disk did not hold rightly, and says what it has lost.
//!
//! 1. An entry that a starting replica takes from its disk was once appended at that op by a correct replica.
//! 2. Its content is the one that the entry's hash stands for.
//! 3. A replica that comes back with less than it acknowledged, or with something else, says that it found damage there or
//!    before.
//! 4. A scrub read that brought a record other than it was written is not judged, or the record is reported.
//! 5. A scrubber reports no sound record (after a crash, unsynced copies may be torn, which is no damage).
//!
//! Source: "Protocol-Aware Recovery for Consensus-Based Storage" (Alagappan et al., 2018), section 3.3: a checksum and an
//! identifier tell a faulty entry from a good one and from one that was never there. What the disk really did is known from
//! the world (`Misread`). `hash_chain` and `log_consistency` judge the order of what was loaded; `vsr_recovery_safety` says
//! rule 3 of undamaged replicas, without the way out. Not checked: content that comes from other replicas.

use crate::base::ids::{REPLICAS_MAX, ReplicaSet};
use crate::config::spec::Config;
use crate::invariants::support::{Context, Invariant, Violation, kinds, short};
use crate::protocol::observation::{EntryHash, Observation};

/// The invariant's name.
pub const NAME: &str = "corruption_detection";
const INTERESTS: u128 = kinds::APPENDED
    | kinds::CRASHED
    | kinds::LOADING
    | kinds::LOADED
    | kinds::DAMAGED
    | kinds::RECOVERED
    | kinds::MISREAD
    | kinds::SCRUB_FOUND
    | kinds::SCRUB_READ_DONE;

/// Ops past this are not looked at: no log is so long.
const OP_MAX: u64 = 1 << 20;

/// What the read that ends now brought wrong, and what of it the scrubber has reported.
#[derive(Debug, Default)]
struct Reading {
    event: u64,
    wrong: Vec<(u8, u32)>,
}

#[derive(Debug, Default)]
pub(in crate::invariants) struct CorruptionDetection {
    /// The first entry that was appended at each op; 0 where none was.
    first: Vec<EntryHash>,
    /// The others, which a view change has replaced or was replaced by.
    others: Vec<(u64, EntryHash)>,
    /// The lowest damaged op that each replica reported while it starts.
    damaged: [Option<u64>; REPLICAS_MAX],
    reading: [Reading; REPLICAS_MAX],
    crashed: ReplicaSet,
}

impl Invariant for CorruptionDetection {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str = "Corruption is detected: a replica believes nothing that its disk did not hold rightly, and says what it has lost.";
    const INTERESTS: u128 = INTERESTS;

    fn reset(&mut self, _: &Config, _: ReplicaSet) {
        self.first.clear();
        self.others.clear();
        self.damaged = [None; REPLICAS_MAX];
        self.crashed = ReplicaSet::default();
        for reading in &mut self.reading {
            reading.event = 0;
        }
    }

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let (id, event) = (context.id, context.seen.event);
        let reading = &mut self.reading[id.index()];
        match context.seen.what {
            Observation::Appended { op, entry, .. } if context.me.loading => self.loaded(context, op, entry),
            Observation::Appended { op, entry, .. } => {
                self.appended(op, entry);
                None
            }
            Observation::Loaded { op, content } => content_fits(context, op, content),
            Observation::Crashed => {
                self.crashed.insert(id);
                None
            }
            Observation::Loading => {
                self.damaged[id.index()] = None;
                None
            }
            Observation::Damaged { op } => {
                let lowest = &mut self.damaged[id.index()];
                *lowest = Some(lowest.map_or(op, |lowest| lowest.min(op)));
                None
            }
            Observation::Recovered { .. } => self.recovered(context),
            Observation::Misread { zone, record } => {
                if reading.event != event {
                    reading.event = event;
                    reading.wrong.clear();
                }
                reading.wrong.push((zone, record));
                None
            }
            Observation::ScrubFound { zone, record } => {
                let misread = reading.event == event && reading.wrong.contains(&(zone, record));
                reading.wrong.retain(|wrong| *wrong != (zone, record));
                if misread || self.crashed.has(id) {
                    return None;
                }
                context.violation(
                    NAME,
                    "reported as damaged as it was written",
                    format!("{id} reports what it read otherwise than it was written"),
                    format!("it reported record {record} of zone {zone}, which it read as it was written"),
                )
            }
            Observation::ScrubReadDone { judged: true } if reading.event == event => {
                let (zone, record) = *reading.wrong.first()?;
                context.violation(
                    NAME,
                    "the scrubber overlooks damage",
                    format!("{id} finds record {record} of zone {zone}, which its disk brought wrong"),
                    "it took the record for sound".to_owned(),
                )
            }
            _ => None,
        }
    }
}

impl CorruptionDetection {
    fn appended(&mut self, op: u64, entry: EntryHash) {
        if op == 0 || op > OP_MAX {
            return;
        }
        let index = op as usize - 1;
        if self.first.len() <= index {
            self.first.resize(index + 1, 0);
        }
        let first = &mut self.first[index];
        if *first == 0 {
            *first = entry;
        } else if *first != entry && !self.others.contains(&(op, entry)) {
            self.others.push((op, entry));
        }
    }

    fn loaded(&self, context: &Context<'_>, op: u64, entry: EntryHash) -> Option<Box<Violation>> {
        let first = usize::try_from(op).ok().and_then(|op| self.first.get(op.checked_sub(1)?));
        if op > OP_MAX || first == Some(&entry) || self.others.contains(&(op, entry)) {
            return None;
        }
        let id = context.id;
        context.violation(
            NAME,
            "an entry that nobody wrote is believed",
            format!("{id} finds on its disk at op {op} what was appended there once, or damage"),
            format!("it takes {} for the entry there, which nobody appended at that op", short(entry)),
        )
    }

    fn recovered(&self, context: &Context<'_>) -> Option<Box<Violation>> {
        let (id, me) = (context.id, context.me);
        let (_, op, entry) = me.acknowledged.filter(|_| me.damaged)?;
        let held = me.entry(op).map(|held| held.entry);
        if held == Some(entry) || self.damaged[id.index()].is_some_and(|damaged| damaged <= op) {
            return None;
        }
        context.violation(
            NAME,
            "lost what it had acknowledged without a word",
            format!("{id} comes back with {} at op {op}, which it acknowledged, or says what is damaged", short(entry)),
            held.map_or_else(
                || format!("its log ends at op {}, and it reported no damage up to op {op}", me.op()),
                |held| format!("it came back with {} there, and reported no damage", short(held)),
            ),
        )
    }
}

fn content_fits(context: &Context<'_>, op: u64, found: EntryHash) -> Option<Box<Violation>> {
    let stated = context.me.entry(op)?.entry;
    if stated == found {
        return None;
    }
    let id = context.id;
    context.violation(
        NAME,
        "damaged content is believed",
        format!("what {id} takes from its disk for entry {} at op {op} has that hash", short(stated)),
        format!("its hash is {}", short(found)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use crate::protocol::observation::Fault;
    use Observation as O;

    const MISREAD: Observation = O::Misread { zone: 0, record: 4 };
    const FOUND: Observation = O::ScrubFound { zone: 0, record: 4 };
    const DONE: Observation = O::ScrubReadDone { judged: true };

    /// Replica 1 has acknowledged ops 1 to 3 and reads its damaged disk after a crash.
    fn restarted() -> Script {
        let mut script = Script::new();
        script.append(1, 1..=3);
        script.ok(1, O::Acknowledged { view: 0, op: 3, entry: entry(3) });
        script.ok(1, O::Injected { fault: Fault::BitFlip });
        script.ok(1, O::Crashed);
        script.ok(1, O::Restarted);
        script.ok(1, O::Loading);
        script
    }

    fn recovered(op: u64) -> Observation {
        O::Recovered { view: 0, last_normal: 0, op }
    }

    #[test]
    fn what_was_written_and_what_is_reported_passes() {
        let mut script = restarted();
        script.append(1, 1..=3);
        script.ok(1, O::Loaded { op: 2, content: entry(2) });
        script.ok(1, O::Damaged { op: 3 });
        script.ok(1, recovered(3));
        let mut script = restarted();
        script.append(1, 1..=2);
        script.ok(1, O::Damaged { op: 3 });
        script.ok(1, recovered(2));
        script.ok(1, O::Truncated { op: 1 });
        script.ok(1, O::Appended { op: 2, view: 1, entry: 9, parent: entry(1) });
        script.ok(1, O::Loading);
        script.append(1, 1..=1);
        script.ok(1, O::Appended { op: 2, view: 1, entry: 9, parent: entry(1) });
    }

    #[test]
    fn an_entry_that_nobody_wrote_is_caught() {
        let mut script = restarted();
        script.append(1, 1..=1);
        let unknown = O::Appended { op: 2, view: 0, entry: 9, parent: entry(1) };
        script.caught(1, unknown, NAME, "an entry that nobody wrote is believed");
    }

    #[test]
    fn damaged_content_is_caught() {
        let mut script = restarted();
        script.append(1, 1..=1);
        script.caught(1, O::Loaded { op: 1, content: 5 }, NAME, "damaged content is believed");
    }

    #[test]
    fn a_silent_loss_is_caught() {
        let rule = "lost what it had acknowledged without a word";
        let mut script = restarted();
        script.append(1, 1..=2);
        script.caught(1, recovered(2), NAME, rule);
    }

    #[test]
    fn the_scrubber_reports_what_it_read_wrong_and_nothing_else() {
        let mut script = Script::new();
        script.ok(0, MISREAD);
        assert_eq!((script.same_event(0, FOUND), script.same_event(0, DONE)), (None, None));
        script.ok(0, MISREAD);
        assert_eq!(script.same_event(0, O::ScrubReadDone { judged: false }), None);
        script.ok(0, DONE);
        script.ok(0, MISREAD);
        let overlooked = script.same_event(0, DONE).expect("it was not reported");
        assert_eq!((overlooked.invariant, overlooked.rule), (NAME, "the scrubber overlooks damage"));
        script.caught(0, FOUND, NAME, "reported as damaged as it was written");
        script.ok(0, O::Crashed);
        script.ok(0, FOUND);
    }
}
