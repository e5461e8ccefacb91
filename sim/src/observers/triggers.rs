//! Triggers: actions that wait for the n-th observation of a kind.
//!
//! Each observation tests one bit of a mask, for whether an action waits for its kind. Only then are the waiting
//! actions searched.

use crate::base::ids::ReplicaId;
use crate::base::time::Time;
use crate::plan::Trigger;
use crate::protocol::kinds;
use crate::protocol::observation::{Observation, Seen};

/// An action that waits.
#[derive(Clone, Copy, Debug)]
struct Armed {
    watch: Trigger,
    replica: Option<ReplicaId>,
    /// How many more observations it waits for.
    left: u8,
    delay: Time,
    action: u16,
}

/// The actions that wait for an observation.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    armed: Vec<Armed>,
    /// Bit k: somebody waits for observations of kind k.
    mask: u128,
}

/// An action that waits no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Which action.
    pub action: u16,
    /// How long after the observation it is carried out.
    pub delay: Time,
    /// Where the observation was made.
    pub subject: ReplicaId,
}

impl Triggers {
    /// Forgets all waiting actions.
    pub fn clear(&mut self) {
        self.armed.clear();
        self.mask = 0;
    }

    /// Lets an action wait for the `count`-th observation (from 1; 0 is taken for 1).
    pub fn arm(&mut self, action: u16, watch: Trigger, replica: Option<ReplicaId>, count: u8, delay: Time) {
        self.armed.push(Armed { watch, replica, left: count.max(1), delay, action });
        self.mask |= bit(watch);
    }

    /// Whether somebody may wait for an observation like this one.
    #[inline]
    pub fn care(&self, what: &Observation) -> bool {
        self.mask >> what.kind() & 1 == 1
    }

    /// Takes in one observation; `fire` gets each action that waits no longer, in the order of the plan.
    pub fn observe(&mut self, seen: &Seen, mut fire: impl FnMut(Fired)) {
        let Some(subject) = seen.who.replica() else { return };
        let mut fired = false;
        for armed in &mut self.armed {
            if armed.replica.is_none_or(|replica| replica == subject) && matches(armed.watch, &seen.what) {
                armed.left -= 1;
                if armed.left == 0 {
                    fire(Fired { action: armed.action, delay: armed.delay, subject });
                    fired = true;
                }
            }
        }
        if fired {
            self.armed.retain(|armed| armed.left > 0);
            self.mask = self.armed.iter().fold(0, |mask, armed| mask | bit(armed.watch));
        }
    }
}

impl Trigger {
    /// What waits for observations like this one; `None` where nothing can.
    pub fn of(what: &Observation) -> Option<Trigger> {
        Trigger::ALL.into_iter().find(|watch| matches(*watch, what))
    }
}

/// Whether `what` is what `watch` waits for.
fn matches(watch: Trigger, what: &Observation) -> bool {
    use Observation as O;
    match (watch, what) {
        (Trigger::Sent(wanted), O::Sent { kind, .. }) | (Trigger::Delivered(wanted), O::Delivered { kind, .. }) => {
            wanted == *kind
        }
        _ => !matches!(watch, Trigger::Sent(_) | Trigger::Delivered(_)) && bit(watch) >> what.kind() & 1 == 1,
    }
}

/// The kind of the observations that `watch` waits for, as a bit.
fn bit(watch: Trigger) -> u128 {
    match watch {
        Trigger::Sent(_) => kinds::SENT,
        Trigger::Delivered(_) => kinds::DELIVERED,
        Trigger::Appended => kinds::APPENDED,
        Trigger::Acknowledged => kinds::ACKNOWLEDGED,
        Trigger::Committed => kinds::COMMITTED,
        Trigger::Executed => kinds::EXECUTED,
        Trigger::ViewChangeStarted => kinds::VIEW_CHANGE_STARTED,
        Trigger::ViewStarted => kinds::VIEW_STARTED,
        Trigger::Crashed => kinds::CRASHED,
        Trigger::Recovered => kinds::RECOVERED,
        Trigger::Rejected => kinds::REJECTED,
        Trigger::RepairRequested => kinds::REPAIR_REQUESTED,
        Trigger::Truncated => kinds::TRUNCATED,
        Trigger::ReconfigurationStarted => kinds::RECONFIGURATION_STARTED,
        Trigger::ConfigurationAppended => kinds::CONFIGURATION_APPENDED,
        Trigger::Reconfigured => kinds::RECONFIGURED,
        Trigger::Checkpointed => kinds::CHECKPOINTED,
        Trigger::StateTransferStarted => kinds::STATE_TRANSFER_STARTED,
        Trigger::StateInstalled => kinds::STATE_INSTALLED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::observation::{MessageKind, Who};

    fn seen(replica: u8, what: Observation) -> Seen {
        Seen { at: 0, event: 1, who: Who::Replica(ReplicaId(replica)), what }
    }

    fn fired(triggers: &mut Triggers, seen: &Seen) -> Vec<u16> {
        let mut actions = Vec::new();
        if triggers.care(&seen.what) {
            triggers.observe(seen, |fired| actions.push(fired.action));
        }
        actions
    }

    #[test]
    fn an_action_fires_at_the_nth_observation_of_its_replica_and_only_once() {
        let mut triggers = Triggers::default();
        triggers.arm(0, Trigger::Truncated, Some(ReplicaId(2)), 2, 0);
        triggers.arm(1, Trigger::Truncated, None, 2, 0);
        triggers.arm(2, Trigger::Truncated, None, 0, 0);
        let (here, there) = (seen(2, Observation::Truncated { op: 1 }), seen(1, Observation::Truncated { op: 1 }));
        assert_eq!(fired(&mut triggers, &there), [2]);
        assert_eq!(fired(&mut triggers, &here), [1]);
        assert_eq!(fired(&mut triggers, &there), []);
        assert_eq!(fired(&mut triggers, &here), [0]);
        assert!(!triggers.care(&here.what), "nobody waits any more");
    }

    #[test]
    fn message_kinds_are_told_apart() {
        let mut triggers = Triggers::default();
        triggers.arm(0, Trigger::Sent(MessageKind::Prepare), None, 1, 0);
        let sent = |kind| seen(0, Observation::Sent { to: ReplicaId(1), kind });
        let delivered = seen(0, Observation::Delivered { from: ReplicaId(1), kind: MessageKind::Prepare });
        assert_eq!(fired(&mut triggers, &sent(MessageKind::Commit)), []);
        assert_eq!(fired(&mut triggers, &delivered), []);
        assert_eq!(fired(&mut triggers, &sent(MessageKind::Prepare)), [0]);
    }
}
