//! Tests of the coverage map.

use super::*;
use crate::config::spec::Cluster;
use crate::protocol::lie::{Field, How, LieClass};
use crate::protocol::observation::{Fault, RejectReason, Who};
use Observation as O;

/// What a stream of observations reaches; liar is replica 2 if any.
fn reached(liar: bool, stream: &[(u8, Observation)]) -> Vec<u32> {
    let mut coverage = Coverage::default();
    let mut cluster_view = ClusterView::default();
    run(&mut coverage, &mut cluster_view, liar, stream);
    let mut reached = coverage.reached().to_vec();
    reached.sort_unstable();
    let count = reached.len();
    reached.dedup();
    assert_eq!(reached.len(), count, "each slot once");
    reached
}

fn run(coverage: &mut Coverage, cluster_view: &mut ClusterView, liar: bool, stream: &[(u8, Observation)]) {
    let liars = ReplicaSet(u8::from(liar) << 2);
    coverage.reset(&Config::default(), liars);
    cluster_view.reset(&Config::default(), liars);
    for (replica, what) in stream {
        let seen = Seen { at: 0, event: 0, who: Who::Replica(ReplicaId(*replica)), what: *what };
        cluster_view.apply(&seen);
        coverage.observe(&seen, cluster_view);
    }
}

fn within(region: Region, slots: &[u32]) -> usize {
    slots.iter().filter(|slot| (region.start..region.start + region.size).contains(slot)).count()
}

fn appended(op: u64, entry: u128) -> Observation {
    O::Appended { op, view: 0, entry, parent: 0 }
}

#[test]
fn the_regions_fill_the_map_without_overlap() {
    let mut end = 0;
    for region in REGIONS {
        assert_eq!(region.start, end, "{}", region.name);
        end += region.size;
    }
    assert_eq!(end as usize, MAP_SIZE);
    const { assert!(1 << (GROUPS + 1) <= CLUSTERS.size, "a bit for each group, and one more") };
    assert!(8 * OUTCOME_COUNT * MessageKind::ALL.len() as u32 <= OUTCOMES.size);
    assert!(Depth::Count as usize <= DEPTHS_MAX);
    assert_eq!(OUTCOME_DROPPED + DropReason::Garbled as u32 + 1, OUTCOME_REJECTED);
    assert!(
        EFFECT_REJECTED + (RejectReason::ReconfigurationUnderWay as u32) < 128,
        "effects fit into the bits of a cause"
    );
}

#[test]
fn a_counter_grows_step_by_step_at_first_and_stays_within_its_slots() {
    assert!((0..=16).all(|value| bucket(value) == value as u32));
    assert!((0..10_000).all(|value| bucket(value) <= bucket(value + 1)));
    assert_eq!((bucket(23), bucket(24), bucket(31), bucket(32)), (16, 17, 17, 18));
    assert_eq!(bucket(u64::MAX), DEPTH_SLOTS - 1);
    assert_eq!(depth(DEPTHS.start + Depth::Lag as u32 * DEPTH_SLOTS + 3), Some((Depth::Lag as usize, 3)));
    assert_eq!(depth(DEPTHS.start - 1), None);
    assert_eq!(depth(MAP_SIZE as u32), None);
}

#[test]
fn crashes_count_in_a_row_until_the_replica_is_normal_again() {
    let normal = O::StatusChanged { status: Status::Normal, view: 0, primary: false };
    let far = |stream: &[(u8, Observation)]| {
        let counters = reached(false, stream).into_iter().filter_map(depth);
        counters.filter(|(counter, _)| *counter == Depth::CrashesInARow as usize).map(|(_, far)| far).max()
    };
    assert_eq!(far(&[(0, normal)]), None);
    assert_eq!(far(&[(0, normal), (0, O::Crashed), (0, O::Crashed), (0, O::Crashed)]), Some(3));
    assert_eq!(far(&[(0, O::Crashed), (0, normal), (0, O::Crashed)]), Some(1));
    assert_eq!(far(&[(0, O::Crashed), (1, O::Crashed), (0, O::Crashed), (1, normal)]), Some(2), "each by itself");
}

#[test]
fn who_is_who_does_not_count() {
    let stream = |a, b| {
        vec![
            (a, O::StatusChanged { status: Status::Normal, view: 0, primary: true }),
            (b, O::StatusChanged { status: Status::Normal, view: 0, primary: false }),
            (a, appended(1, 1)),
            (b, appended(1, 1)),
            (a, O::Committed { op: 1, entry: 1 }),
            (b, O::ViewChangeStarted { view: 1 }),
            (a, O::Injected { fault: Fault::Crash }),
            (a, O::Crashed),
            (b, O::Rejected { kind: MessageKind::Prepare, why: RejectReason::OldView }),
        ]
    };
    assert_eq!(reached(false, &stream(0, 1)), reached(false, &stream(2, 0)));
    assert_ne!(reached(false, &stream(0, 1)), reached(true, &stream(2, 0)), "but a liar does");
}

#[test]
fn who_is_down_is_just_that() {
    let normal = |id| (id, O::StatusChanged { status: Status::Normal, view: 0, primary: false });
    let crashed = |what: &[(u8, Observation)]| {
        let mut coverage = Coverage::default();
        run(
            &mut coverage,
            &mut ClusterView::default(),
            false,
            &[&[normal(0), normal(1)], what, &[(1, O::Crashed)]].concat(),
        );
        coverage.cluster
    };
    assert_eq!(crashed(&[]), crashed(&[(1, O::ViewChangeStarted { view: 0 })]), "what it did before is forgotten");
    assert_ne!(crashed(&[]), crashed(&[(0, O::ViewChangeStarted { view: 0 })]), "what the others do is not");
}

#[test]
fn a_cluster_is_what_there_is_and_several_that_are_down_are_alike() {
    let mut seen = std::collections::BTreeSet::new();
    for fine in (0..1 << 17).filter(|fine| fine >> 6 & 3 <= Status::Recovering as u32) {
        let groups = groups(fine);
        assert!(groups > 0 && groups >> GROUPS == 0, "{fine:b}");
        assert_eq!((groups & 0x7FF).count_ones(), 1, "one thing at a time: {fine:b}");
        seen.insert(groups);
    }
    assert_eq!(seen.len(), 3 + 8 * 4, "down, loading, no member, and each role, view, log and membership");
    let cluster = |down: &[u8]| {
        let mut coverage = Coverage::default();
        let config = Config { cluster: Cluster { replicas: 5, ..Config::default().cluster }, ..Config::default() };
        let mut cluster_view = ClusterView::default();
        coverage.reset(&config, ReplicaSet::default());
        cluster_view.reset(&config, ReplicaSet::default());
        for replica in down {
            let seen = Seen { at: 0, event: 0, who: Who::Replica(ReplicaId(*replica)), what: O::Crashed };
            cluster_view.apply(&seen);
            coverage.observe(&seen, &cluster_view);
        }
        (coverage.cluster, coverage.members[DOWN])
    };
    assert_eq!(cluster(&[1]), cluster(&[4]));
    assert_ne!(cluster(&[1]).0, cluster(&[1, 2]).0);
    assert_eq!((cluster(&[1, 2]).0, cluster(&[1, 2, 3]).1), (cluster(&[1, 2, 3]).0, 3));
}

#[test]
fn another_log_than_the_committed_one_is_noticed_both_ways_and_forgotten_when_cut_off() {
    let commit = (0, O::Committed { op: 1, entry: 1 });
    let mut coverage = Coverage::default();
    let mut cluster_view = ClusterView::default();
    for (stream, at) in [
        ([(0, appended(1, 1)), (1, appended(1, 7)), commit], 1),
        ([(0, appended(1, 1)), commit, (1, appended(1, 7))], 1),
        ([(0, appended(1, 1)), commit, (1, appended(1, 1))], u64::MAX),
    ] {
        run(&mut coverage, &mut cluster_view, false, &stream);
        assert_eq!(coverage.diverged[1], at);
    }
    let cut = [(1, appended(1, 7)), (0, appended(1, 1)), commit, (1, O::Truncated { op: 0 })];
    run(&mut coverage, &mut cluster_view, false, &cut);
    assert_eq!(coverage.diverged[1], u64::MAX);
}

#[test]
fn effects_follow_causes_once_each() {
    let lie = O::Lied {
        kind: MessageKind::DoViewChange,
        field: Field::Commit,
        how: How::Increase,
        class: LieClass::FalseClaim,
    };
    let rejected = O::Rejected { kind: MessageKind::DoViewChange, why: RejectReason::UnprovenCommit };
    let slots = reached(true, &[(0, rejected), (2, lie), (0, rejected), (1, rejected), (2, lie), (0, rejected)]);
    assert_eq!((within(LIES, &slots), within(EFFECTS, &slots)), (1, 1));
    let two = [(2, lie), (0, O::Injected { fault: Fault::Pause }), (1, O::Truncated { op: 0 })];
    assert_eq!(within(EFFECTS, &reached(true, &two)), 2);
}

#[test]
fn a_reset_forgets_everything() {
    let stream = [
        (0, appended(1, 1)),
        (1, appended(1, 2)),
        (0, O::Committed { op: 1, entry: 1 }),
        (1, O::Injected { fault: Fault::Crash }),
        (1, O::Crashed),
        (2, O::ViewChangeStarted { view: 9 }),
    ];
    let mut coverage = Coverage::default();
    let mut cluster_view = ClusterView::default();
    run(&mut coverage, &mut cluster_view, false, &stream);
    let first = coverage.reached().to_vec();
    run(&mut coverage, &mut cluster_view, true, &stream[..1]);
    run(&mut coverage, &mut cluster_view, false, &stream);
    assert_eq!(coverage.reached(), first);
    assert!(within(CLUSTERS, &first) >= 3 && within(TRANSITIONS, &first) >= 3);
}
