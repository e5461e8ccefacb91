//! Outcomes: what became of each message and of each action, for tools that show a recorded run.
//!
//! The observations do not say which sending belongs to a delivery, or which action of the plan a fault comes from.
//! Nothing inside a run reads the outcomes, and they are not part of the digest.

use crate::base::ids::ReplicaId;
use crate::base::time::Time;
use crate::protocol::observation::SkipReason;

/// The way of a message between replicas. Its observations are named by their places among the recorded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Where it was sent.
    pub sent: usize,
    /// Where it, or its second copy, was delivered or dropped; `None` while it is on its way.
    pub ends: [Option<usize>; 2],
}

/// What became of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActionOutcome {
    /// It never came to it: its time lay in the heal phase or after the end of the run, or its trigger did not fire.
    #[default]
    NotDue,
    /// It was carried out.
    Done {
        /// When.
        at: Time,
        /// During which event.
        event: u64,
        /// The replica that it was about, if it was about one.
        target: Option<ReplicaId>,
    },
    /// It was due, and the world did not carry it out.
    Skipped {
        /// When.
        at: Time,
        /// During which event.
        event: u64,
        /// The replica that it was about, if it was about one.
        target: Option<ReplicaId>,
        /// Why not.
        why: SkipReason,
    },
}

/// An action that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// During which event of the run.
    pub event: u64,
    /// Which action of the case, from 0.
    pub action: u16,
}

/// The fates of all messages and actions of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    record: bool,
    passages: Vec<Passage>,
    actions: Vec<ActionOutcome>,
}

impl Outcomes {
    /// Forgets everything; a new run begins, whose messages are kept if `record` is true.
    pub(crate) fn reset(&mut self, record: bool, actions: usize) {
        self.record = record;
        self.passages.clear();
        self.actions.clear();
        self.actions.resize(actions, ActionOutcome::NotDue);
    }

    /// A message was sent, and that was the last of so many observations. Returns the message's number.
    #[inline]
    pub(crate) fn departs(&mut self, recorded: usize) -> u32 {
        if !self.record {
            return 0;
        }
        self.passages.push(Passage { sent: recorded - 1, ends: [None; 2] });
        self.passages.len() as u32 - 1
    }

    /// The message with this number was delivered or dropped, and that was the last of so many observations.
    #[inline]
    pub(crate) fn ends(&mut self, number: u32, recorded: usize) {
        if let Some(passage) = self.passages.get_mut(number as usize)
            && let Some(end) = passage.ends.iter_mut().find(|end| end.is_none())
        {
            *end = Some(recorded - 1);
        }
    }

    /// An action met its fate.
    pub(crate) fn acted(&mut self, action: u16, fate: ActionOutcome) {
        self.actions[usize::from(action)] = fate;
    }

    /// The messages between replicas in the order in which they were sent; none if the run was not recorded.
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// The actions in the order of the plan.
    pub fn actions(&self) -> &[ActionOutcome] {
        &self.actions
    }

    /// The actions that were carried out, in the order in which they were: an event carries out no more than one.
    pub fn begun(&self) -> Vec<Begun> {
        let done = (0..).zip(&self.actions).filter_map(|(action, fate)| match fate {
            ActionOutcome::Done { event, .. } => Some(Begun { event: *event, action }),
            ActionOutcome::NotDue | ActionOutcome::Skipped { .. } => None,
        });
        let mut begun: Vec<_> = done.collect();
        begun.sort_unstable_by_key(|begun| begun.event);
        begun
    }
}
