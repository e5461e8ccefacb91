//! Links as the crate asks for them: in order, nothing twice, and its user tells it when a connection was lost.
//!
//! The simulated network loses, doubles and reorders single messages, as nothing does that one would run this crate over.
//! So each message carries its place in a session. The receiver drops what comes twice or too late; a gap is a lost
//! connection. It then begins a new session of its own, by which the other side learns of it.

use sim::base::ids::REPLICAS_MAX;

/// A message's place on its link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The session; later ones of the sender, in later lives as well, have higher numbers.
    session: u64,
    /// The number of the message in its session, from 1.
    number: u64,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the next one.
    Next,
    /// It is a later one: the connection was lost meanwhile.
    Reconnected,
    /// It came before.
    Old,
}

/// The links of one replica to all others.
#[derive(Clone, Debug)]
pub struct Links {
    sent: [Place; REPLICAS_MAX],
    received: [Place; REPLICAS_MAX],
}

impl Links {
    /// Links that begin with this session, which is later than all of the lives before.
    pub fn new(session: u64) -> Self {
        let first = Place { session, number: 0 };
        Links { sent: [first; REPLICAS_MAX], received: [Place::default(); REPLICAS_MAX] }
    }

    /// The place of the next message to this replica.
    pub fn send(&mut self, to: usize) -> Place {
        self.sent[to].number += 1;
        self.sent[to]
    }

    /// A message came from this replica.
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
