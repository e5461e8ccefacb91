//! From finding to repair: what a scrubber finds damaged is soon what it should be, and stays so.
//!
//! 1. A record that was found damaged is written anew, durably, within the time of one tour. This is asked of a replica in
//!    normal status (another one may miss the content itself) with a sound disk and clock.
//! 2. A record that was reported as written anew is not found damaged again, unless the disk was damaged again since.
//!
//! Source: this project's reference protocol. Not checked: what a crash interrupts (the restart finds it again), and what a
//! new view may have taken out of the log.

use crate::base::ids::{REPLICAS_MAX, ReplicaSet};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::invariants::support::scrub_conditions::{self, ScrubConditions};
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::{Fault, Observation, Status};

/// The invariant's name.
pub const NAME: &str = "scrub_repair";
pub(in crate::invariants) const INTERESTS: u128 =
    scrub_conditions::INTERESTS | kinds::CRASHED | kinds::SCRUB_FOUND | kinds::SCRUB_REPAIRED | kinds::SCRUB_READ_DONE;

/// A replica's findings.
#[derive(Debug, Default)]
struct Findings {
    /// Found, not repaired yet, and when it was found first.
    open: Vec<(u8, u32, Time)>,
    /// Repaired since the disk was damaged last.
    closed: Vec<(u8, u32)>,
}

#[derive(Debug, Default)]
pub(in crate::invariants) struct ScrubRepair {
    tour_max: Time,
    replicas: [Findings; REPLICAS_MAX],
    /// The replicas whose disks may read wrong.
    misreading: ReplicaSet,
    conditions: ScrubConditions,
}

impl ScrubRepair {
    pub fn reset(&mut self, config: &Config) {
        self.tour_max = config.cluster.scrub_tour_max;
        self.misreading = ReplicaSet::default();
        self.conditions = ScrubConditions::default();
        for findings in &mut self.replicas {
            findings.forget();
        }
    }

    pub fn healed(&mut self, at: Time) {
        self.misreading = ReplicaSet::default();
        self.conditions.healed(at);
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        self.conditions.observe(context);
        let (id, at) = (context.id, context.seen.at);
        let findings = &mut self.replicas[id.index()];
        match context.seen.what {
            Observation::Crashed => findings.forget(),
            Observation::Truncated { .. } => findings.open.clear(),
            Observation::Injected { fault } if fault.damages() => {
                findings.closed.clear();
                if fault == Fault::StaleRead {
                    self.misreading.insert(id);
                }
            }
            Observation::ScrubFound { zone, record } => {
                if findings.closed.contains(&(zone, record)) && !self.misreading.has(id) {
                    return context.violation(
                        NAME,
                        "damaged again after its repair",
                        format!("record {record} of zone {zone}, which {id} has repaired, is sound"),
                        "it was found damaged again, and nothing has happened to it since".to_owned(),
                    );
                }
                if !findings.open.iter().any(|open| (open.0, open.1) == (zone, record)) {
                    findings.open.push((zone, record, at));
                }
            }
            Observation::ScrubRepaired { zone, record } => {
                findings.open.retain(|open| (open.0, open.1) != (zone, record));
                findings.closed.push((zone, record));
            }
            Observation::ScrubReadDone { .. } if context.me.status == Status::Normal => {
                let (zone, record, found) = *findings.open.first()?;
                let tour_max = self.tour_max;
                let waited = self.conditions.waited(id, found, at).filter(|waited| *waited > tour_max)?;
                return context.violation(
                    NAME,
                    "found and not repaired",
                    format!(
                        "{id} repairs record {record} of zone {zone} within {tour_max} ns after it found it damaged"
                    ),
                    format!("it has not for {waited} ns"),
                );
            }
            _ => {}
        }
        None
    }
}

impl Findings {
    fn forget(&mut self) {
        self.open.clear();
        self.closed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SECOND;
    use crate::invariants::harness::Script;
    use crate::protocol::observation::Who;
    use Observation as O;

    const FOUND: Observation = O::ScrubFound { zone: 1, record: 7 };
    const REPAIRED: Observation = O::ScrubRepaired { zone: 1, record: 7 };
    const DONE: Observation = O::ScrubReadDone { judged: true };

    /// Replica 1, which has crashed before, is normal and finds a record damaged.
    fn found() -> Script {
        let mut script = Script::new();
        script.ok(1, O::Crashed);
        script.ok(1, O::StatusChanged { status: Status::Normal, view: 0, primary: false });
        script.ok(1, O::Injected { fault: Fault::BitFlip });
        script.ok(1, FOUND);
        script
    }

    #[test]
    fn what_is_found_and_repaired_passes_and_may_be_damaged_again() {
        let mut script = found();
        script.ok(1, REPAIRED);
        script.ok_at(3 * SECOND, 1, DONE);
        script.ok(1, O::Injected { fault: Fault::LostWrite });
        script.ok(1, FOUND);
        script.ok(1, REPAIRED);
    }

    #[test]
    fn a_finding_without_repair_is_caught_in_normal_status() {
        let mut script = found();
        script.ok_at(SECOND, 1, DONE);
        script.caught_at(2 * SECOND, 1, DONE, NAME, "found and not repaired");

        let mut script = found();
        script.ok(1, O::ViewChangeStarted { view: 1 });
        script.ok_at(2 * SECOND, 1, DONE);

        let mut script = found();
        script.ok(1, O::Crashed);
        script.ok_at(2 * SECOND, 1, DONE);
    }

    #[test]
    fn a_repair_that_does_not_hold_is_caught() {
        let mut script = found();
        script.ok(1, REPAIRED);
        script.caught(1, FOUND, NAME, "damaged again after its repair");

        let mut script = found();
        script.ok(1, REPAIRED);
        script.ok(1, O::Injected { fault: Fault::StaleRead });
        script.ok(1, FOUND);
        script.ok(1, REPAIRED);
        script.ok(1, FOUND);
        script.ok(1, REPAIRED);
        assert_eq!(script.see(Who::World, O::Healed), None);
        script.caught(1, FOUND, NAME, "damaged again after its repair");
    }
}
