//! Messages between replicas: how they leave, how a liar changes them, and how they arrive.
//!
//! A message is observed when it leaves (`Sent`) and when it arrives (`Delivered`) or is lost (`Dropped`, an
//! observation of its sender). A message that a liar holds back was never sent. Cuts apply at both ends of a link;
//! clogs and pauses apply at the far end, where the message waits.
//!
//! Messages move as values. Only a message that is damaged in transit becomes bytes: some of its bits flip, and the
//! receiver's decoder either refuses it, which is a loss, or decodes another message, which is then delivered instead.

use crate::base::ids::ReplicaId;
use crate::faults::liars;
use crate::protocol::lie::{How, LieClass};
use crate::protocol::observation::{DropReason, MessageKind, Observation, Who};
use crate::world::core::{Core, Event};
use crate::world::system::System;

impl<S: System> Core<S> {
    /// A replica sends a message. One to a replica that does not exist is lost without a trace.
    pub(crate) fn send(&mut self, from: ReplicaId, to: ReplicaId, message: S::Message) {
        if to.0 >= self.replicas() {
            return;
        }
        let kind = S::kind(&message);
        if self.liars.has(from) {
            self.lie(from, to, kind, &message);
        } else {
            self.transmit(from, to, kind, message);
        }
    }

    /// A liar sends a message: all of its lies that make sense for the message are told in it, one after the other.
    #[cold]
    fn lie(&mut self, from: ReplicaId, to: ReplicaId, kind: MessageKind, message: &S::Message) {
        let mut instead = message.clone();
        let (mut copies, mut silent, mut next) = (1, false, 0);
        while let Some((place, lie)) = self.lies.find(next, from, to, kind) {
            next = place + 1;
            let class = match lie.how {
                How::Silence => {
                    silent = true;
                    LieClass::Contradiction
                }
                How::Flood => {
                    copies = liars::flood(lie.amount);
                    LieClass::Contradiction
                }
                How::Replay => {
                    let Some(past) = self.lies.past(from, kind, lie.amount) else { continue };
                    instead = past.clone();
                    LieClass::Contradiction
                }
                _ => {
                    let Some(liar) = self.lies.liar(from) else { continue };
                    let Some((changed, class)) = S::tamper(&instead, &lie, liar) else { continue };
                    instead = changed;
                    class
                }
            };
            if self.lies.told(place) {
                next = place;
            }
            self.lied(from, class);
            self.observe(Who::Replica(from), Observation::Lied { kind, field: lie.field, how: lie.how, class });
        }
        self.lies.remember(from, kind, self.event, message);
        if silent {
            let why = DropReason::Silenced;
            return self.observe(Who::Replica(from), Observation::Dropped { to, kind, why });
        }
        for _ in 1..copies {
            self.transmit(from, to, kind, instead.clone());
        }
        self.transmit(from, to, kind, instead);
    }

    fn transmit(&mut self, from: ReplicaId, to: ReplicaId, kind: MessageKind, mut message: S::Message) {
        self.observe(Who::Replica(from), Observation::Sent { to, kind });
        let number = self.outcomes.departs(self.trace.recorded().len());
        let arrivals = self.network.send(&self.keys, self.faults.effects(), self.now, from, to);
        let lost = if self.faults.effects().cut[from.index()].has(to) {
            Some(DropReason::Cut)
        } else {
            arrivals.garbled.and_then(|draw| self.garble(from, to, &mut message, draw))
        };
        match (arrivals.first, lost) {
            (Some(first), None) => {
                if let Some(second) = arrivals.second {
                    self.queue.push(second, Event::Deliver { from, to, number, message: message.clone() });
                }
                self.queue.push(first, Event::Deliver { from, to, number, message });
            }
            (_, lost) => {
                let why = lost.unwrap_or(DropReason::Lost);
                self.observe(Who::Replica(from), Observation::Dropped { to, kind, why });
                self.outcomes.ends(number, self.trace.recorded().len());
            }
        }
    }

    /// A message is damaged on the way: it becomes what its receiver takes it for, or is lost if that sees the damage.
    #[cold]
    fn garble(&mut self, from: ReplicaId, to: ReplicaId, message: &mut S::Message, draw: u64) -> Option<DropReason> {
        self.bytes.clear();
        S::encode(message, &mut self.bytes);
        debug_assert!(self.comes_back(S::kind(message)), "a sound message is decoded, and encoded to the same bytes");
        flip_burst(&mut self.bytes, draw);
        // It is the receiver that decodes, so a panic is the receiver's.
        let sender = self.running.replace(to);
        let garbled = S::decode(&self.bytes, self.bugs);
        self.running = sender;
        let Some(garbled) = garbled else { return Some(DropReason::Garbled) };
        self.observe(Who::Replica(from), Observation::Garbled { to, kind: S::kind(&garbled) });
        *message = garbled;
        None
    }

    /// Whether the bytes of a message are decoded to one of this kind that has the same bytes.
    fn comes_back(&self, kind: MessageKind) -> bool {
        let mut again = Vec::new();
        self.bytes.is_empty()
            || S::decode(&self.bytes, self.bugs).is_some_and(|message| {
                S::encode(&message, &mut again);
                again == self.bytes && S::kind(&message) == kind
            })
    }

    /// A message reaches its receiver's end of the link. Returns it if it gets through.
    pub(crate) fn arrive(
        &mut self,
        from: ReplicaId,
        to: ReplicaId,
        number: u32,
        message: S::Message,
    ) -> Option<S::Message> {
        let effects = self.faults.effects();
        let node = &mut self.nodes[to.index()];
        let why = if effects.cut[from.index()].has(to) {
            DropReason::Cut
        } else if effects.clogged[from.index()].has(to) {
            self.held.push((from, to, number, message));
            return None;
        } else if node.paused {
            node.deferred.push(Event::Deliver { from, to, number, message });
            return None;
        } else if node.up {
            let kind = S::kind(&message);
            self.observe(Who::Replica(to), Observation::Delivered { from, kind });
            self.outcomes.ends(number, self.trace.recorded().len());
            return Some(message);
        } else {
            DropReason::Down
        };
        let kind = S::kind(&message);
        self.observe(Who::Replica(from), Observation::Dropped { to, kind, why });
        self.outcomes.ends(number, self.trace.recorded().len());
        None
    }
}

/// The longest burst of an error on the way, in bits: a checksum of 32 bits that divides by a polynomial (a CRC) sees all of
/// those for certain, so a receiver that checks one takes no damaged message for a sound one (Peterson and Brown, Cyclic
/// Codes for Error Detection, 1961).
const BURST_BITS_MAX: u64 = 32;

/// Flips at least one and at most [`BURST_BITS_MAX`] adjoining bits, counted from the lowest of each byte.
fn flip_burst(bytes: &mut [u8], draw: u64) {
    let bits = bytes.len() as u64 * 8;
    if bits == 0 {
        return;
    }
    let width = (1 + draw % BURST_BITS_MAX).min(bits);
    let start = (draw >> 32) % (bits - width + 1);
    // The draw's bits from 5 on say which of the bits between the first and the last flip.
    let pattern = draw >> 5 | 1 | 1 << (width - 1);
    for bit in (0..width).filter(|bit| pattern >> bit & 1 == 1).map(|bit| start + bit) {
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::prf;

    #[test]
    fn a_burst_is_short_and_never_empty() {
        let mut widths = [0_u32; 33];
        for draw in (0..20_000).map(|number| prf(1, number, 0, 0)) {
            for length in [1, 2, 90] {
                let mut bytes = vec![0; length];
                flip_burst(&mut bytes, draw);
                let bits: Vec<usize> = (0..length * 8).filter(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1).collect();
                let (first, last) = (bits[0], bits[bits.len() - 1]);
                assert!(last - first < 32, "{bits:?}");
                widths[last - first + 1] += u32::from(length == 90);
            }
        }
        assert!(widths[1..].iter().all(|times| *times > 400), "{widths:?}");
        flip_burst(&mut [], 7);
    }
}
