//! Availability: while a quorum of replicas could serve the clients, it does, whatever is wrong with the others.
//!
//! A quorum that could: as many replicas as the larger of the two quorums, all up, unpaused and sound, each linked with each
//! of the others, the same ones all the time. A replica whose messages were delayed is sound once the last of them has
//! arrived: a link keeps its order. If clients wait, such a quorum commits something new, or answers, within the
//! bound: the time for the clients to ask everybody, for the replicas to notice, and for a view change for each replica
//! outside of the quorum, whose turn to lead may come first, and for one more.
//!
//! What `liveness` asks for after the faults is asked for here while they last. Source: "Viewstamped Replication Revisited",
//! section 4: f failed replicas out of 2f + 1 do not stop the service. A failed one may be half dead here, and still be heard.
//! Owed where `abdicate_timeout` or `commit_stall_timeout` is set, nobody lies, the network loses and doubles nothing by
//! itself, no disk was damaged, and the log has room. Not checked: what clients wait for which never repeat their request.

use crate::base::ids::{REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::invariants::support::{Context, Violation, kinds};
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::{Observation, Seen};

/// The invariant's name.
pub const NAME: &str = "availability";
pub(in crate::invariants) const INTERESTS: u128 =
    kinds::COMMITTED | kinds::CONDITIONS | kinds::CRASHED | kinds::PAUSED | kinds::LOADING;

#[derive(Debug, Default)]
pub(in crate::invariants) struct Availability {
    promised: bool,
    quorum: u32,
    /// The time for anything but view changes.
    notice: Time,
    /// The time for one view change.
    view_change: Time,
    /// So many committed entries leave room in the log.
    room: usize,
    /// The replicas that could serve, and since when; empty while unknown.
    group: ReplicaSet,
    since: Time,
    /// When the last delayed message of each replica has arrived.
    late_until: [Time; REPLICAS_MAX],
    /// Since when clients ask again and nothing happens.
    waiting: Option<Time>,
}

impl Availability {
    /// Whether the configuration promises anything.
    pub fn promised(config: &Config, liars: ReplicaSet) -> bool {
        let (cluster, network) = (&config.cluster, &config.network);
        let reliable = network.loss == 0 && network.duplication == 0 && network.reordering == 0;
        let fixed = !cluster.reconfigures();
        fixed && reliable && liars.is_empty() && cluster.abdicate_timeout + cluster.commit_stall_timeout > 0
    }

    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        let cluster = &config.cluster;
        let patience = cluster.abdicate_timeout + cluster.commit_stall_timeout + 4 * cluster.heartbeat;
        *self = Availability {
            promised: Self::promised(config, liars),
            quorum: cluster.replication_quorum.max(cluster.view_change_quorum).into(),
            notice: 2 * config.workload.timeout + patience,
            view_change: 4 * cluster.view_change_timeout,
            room: (cluster.log_slots as usize).saturating_sub(cluster.pipeline_max.into()),
            ..Availability::default()
        };
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Context { id, me, cluster_view, .. } = *context;
        if me.delay > 0 {
            // A shorter delay does not overtake a longer one before it.
            let late = &mut self.late_until[id.index()];
            *late = (*late).max(context.seen.at + me.delay);
        }
        match context.seen.what {
            Observation::Committed { op, .. } => {
                if op == cluster_view.committed.len() as u64 + 1 {
                    self.waiting = None;
                }
            }
            Observation::Conditions { hears, sound, .. } if sound && hears.0 & self.group.0 == self.group.0 => {}
            _ => {
                if self.group.has(id) {
                    self.group = ReplicaSet::default();
                }
            }
        }
        None
    }

    /// A client was answered, or forgot what it asked.
    pub fn answered(&mut self) {
        self.waiting = None;
    }

    /// A client asks again.
    pub fn retried(&mut self, seen: &Seen, cluster_view: &ClusterView) -> Option<Box<Violation>> {
        if !self.promised {
            return None;
        }
        let now = seen.at;
        if self.group.is_empty() {
            self.group = self.able(now, cluster_view);
            self.since = now;
        }
        let waiting = (*self.waiting.get_or_insert(now)).max(self.since);
        let outside = Time::from(cluster_view.replicas.len() as u32 - self.group.len());
        let bound = self.notice + (outside + 1) * self.view_change;
        let damaged = cluster_view.replicas.iter().any(|state| state.damaged);
        let full = cluster_view.committed.len() >= self.room;
        if self.group.is_empty() || now - waiting <= bound || cluster_view.healed || damaged || full {
            return None;
        }
        let Seen { at, event, .. } = *seen;
        Some(Box::new(Violation {
            invariant: NAME,
            rule: "a quorum that could serve does not",
            at,
            event,
            replicas: self.group,
            expected: format!("these replicas are well and linked, and commit or answer something within {bound} ns"),
            seen: format!("clients have asked again for {} ns, in vain", now - waiting),
        }))
    }

    /// A largest set of replicas that could serve the clients; empty where there is no quorum.
    fn able(&self, now: Time, cluster_view: &ClusterView) -> ReplicaSet {
        let well = |id: ReplicaId| {
            let state = &cluster_view.replicas[id.index()];
            state.up && !state.paused && !state.loading && state.sound && now >= self.late_until[id.index()]
        };
        let count = cluster_view.replicas.len() as u8;
        let mut best = ReplicaSet::default();
        for members in 1..1_u16 << count {
            let members = ReplicaSet(members as u8);
            if members.len() < self.quorum || members.len() <= best.len() {
                continue;
            }
            let linked = |id: ReplicaId| members.iter().all(|other| other == id || cluster_view.linked(id, other));
            if members.iter().all(|id| well(id) && linked(id)) {
                best = members;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ClientId;
    use crate::invariants::harness::{Script, entry};
    use crate::protocol::observation::{Status, Who};
    use Observation as O;

    fn retry(script: &mut Script) -> Option<Box<Violation>> {
        script.see(Who::Client(ClientId(0)), O::Retried { client: ClientId(0), number: 1 })
    }

    fn hears(members: u8) -> O {
        O::Conditions { hears: ReplicaSet(members), sound: true, delay: 0 }
    }

    /// A client waits in a cluster of three, of which replica 0 does not hear the others.
    fn deaf_primary() -> Script {
        let mut script = Script::new();
        (0..3).for_each(|id| script.ok(id, O::StatusChanged { status: Status::Normal, view: 0, primary: id == 0 }));
        script.ok(0, hears(0b001));
        assert_eq!(retry(&mut script), None);
        script
    }

    fn bound() -> Time {
        let mut availability = Availability::default();
        availability.reset(&Script::config(), ReplicaSet::default());
        availability.notice + 2 * availability.view_change
    }

    #[test]
    fn a_quorum_that_does_nothing_is_caught() {
        let mut script = deaf_primary();
        script.wait(bound() - 2000);
        assert_eq!(retry(&mut script), None);
        script.wait(2000);
        let violation = retry(&mut script).expect("the rule is broken");
        assert_eq!((violation.invariant, violation.replicas), (NAME, ReplicaSet(0b110)));
    }

    #[test]
    fn messages_that_were_delayed_may_still_be_on_their_way() {
        let mut script = deaf_primary();
        script.ok(1, O::Conditions { hears: ReplicaSet(0b111), sound: false, delay: 3 * bound() });
        script.ok(1, O::Conditions { hears: ReplicaSet(0b111), sound: false, delay: 1 });
        script.ok(1, hears(0b111));
        script.wait(2 * bound());
        assert_eq!(retry(&mut script), None);
        script.wait(2 * bound());
        assert_eq!(retry(&mut script), None, "from now on it could serve");
        script.wait(2 * bound());
        assert_eq!(retry(&mut script).expect("the rule is broken").invariant, NAME);
    }

    #[test]
    fn a_commit_is_enough_and_so_is_another_fault() {
        let mut script = deaf_primary();
        script.wait(bound() / 2);
        script.append(1, 1..=1);
        script.ok(1, O::Committed { op: 1, entry: entry(1) });
        assert_eq!(retry(&mut script), None);
        script.wait(bound() / 2);
        assert_eq!(retry(&mut script), None);
        script.ok(2, O::Paused);
        script.wait(2 * bound());
        assert_eq!(retry(&mut script), None, "one replica is no quorum");
        script.wait(2 * bound());
        assert_eq!(retry(&mut script), None);
    }
}
