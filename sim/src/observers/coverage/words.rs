//! Abstract states as bit words: of a replica, of the part of it that transitions count, and of the groups that form
//! the state of a cluster.

use crate::base::ids::ReplicaId;
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::Status;

/// How many groups of replicas make the state of a cluster: see `groups`.
pub(super) const GROUPS: usize = 13;
/// The group of those that are down.
pub(super) const DOWN: usize = 0;

/// What a replica does and how it stands to the others:
/// up, paused, loading, primary, liar, damaged: one bit each; status: 2 bits; view: 2 bits (the highest, a coming one,
/// one behind, further behind); log: 2 bits (shorter than the committed one, as long, longer, another); and commit lag:
/// 3 bits (0, 1, 2-3, 4-7, 8 or more); no member by its own log, a change of the membership under way: one bit each.
pub(super) fn fine(id: ReplicaId, cluster_view: &ClusterView, diverged: bool, lag: u64, liar: bool) -> u32 {
    let replica = &cluster_view.replicas[id.index()];
    let configuration = cluster_view.configuration(replica);
    let view = match replica.view {
        view if view == cluster_view.view_max => 0,
        view if view > cluster_view.view_max => 1,
        view if view + 1 == cluster_view.view_max => 2,
        _ => 3,
    };
    let log = match replica.op().cmp(&(cluster_view.committed.len() as u64)) {
        _ if diverged => 3,
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => 1,
        std::cmp::Ordering::Greater => 2,
    };
    let lag = if lag == 0 { 0 } else { 1 + lag.ilog2().min(3) };
    u32::from(replica.up)
        | u32::from(replica.paused) << 1
        | u32::from(replica.loading) << 2
        | u32::from(replica.primary) << 3
        | u32::from(liar) << 4
        | u32::from(replica.damaged) << 5
        | (replica.status as u32) << 6
        | view << 8
        | log << 10
        | lag << 12
        | u32::from(!configuration.has(id)) << 15
        | u32::from(configuration.is_joint()) << 16
}

/// What the cluster is doing: whether a view change or a recovery goes on, somebody is down, somebody leads, and something
/// is not committed.
pub(super) fn phase(cluster_view: &ClusterView) -> u32 {
    cluster_view.replicas.iter().fold(0, |phase, replica| {
        let (up, status) = (replica.up, replica.status);
        phase
            | u32::from(up && status == Status::ViewChange)
            | u32::from(up && status == Status::Recovering) << 1
            | u32::from(!up) << 2
            | u32::from(up && replica.primary && status == Status::Normal) << 3
            | u32::from(replica.op() > replica.commit) << 4
    })
}

/// The part of a fine word whose changes are transitions: up, loading, primary, liar and status; of the view only whether it
/// is the highest, a coming one or an old one; of the log only whether it is another one; and membership. Who is down, or
/// reads its disk yet, is just that: what it was before cannot matter to the others.
pub(super) fn coarse(fine: u32) -> u32 {
    if fine & 0b101 != 1 {
        return fine & 0b101;
    }
    let view = (fine >> 8 & 3).min(2);
    let log = u32::from(fine >> 10 & 3 == 3);
    fine & 0b1101_1101 | view << 8 | log << 10 | 1 << 11 | (fine >> 15 & 3) << 12
}

/// The groups of a cluster that a replica with this fine word is in, one bit each: it is down; it reads its disk; it is no
/// member; or by role (primary, backup, changing its view, recovering) and by whether its view is an old one. Beside that,
/// whether its log is another one, and whether the membership changes.
///
/// More detail would multiply by the number of replicas: multisets of whole coarse words filled their region of the map in
/// half an hour, and whether there are none, one or several replicas in each group took half of it in an hour.
pub(super) fn groups(fine: u32) -> u32 {
    let has = |bit: u32| fine >> bit & 1;
    if has(0) == 0 {
        return 1 << DOWN;
    }
    if has(2) == 1 {
        return 1 << 1;
    }
    if has(15) == 1 {
        return 1 << 2;
    }
    let role = match fine >> 6 & 3 {
        0 => 1 - has(3),
        status => 1 + status,
    };
    let old = has(9);
    let diverged = u32::from(fine >> 10 & 3 == 3);
    1 << (3 + 2 * role + old) | diverged << 11 | has(16) << 12
}
