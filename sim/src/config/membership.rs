//! Memberships: which replicas are members of the cluster, as an entry of the log states it.
//!
//! A change goes through a *joint* configuration of the old and the new members, in which every decision needs a
//! quorum of each ("In Search of an Understandable Consensus Algorithm", Ongaro and Ousterhout 2014, section 6), and
//! ends with the new members alone.

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::config::spec::Cluster;

/// A configuration, and where in the log it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The op of its entry; 0 for the one that the cluster began with.
    pub op: u64,
    /// The members before the change.
    pub old: ReplicaSet,
    /// The members after it; the same as `old` when no change is under way.
    pub new: ReplicaSet,
}

impl Configuration {
    /// The configuration that a cluster begins with.
    pub fn initial(cluster: &Cluster) -> Self {
        Configuration { op: 0, old: cluster.initial(), new: cluster.initial() }
    }

    /// Whether a change is under way, so that decisions need two quorums.
    pub fn is_joint(&self) -> bool {
        self.old != self.new
    }

    /// All who have a say.
    pub fn members(&self) -> ReplicaSet {
        self.old.or(self.new)
    }

    /// Whether `replica` has a say.
    pub fn has(&self, replica: ReplicaId) -> bool {
        self.members().has(replica)
    }

    /// The sets of members of which a decision needs a quorum each.
    pub fn parts(&self) -> impl Iterator<Item = ReplicaSet> + use<> {
        [Some(self.old), self.is_joint().then_some(self.new)].into_iter().flatten()
    }

    /// Whether this configuration may stand in a log as the next one after `before`: into a change from the members that
    /// there were, or out of the change that was under way.
    pub fn follows(&self, before: &Configuration) -> bool {
        if self.is_joint() {
            !before.is_joint() && self.old == before.new
        } else {
            before.is_joint() && self.new == before.new
        }
    }
}

impl std::fmt::Display for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Configuration { op, old, new } = self;
        if self.is_joint() {
            write!(f, "the change from {old} to {new} at op {op}")
        } else {
            write!(f, "the members {new} of op {op}")
        }
    }
}

/// How many of `members` a decision needs: what is configured for those that the cluster began with, and a majority of all
/// others.
pub fn quorum(cluster: &Cluster, members: ReplicaSet, configured: u8) -> u32 {
    if members == cluster.initial() { configured.into() } else { members.len() / 2 + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::spec::Config;

    fn configuration(old: u8, new: u8) -> Configuration {
        Configuration { op: 0, old: ReplicaSet(old), new: ReplicaSet(new) }
    }

    #[test]
    fn a_change_goes_through_a_joint_configuration() {
        let (before, joint, after) = (configuration(7, 7), configuration(7, 31), configuration(31, 31));
        assert!(joint.follows(&before) && after.follows(&joint));
        assert!(!after.follows(&before), "never at once");
        assert!(!configuration(7, 7).follows(&joint), "a change is not taken back");
        assert!(!configuration(7, 15).follows(&joint) && !configuration(15, 31).follows(&before));
        assert_eq!(joint.parts().collect::<Vec<_>>(), [ReplicaSet(7), ReplicaSet(31)]);
        assert_eq!(joint.to_string(), "the change from {0, 1, 2} to {0, 1, 2, 3, 4} at op 0");
        assert_eq!(before.parts().collect::<Vec<_>>(), [ReplicaSet(7)]);
    }

    #[test]
    fn quorums_are_majorities_but_for_the_configured_ones() {
        let cluster = Cluster { replicas: 5, members: 3, ..Config::default().cluster };
        assert_eq!(quorum(&cluster, ReplicaSet(0b111), 3), 3);
        for (members, majority) in [(0b11111, 3), (0b1111, 3), (0b10011, 2), (0b11, 2), (1, 1)] {
            assert_eq!(quorum(&cluster, ReplicaSet(members), 1), majority);
        }
    }
}
