//! The plan, which a fuzzer writes: a list of actions. An action is *when* and *what*.
//!
//! `plan/codec.rs` converts bytes to plans and back; a scenario adds a plan to its own faults.

pub mod action_kind;
pub mod codec;
pub mod detail;
pub mod slots;

pub use action_kind::ActionKind;
pub use detail::Detail;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::protocol::lie::Lie;
use crate::protocol::observation::MessageKind;

/// The length of the header and of each action's record, in bytes.
pub const RECORD_BYTES: usize = 16;
/// More actions than this are cut off when a plan is decoded, and refused in a `.kmb`.
pub const ACTIONS_MAX: usize = 256;

/// A decoded input: which scenario, which seed, and the actions to lay over it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Picks the scenario among those of the fuzz target (modulo their number).
    pub scenario: u8,
    /// Whether the scenario's own faults are left out, so that the actions stand alone.
    pub bare: bool,
    /// The seed of all random decisions of the run.
    pub seed: u32,
    /// Which replica lies (modulo the number of replicas), where the scenario has a liar.
    pub liar: u8,
    /// What happens to the cluster.
    pub actions: Vec<Action>,
}

/// One action: when, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When it is carried out.
    pub when: When,
    /// What is done.
    pub what: ActionKind,
}

impl Action {
    /// The same action in the terms of a run with this configuration: numbers of replicas and clients that do not exist
    /// become those that stand for them.
    #[must_use]
    pub fn resolved(mut self, config: &Config) -> Action {
        let replicas = config.cluster.replicas.max(1);
        let wrap = |id: &mut ReplicaId| id.0 %= replicas;
        if let When::After { replica: Some(replica), .. } = &mut self.when {
            wrap(replica);
        }
        self.what.details(|detail| match detail {
            Detail::Target(Target::Replica(target)) => wrap(target),
            Detail::Lie(Lie { to: Some(to), .. }) => wrap(to),
            Detail::Replicas(set) => *set = set.and(ReplicaSet::first(replicas)),
            Detail::Client(client) => client.0 %= config.workload.clients.max(1),
            Detail::Target(_)
            | Detail::Lie(_)
            | Detail::Duration(_)
            | Detail::PerMille(_)
            | Detail::Extra(_)
            | Detail::Outgoing(_)
            | Detail::Zone(_)
            | Detail::Record(_)
            | Detail::Offset(_)
            | Detail::Bits(_)
            | Detail::Bytes(_)
            | Detail::Requests(_)
            | Detail::Away(_)
            | Detail::Step(_)
            | Detail::Drift(_) => {}
        });
        self
    }
}

/// When an action is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// At a point in time.
    At(Time),
    /// A while after something was observed for the n-th time.
    After {
        /// What is waited for.
        watch: Trigger,
        /// At which replica; at any if `None`.
        replica: Option<ReplicaId>,
        /// Which occurrence, from 1.
        count: u8,
        /// How long after it.
        delay: Time,
    },
}

/// What a trigger waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// A message of this kind left the replica.
    Sent(MessageKind),
    /// A message of this kind reached the replica.
    Delivered(MessageKind),
    /// The replica appended an entry to its log.
    Appended,
    /// The replica promised that an entry is durable.
    Acknowledged,
    /// The replica committed an entry.
    Committed,
    /// The replica executed an entry.
    Executed,
    /// The replica left its view for a higher one.
    ViewChangeStarted,
    /// The replica is normal in a new view.
    ViewStarted,
    /// The replica crashed.
    Crashed,
    /// The replica has read its disk after a restart.
    Recovered,
    /// The replica refused a message.
    Rejected,
    /// The replica asked for missing entries.
    RepairRequested,
    /// The replica discarded the end of its log.
    Truncated,
    /// The replica has made a checkpoint durable.
    Checkpointed,
    /// The replica asked for a whole state.
    StateTransferStarted,
    /// The replica installed a state.
    StateInstalled,
    /// The replica, a primary, began to change the membership.
    ReconfigurationStarted,
    /// The replica appended a configuration to its log.
    ConfigurationAppended,
    /// The replica knows that a new configuration is committed.
    Reconfigured,
}

impl Trigger {
    /// All watches, in the order of their numbers in an encoded plan.
    pub const ALL: [Trigger; 36] = [
        Trigger::Sent(MessageKind::Prepare),
        Trigger::Sent(MessageKind::PrepareOk),
        Trigger::Sent(MessageKind::Commit),
        Trigger::Sent(MessageKind::StartViewChange),
        Trigger::Sent(MessageKind::DoViewChange),
        Trigger::Sent(MessageKind::StartView),
        Trigger::Sent(MessageKind::RequestStartView),
        Trigger::Sent(MessageKind::RequestRepair),
        Trigger::Sent(MessageKind::Repair),
        Trigger::Delivered(MessageKind::Prepare),
        Trigger::Delivered(MessageKind::PrepareOk),
        Trigger::Delivered(MessageKind::Commit),
        Trigger::Delivered(MessageKind::StartViewChange),
        Trigger::Delivered(MessageKind::DoViewChange),
        Trigger::Delivered(MessageKind::StartView),
        Trigger::Delivered(MessageKind::RequestStartView),
        Trigger::Delivered(MessageKind::RequestRepair),
        Trigger::Delivered(MessageKind::Repair),
        Trigger::Appended,
        Trigger::Acknowledged,
        Trigger::Committed,
        Trigger::Executed,
        Trigger::ViewChangeStarted,
        Trigger::ViewStarted,
        Trigger::Crashed,
        Trigger::Recovered,
        Trigger::Rejected,
        Trigger::RepairRequested,
        Trigger::Truncated,
        Trigger::Delivered(MessageKind::Request),
        Trigger::Checkpointed,
        Trigger::StateTransferStarted,
        Trigger::StateInstalled,
        Trigger::ReconfigurationStarted,
        Trigger::ConfigurationAppended,
        Trigger::Reconfigured,
    ];
}

/// Which replica an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// This one (modulo the number of replicas).
    Replica(ReplicaId),
    /// The primary of the highest view that has started.
    Primary,
    /// The one at which the trigger's observation was made; without such a trigger, the primary.
    Subject,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Replica(replica) => replica.fmt(f),
            Target::Primary => f.write_str("the primary"),
            Target::Subject => f.write_str("that replica"),
        }
    }
}
