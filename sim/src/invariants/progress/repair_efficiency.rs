//! Repair efficiency: a replica that misses entries asks those peers that answer fast, and gives none up for ever.
//!
//! 1. Of the requests that a replica makes while it knows fast peers and slow ones, at most half go to a slow one, counted
//!    from the twenty-fourth on.
//! 2. A peer that could answer is asked at least once in `repair_explore` × (replicas − 1) requests.
//!
//! The first rule is owed while the latencies differ clearly and for long enough, as the stream shows: a peer is known to be
//! fast when its last eight answers all came within eight times the network's longest delay, and to be slow when each of
//! the last three requests to it took twice as long as that or expired. At least one fast peer has to be able to answer: up,
//! linked, normal in the replica's view, without a request of the replica under way, and with the entries asked for. The
//! count begins anew when what is wrong with any replica changes.
//! The second rule counts requests while the peer is up, linked, and normal in the replica's view.
//!
//! Source: this project's design. Not checked: which of several fast peers is asked.

use crate::base::ids::{REPLICAS_MAX, ReplicaId};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::{Observation, Status};

/// The invariant's name.
pub const NAME: &str = "repair_efficiency";
pub(in crate::invariants) const INTERESTS: u128 =
    kinds::REPAIR_REQUESTED | kinds::REPAIR_ENDED | kinds::CONDITIONS | kinds::CRASHED | kinds::RESTARTED;

/// So many fast answers in a row make a peer known to be fast.
const FAST_IN_A_ROW: u8 = 8;
/// So many slow ones make it known to be slow.
const SLOW_IN_A_ROW: u8 = 3;
/// So many requests are enough to judge a replica by.
const ENOUGH: u32 = 24;

/// What a replica's requests to one peer were like.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    asked_at: Option<Time>,
    fast: u8,
    slow: u8,
    /// How many requests went to others while this one could have answered.
    passed_over: u32,
}

/// The requests of one replica: those that count for the first rule, and those of them that went to slow peers.
#[derive(Clone, Copy, Debug, Default)]
struct Asking {
    peers: [Peer; REPLICAS_MAX],
    counted: u32,
    to_slow: u32,
}

#[derive(Debug, Default)]
pub(in crate::invariants) struct RepairEfficiency {
    /// An answer within this time is fast; one that takes twice as long is slow.
    fast: Time,
    passed_over_max: u32,
    /// Where the members may change, whom to ask does, too: nothing is owed.
    owed: bool,
    asking: [Asking; REPLICAS_MAX],
}

impl RepairEfficiency {
    pub fn reset(&mut self, config: &Config) {
        let others = u32::from(config.cluster.replicas) - 1;
        *self = RepairEfficiency {
            fast: 8 * config.network.delay_max,
            passed_over_max: u32::from(config.cluster.repair_explore) * others,
            owed: !config.cluster.reconfigures(),
            asking: Default::default(),
        };
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let now = context.seen.at;
        match context.seen.what {
            _ if !self.owed => return None,
            Observation::RepairRequested { peer, to, .. } => return self.requested(context, peer, to),
            Observation::RepairEnded { peer, answered } => {
                let peer = &mut self.asking[context.id.index()].peers[peer.index() % REPLICAS_MAX];
                let took = now - peer.asked_at.take().unwrap_or(now);
                if answered && took <= self.fast {
                    (peer.fast, peer.slow) = (peer.fast.saturating_add(1), 0);
                } else if took >= 2 * self.fast {
                    (peer.fast, peer.slow) = (0, peer.slow.saturating_add(1));
                } else {
                    (peer.fast, peer.slow) = (0, 0);
                }
            }
            Observation::Crashed => self.asking[context.id.index()] = Asking::default(),
            _ => {}
        }
        if !matches!(context.seen.what, Observation::RepairEnded { .. }) {
            self.asking.iter_mut().for_each(|asking| (asking.counted, asking.to_slow) = (0, 0));
        }
        None
    }

    fn requested(&mut self, context: &Context<'_>, peer: ReplicaId, to: u64) -> Option<Box<Violation>> {
        let Context { id, me, cluster_view, .. } = *context;
        let could_answer = |other: ReplicaId| {
            let state = &cluster_view.replicas[other.index()];
            let there = state.up && !state.paused && cluster_view.linked(id, other);
            other != id && there && state.status == Status::Normal && state.view == me.view
        };
        let asking = &mut self.asking[id.index()];
        let all = || (0..cluster_view.replicas.len() as u8).map(ReplicaId);
        let fast = |other: ReplicaId, asking: &Asking| {
            let known = &asking.peers[other.index()];
            let ready = known.fast >= FAST_IN_A_ROW && known.asked_at.is_none();
            ready && could_answer(other) && cluster_view.replicas[other.index()].op() >= to
        };
        let slow = |other: ReplicaId, asking: &Asking| asking.peers[other.index()].slow >= SLOW_IN_A_ROW;
        if all().any(|other| fast(other, asking)) && all().any(|other| slow(other, asking)) {
            asking.counted += 1;
            asking.to_slow += u32::from(slow(peer, asking));
        }
        let mut forgotten = None;
        for other in all() {
            let known = &mut asking.peers[other.index()];
            known.passed_over = if other != peer && could_answer(other) { known.passed_over + 1 } else { 0 };
            if known.passed_over > self.passed_over_max {
                known.passed_over = 0;
                forgotten = Some(other);
            }
        }
        asking.peers[peer.index() % REPLICAS_MAX].asked_at = Some(context.seen.at);
        if let Some(other) = forgotten {
            return context.violation_with(
                other,
                NAME,
                "a peer is never asked again",
                format!("{id} asks {other} at least once in {} repair requests", self.passed_over_max),
                format!("it asked others {} times in a row", self.passed_over_max + 1),
            );
        }
        if asking.counted >= ENOUGH && asking.to_slow * 2 > asking.counted {
            return context.violation_with(
                peer,
                NAME,
                "slow peers are preferred",
                format!("at most half of the repair requests of {id} go to slow peers while a fast one is free"),
                format!("{} of {} did", asking.to_slow, asking.counted),
            );
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::MILLISECOND;
    use crate::invariants::harness::Script;
    use Observation as O;

    /// Replica 2 asks `peer`, which answers after so many milliseconds.
    fn ask(script: &mut Script, peer: u8, took: u64) -> Option<Box<Violation>> {
        let violation = script.say(2, O::RepairRequested { peer: ReplicaId(peer), from: 1, to: 1 });
        script.wait(took * MILLISECOND);
        script.ok(2, O::RepairEnded { peer: ReplicaId(peer), answered: true });
        violation
    }

    /// Replica 0 is known to be fast and replica 1 to be slow.
    fn known() -> Script {
        let mut script = Script::new();
        (0..3).for_each(|id| script.ok(id, O::StatusChanged { status: Status::Normal, view: 0, primary: id == 0 }));
        script.append(0, 1..=1);
        (0..3).for_each(|_| assert_eq!(ask(&mut script, 1, 50), None));
        (0..8).for_each(|_| assert_eq!(ask(&mut script, 0, 3), None));
        script
    }

    #[test]
    fn asking_the_fast_one_mostly_passes_and_the_slow_one_mostly_is_caught() {
        let mut script = known();
        for _ in 0..40 {
            assert_eq!(ask(&mut script, 0, 3), None);
            assert_eq!(ask(&mut script, 1, 50), None, "half is just in order");
        }
        let mut script = known();
        let caught = (0..24).find_map(|_| ask(&mut script, 1, 50)).expect("the rule is broken");
        assert_eq!((caught.invariant, caught.rule), (NAME, "slow peers are preferred"));
    }

    #[test]
    fn nothing_is_owed_while_no_fast_peer_can_answer() {
        let mut script = known();
        script.ok(0, O::Crashed);
        (0..40).for_each(|_| assert_eq!(ask(&mut script, 1, 50), None));
    }

    #[test]
    fn a_peer_that_is_given_up_is_caught() {
        let mut script = known();
        let most = u32::from(Config::default().cluster.repair_explore) * 2;
        (8..most).for_each(|_| assert_eq!(ask(&mut script, 0, 3), None));
        let caught = ask(&mut script, 0, 3).expect("the rule is broken");
        assert_eq!((caught.invariant, caught.rule), (NAME, "a peer is never asked again"));
    }
}
