//! Messages on their way between replicas: what a liar makes of them, and how they leave and arrive.
//!
//! A message is observed when it leaves (`Sent`) and when it arrives (`Delivered`) or is lost (`Dropped`, told of its sender).
//! One that a liar holds back was never sent. Both ends of a link look at its cuts; its far end also at clogs and pauses,
//! which make a message wait there.

use crate::lie::{How, LieClass};
use crate::lies;
use crate::observation::{DropReason, MessageKind, Observation, Who};
use crate::runtime::{Core, Event};
use crate::spec::ReplicaId;
use crate::system::System;

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
                    copies = lies::flood(lie.amount);
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

    fn transmit(&mut self, from: ReplicaId, to: ReplicaId, kind: MessageKind, message: S::Message) {
        self.observe(Who::Replica(from), Observation::Sent { to, kind });
        let number = self.fates.departs(self.trace.recorded().len());
        let arrivals = self.network.send(&self.keys, self.faults.effects(), self.now, from, to);
        let why = if self.faults.effects().cut[from.index()].has(to) { DropReason::Cut } else { DropReason::Lost };
        match arrivals.first {
            Some(first) if why == DropReason::Lost => {
                if let Some(second) = arrivals.second {
                    self.queue.push(second, Event::Deliver { from, to, number, message: message.clone() });
                }
                self.queue.push(first, Event::Deliver { from, to, number, message });
            }
            _ => {
                self.observe(Who::Replica(from), Observation::Dropped { to, kind, why });
                self.fates.ends(number, self.trace.recorded().len());
            }
        }
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
        let seat = &mut self.seats[to.index()];
        let why = if effects.cut[from.index()].has(to) {
            DropReason::Cut
        } else if effects.clogged[from.index()].has(to) {
            self.held.push((from, to, number, message));
            return None;
        } else if seat.paused {
            seat.deferred.push(Event::Deliver { from, to, number, message });
            return None;
        } else if seat.up {
            let kind = S::kind(&message);
            self.observe(Who::Replica(to), Observation::Delivered { from, kind });
            self.fates.ends(number, self.trace.recorded().len());
            return Some(message);
        } else {
            DropReason::Down
        };
        let kind = S::kind(&message);
        self.observe(Who::Replica(from), Observation::Dropped { to, kind, why });
        self.fates.ends(number, self.trace.recorded().len());
        None
    }
}
