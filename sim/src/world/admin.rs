//! The administrator: asks the primary for other members, again and again, until they are in force or refused.
//!
//! The administrator sits at the replicas' machines: a command reaches the replica that leads, as far as an onlooker can
//! tell, unless that is down or paused. Left out: commands that get lost or come late; that is the primary's own lot.

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
