//! The liars: the lies that they have been told to tell, and the data that they need.
//!
//! A lie is armed for every liar and changes the next messages of its kind. The message is chosen when the liar sends
//! it. Where a lie makes no sense for a message, it waits for the next one.

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::base::random::Keys;
use crate::protocol::lie::{How, Liar, Lie};
use crate::protocol::observation::{MessageKind, Observation, Seen, Status};

/// How many messages of each kind a liar remembers for a replay.
const PAST_MAX: usize = 8;
/// The most copies of a message that a flood consists of.
const FLOOD_MAX: u8 = 32;

/// A lie that one liar is yet to tell.
#[derive(Clone, Copy, Debug)]
struct Armed {
    liar: ReplicaId,
    lie: Lie,
    left: u8,
}

/// A message that a liar meant to send.
#[derive(Clone, Debug)]
struct Past<M> {
    liar: ReplicaId,
    kind: MessageKind,
    event: u64,
    message: M,
}

/// The liars of a run and their lies.
#[derive(Clone, Debug)]
pub struct Lies<M> {
    armed: Vec<Armed>,
    liars: Vec<Liar>,
    replicas: u8,
    /// Whether anybody will ever ask for past messages.
    remembers: bool,
    past: Vec<Past<M>>,
}

impl<M> Default for Lies<M> {
    fn default() -> Self {
        Lies { armed: Vec::new(), liars: Vec::new(), replicas: 1, remembers: false, past: Vec::new() }
    }
}

impl<M: Clone> Lies<M> {
    /// Forgets everything; a run with these liars begins. Their messages are remembered only where a replay may come.
    pub fn reset(&mut self, keys: &Keys, replicas: u8, liars: ReplicaSet, remembers: bool) {
        self.armed.clear();
        self.past.clear();
        self.replicas = replicas;
        self.remembers = remembers;
        self.liars.clear();
        for id in liars.iter().filter(|id| id.0 < replicas) {
            // By convention replica 0 leads view 0 from the start, without any observation of it.
            let views_led = if id.0 == 0 { vec![0] } else { Vec::new() };
            self.liars.push(Liar { id, replicas, key: keys.replicas()[id.index()], views_led, forged: Vec::new() });
        }
    }

    /// The liars, lowest first.
    pub fn liars(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        self.liars.iter().map(|liar| liar.id)
    }

    /// Lets every liar tell this lie from now on.
    pub fn arm(&mut self, lie: Lie) {
        for liar in &self.liars {
            self.armed.push(Armed { liar: liar.id, lie, left: lie.count.max(1) });
        }
    }

    /// The liars stop lying.
    pub fn heal(&mut self) {
        self.armed.clear();
    }

    /// The first lie from place `from` on that fits this message, and the place after it.
    pub fn find(&self, from: usize, liar: ReplicaId, to: ReplicaId, kind: MessageKind) -> Option<(usize, Lie)> {
        let fits = |armed: &Armed| {
            let aimed = armed.lie.to.is_none_or(|wanted| wanted.0 % self.replicas == to.0);
            armed.liar == liar && armed.lie.kind == kind && aimed
        };
        let place = from + self.armed.get(from..)?.iter().position(fits)?;
        Some((place, self.armed[place].lie))
    }

    /// The lie at this place was told once. Returns whether that was the last time; the next one then takes its place.
    pub fn told(&mut self, place: usize) -> bool {
        self.armed[place].left -= 1;
        let last = self.armed[place].left == 0;
        if last {
            self.armed.remove(place);
        }
        last
    }

    /// What this liar can use.
    pub fn liar(&mut self, id: ReplicaId) -> Option<&mut Liar> {
        self.liars.iter_mut().find(|liar| liar.id == id)
    }

    /// The liar means to send this message during this event. Of a broadcast only one copy is remembered.
    pub fn remember(&mut self, liar: ReplicaId, kind: MessageKind, event: u64, message: &M) {
        if !self.remembers {
            return;
        }
        let same = |past: &&Past<M>| past.liar == liar && past.kind == kind;
        if self.past.iter().rev().find(same).is_some_and(|past| past.event == event) {
            return;
        }
        if self.past.iter().filter(same).count() == PAST_MAX {
            let oldest = self.past.iter().position(|past| same(&past));
            oldest.map(|oldest| self.past.remove(oldest));
        }
        self.past.push(Past { liar, kind, event, message: message.clone() });
    }

    /// A past message of this liar and kind: the last one for amount 0, the one before it for 1, and so on around.
    pub fn past(&self, liar: ReplicaId, kind: MessageKind, amount: u8) -> Option<&M> {
        let same = |past: &&Past<M>| past.liar == liar && past.kind == kind;
        let count = self.past.iter().filter(same).count();
        let back = usize::from(amount) % count.max(1);
        self.past.iter().rev().filter(same).nth(back).map(|past| &past.message)
    }

    /// Takes in what is seen of a liar: the views that it leads.
    pub fn observe(&mut self, seen: &Seen) {
        let (Observation::ViewStarted { view, primary: true, .. }
        | Observation::StatusChanged { status: Status::Normal, view, primary: true }) = seen.what
        else {
            return;
        };
        let Some(liar) = seen.who.replica().and_then(|id| self.liar(id)) else { return };
        if !liar.views_led.contains(&view) {
            liar.views_led.push(view);
        }
    }
}

/// How many copies of a message a flood sends.
pub fn flood(amount: u8) -> u8 {
    amount.clamp(2, FLOOD_MAX)
}

/// Whether the world tells this lie by itself, without the system's help.
pub fn worldly(how: How) -> bool {
    matches!(how, How::Silence | How::Replay | How::Flood)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::lie::Field;
    use crate::protocol::observation::Who;

    fn lies() -> Lies<u32> {
        let mut lies = Lies::default();
        lies.reset(&Keys::new(1), 4, ReplicaSet(0b0100), true);
        lies
    }

    fn lie(kind: MessageKind, to: Option<u8>, count: u8) -> Lie {
        Lie { kind, field: Field::View, how: How::Increase, amount: 1, to: to.map(ReplicaId), count }
    }

    #[test]
    fn a_lie_fits_its_kind_and_receiver_until_it_is_told_often_enough() {
        let (mut lies, liar) = (lies(), ReplicaId(2));
        lies.arm(lie(MessageKind::Prepare, Some(5), 2));
        lies.arm(lie(MessageKind::Prepare, None, 1));
        let find = |lies: &Lies<u32>, from, to, kind| lies.find(from, liar, ReplicaId(to), kind).map(|found| found.0);
        assert_eq!(find(&lies, 0, 0, MessageKind::Commit), None);
        assert_eq!(find(&lies, 0, 0, MessageKind::Prepare), Some(1));
        assert_eq!(find(&lies, 0, 1, MessageKind::Prepare), Some(0), "5 modulo 4");
        assert_eq!(find(&lies, 1, 1, MessageKind::Prepare), Some(1));
        assert!(!lies.told(0));
        assert!(lies.told(0));
        assert_eq!(find(&lies, 0, 1, MessageKind::Prepare), Some(0), "the other lie has moved up");
        lies.heal();
        assert_eq!(find(&lies, 0, 1, MessageKind::Prepare), None);
    }

    #[test]
    fn a_liar_remembers_its_last_messages_of_each_kind_and_the_views_it_led() {
        let (mut lies, liar) = (lies(), ReplicaId(2));
        for number in 0..20 {
            lies.remember(liar, MessageKind::Prepare, number.into(), &number);
            lies.remember(liar, MessageKind::Prepare, number.into(), &(number + 100));
        }
        assert_eq!(lies.past(liar, MessageKind::Prepare, 0), Some(&19));
        assert_eq!(lies.past(liar, MessageKind::Prepare, 7), Some(&12));
        assert_eq!(lies.past(liar, MessageKind::Prepare, 8), Some(&19));
        assert_eq!(lies.past(liar, MessageKind::Commit, 8), None);
        for (replica, primary) in [(2, true), (2, true), (2, false), (1, true)] {
            let what = Observation::ViewStarted { view: 6, op: 0, commit: 0, primary };
            lies.observe(&Seen { at: 0, event: 1, who: Who::Replica(ReplicaId(replica)), what });
        }
        assert_eq!(lies.liar(liar).unwrap().views_led, [6]);
    }
}
