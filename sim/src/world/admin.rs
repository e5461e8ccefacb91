//! The administrator: asks the primary to change the membership, repeatedly, until the new members are in force or
//! refused.
//!
//! A command reaches the replica that is primary according to the cluster view, unless that replica is down or paused.
//! Left out: commands that are lost or delayed.

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::protocol::observation::{Observation, Who};
use crate::world::core::{Core, Event};
use crate::world::system::{AdminCommand, System};

impl<S: System> Core<S> {
    /// The administrator begins to ask for `members`.
    pub(crate) fn reconfigure(&mut self, members: ReplicaSet) {
        self.observe(Who::World, Observation::ReconfigurationAsked { members });
        self.queue.push(self.now, Event::Admin(members));
    }

    /// It is time to ask (again) for `members`: whom for what; `None` if it is done or has to wait.
    pub(crate) fn admin(&mut self, members: ReplicaSet) -> Option<(ReplicaId, AdminCommand)> {
        if !self.cluster_view.asked.contains(&members) {
            self.activity = self.now;
            self.heal_when_quiescent();
            return None;
        }
        self.queue.push(self.now + self.config.workload.timeout, Event::Admin(members));
        let primary = self.believed_primary();
        let node = &self.nodes[primary.index()];
        (node.up && !node.paused).then_some((primary, AdminCommand::Reconfigure { members }))
    }
}
