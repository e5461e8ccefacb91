//! Tests of the marks: each is seen where it should be, and only there.

use super::*;
use crate::config::spec::Config;
use crate::config::workload::{Answer, Operation, OperationKind};
use crate::protocol::lie::{Field, LieClass};
use crate::protocol::observation::Who;
use Observation as O;

/// Runs a stream of observations past the one mark and says whether it was seen.
fn shown(mark: Mark, stream: &[(u8, Observation)]) -> bool {
    let mut liars = ReplicaSet::default();
    liars.insert(ReplicaId(2));
    let (mut marks, mut cluster_view) = (Marks::default(), ClusterView::default());
    marks.reset(&[mark]);
    cluster_view.reset(&Config::default(), liars);
    for (replica, what) in stream {
        let seen = Seen { at: SECOND, event: 1, who: Who::Replica(ReplicaId(*replica)), what: *what };
        marks.observe(&seen, &cluster_view);
        cluster_view.apply(&seen);
    }
    marks.missing().is_empty()
}

fn appended(op: u64) -> Observation {
    O::Appended { op, view: 0, entry: op.into(), parent: op.into() }
}

fn executed(tenant: u16) -> Observation {
    let operation = Some(Operation { tenant, kind: OperationKind::Get { key: 0 } });
    O::Executed { op: 1, client: ClientId(0), session: 1, number: 1, operation, answer: Answer::default() }
}

#[test]
fn commits_count_once_an_op_and_only_by_correct_replicas() {
    let commit = |op| O::Committed { op, entry: op.into() };
    assert!(shown(Mark::Committed(2), &[(0, commit(1)), (0, commit(2))]));
    assert!(!shown(Mark::Committed(2), &[(0, commit(1)), (1, commit(1)), (2, commit(2))]));
    let changing = O::ViewChangeStarted { view: 1 };
    assert!(shown(Mark::CommittedDuringViewChange, &[(1, changing), (0, commit(1))]));
    assert!(!shown(Mark::CommittedDuringViewChange, &[(2, changing), (0, commit(1))]));
}

#[test]
fn views_count_once_each_after_the_first() {
    let start = |view| O::ViewStarted { view, op: 0, commit: 0, primary: true };
    assert!(shown(Mark::ViewsStarted(2), &[(1, start(1)), (1, start(4))]));
    assert!(!shown(Mark::ViewsStarted(1), &[(0, start(0)), (2, start(2))]));
    assert!(!shown(Mark::ViewsStarted(2), &[(1, start(1)), (1, start(1))]));
    let leave = |view| O::ViewChangeStarted { view };
    assert!(shown(Mark::ConcurrentViewChanges, &[(0, leave(1)), (1, leave(2))]));
    assert!(!shown(Mark::ConcurrentViewChanges, &[(0, leave(1)), (1, leave(1)), (2, leave(3))]));
}

#[test]
fn a_lie_is_delivered_only_after_it_was_told_and_only_to_the_honest() {
    let kind = MessageKind::Prepare;
    let lied = |how| O::Lied { kind, field: Field::Op, how, class: LieClass::Contradiction };
    let delivered = O::Delivered { from: ReplicaId(2), kind };
    let mark = Mark::LieDelivered(kind);
    assert!(shown(mark, &[(2, lied(How::Increase)), (0, delivered)]));
    assert!(!shown(mark, &[(0, delivered), (2, lied(How::Increase))]));
    assert!(!shown(mark, &[(2, lied(How::Silence)), (0, delivered)]));
    assert!(!shown(mark, &[(2, lied(How::Increase)), (2, delivered)]));
    assert!(!shown(mark, &[(2, lied(How::Increase)), (0, O::Delivered { from: ReplicaId(1), kind })]));
}

#[test]
fn crashes_are_told_apart_by_what_the_replica_was_doing() {
    assert!(shown(Mark::CrashedWhile(Status::ViewChange), &[(0, O::ViewChangeStarted { view: 1 }), (0, O::Crashed)]));
    assert!(!shown(Mark::CrashedWhile(Status::ViewChange), &[(0, O::Crashed), (0, O::ViewChangeStarted { view: 1 })]));
    assert!(shown(Mark::CrashedWithUncommitted, &[(0, appended(1)), (0, O::Crashed)]));
    let commit = O::Committed { op: 1, entry: 1 };
    assert!(!shown(Mark::CrashedWithUncommitted, &[(0, appended(1)), (0, commit), (0, O::Crashed)]));
    let recovered = |op| O::Recovered { view: 0, last_normal: 0, op };
    assert!(shown(Mark::RecoveredWith(2), &[(0, O::Crashed), (0, recovered(2))]));
    assert!(!shown(Mark::RecoveredWith(2), &[(0, O::Crashed), (0, recovered(1))]));
    assert!(!shown(Mark::RecoveredWith(0), &[(0, recovered(0))]), "a first boot is no recovery");
}

#[test]
fn a_change_of_the_membership_is_seen_in_its_phases() {
    let configured = |op, old, new| O::ConfigurationAppended { op, old: ReplicaSet(old), new: ReplicaSet(new) };
    let commit = |op| (0, O::Committed { op, entry: op.into() });
    let stream = [(0, appended(1)), commit(1), (0, appended(2)), (0, configured(2, 7, 3)), commit(2)];
    let joint = [&stream[..], &[(0, appended(3)), commit(3)]].concat();
    let over = [&joint[..], &[(0, appended(4)), (0, configured(4, 3, 3)), commit(4)]].concat();
    assert!(shown(Mark::CommittedIn(Phase::Old), &stream));
    assert!(!shown(Mark::CommittedIn(Phase::Joint), &stream), "the change itself is no request");
    assert!(shown(Mark::CommittedIn(Phase::Joint), &joint));
    assert!(!shown(Mark::CommittedIn(Phase::New), &over));
    assert!(shown(Mark::CommittedIn(Phase::New), &[&over[..], &[(0, appended(5)), commit(5)]].concat()));
    let cut = (0, O::Dropped { to: ReplicaId(1), kind: MessageKind::Prepare, why: DropReason::Cut });
    assert!(shown(Mark::CutWhileJoint, &[&stream[..4], &[cut]].concat()));
    assert!(!shown(Mark::CutWhileJoint, &[&stream[..], &[cut]].concat()));
    let done = |epoch| O::Reconfigured { epoch, members: ReplicaSet(3) };
    assert!(shown(Mark::Reconfigured(2), &[(0, done(1)), (1, done(1)), (1, done(2))]));
    assert!(!shown(Mark::Reconfigured(2), &[(0, done(1)), (1, done(1)), (2, done(2))]));
    assert!(!shown(Mark::Retired(2), &[(0, O::Retired { epoch: 1 }), (0, O::Retired { epoch: 1 })]));
    assert!(shown(Mark::Retired(2), &[(0, O::Retired { epoch: 1 }), (1, O::Retired { epoch: 1 })]));
    let acknowledged = O::Acknowledged { view: 0, op: 1, entry: 1 };
    assert!(!shown(Mark::NewMemberAcknowledged, &[(1, acknowledged)]));
}

#[test]
fn the_simple_marks_wait_for_their_own_observation() {
    let why = RejectReason::BadHash;
    let rejected = O::Rejected { kind: MessageKind::Repair, why };
    assert!(shown(Mark::Rejected(MessageKind::Repair), &[(0, rejected)]));
    assert!(shown(Mark::RejectedBecause(why), &[(0, rejected)]));
    assert!(!shown(Mark::RejectedBecause(why), &[(2, rejected)]));
    let injected = O::Injected { fault: Fault::BitFlip };
    assert!(shown(Mark::Injected(Fault::BitFlip, 2), &[(0, injected), (1, injected)]));
    assert!(!shown(Mark::Injected(Fault::BitFlip, 2), &[(0, injected), (1, O::Injected { fault: Fault::Crash })]));
    let dropped = O::Dropped { to: ReplicaId(1), kind: MessageKind::Ping, why: DropReason::Cut };
    assert!(shown(Mark::Dropped(DropReason::Cut), &[(0, dropped)]));
    assert!(!shown(Mark::Dropped(DropReason::Lost), &[(0, dropped)]));
    assert!(shown(Mark::Retried, &[(0, O::Retried { client: ClientId(0), number: 1 })]));
    assert!(shown(Mark::FoundDamage, &[(0, O::Damaged { op: 1 })]));
    assert!(shown(Mark::ClockLost, &[(0, O::ClockLost)]));
    assert!(!shown(Mark::ClockLost, &[(2, O::ClockLost)]));
    let cut = O::Dropped { to: ReplicaId(1), kind: MessageKind::Ping, why: DropReason::Cut };
    let back = O::ClockSet { error: -SET_BACK - 1, rate: 0 };
    let assigned = O::TimestampAssigned { op: 1, timestamp: 1, previous: 0 };
    assert!(shown(Mark::SetBackWhileCut, &[(0, cut), (0, back)]));
    assert!(!shown(Mark::SetBackWhileCut, &[(1, cut), (0, back)]));
    assert!(!shown(Mark::SetBackWhileCut, &[(0, cut), (0, O::ClockSet { error: SET_BACK, rate: 0 })]));
    assert!(shown(Mark::TimestampedAfterSetBack, &[(0, cut), (0, back), (0, assigned)]));
    assert!(!shown(Mark::TimestampedAfterSetBack, &[(0, cut), (0, back), (1, assigned)]));
    assert!(shown(Mark::RepairRequested, &[(0, O::RepairRequested { peer: ReplicaId(1), from: 1, to: 2 })]));
    let installed = O::StateInstalled { op: 1, entry: 1, state: 1, last: 1 };
    assert!(shown(Mark::StateTransferStarted, &[(0, O::StateTransferStarted { at_least: 1 })]));
    assert!(shown(Mark::StateInstalled, &[(0, installed)]));
    assert!(!shown(Mark::StateInstalled, &[(0, O::Loading), (0, installed)]), "its own checkpoint");
    let commit = O::Committed { op: 2, entry: 2 };
    assert!(shown(Mark::CommittedAfterTransfer, &[(0, installed), (0, commit)]));
    assert!(!shown(Mark::CommittedAfterTransfer, &[(0, installed), (1, commit)]));
    let checkpointed = O::Checkpointed { op: 1, state: 1 };
    assert!(shown(Mark::Checkpointed(2), &[(0, checkpointed), (1, checkpointed)]));
    assert!(shown(Mark::Tenants(2), &[(0, executed(1)), (1, executed(1)), (0, executed(2))]));
    assert!(!shown(Mark::Tenants(2), &[(0, executed(1)), (1, executed(1)), (2, executed(2))]));
    assert!(shown(Mark::Misread, &[(0, O::Misread { zone: 0, record: 1 })]));
    let found = O::ScrubFound { zone: 0, record: 1 };
    assert!(shown(Mark::ScrubFound(2), &[(0, found), (1, found)]));
    assert!(!shown(Mark::ScrubFound(2), &[(0, found), (2, found)]));
    assert!(shown(Mark::ScrubRepaired(1), &[(0, O::ScrubRepaired { zone: 0, record: 1 })]));
    let tour = O::ScrubTourCompleted { duration: 1, reads: 1 };
    assert!(shown(Mark::ScrubTours(1), &[(0, tour), (1, tour)]));
    assert!(!shown(Mark::ScrubTours(1), &[(0, tour), (0, tour), (2, tour)]), "each replica");
    let normal = O::StatusChanged { status: Status::Normal, view: 0, primary: false };
    assert!(shown(Mark::HoleFilled, &[(0, O::Repaired { op: 1 })]));
    assert!(!shown(Mark::HoleFilled, &[(0, normal), (0, O::Repaired { op: 1 })]));
    assert!(shown(Mark::VirtualSeconds(1), &[(0, O::Crashed)]));
    assert!(!shown(Mark::VirtualSeconds(2), &[(0, O::Crashed)]));
}

#[test]
fn requests_are_followed_through_crashes_views_and_evictions() {
    let client = ClientId(1);
    let operation = Operation { tenant: 0, kind: OperationKind::Get { key: 0 } };
    let invoked = O::Invoked { client, session: 1, number: 1, operation };
    let answered = O::Answered { client, session: 1, number: 1, answer: Answer::default() };
    let crashed = O::ClientCrashed { client };
    let shown = |mark, stream: &[(Option<u8>, Observation)]| {
        let (mut marks, mut cluster_view) = (Marks::default(), ClusterView::default());
        marks.reset(&[mark]);
        cluster_view.reset(&Config::default(), ReplicaSet::default());
        for (replica, what) in stream {
            let who = replica.map_or(Who::Client(client), |id| Who::Replica(ReplicaId(id)));
            marks.observe(&Seen { at: 1, event: 1, who, what: *what }, &cluster_view);
        }
        marks.missing().is_empty()
    };
    assert!(shown(Mark::ClientsCrashedWaiting(1), &[(None, invoked), (None, crashed)]));
    assert!(!shown(Mark::ClientsCrashedWaiting(1), &[(None, invoked), (None, answered), (None, crashed)]));
    let start = |view| O::ViewStarted { view, op: 0, commit: 0, primary: true };
    let mark = Mark::AnsweredInLaterView(1);
    assert!(shown(mark, &[(None, invoked), (Some(1), start(1)), (None, answered)]));
    assert!(!shown(mark, &[(Some(1), start(1)), (None, invoked), (None, answered)]));
    let over = O::SessionEvicted { client, session: 1 };
    assert!(shown(Mark::EvictedCameBack(1), &[(None, over), (None, answered)]));
    assert!(!shown(Mark::EvictedCameBack(1), &[(Some(0), over), (None, answered)]));
    let cut = O::Truncated { op: 0 };
    assert!(shown(Mark::LedAfterTruncation, &[(Some(1), cut), (Some(1), start(1))]));
    assert!(!shown(Mark::LedAfterTruncation, &[(Some(1), cut), (Some(1), O::Crashed), (Some(1), start(1))]));
    let delivered = |from| O::Delivered { from: ReplicaId(from), kind: MessageKind::Request };
    assert!(shown(Mark::Forwarded, &[(Some(1), delivered(0))]));
    assert!(!shown(Mark::Forwarded, &[(Some(1), delivered(1))]));
}

#[test]
fn repairs_count_those_under_way_and_those_among_slow_peers() {
    let ask = |peer| O::RepairRequested { peer: ReplicaId(peer), from: 1, to: 2 };
    let end = |peer| O::RepairEnded { peer: ReplicaId(peer), answered: true };
    let conditions = |delay| O::Conditions { hears: ReplicaSet(7), sound: delay == 0, delay };
    assert!(shown(Mark::ConcurrentRepairs(2), &[(0, ask(2)), (1, ask(2))]));
    assert!(!shown(Mark::ConcurrentRepairs(2), &[(0, ask(2)), (0, ask(1)), (0, end(1)), (0, end(2)), (1, ask(2))]));
    assert!(shown(Mark::RepairsRequested(2), &[(0, ask(2)), (0, ask(1))]));
    let mark = Mark::RepairsAmongSlowPeers(1);
    assert!(shown(mark, &[(1, conditions(SLOW)), (0, ask(2))]));
    assert!(!shown(mark, &[(0, ask(2)), (1, conditions(SLOW)), (1, ask(2)), (1, conditions(0)), (0, ask(1))]));
}

#[test]
fn moving_on_means_to_commit_in_a_new_view_while_the_trouble_lasts() {
    let hears = |set| O::Conditions { hears: ReplicaSet(set), sound: true, delay: 0 };
    let (start, commit) =
        (O::ViewStarted { view: 1, op: 0, commit: 0, primary: true }, O::Committed { op: 1, entry: 1 });
    let mark = Mark::MovedOn(1);
    assert!(shown(mark, &[(0, hears(1)), (1, start), (1, commit)]));
    assert!(!shown(mark, &[(0, hears(1)), (1, start), (0, commit)]), "in the old view");
    assert!(!shown(mark, &[(0, hears(1)), (1, start), (0, hears(7)), (1, commit)]));
    assert!(!shown(mark, &[(1, start), (0, hears(1)), (1, commit)]));
    assert!(shown(Mark::Abdicated, &[(0, O::Abdicated { view: 0 })]));
    assert!(shown(Mark::CommitStalled, &[(1, O::CommitStalled { view: 0 })]));
}
