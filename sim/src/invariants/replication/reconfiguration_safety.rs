//! Reconfiguration safety: while the members change, no two groups of replicas decide without each other.
//!
//! 1. What is committed first was acknowledged, in the view of the replica that commits it, by a quorum of each configuration
//!    in force there: of the old members and of the new ones while the change is under way.
//! 2. A view starts only after a quorum of each configuration in force in its log has voted for it.
//! 3. Its primary is a member.
//! 4. Configurations follow one another: into a change from the members that there were, and out of it to those that were
//!    to come; each is logged only when the one before it is committed, so that one change is under way at a time.
//! 5. The members that a change adds have caught up with the committed log of the primary that begins it.
//!
//! What others than the members say counts in none of these. Source: "In Search of an Understandable Consensus Algorithm"
//! (Ongaro and Ousterhout 2014), section 6; for 5, Ongaro's thesis, section 4.2.1. The configuration in force at a replica
//! is the last one in its log, committed or not.
//!
//! Judged where the membership can change: where some replicas are no members from the start, and otherwise from the first
//! configuration in a log on. Not checked: by whose messages a replica was convinced; what it does not say.

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::config::membership::{Configuration, quorum};
use crate::config::spec::{Cluster, Config};
use crate::invariants::support::{Context, Violation, kinds};
use crate::observers::cluster_view::ReplicaView;
use crate::protocol::observation::{Observation, Status};

/// The invariant's name.
pub const NAME: &str = "reconfiguration_safety";
pub(in crate::invariants) const INTERESTS: u128 =
    kinds::COMMITTED | kinds::VOTED | kinds::VIEW_STARTED | kinds::CONFIGURATION_APPENDED;

#[derive(Debug)]
pub(in crate::invariants) struct ReconfigurationSafety {
    cluster: Cluster,
    /// Whether the membership can change in this run.
    active: bool,
    /// Who has voted for each view, sorted by view.
    votes: Vec<(u64, ReplicaSet)>,
}

impl Default for ReconfigurationSafety {
    fn default() -> Self {
        ReconfigurationSafety { cluster: Config::default().cluster, active: false, votes: Vec::new() }
    }
}

impl ReconfigurationSafety {
    pub fn reset(&mut self, config: &Config) {
        self.cluster.clone_from(&config.cluster);
        self.active = config.cluster.size() < config.cluster.replicas;
        self.votes.clear();
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        match context.seen.what {
            Observation::Voted { view, .. } => {
                self.voted(view, context.id);
                None
            }
            Observation::ViewStarted { view, primary: true, .. } if self.active => self.started(context, view),
            Observation::Committed { op, .. }
                if self.active && op == context.cluster_view.committed.len() as u64 + 1 =>
            {
                self.committed(context, op)
            }
            Observation::ConfigurationAppended { op, old, new } => {
                self.active = true;
                appended(context, &Configuration { op, old, new })
            }
            _ => None,
        }
    }

    fn voted(&mut self, view: u64, voter: ReplicaId) {
        // Nearly always the end: views go up.
        let place = self.votes.binary_search_by_key(&view, |votes| votes.0).unwrap_or_else(|place| {
            self.votes.insert(place, (view, ReplicaSet::default()));
            place
        });
        self.votes[place].1.insert(voter);
    }

    fn started(&self, context: &Context<'_>, view: u64) -> Option<Box<Violation>> {
        let (id, configuration) = (context.id, context.cluster_view.configuration(context.me));
        if !configuration.has(id) {
            return context.violation(
                NAME,
                "a replica that is no member leads",
                format!("view {view} is led by one of the members {}", configuration.members()),
                format!("{id} started it"),
            );
        }
        let votes = self.votes.binary_search_by_key(&view, |votes| votes.0).map(|place| self.votes[place].1);
        let votes = votes.unwrap_or_default();
        let part = self.lacking(&configuration, votes, self.cluster.view_change_quorum)?;
        context.violation(
            NAME,
            "a view started without a quorum",
            format!("a quorum of the members {part} votes for view {view} before it starts"),
            format!("{id} started it with the votes of {votes}"),
        )
    }

    fn committed(&self, context: &Context<'_>, op: u64) -> Option<Box<Violation>> {
        let (id, me, cluster_view) = (context.id, context.me, context.cluster_view);
        let configuration = cluster_view.configuration(me);
        let holds = |state: &ReplicaView| {
            state.acknowledged.is_some_and(|(view, acknowledged, _)| acknowledged >= op && view >= me.view)
        };
        let mut holders = ReplicaSet::default();
        for (holder, _) in (0..).map(ReplicaId).zip(&cluster_view.replicas).filter(|(_, state)| holds(state)) {
            holders.insert(holder);
        }
        if let Some(part) = self.lacking(&configuration, holders, self.cluster.replication_quorum) {
            return context.violation(
                NAME,
                "committed without a quorum",
                format!("a quorum of the members {part} acknowledges op {op} before it is committed"),
                format!("{id} committed it when {holders} had acknowledged it in view {}", me.view),
            );
        }
        if configuration != cluster_view.decided && !configuration.follows(&cluster_view.decided) {
            return context.violation(
                NAME,
                "committed under a configuration that is not next to the last committed one",
                format!("{id} commits op {op} under {} or what follows it", cluster_view.decided),
                format!("{configuration} is in force there"),
            );
        }
        None
    }

    /// The first of the configuration's parts of which `those` are no quorum.
    fn lacking(&self, configuration: &Configuration, those: ReplicaSet, configured: u8) -> Option<ReplicaSet> {
        configuration.parts().find(|part| part.and(those).len() < quorum(&self.cluster, *part, configured))
    }
}

/// Rules 4 and 5.
fn appended(context: &Context<'_>, next: &Configuration) -> Option<Box<Violation>> {
    let (id, me, cluster_view) = (context.id, context.me, context.cluster_view);
    let before = cluster_view.configuration(me);
    if !next.follows(&before) {
        return context.violation(
            NAME,
            "a configuration does not follow from the one before",
            format!("after {before} in the log of {id} comes what is one step away from it"),
            format!("{next} came"),
        );
    }
    let held = me.entry(before.op).map(|held| held.entry);
    if before.op > 0 && cluster_view.committed_at(before.op).map(|committed| committed.entry) != held {
        return context.violation(
            NAME,
            "a configuration was logged before the one before it was committed",
            format!("{id} logs nothing after {before} until that is committed"),
            format!("it logged {next}"),
        );
    }
    let begins = me.primary
        && me.status == Status::Normal
        && !me.loading
        && me.entry(next.op).is_some_and(|entry| entry.view == me.view);
    if !begins {
        return None;
    }
    let caught_up = |added: ReplicaId| {
        let state = cluster_view.replicas.get(added.index());
        state.is_some_and(|state| state.acknowledged.map_or(0, |acknowledged| acknowledged.1) >= me.commit)
    };
    let late = next.new.without(next.old).iter().find(|added| !caught_up(*added))?;
    context.violation_with(
        late,
        NAME,
        "a replica became a member before it had caught up",
        format!("{late} has acknowledged op {}, the commit number of {id}, before it becomes a member", me.commit),
        format!(
            "it has acknowledged {:?}",
            cluster_view.replicas.get(late.index()).and_then(|state| state.acknowledged)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use crate::protocol::observation::Observation as O;

    const OLD: u8 = 0b00111;
    const NEW: u8 = 0b11111;

    fn configured(op: u64, old: u8, new: u8) -> O {
        O::ConfigurationAppended { op, old: ReplicaSet(old), new: ReplicaSet(new) }
    }

    fn started(view: u64, op: u64) -> O {
        O::ViewStarted { view, op, commit: 0, primary: true }
    }

    fn voted(view: u64) -> O {
        O::Voted { view, last_normal: 0, op: 0, commit: 0 }
    }

    fn acknowledged(op: u64) -> O {
        O::Acknowledged { view: 0, op, entry: entry(op) }
    }

    /// Five replicas of which three are members; replica 0 leads, and op 1 is committed.
    fn spares() -> Script {
        let mut config = Config::default();
        (config.cluster.replicas, config.cluster.members) = (5, 3);
        let mut script = Script::with_config(&config);
        script.ok(0, O::StatusChanged { status: Status::Normal, view: 0, primary: true });
        everybody_holds(&mut script, 1, &[0, 1]);
        script.commit(0, 1..=1);
        script
    }

    fn everybody_holds(script: &mut Script, op: u64, replicas: &[u8]) {
        for replica in replicas {
            script.ok(*replica, Script::appended(op, 0));
            script.ok(*replica, acknowledged(op));
        }
    }

    /// The change from three to five is in the log of the primary, at op 2.
    fn joint() -> Script {
        let mut script = spares();
        for spare in [3, 4] {
            everybody_holds(&mut script, 1, &[spare]);
        }
        script.ok(0, Script::appended(2, 0));
        script.ok(0, configured(2, OLD, NEW));
        script.ok(0, acknowledged(2));
        script
    }

    #[test]
    fn a_change_by_way_of_both_memberships_passes() {
        let mut script = joint();
        for replica in [1, 3] {
            everybody_holds(&mut script, 2, &[replica]);
            script.ok(replica, configured(2, OLD, NEW));
        }
        script.commit(0, 2..=2);
        assert!(script.cluster_view.decided.is_joint());
        script.ok(0, Script::appended(3, 0));
        script.ok(0, configured(3, NEW, NEW));
        script.ok(0, acknowledged(3));
        for replica in [1, 3] {
            everybody_holds(&mut script, 3, &[replica]);
            script.ok(replica, configured(3, NEW, NEW));
        }
        script.commit(0, 3..=3);
        assert_eq!(script.cluster_view.decided.new, ReplicaSet(NEW));
        for replica in [1, 2, 3] {
            script.ok(replica, voted(1));
        }
        script.ok(1, started(1, 3));
    }

    #[test]
    fn what_spares_acknowledge_commits_nothing() {
        let mut script = spares();
        everybody_holds(&mut script, 1, &[3, 4]);
        everybody_holds(&mut script, 2, &[0, 3, 4]);
        script.caught(0, O::Committed { op: 2, entry: entry(2) }, NAME, "committed without a quorum");
    }

    #[test]
    fn a_change_needs_both_quorums() {
        let mut script = joint();
        everybody_holds(&mut script, 2, &[1]);
        script.caught(0, O::Committed { op: 2, entry: entry(2) }, NAME, "committed without a quorum");
        let mut script = joint();
        everybody_holds(&mut script, 2, &[3, 4]);
        script.caught(0, O::Committed { op: 2, entry: entry(2) }, NAME, "committed without a quorum");
    }

    #[test]
    fn a_view_needs_the_votes_of_members_and_a_member_to_lead_it() {
        let mut script = spares();
        for replica in [1, 3, 4] {
            script.ok(replica, voted(1));
        }
        script.caught(1, started(1, 1), NAME, "a view started without a quorum");
        everybody_holds(&mut script, 1, &[3]);
        script.caught(3, started(3, 1), NAME, "a replica that is no member leads");
    }

    #[test]
    fn configurations_follow_one_another() {
        let rule = "a configuration does not follow from the one before";
        let mut script = spares();
        script.ok(0, Script::appended(2, 0));
        script.caught(0, configured(2, NEW, NEW), NAME, rule);
        let mut script = joint();
        script.ok(0, Script::appended(3, 0));
        script.caught(0, configured(3, OLD, 0b1111), NAME, rule);
        let mut script = joint();
        script.ok(0, Script::appended(3, 0));
        let early = "a configuration was logged before the one before it was committed";
        script.caught(0, configured(3, NEW, NEW), NAME, early);
    }

    #[test]
    fn who_joins_has_caught_up() {
        let mut script = spares();
        everybody_holds(&mut script, 1, &[3]);
        script.ok(0, Script::appended(2, 0));
        let rule = "a replica became a member before it had caught up";
        script.caught(0, configured(2, OLD, NEW), NAME, rule);
    }
}
