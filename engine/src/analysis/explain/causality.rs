//! The happened-before relation (Lamport) over the events of a run.
//!
//! An event is preceded by the earlier events at its replica, and by everything that precedes the sending of the
//! message that it handles. A vector is enough to represent this: for each replica, the last of its events that precede
//! the event. Observations do not identify messages. A delivery is therefore matched with the oldest message of its kind
//! on its link that has not arrived, because links mostly keep the order. A second copy is matched with the last
//! message. Causality through clients is not modelled.

use std::collections::{BTreeMap, VecDeque};

use sim::protocol::observation::DropReason;
use sim::{MessageKind, Observation, ReplicaId, Seen, Who};

const REPLICAS: usize = sim::base::ids::REPLICAS_MAX;

/// For each replica, the last of its events that precede an event; 0 for none.
type Vector = [u64; REPLICAS];

/// A message in transit.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    precedes: Vector,
    lie: bool,
}

/// The message that an event handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The sender.
    pub from: ReplicaId,
    /// Its kind.
    pub kind: MessageKind,
    /// Whether a lie changed it.
    pub lie: bool,
}

/// The happened-before relation.
#[derive(Debug, Default)]
pub struct Past {
    /// The vector of each replica and event.
    vectors: BTreeMap<(u8, u64), Vector>,
    causes: BTreeMap<(u64, u8), Cause>,
}

impl Past {
    /// Computes the relation over these observations.
    pub fn of(recorded: &[Seen]) -> Self {
        let mut past = Past::default();
        let mut now = [Vector::default(); REPLICAS];
        let mut links: BTreeMap<(u8, u8, MessageKind), (VecDeque<Message>, Message)> = BTreeMap::new();
        let mut lied = (0, false);
        let mut sent = MessageKind::Other;
        for seen in recorded {
            let Who::Replica(id) = seen.who else { continue };
            if lied.0 != seen.event {
                lied = (seen.event, false);
            }
            match seen.what {
                Observation::Lied { .. } => lied.1 = true,
                Observation::Sent { to, kind } => {
                    now[id.index()][id.index()] = seen.event;
                    sent = kind;
                    let message = Message { precedes: now[id.index()], lie: std::mem::take(&mut lied.1) };
                    let (waiting, last) = links.entry((id.0, to.0, kind)).or_default();
                    waiting.push_back(message);
                    *last = message;
                    continue;
                }
                // The network turned the message just sent into one of this kind.
                Observation::Garbled { to, kind } => {
                    let message = links.get_mut(&(id.0, to.0, sent)).and_then(|(waiting, _)| waiting.pop_back());
                    if let Some(message) = message {
                        let (waiting, last) = links.entry((id.0, to.0, kind)).or_default();
                        waiting.push_back(message);
                        *last = message;
                    }
                    continue;
                }
                // The message was never sent.
                Observation::Dropped { why: DropReason::Silenced, .. } => {
                    lied.1 = false;
                    continue;
                }
                Observation::Dropped { to, kind, .. } => {
                    // The message was lost when it was sent or when it arrived: it is the newest one of this event, or
                    // else the oldest in transit.
                    if let Some((waiting, _)) = links.get_mut(&(id.0, to.0, kind)) {
                        let newest = waiting.back().is_some_and(|last| last.precedes[id.index()] == seen.event);
                        let _ = if newest { waiting.pop_back() } else { waiting.pop_front() };
                    }
                    continue;
                }
                Observation::Delivered { from, kind } => {
                    let link = links.get_mut(&(from.0, id.0, kind));
                    let message = link.map(|(waiting, last)| waiting.pop_front().unwrap_or(*last)).unwrap_or_default();
                    for (mine, theirs) in now[id.index()].iter_mut().zip(message.precedes) {
                        *mine = (*mine).max(theirs);
                    }
                    past.causes.insert((seen.event, id.0), Cause { from, kind, lie: message.lie });
                }
                _ => {}
            }
            now[id.index()][id.index()] = seen.event;
            past.vectors.insert((id.0, seen.event), now[id.index()]);
        }
        past
    }

    /// The message that this event handles at this replica, if there is one.
    pub fn cause(&self, event: u64, replica: ReplicaId) -> Option<Cause> {
        self.causes.get(&(event, replica.0)).copied()
    }

    /// Everything that precedes any of these events, each at its replica.
    pub fn cone(&self, roots: &[(u64, ReplicaId)]) -> Cone {
        let mut cone = Cone(Vector::default());
        for (event, replica) in roots {
            // If a replica did nothing in an event, its last earlier event is used.
            let last = self.vectors.range((replica.0, 0)..=(replica.0, *event)).next_back();
            for (all, one) in cone.0.iter_mut().zip(last.map(|(_, vector)| *vector).unwrap_or_default()) {
                *all = (*all).max(one);
            }
        }
        cone
    }
}

/// The events that precede a set of events.
#[derive(Clone, Copy, Debug)]
pub struct Cone(Vector);

impl Cone {
    /// Whether this event at this replica is in the set.
    pub fn has(&self, event: u64, replica: ReplicaId) -> bool {
        self.0[replica.index()] >= event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::{Field, LieClass};

    fn seen(event: u64, replica: u8, what: Observation) -> Seen {
        Seen { at: event, event, who: Who::Replica(ReplicaId(replica)), what }
    }

    #[test]
    fn a_delivered_message_carries_the_history_of_its_sender_and_a_lost_one_does_not() {
        let kind = MessageKind::Prepare;
        let (to, from) = (ReplicaId(1), ReplicaId(0));
        let sent = Observation::Sent { to, kind };
        let delivered = Observation::Delivered { from, kind };
        let dropped = Observation::Dropped { to, kind, why: sim::protocol::observation::DropReason::Lost };
        let lied = Observation::Lied {
            kind,
            field: Field::Op,
            how: sim::protocol::lie::How::Huge,
            class: LieClass::FalseClaim,
        };
        let crashed = Observation::Crashed;
        let past = Past::of(&[
            seen(1, 0, crashed),
            seen(2, 0, sent),
            seen(2, 0, dropped),
            seen(3, 0, crashed),
            seen(4, 0, lied),
            seen(4, 0, sent),
            seen(5, 0, sent),
            seen(6, 1, delivered),
            seen(7, 1, delivered),
            seen(8, 1, delivered),
            seen(9, 2, crashed),
        ]);
        let precedes = |event, replica, (root, at)| past.cone(&[(root, ReplicaId(at))]).has(event, ReplicaId(replica));
        assert!(precedes(4, 0, (6, 1)), "the first message that was not lost");
        assert!(!precedes(5, 0, (6, 1)));
        assert!(precedes(5, 0, (7, 1)) && precedes(5, 0, (8, 1)), "the copy, too");
        assert!(precedes(1, 0, (6, 1)) && precedes(6, 1, (7, 1)) && precedes(8, 1, (100, 1)));
        assert!(!precedes(1, 0, (9, 2)) && !precedes(7, 1, (6, 1)));
        let causes: Vec<_> = (6..=8).map(|event| past.cause(event, ReplicaId(1)).map(|cause| cause.lie)).collect();
        assert_eq!(causes, [Some(true), Some(false), Some(false)]);
        assert_eq!(past.cause(9, ReplicaId(2)), None);
    }

    #[test]
    fn a_damaged_message_is_delivered_as_the_kind_it_turned_into() {
        let (to, from, kind, taken) = (ReplicaId(1), ReplicaId(0), MessageKind::Prepare, MessageKind::Commit);
        let past = Past::of(&[
            seen(1, 0, Observation::Sent { to, kind }),
            seen(2, 0, Observation::Sent { to, kind }),
            seen(2, 0, Observation::Garbled { to, kind: taken }),
            seen(3, 1, Observation::Delivered { from, kind: taken }),
            seen(4, 1, Observation::Delivered { from, kind }),
        ]);
        assert!(past.cone(&[(3, to)]).has(2, from));
        assert_eq!(past.cause(3, to).map(|cause| cause.kind), Some(taken));
        assert!(past.cone(&[(4, to)]).has(1, from));
    }
}
