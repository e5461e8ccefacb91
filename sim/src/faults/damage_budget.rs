//! The damage budget: how many replicas may lose data before a safety property no longer holds.
//!
//! In one run, a replica may lose data in one zone of its disk only, because systems keep redundant copies in
//! different zones. At most n − max(r, v) members may be damaged, since neither quorum needs them: every acknowledged
//! entry then keeps enough intact copies. Where the membership changes, this holds for each membership that was asked
//! for.
//!
//! A replica whose disk lost synced data counts until the end of the run, even after it has repaired itself. A disk
//! that reads wrong counts while it does so; once it has returned a wrong answer, it counts until the end, since the
//! effect of the answer may outlast the fault.

use crate::base::ids::{REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::config::spec::{Cluster, Config};

/// The damage budget of a run.
#[derive(Clone, Debug, Default)]
pub struct DamageBudget {
    /// The damaged zone of each replica.
    zones: [Option<usize>; REPLICAS_MAX],
    /// The damaged replicas.
    damaged: ReplicaSet,
    /// The memberships that the cluster has had or may get, and how many of each may be damaged.
    memberships: Vec<(ReplicaSet, u32)>,
    /// The replicas that count until the end of the run.
    stay: ReplicaSet,
    /// How many faults let each replica's disk read wrong.
    misreading: [u8; REPLICAS_MAX],
}

impl DamageBudget {
    /// Forgets everything; a new run with this configuration begins.
    pub fn reset(&mut self, config: &Config) {
        let Cluster { replication_quorum, view_change_quorum, .. } = config.cluster;
        let damaged_max = config.cluster.size().saturating_sub(replication_quorum.max(view_change_quorum));
        let mut memberships = std::mem::take(&mut self.memberships);
        memberships.clear();
        memberships.push((config.cluster.initial(), damaged_max.into()));
        *self = DamageBudget { memberships, ..DamageBudget::default() };
    }

    /// Whether everything is still owed after damage in this zone of this replica's disk.
    pub fn may_damage(&self, replica: ReplicaId, zone: usize) -> bool {
        if let Some(damaged) = self.zones[replica.index()] {
            return damaged == zone;
        }
        let mut damaged = self.damaged;
        damaged.insert(replica);
        let within = |(members, max): &(ReplicaSet, u32)| !members.has(replica) || members.and(damaged).len() <= *max;
        self.memberships.iter().all(within)
    }

    /// Enters damage that was done; it was allowed.
    pub fn damaged(&mut self, replica: ReplicaId, zone: usize) {
        self.enter(replica, zone);
        self.stay.insert(replica);
    }

    /// A fault begins that lets reads in this zone of this replica's disk go wrong; it was allowed.
    pub fn misreading(&mut self, replica: ReplicaId, zone: usize) {
        self.enter(replica, zone);
        self.misreading[replica.index()] = self.misreading[replica.index()].saturating_add(1);
    }

    /// A read of this replica's disk went wrong.
    pub fn misread(&mut self, replica: ReplicaId) {
        self.stay.insert(replica);
    }

    /// A fault that lets reads go wrong ends.
    pub fn reads_right(&mut self, replica: ReplicaId) {
        let faults = &mut self.misreading[replica.index()];
        *faults = faults.saturating_sub(1);
        if *faults == 0 && !self.stay.has(replica) && self.zones[replica.index()].take().is_some() {
            self.damaged = self.damaged.without(ReplicaSet(1 << replica.0));
        }
    }

    fn enter(&mut self, replica: ReplicaId, zone: usize) {
        debug_assert!(self.may_damage(replica, zone), "{replica} must not be damaged in zone {zone}");
        self.zones[replica.index()].get_or_insert(zone);
        self.damaged.insert(replica);
    }

    /// Whether everything is still owed when these replicas become the members.
    pub fn may_reconfigure(&self, members: ReplicaSet) -> bool {
        members.and(self.damaged).len() <= minority(members)
    }

    /// From now on these replicas may be the members.
    pub fn reconfigured(&mut self, members: ReplicaSet) {
        if self.memberships.iter().all(|known| known.0 != members) {
            self.memberships.push((members, minority(members)));
        }
    }
}

/// How many members no majority needs.
fn minority(members: ReplicaSet) -> u32 {
    members.len().saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage_budget(replicas: u8, replication_quorum: u8, view_change_quorum: u8) -> DamageBudget {
        let mut config = Config::default();
        config.cluster.replicas = replicas;
        config.cluster.replication_quorum = replication_quorum;
        config.cluster.view_change_quorum = view_change_quorum;
        let mut damage_budget = DamageBudget::default();
        damage_budget.reset(&config);
        damage_budget
    }

    #[test]
    fn one_zone_a_replica() {
        let mut damage_budget = damage_budget(3, 2, 2);
        assert!(damage_budget.may_damage(ReplicaId(1), 0));
        damage_budget.damaged(ReplicaId(1), 0);
        assert!(damage_budget.may_damage(ReplicaId(1), 0), "the same zone again");
        assert!(!damage_budget.may_damage(ReplicaId(1), 1), "its other zone holds the copies");
    }

    #[test]
    fn as_many_replicas_as_no_quorum_needs() {
        for (replicas, r, v, damaged_max) in [(3, 2, 2, 1), (5, 3, 3, 2), (5, 4, 4, 1), (5, 2, 4, 1), (1, 1, 1, 0)] {
            let mut damage_budget = damage_budget(replicas, r, v);
            for replica in 0..damaged_max {
                assert!(damage_budget.may_damage(ReplicaId(replica), 2));
                damage_budget.damaged(ReplicaId(replica), 2);
                damage_budget.damaged(ReplicaId(replica), 2);
            }
            assert!(!damage_budget.may_damage(ReplicaId(replicas - 1), 2), "n {replicas} r {r} v {v}");
        }
    }

    #[test]
    fn every_membership_keeps_a_quorum_of_intact_copies() {
        let mut damage_budget = damage_budget(5, 3, 3);
        damage_budget.damaged(ReplicaId(0), 1);
        damage_budget.damaged(ReplicaId(4), 1);
        assert!(!damage_budget.may_reconfigure(ReplicaSet(0b10011)));
        assert!(damage_budget.may_reconfigure(ReplicaSet(0b00111)));
        let mut damage_budget = self::damage_budget(5, 3, 3);
        damage_budget.reconfigured(ReplicaSet(0b00111));
        damage_budget.damaged(ReplicaId(0), 1);
        assert!(!damage_budget.may_damage(ReplicaId(1), 1), "two of the three that may be left");
        assert!(damage_budget.may_damage(ReplicaId(4), 1));
    }

    #[test]
    fn a_disk_that_reads_wrong_counts_while_it_does_unless_it_really_did() {
        let mut damage_budget = damage_budget(3, 2, 2);
        damage_budget.misreading(ReplicaId(0), 1);
        damage_budget.misreading(ReplicaId(0), 1);
        damage_budget.reads_right(ReplicaId(0));
        assert!(!damage_budget.may_damage(ReplicaId(1), 0), "one fault still lasts");
        damage_budget.reads_right(ReplicaId(0));
        assert!(damage_budget.may_damage(ReplicaId(1), 0));
        damage_budget.misreading(ReplicaId(1), 0);
        damage_budget.misread(ReplicaId(1));
        damage_budget.reads_right(ReplicaId(1));
        assert!(!damage_budget.may_damage(ReplicaId(0), 1), "what it answered may be believed still");
    }

    #[test]
    fn a_new_run_begins_undamaged() {
        let mut damage_budget = damage_budget(3, 2, 2);
        damage_budget.damaged(ReplicaId(0), 1);
        damage_budget.reset(&Config::default());
        assert!(damage_budget.may_damage(ReplicaId(2), 0));
    }
}
