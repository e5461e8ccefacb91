//! Membership changes, one situation per test.

use sim::base::time::{MILLISECOND, SECOND};
use sim::plan::Target;
use sim::{
    Action, ActionKind, Case, Config, Observation as O, RejectReason, ReplicaId, ReplicaSet, Seen, Trigger, Verdict,
    When, Who, World,
};
use vsr::Vsr;

/// Runs a cluster with `members` of `replicas` through `actions`, and asserts that everything owed holds. Returns the
/// trace.
fn run(replicas: u8, members: u8, actions: Vec<Action>) -> Vec<Seen> {
    let mut config = Config::default();
    config.cluster.replicas = replicas;
    config.cluster.members = members;
    config.cluster.replication_quorum = members / 2 + 1;
    config.cluster.view_change_quorum = members / 2 + 1;
    config.workload.requests = 60;
    let case = Case {
        system: "vsr".into(),
        scenario: "reconfiguration".into(),
        config,
        seed: 1,
        liars: ReplicaSet::default(),
        actions,
        bugs: Vec::new(),
        marks: Vec::new(),
    };
    let mut world = World::<Vsr>::new();
    let outcome = world.run(&case, true);
    assert_eq!(outcome.verdict, Verdict::Passed);
    world.trace().recorded().to_vec()
}

fn at(time: sim::Time, what: ActionKind) -> Action {
    Action { when: When::At(time), what }
}

/// An action that follows when any replica, which is the primary, logs a configuration.
fn once_logged(what: ActionKind) -> Action {
    Action { when: When::After { watch: Trigger::ConfigurationAppended, replica: None, count: 1, delay: 0 }, what }
}

fn reconfigure(members: u8) -> ActionKind {
    ActionKind::Reconfigure { members: ReplicaSet(members) }
}

/// The index of the first matching observation of a replica in the trace, from `from` on.
fn find(trace: &[Seen], from: usize, replica: u8, what: impl Fn(&O) -> bool) -> Option<usize> {
    let is_it = |seen: &Seen| seen.who == Who::Replica(ReplicaId(replica)) && what(&seen.what);
    (from..trace.len()).find(|place| is_it(&trace[*place]))
}

fn joint(what: &O) -> bool {
    matches!(what, O::ConfigurationAppended { old, new, .. } if old != new)
}

#[test]
fn spares_join() {
    let trace = run(5, 3, vec![at(300 * MILLISECOND, reconfigure(0b11111))]);
    let members = ReplicaSet(0b11111);
    for replica in 0..5 {
        let done = |what: &O| *what == O::Reconfigured { epoch: 1, members };
        assert!(find(&trace, 0, replica, done).is_some(), "replica {replica} knows the new members");
        assert!(find(&trace, 0, replica, |what| matches!(what, O::Retired { .. })).is_none());
    }
}

#[test]
fn a_primary_that_is_removed_completes_the_change_and_steps_down() {
    let trace = run(3, 3, vec![at(300 * MILLISECOND, reconfigure(0b110))]);
    let retired = find(&trace, 0, 0, |what| *what == O::Retired { epoch: 1 }).expect("replica 0 is no member");
    for replica in [1, 2] {
        let view = |what: &O| matches!(what, O::ViewStarted { view: 1, .. });
        assert!(find(&trace, retired, replica, view).is_some(), "replica 1 leads from then on");
    }
    assert!(find(&trace, retired, 0, |what| matches!(what, O::Voted { .. })).is_none());
}

#[test]
fn a_change_logged_only_by_a_deposed_primary_is_lost_and_can_be_requested_again() {
    let cut = ActionKind::Isolate { target: Target::Replica(ReplicaId(0)), duration: SECOND };
    let trace = run(5, 5, vec![at(300 * MILLISECOND, reconfigure(0b00111)), once_logged(cut)]);
    let logged = find(&trace, 0, 0, joint).expect("replica 0 logs the change");
    let O::ConfigurationAppended { op, .. } = trace[logged].what else { unreachable!() };
    let dropped = find(&trace, logged, 0, |what| matches!(what, O::Truncated { op: kept } if *kept < op));
    let other = (1..5).find_map(|replica| find(&trace, logged, replica, joint)).expect("and so does the next primary");
    assert!(other < dropped.expect("replica 0 drops it"), "before replica 0 hears of it");
    assert!(find(&trace, other, 0, |what| matches!(what, O::Reconfigured { epoch: 1, .. })).is_some());
}

#[test]
fn a_second_change_is_refused_while_the_first_is_under_way() {
    let trace = run(5, 5, vec![at(300 * MILLISECOND, reconfigure(0b00111)), once_logged(reconfigure(0b11100))]);
    let why = RejectReason::ReconfigurationUnderWay;
    let refused = |what: &O| *what == O::ReconfigurationRefused { members: ReplicaSet(0b11100), why };
    assert!(find(&trace, 0, 0, refused).is_some());
    assert!(find(&trace, 0, 0, |what| matches!(what, O::Reconfigured { epoch: 2, .. })).is_none());
}

#[test]
fn a_replica_with_a_damaged_log_still_knows_its_configuration() {
    let target = Target::Replica(ReplicaId(1));
    let mut actions = vec![at(300 * MILLISECOND, reconfigure(0b00111))];
    // The first zone is the log. Every entry is damaged, including the two configurations.
    for record in 0..60 {
        actions.push(at(SECOND, ActionKind::BitFlip { target, zone: 0, record, bit: 3 }));
    }
    actions.push(at(SECOND, ActionKind::Crash { target, down: 50 * MILLISECOND }));
    let trace = run(5, 5, actions);
    let loading = find(&trace, 0, 1, |what| *what == O::Loading).expect("it restarts");
    let recovered = find(&trace, loading, 1, |what| matches!(what, O::Recovered { .. })).expect("and reads its disk");
    let during = &trace[..recovered];
    assert!(find(during, loading, 1, |what| matches!(what, O::Damaged { .. })).is_some());
    let known = (loading..recovered).filter(|place| matches!(during[*place].what, O::ConfigurationAppended { .. }));
    assert_eq!(known.count(), 2);
}
