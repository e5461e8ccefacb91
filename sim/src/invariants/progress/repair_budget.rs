//! Repair budget: however much a replica misses, its requests for it stay few and small.
//!
//! 1. A replica has at most `repair_credits` requests under way. A request is under way from `RepairRequested` until
//!    `RepairEnded`, or until the replica crashes.
//! 2. A request asks for at least one and at most `repair_entries` entries.
//! 3. A request ends: after twice `repair_expiry` it is no longer under way, so that lost requests do not use up the budget.
//!
//! So the whole cluster has at most replicas × credits requests under way, for entries times as many entries.
//!
//! Source: this project's design; a replica that comes back must not saturate the network with its repair.
//! The third rule is judged when the replica commits something, and only where it ran, unpaused and with sound clocks, all
//! the time. Not checked: how fast requests follow one another when they are answered at once.

use crate::base::ids::{REPLICAS_MAX, ReplicaSet};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::invariants::support::{Context, Invariant, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "repair_budget";
const INTERESTS: u128 = kinds::REPAIR_REQUESTED
    | kinds::REPAIR_ENDED
    | kinds::COMMITTED
    | kinds::CRASHED
    | kinds::CONDITIONS
    | kinds::PAUSED
    | kinds::RESUMED;

/// The requests of one replica.
#[derive(Clone, Copy, Debug, Default)]
struct Requests {
    under_way: u64,
    /// Per peer how many are under way, and since when at least one of them is.
    to: [(u64, Time); REPLICAS_MAX],
}

#[derive(Debug, Default)]
pub(in crate::invariants) struct RepairBudget {
    credits: u64,
    entries: u64,
    expiry: Time,
    requests: [Requests; REPLICAS_MAX],
}

impl Invariant for RepairBudget {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str =
        "Repair budget: however much a replica misses, its requests for it stay few and small.";
    const INTERESTS: u128 = INTERESTS;

    fn reset(&mut self, config: &Config, _: ReplicaSet) {
        let cluster = &config.cluster;
        *self = RepairBudget {
            credits: cluster.repair_credits.into(),
            entries: cluster.repair_entries.into(),
            expiry: cluster.repair_expiry,
            requests: Default::default(),
        };
    }

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let (id, now) = (context.id, context.seen.at);
        let requests = &mut self.requests[id.index()];
        match context.seen.what {
            Observation::RepairRequested { peer, from, to } => {
                requests.under_way += 1;
                let (count, since) = &mut requests.to[peer.index() % REPLICAS_MAX];
                *count += 1;
                if *count == 1 {
                    *since = now;
                }
                if requests.under_way > self.credits {
                    return context.violation(
                        NAME,
                        "too many requests are under way",
                        format!("{id} has at most {} repair requests under way", self.credits),
                        format!("it has {}", requests.under_way),
                    );
                }
                if from == 0 || to < from || to - from >= self.entries {
                    return context.violation(
                        NAME,
                        "a request is too large",
                        format!("{id} asks for 1 to {} entries at a time", self.entries),
                        format!("it asks for {from} to {to}"),
                    );
                }
                None
            }
            Observation::RepairEnded { peer, .. } => {
                requests.under_way = requests.under_way.saturating_sub(1);
                let (count, since) = &mut requests.to[peer.index() % REPLICAS_MAX];
                *count = count.saturating_sub(1);
                *since = now;
                None
            }
            Observation::Committed { .. } if requests.under_way > 0 => {
                let sound = context.me.sound && !context.me.paused;
                let late = |(count, since): &(u64, Time)| *count > 0 && now > since + 2 * self.expiry;
                if !sound || !requests.to.iter().any(late) {
                    return None;
                }
                context.violation(
                    NAME,
                    "a request never ends",
                    format!("a repair request of {id} is over after {} ns at the latest", 2 * self.expiry),
                    format!("of {} under way one is older than that", requests.under_way),
                )
            }
            Observation::Crashed => {
                *requests = Requests::default();
                None
            }
            // What stood still does not count.
            Observation::Conditions { .. } | Observation::Paused | Observation::Resumed => {
                requests.to.iter_mut().for_each(|(_, since)| *since = now);
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ReplicaId;
    use crate::invariants::harness::{Script, entry};
    use Observation as O;

    fn ask(peer: u8, from: u64, to: u64) -> O {
        O::RepairRequested { peer: ReplicaId(peer), from, to }
    }

    fn end(peer: u8) -> O {
        O::RepairEnded { peer: ReplicaId(peer), answered: true }
    }

    #[test]
    fn ended_requests_make_room_and_one_too_many_is_caught() {
        let mut script = Script::new();
        script.ok(2, ask(0, 1, 4));
        script.ok(2, ask(1, 5, 8));
        script.ok(2, end(0));
        script.ok(2, ask(0, 9, 12));
        script.ok(1, ask(0, 1, 1));
        script.caught(2, ask(0, 13, 16), NAME, "too many requests are under way");
        script.ok(2, O::Crashed);
        script.ok(2, ask(0, 1, 4));
        script.ok(2, ask(1, 5, 8));
    }

    #[test]
    fn a_request_is_neither_empty_nor_too_large() {
        let entries = u64::from(Config::default().cluster.repair_entries);
        for (from, to) in [(0, 3), (4, 3), (1, entries + 1)] {
            Script::new().caught(2, ask(0, from, to), NAME, "a request is too large");
        }
        Script::new().ok(2, ask(0, 7, 6 + entries));
    }

    #[test]
    fn a_request_that_never_ends_is_caught() {
        let expiry = Config::default().cluster.repair_expiry;
        let mut script = Script::new();
        script.append(2, 1..=4);
        script.ok(2, ask(0, 5, 6));
        script.commit(2, 1..=1);
        script.wait(expiry);
        script.commit(2, 2..=2);
        script.wait(3 * expiry);
        script.ok(2, O::Resumed);
        script.commit(2, 3..=3);
        script.wait(3 * expiry);
        script.caught(2, O::Committed { op: 4, entry: entry(4) }, NAME, "a request never ends");
    }
}
