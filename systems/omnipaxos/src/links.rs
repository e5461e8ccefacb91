//! Links as the crate requires them: in order, without duplicates, and with a notice when a connection was lost.
//!
//! The simulated network loses, duplicates and reorders single messages, which no transport does that this crate would
//! be used with. So each message carries its position in a session. The receiver drops duplicates and late messages,
//! and treats a gap as a lost connection. It then begins a new session of its own, which informs the other side.

use sim::base::ids::REPLICAS_MAX;

/// A message's position on its link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The session. Later sessions of the sender have higher numbers, also after a restart.
    session: u64,
    /// The number of the message in its session, from 1.
    number: u64,
}

/// The result of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the next one.
    Next,
    /// Messages before it are missing: the connection was lost.
    Reconnected,
    /// It is a duplicate or late.
    Old,
}

/// The links of one replica to all others.
#[derive(Clone, Debug)]
pub struct Links {
    sent: [Place; REPLICAS_MAX],
    received: [Place; REPLICAS_MAX],
}

impl Links {
    /// Links that begin with this session, which must be higher than all sessions before a restart.
    pub fn new(session: u64) -> Self {
        let first = Place { session, number: 0 };
        Links { sent: [first; REPLICAS_MAX], received: [Place::default(); REPLICAS_MAX] }
    }

    /// The position of the next message to this replica.
    pub fn send(&mut self, to: usize) -> Place {
        self.sent[to].number += 1;
        self.sent[to]
    }

    /// Handles the arrival of a message from this replica.
    pub fn arrive(&mut self, from: usize, place: Place) -> Arrival {
        let last = self.received[from];
        self.received[from] = last.max(place);
        if place <= last {
            Arrival::Old
        } else if place.session == last.session {
            if place.number == last.number + 1 {
                return Arrival::Next;
            }
            let sent = &mut self.sent[from];
            *sent = Place { session: sent.session + 1, number: 0 };
            Arrival::Reconnected
        } else if last == Place::default() && place.number == 1 {
            Arrival::Next
        } else {
            Arrival::Reconnected
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_lost_connections_for_both_sides() {
        let (mut one, mut other) = (Links::new(1 << 20), Links::new(2 << 20));
        let places: Vec<_> = (0..4).map(|_| one.send(1)).collect();
        assert_eq!(other.arrive(0, places[0]), Arrival::Next);
        assert_eq!(other.arrive(0, places[0]), Arrival::Old);
        assert_eq!(one.arrive(1, other.send(0)), Arrival::Next);
        assert_eq!(other.arrive(0, places[2]), Arrival::Reconnected);
        assert_eq!(other.arrive(0, places[1]), Arrival::Old);
        assert_eq!(other.arrive(0, places[3]), Arrival::Next);
        assert_eq!(one.arrive(1, other.send(0)), Arrival::Reconnected, "it was told");
        assert_eq!(one.arrive(1, other.send(0)), Arrival::Next);
    }
}
