//! Liveness: once all faults have ended, the cluster answers every request and converges within the time it is given.
//!
//! Converged means: every request of a live client session is answered, every client that asked for a session has one, and
//! every change of the membership that was asked for is in force or refused; every correct member of the last configuration is up and normal, in one view, whose primary
//! is among them; each has committed and executed the whole committed log and holds no more. Others need not converge.
//!
//! Source: "Viewstamped Replication Revisited", section 4 (with no more than f replicas failed and messages delivered in
//! time, requests are executed). Owed only where enough replicas are intact (`invariants/guarantees.rs`).
//! Not checked: how fast; anything during the faults; what liars do, but for the primary, which may be one.

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::membership::Configuration;
use crate::invariants::support::history::History;
use crate::invariants::support::{Violation, set};
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::Status;

/// The invariant's name.
pub const NAME: &str = "liveness";

/// What a cluster still lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invariants) enum Missing {
    /// Requests are not answered.
    Answers,
    /// Clients have asked for a session and got none.
    Sessions,
    /// A replica is down or paused.
    Down(ReplicaId),
    /// A replica is not normal.
    Status(ReplicaId),
    /// A replica is in a lower view than another.
    View(ReplicaId, u64),
    /// A replica has not committed and executed the whole committed log, or holds more than that.
    Behind(ReplicaId),
    /// The view has no primary.
    Primary(u64),
    /// The administrator waits for a change of the membership.
    Asked(ReplicaSet),
    /// A change of the membership is under way.
    Joint(Configuration),
}

/// The first thing that the cluster lacks; `None` when it has converged.
pub(in crate::invariants) fn missing(history: &History, cluster_view: &ClusterView) -> Option<Missing> {
    if history.outstanding > 0 {
        return Some(Missing::Answers);
    }
    if let Some(asked) = cluster_view.asked.first() {
        return Some(Missing::Asked(*asked));
    }
    if cluster_view.decided.is_joint() {
        return Some(Missing::Joint(cluster_view.decided));
    }
    if history.sessions.registering > 0 {
        return Some(Missing::Sessions);
    }
    let committed = cluster_view.committed.len() as u64;
    let members = || cluster_view.correct_replicas().filter(|(id, _)| cluster_view.is_member(*id));
    let view = members().map(|(_, state)| state.view).max()?;
    for (id, state) in members() {
        if !state.up || state.paused {
            return Some(Missing::Down(id));
        }
        if state.status != Status::Normal {
            return Some(Missing::Status(id));
        }
        if state.view != view {
            return Some(Missing::View(id, view));
        }
        if [state.op(), state.commit, state.executed] != [committed; 3] {
            return Some(Missing::Behind(id));
        }
    }
    let led = (0..)
        .map(ReplicaId)
        .zip(&cluster_view.replicas)
        .any(|(id, state)| cluster_view.is_member(id) && state.up && state.primary && state.view == view);
    let by_a_liar = cluster_view.liars.has(ReplicaId((view % cluster_view.replicas.len() as u64) as u8));
    if led || by_a_liar { None } else { Some(Missing::Primary(view)) }
}

#[cold]
pub(in crate::invariants) fn violation(
    missing: &Missing,
    at: Time,
    event: u64,
    history: &History,
    cluster_view: &ClusterView,
) -> Violation {
    let (rule, replica, expected, seen) = match *missing {
        Missing::Answers => {
            let first = history.asked.iter().find(|asked| asked.live && !asked.answered);
            let first = first.map_or_else(String::new, |asked| {
                let (client, session, number) = (asked.client.0, asked.session, asked.number);
                format!(", the first of them request {number} of client {client} in session {session}")
            });
            let seen = format!("{} are not{first}", history.outstanding);
            ("requests are not answered", None, "all requests of live sessions are answered".to_owned(), seen)
        }
        Missing::Sessions => {
            let seen = format!("{} clients wait for one", history.sessions.registering);
            ("clients get no session", None, "every client that asks for a session has one".to_owned(), seen)
        }
        Missing::Down(id) => {
            ("a replica is down", Some(id), format!("{id} runs again"), "it is down or paused".to_owned())
        }
        Missing::Status(id) => {
            let state = &cluster_view.replicas[id.index()];
            let seen = format!("its status is {:?}, its view {}", state.status, state.view);
            ("a replica is not normal", Some(id), format!("{id} is normal"), seen)
        }
        Missing::View(id, view) => {
            let seen = format!("it is in view {}", cluster_view.replicas[id.index()].view);
            ("replicas are in different views", Some(id), format!("{id} is in view {view}, like the others"), seen)
        }
        Missing::Behind(id) => {
            let state = &cluster_view.replicas[id.index()];
            let committed = cluster_view.committed.len();
            let (op, commit, executed) = (state.op(), state.commit, state.executed);
            let seen = format!("its log ends at op {op}; it has committed {commit} ops and executed {executed}");
            (
                "replicas differ in their logs",
                Some(id),
                format!("{id} has committed and executed all {committed} ops"),
                seen,
            )
        }
        Missing::Asked(members) => (
            "a change of the membership is not done",
            None,
            format!("the members {members} that were asked for are in force or refused"),
            "they are neither".to_owned(),
        ),
        Missing::Joint(configuration) => (
            "a change of the membership is not done",
            None,
            format!("{configuration}, which is committed, is completed"),
            "it is not".to_owned(),
        ),
        Missing::Primary(view) => {
            ("a view has no primary", None, format!("view {view} has a primary"), "no replica says it is".to_owned())
        }
    };
    let replicas = replica.map_or(ReplicaSet::default(), |id| set([id]));
    Violation { invariant: NAME, rule, at, event, replicas, expected, seen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry, found, put};
    use crate::protocol::observation::Observation as O;

    fn stuck(script: &mut Script, rule: &str) {
        assert!(!script.checkers.converged(&script.cluster_view));
        let violation = script.finish().expect("the cluster has not converged");
        assert_eq!((violation.invariant, violation.rule), (NAME, rule), "{violation:?}");
        assert!(!violation.expected.is_empty() && !violation.seen.is_empty());
    }

    #[test]
    fn a_converged_cluster_passes() {
        let mut script = Script::clean_run();
        assert!(script.checkers.converged(&script.cluster_view));
        assert_eq!(script.finish(), None);
    }

    #[test]
    fn an_unanswered_request_is_caught_and_a_crashed_client_is_not_waited_for() {
        let mut script = Script::clean_run();
        script.invoke(4, put(4));
        stuck(&mut script, "requests are not answered");
        let client = crate::base::ids::ClientId(0);
        let crash = O::ClientCrashed { client };
        assert_eq!(script.see(crate::protocol::observation::Who::Client(client), crash), None);
        assert_eq!(script.finish(), None);
    }

    #[test]
    fn a_client_without_a_session_is_caught() {
        let mut script = Script::clean_run();
        let client = crate::base::ids::ClientId(0);
        let see = |script: &mut Script, what| {
            assert_eq!(script.see(crate::protocol::observation::Who::Client(client), what), None);
        };
        see(&mut script, O::Registering { client, number: 2 });
        stuck(&mut script, "clients get no session");
        see(&mut script, O::SessionRegistered { client, session: 4 });
        assert_eq!(script.finish(), None);
    }

    #[test]
    fn a_replica_that_does_not_come_back_is_caught() {
        let mut script = Script::clean_run();
        script.ok(2, O::Crashed);
        stuck(&mut script, "a replica is down");
        script.ok(2, O::Restarted);
        stuck(&mut script, "a replica is not normal");
        script.ok(2, O::ViewStarted { view: 2, op: 3, commit: 3, primary: true });
        stuck(&mut script, "replicas are in different views");
    }

    #[test]
    fn a_replica_that_is_behind_is_caught() {
        let mut script = Script::clean_run();
        script.invoke(4, put(4));
        for replica in [1, 2] {
            script.ok(replica, Script::appended(4, 1));
            script.ok(replica, O::Committed { op: 4, entry: entry(4) });
            script.ok(replica, Script::executed(4, 4, put(4), found(4, 4, 4)));
        }
        assert_eq!(script.answer(4, found(4, 4, 4)), None);
        stuck(&mut script, "replicas differ in their logs");
    }

    #[test]
    fn a_change_of_the_membership_that_does_not_end_is_caught() {
        let rule = "a change of the membership is not done";
        let (members, world) = (ReplicaSet(0b11), crate::protocol::observation::Who::World);
        let mut script = Script::clean_run();
        assert_eq!(script.see(world, O::ReconfigurationAsked { members }), None);
        stuck(&mut script, rule);
        let why = crate::protocol::observation::RejectReason::ReconfigurationUnderWay;
        script.ok(1, O::ReconfigurationRefused { members, why });
        assert_eq!(script.finish(), None, "refused");
        script.ok(1, Script::appended(4, 1));
        script.ok(1, O::ConfigurationAppended { op: 4, old: ReplicaSet(0b111), new: members });
        script.ok(0, Script::appended(4, 1));
        for replica in [1, 0] {
            script.ok(replica, O::Acknowledged { view: 1, op: 4, entry: entry(4) });
        }
        script.ok(1, O::Committed { op: 4, entry: entry(4) });
        stuck(&mut script, rule);
    }

    #[test]
    fn who_is_no_member_need_not_converge() {
        let mut config = Script::config();
        (config.cluster.replicas, config.cluster.members) = (4, 3);
        let mut script = Script::with_config(&config);
        script.replay_clean_run();
        assert_eq!(script.finish(), None);
        script.ok(2, O::Crashed);
        stuck(&mut script, "a replica is down");
    }

    #[test]
    fn a_view_without_a_primary_is_caught_unless_a_liar_leads_it() {
        let normal = |view| O::StatusChanged { status: Status::Normal, view, primary: false };
        let mut script = Script::new();
        (0..3).for_each(|replica| script.ok(replica, normal(0)));
        stuck(&mut script, "a view has no primary");
        let mut script = Script::with_liar(0);
        (1..3).for_each(|replica| script.ok(replica, normal(0)));
        assert_eq!(script.finish(), None);
    }
}
