//! The scrubber's tours: who says that it has looked at everything has, and within its time.
//!
//! 1. A completed tour has read and judged as many different records of each zone as it said that it covers, and at least
//!    as many of the first zone (which holds the entries) as the replica had promised to hold durably in its view when the
//!    tour began.
//! 2. A replica that stays up, with a sound disk and clock, completes a tour within the configured time, again and again.
//!
//! Source: this project's reference protocol, after disk scrubbing against latent errors (Bairavasundaram et al., "An
//! Analysis of Latent Sector Errors in Disk Drives", 2007): a record that no tour reads can rot unseen. Rule 1 rests on what
//! the replica acknowledged, not on its scrubber's word. Not checked: that the other zones are covered whole.

use crate::base::ids::REPLICAS_MAX;
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::invariants::support::scrub_conditions::{self, ScrubConditions};
use crate::invariants::support::{Context, Violation, kinds, set};
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "scrub_completeness";
pub(in crate::invariants) const INTERESTS: u128 = scrub_conditions::INTERESTS
    | kinds::LOADING
    | kinds::ACKNOWLEDGED
    | kinds::SCRUB_TOUR_STARTED
    | kinds::SCRUB_TOUR_COVERS
    | kinds::SCRUB_READ
    | kinds::SCRUB_READ_DONE
    | kinds::SCRUB_TOUR_COMPLETED;

/// Records with a higher number are not looked at: no configuration has so many.
const RECORDS_MAX: u32 = 1 << 20;

/// What a tour has read of one zone.
#[derive(Debug, Default)]
struct Zone {
    covered: u32,
    /// The records that were read, one bit each, and how many they are.
    read: Vec<u64>,
    count: u32,
}

/// A replica's tours.
#[derive(Debug, Default)]
struct Tours {
    zones: Vec<Zone>,
    /// The zone, first record and number of records that are being read.
    reading: (u8, u32, u32),
    /// The op up to which the replica has acknowledged in its view, now and when the tour began.
    promised: u64,
    promised_then: u64,
    /// When the last tour was completed.
    completed: Time,
}

#[derive(Debug, Default)]
pub(in crate::invariants) struct ScrubCompleteness {
    on: bool,
    tour_max: Time,
    replicas: [Tours; REPLICAS_MAX],
    conditions: ScrubConditions,
}

impl ScrubCompleteness {
    pub fn reset(&mut self, config: &Config) {
        self.on = config.cluster.scrub_iops > 0;
        self.tour_max = config.cluster.scrub_tour_max;
        self.conditions = ScrubConditions::default();
        for tours in &mut self.replicas {
            tours.begin();
            (tours.promised, tours.completed) = (0, 0);
        }
    }

    pub fn healed(&mut self, at: Time) {
        self.conditions.healed(at);
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        if !self.on {
            return None;
        }
        self.conditions.observe(context);
        let (id, at) = (context.id, context.seen.at);
        let tours = &mut self.replicas[id.index()];
        match context.seen.what {
            Observation::Loading | Observation::ViewStarted { .. } | Observation::Truncated { .. } => {
                tours.promised = 0;
                tours.promised_then = 0;
            }
            Observation::Acknowledged { op, .. } => tours.promised = tours.promised.max(op),
            Observation::ScrubTourStarted => {
                tours.begin();
                tours.promised_then = tours.promised;
            }
            Observation::ScrubTourCovers { zone, records } => tours.zone(zone).covered = records,
            Observation::ScrubRead { zone, record, records, .. } => tours.reading = (zone, record, records),
            Observation::ScrubReadDone { judged: true } => tours.read(),
            Observation::ScrubTourCompleted { .. } => {
                let from = std::mem::replace(&mut tours.completed, at);
                let promised = u32::try_from(tours.promised_then).unwrap_or(u32::MAX);
                tours.zone(0).covered = tours.zone(0).covered.max(promised);
                if let Some((number, zone)) = tours.zones.iter().enumerate().find(|(_, zone)| zone.count < zone.covered)
                {
                    return context.violation(
                        NAME,
                        "a tour has left records out",
                        format!("{id} has read all {} durable records of zone {number} in its tour", zone.covered),
                        format!("it read {} of them", zone.count),
                    );
                }
                let tour_max = self.tour_max;
                let took = self.conditions.waited(id, from, at).filter(|took| *took > tour_max)?;
                return context.violation(
                    NAME,
                    LATE,
                    format!("{id} completes a tour every {tour_max} ns"),
                    format!("it took {took} ns"),
                );
            }
            _ => {}
        }
        None
    }

    /// The run is over: whether a tour is overdue.
    pub fn finish(&mut self, at: Time, event: u64, cluster_view: &ClusterView) -> Option<Box<Violation>> {
        if !self.on {
            return None;
        }
        let tour_max = self.tour_max;
        let (id, waited) =
            cluster_view.correct_replicas().filter(|(_, state)| state.up && !state.paused).find_map(|(id, _)| {
                let from = self.replicas[id.index()].completed;
                self.conditions.waited(id, from, at).filter(|waited| *waited > tour_max).map(|waited| (id, waited))
            })?;
        Some(Box::new(Violation {
            invariant: NAME,
            rule: LATE,
            at,
            event,
            replicas: set([id]),
            expected: format!("{id} completes a tour every {tour_max} ns"),
            seen: format!("it has completed none for {waited} ns"),
        }))
    }
}

const LATE: &str = "a tour takes longer than it may";

impl Tours {
    fn begin(&mut self) {
        for zone in &mut self.zones {
            zone.covered = 0;
            zone.count = 0;
            zone.read.clear();
        }
    }

    fn zone(&mut self, zone: u8) -> &mut Zone {
        let zone = usize::from(zone);
        if self.zones.len() <= zone {
            self.zones.resize_with(zone + 1, Zone::default);
        }
        &mut self.zones[zone]
    }

    fn read(&mut self) {
        let (zone, first, records) = self.reading;
        let zone = self.zone(zone);
        for record in first..first.saturating_add(records).min(RECORDS_MAX) {
            let (word, bit) = (record as usize / 64, 1 << (record % 64));
            if zone.read.len() <= word {
                zone.read.resize(word + 1, 0);
            }
            zone.count += u32::from(zone.read[word] & bit == 0);
            zone.read[word] |= bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ReplicaSet;
    use crate::base::time::{MILLISECOND, SECOND};
    use crate::invariants::harness::{Script, entry};
    use crate::protocol::observation::{Fault, Who};
    use Observation as O;

    const LEFT_OUT: &str = "a tour has left records out";
    const COMPLETED: Observation = O::ScrubTourCompleted { duration: 0, reads: 0 };

    /// Replica 1 has promised ops 1 to 3 and begins a tour that says it covers so many entries.
    fn tour(covered: u32) -> Script {
        let mut script = Script::new();
        script.append(1, 1..=3);
        script.ok(1, O::Acknowledged { view: 0, op: 3, entry: entry(3) });
        script.ok(1, O::ScrubTourStarted);
        script.ok(1, O::ScrubTourCovers { zone: 0, records: covered });
        script.ok(1, O::ScrubTourCovers { zone: 2, records: 1 });
        script
    }

    #[test]
    fn a_whole_tour_passes_in_whatever_order() {
        let mut script = tour(3);
        script.scrub(1, 0, 2..3, 0);
        script.scrub(1, 2, 0..1, 0);
        script.scrub(1, 0, 0..2, 0);
        script.ok(1, COMPLETED);
    }

    #[test]
    fn a_record_that_was_left_out_is_caught_even_if_the_scrubber_never_meant_to_read_it() {
        let mut script = tour(2);
        script.scrub(1, 0, 0..2, 0);
        script.scrub(1, 2, 0..1, 0);
        script.caught(1, COMPLETED, NAME, LEFT_OUT);

        let mut script = tour(3);
        script.scrub(1, 0, 0..3, 0);
        script.caught(1, COMPLETED, NAME, LEFT_OUT);

        let mut script = tour(3);
        script.scrub(1, 0, 0..2, 0);
        script.ok(1, O::ScrubRead { zone: 0, record: 2, records: 1, clock: SECOND });
        script.ok(1, O::ScrubReadDone { judged: false });
        script.scrub(1, 2, 0..1, 2 * SECOND);
        script.caught(1, COMPLETED, NAME, LEFT_OUT);
    }

    #[test]
    fn what_a_new_view_took_back_need_not_be_read() {
        let mut script = tour(2);
        script.ok(1, O::ViewStarted { view: 1, op: 3, commit: 0, primary: true });
        script.scrub(1, 0, 0..2, 0);
        script.scrub(1, 2, 0..1, 0);
        script.ok(1, COMPLETED);
    }

    #[test]
    fn a_late_tour_is_caught_unless_something_kept_the_replica_from_it() {
        let empty = |script: &mut Script, at| {
            script.ok_at(at, 0, O::ScrubTourStarted);
            script.ok_at(at, 0, COMPLETED);
        };
        let mut script = Script::new();
        empty(&mut script, SECOND);
        empty(&mut script, 2 * SECOND);
        script.ok_at(2 * SECOND, 0, O::ScrubTourStarted);
        script.caught_at(3 * SECOND + 1, 0, COMPLETED, NAME, LATE);

        for back in [O::Resumed, O::Restarted] {
            let mut script = Script::new();
            script.ok_at(900 * MILLISECOND, 0, back);
            empty(&mut script, 1900 * MILLISECOND);
        }

        let mut script = Script::new();
        script.ok_at(0, 0, O::Injected { fault: Fault::DiskSlow });
        empty(&mut script, 3 * SECOND);
        assert_eq!(script.see(Who::World, O::Healed), None);
        script.caught_at(9 * SECOND, 0, COMPLETED, NAME, LATE);

        // What the slow disk has held up ends after the heal.
        let conditions = |sound| O::Conditions { hears: ReplicaSet(0b111), sound, delay: 0 };
        let mut script = Script::new();
        script.ok_at(0, 0, O::Injected { fault: Fault::DiskSlow });
        script.ok_at(0, 0, conditions(false));
        assert_eq!(script.see(Who::World, O::Healed), None);
        script.ok_at(6 * SECOND, 0, conditions(true));
        empty(&mut script, 7 * SECOND);
        script.caught_at(9 * SECOND, 0, COMPLETED, NAME, LATE);
    }

    #[test]
    fn the_end_of_the_run_counts() {
        let script = Script::clean_run();
        let mut checkers = script.checkers;
        let late = checkers.each.scrub_completeness.finish(2 * SECOND, 9, &script.cluster_view).expect("it is late");
        assert_eq!((late.invariant, late.rule), (NAME, LATE));
    }
}
