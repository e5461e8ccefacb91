//! The network between replicas: delay, loss, duplication, reordering, and links that are cut or clogged.
//!
//! Each directed link numbers its messages, and each decision about a message is drawn from (link, number). A link is
//! first in, first out, unless the reordering draw lets a message overtake. A cut loses messages at both ends: those
//! sent and those due while it lasts. A clog loses nothing: messages that are due while it lasts are held, and
//! delivered in order when it ends.
//!
//! A damaged message is damaged in both copies; `world/transport.rs` has what the receiver makes of it.
//!
//! Left out: bandwidth and connections. Clients reach every replica that is up; cuts and clogs do not affect them.

use crate::base::ids::{ClientId, REPLICAS_MAX, ReplicaId};
use crate::base::random::{Domain, Keys};
use crate::base::time::{MILLISECOND, SECOND, Time};
use crate::config::spec::{self};
use crate::faults::active::Effects;

/// The longest additional delay of a message that may overtake.
const REORDERING_DELAY_MAX: Time = 20 * MILLISECOND;
/// The second copy of a message comes up to this much later.
const DUPLICATION_DELAY_MAX: Time = SECOND;

/// When a message arrives: once, twice or never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// When it arrives; `None` if the network loses it.
    pub first: Option<Time>,
    /// When its second copy arrives.
    pub second: Option<Time>,
    /// It is damaged on the way; the number says which of its bits flip.
    pub garbled: Option<u64>,
}

/// The network.
#[derive(Clone, Debug, Default)]
pub struct Network {
    delay_min: Time,
    delay_max: Time,
    loss: u32,
    duplication: u32,
    reordering: u32,
    /// How many messages were sent on each link.
    sent: [[u64; REPLICAS_MAX]; REPLICAS_MAX],
    /// When the last message of each link that keeps the order arrives.
    last: [[Time; REPLICAS_MAX]; REPLICAS_MAX],
}

impl Network {
    /// A network on which nothing was sent yet.
    pub fn new(spec: &spec::Network) -> Self {
        Network {
            delay_min: spec.delay_min,
            delay_max: spec.delay_max,
            loss: spec.loss,
            duplication: spec.duplication,
            reordering: spec.reordering,
            ..Network::default()
        }
    }

    /// When a message that replica `from` sends to replica `to` now arrives.
    pub fn send(&mut self, keys: &Keys, effects: &Effects, now: Time, from: ReplicaId, to: ReplicaId) -> Arrivals {
        let (source, target) = (from.index(), to.index());
        let number = self.sent[source][target];
        self.sent[source][target] += 1;
        let what = (from.0.into(), to.0.into(), number);
        let mut arrivals = self.pass(keys, effects, now, what);
        let Some(at) = &mut arrivals.first else { return arrivals };
        let extra = effects.delay[source].max(effects.delay[target]);
        if extra > 0 {
            *at += keys.uniform(Domain::ExtraDelay, what, 0, extra);
        }
        let garbling = effects.garbling[source].max(effects.garbling[target]);
        if keys.chance(Domain::Garbling, what, garbling) {
            arrivals.garbled = Some(keys.draw(Domain::GarbledBits, what.0, what.1, number));
        }
        if keys.chance(Domain::Reordering, what, self.reordering.max(effects.reordering)) {
            *at += keys.uniform(Domain::ReorderingDelay, what, 0, REORDERING_DELAY_MAX);
        } else {
            *at = (*at).max(self.last[source][target]);
            self.last[source][target] = *at;
        }
        arrivals
    }

    /// The faults have ended: from now on nothing is lost, doubled or reordered any more, and what was delayed for long no
    /// longer holds back what comes after it.
    pub fn heal(&mut self, now: Time) {
        (self.loss, self.duplication, self.reordering) = (0, 0, 0);
        for last in self.last.as_flattened_mut() {
            *last = (*last).min(now + self.delay_max);
        }
    }

    /// When a message between a client and a replica arrives; `number` tells it from the others of that pair.
    pub fn send_client(
        &self,
        keys: &Keys,
        effects: &Effects,
        now: Time,
        pair: (ClientId, ReplicaId),
        outbound: bool,
        number: u64,
    ) -> Arrivals {
        // Links of clients are numbered above those of replicas.
        let client = 1 << 32 | u64::from(pair.0.0) << 1 | u64::from(outbound);
        self.pass(keys, effects, now, (client, pair.1.0.into(), number))
    }

    fn pass(&self, keys: &Keys, effects: &Effects, now: Time, what: (u64, u64, u64)) -> Arrivals {
        if keys.chance(Domain::Loss, what, self.loss.max(effects.loss)) {
            return Arrivals::default();
        }
        let first = now + keys.uniform(Domain::Delay, what, self.delay_min, self.delay_max);
        let second = keys
            .chance(Domain::Duplication, what, self.duplication.max(effects.duplication))
            .then(|| first + keys.uniform(Domain::DuplicationDelay, what, 0, DUPLICATION_DELAY_MAX));
        Arrivals { first: Some(first), second, garbled: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::random::MILLION;
    use crate::config::spec::Config;

    const LINK: (ReplicaId, ReplicaId) = (ReplicaId(0), ReplicaId(1));

    fn arrivals(effects: &Effects, seed: u64) -> Vec<Arrivals> {
        let keys = Keys::new(seed);
        let mut network = Network::new(&Config::default().network);
        (0..100).map(|step| network.send(&keys, effects, step * 1000, LINK.0, LINK.1)).collect()
    }

    proptest! {
        #[test]
        fn a_link_keeps_the_order_unless_it_may_reorder(seed: u64) {
            let calm: Vec<_> = arrivals(&Effects::default(), seed).iter().map(|arrival| arrival.first.unwrap()).collect();
            prop_assert!(calm.is_sorted());
            let wild = arrivals(&Effects { reordering: MILLION / 2, ..Effects::default() }, seed);
            prop_assert!(!wild.is_sorted_by_key(|arrival| arrival.first));
        }
    }

    #[test]
    fn loss_and_duplication_are_judged_by_themselves() {
        let calm = arrivals(&Effects::default(), 3);
        let lossy = arrivals(&Effects { loss: MILLION / 10, ..Effects::default() }, 3);
        let twice = arrivals(&Effects { duplication: MILLION / 10, ..Effects::default() }, 3);
        assert!((1..30).contains(&lossy.iter().filter(|arrival| arrival.first.is_none()).count()));
        assert!((1..30).contains(&twice.iter().filter(|arrival| arrival.second.is_some()).count()));
        assert!(calm.iter().zip(&twice).all(|(calm, twice)| calm.first == twice.first), "no other decision moved");
        assert!(arrivals(&Effects { loss: MILLION, ..Effects::default() }, 3).iter().all(|all| all.first.is_none()));
        let mut effects = Effects::default();
        effects.garbling[LINK.1.index()] = MILLION / 10;
        let garbled = arrivals(&effects, 3);
        assert!((1..30).contains(&garbled.iter().filter(|arrival| arrival.garbled.is_some()).count()));
        assert!(
            calm.iter().zip(&garbled).all(|(calm, garbled)| calm.first == garbled.first),
            "no other decision moved"
        );
    }

    #[test]
    fn client_links_are_keyed_apart_from_each_other() {
        let keys = Keys::new(1);
        let network = Network::new(&Config::default().network);
        let send = |client, outbound, number| {
            network.send_client(&keys, &Effects::default(), 0, (ClientId(client), ReplicaId(0)), outbound, number)
        };
        assert_eq!(send(0, true, 0), send(0, true, 0));
        assert_ne!(send(0, true, 0), send(0, false, 0));
        assert_ne!(send(0, true, 0), send(1, true, 0));
        assert_ne!(send(0, true, 0), send(0, true, 1));
    }
}
