//! Marks: observations without which a run did not exercise what its scenario is for. A run that misses one is vacuous.
//!
//! Each wanted mark is a small counter; once it is seen it costs nothing any more, and observations of a kind that no
//! open mark waits for are passed over at once.

use serde::{Deserialize, Serialize};

use crate::invariants::kinds;
use crate::lie::How;
use crate::observation::{DropReason, Fault, MessageKind, Observation, RejectReason, Seen, Status};
use crate::shadow::{ReplicaShadow, Shadow};
use crate::spec::{REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::time::{SECOND, Time};

/// Something that a run has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// At least this many requests were committed (by correct replicas, as ops of the one committed log).
    Committed(u32),
    /// At least this many views after view 0 were started by a correct primary.
    ViewsStarted(u32),
    /// At least this many faults of the kind were injected.
    Injected(Fault, u32),
    /// The liar really changed a message of this kind, and a changed message of this kind was delivered afterwards.
    LieDelivered(MessageKind),
    /// A correct replica refused a message of this kind.
    Rejected(MessageKind),
    /// A correct replica refused something for this reason.
    RejectedBecause(RejectReason),
    /// A replica crashed while it had this status.
    CrashedWhile(Status),
    /// A replica crashed while entries of its log were not committed yet.
    CrashedWithUncommitted,
    /// A replica finished its recovery after a crash, with at least this many entries in its log.
    RecoveredWith(u32),
    /// A replica reported an entry that it could not read.
    FoundDamage,
    /// A replica committed while at least one other correct replica was changing the view.
    CommittedDuringViewChange,
    /// At least two correct replicas were changing to different views at the same time.
    ConcurrentViewChanges,
    /// A message was lost for this reason.
    Dropped(DropReason),
    /// A client had to send a request again.
    Retried,
    /// Requests of at least this many tenants were executed.
    Tenants(u32),
    /// At least this much virtual time passed, in seconds.
    VirtualSeconds(u32),
    /// A correct replica asked for missing entries.
    RepairRequested,
    /// The membership was changed at least this many times: a correct replica committed what completed the change.
    Reconfigured(u32),
    /// A replica that was no member in the beginning acknowledged an entry as a member.
    NewMemberAcknowledged,
    /// At least this many replicas learned that they are members no more, and stopped.
    Retired(u32),
    /// A request was committed in this phase of a change of the membership.
    CommittedIn(Phase),
    /// A partition kept a message back while its sender held a change of the membership that it had not committed.
    CutWhileJoint,
}

/// A phase of a change of the membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The membership that the cluster began with is in force.
    Old,
    /// The change is under way: old and new members decide together.
    Joint,
    /// A new membership is in force.
    New,
}

/// Tenants are below this number (`Config::check`).
const TENANTS_MAX: usize = 1024;

/// A mark that is wanted, and how far the run has come.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    mark: Mark,
    count: u32,
    seen: bool,
}

/// Keeps track of the marks of a run.
#[derive(Debug)]
pub struct Marks {
    wanted: Vec<Wanted>,
    /// The kinds of observations that the marks not seen yet wait for, one bit each.
    interests: u64,
    /// When the last observation was made.
    at: Time,
    /// The highest view that a correct primary has started.
    view: u64,
    /// The replicas that have crashed.
    crashed: ReplicaSet,
    /// Per replica the kinds of messages in which it has lied, one bit each.
    lied: [u32; REPLICAS_MAX],
    /// The tenants served, one bit each.
    tenants: [u64; TENANTS_MAX / 64],
    /// How many times the membership has been changed.
    epoch: u64,
    /// The replicas that were members and are none any more.
    retired: ReplicaSet,
}

impl Default for Marks {
    fn default() -> Self {
        Marks {
            wanted: Vec::new(),
            interests: 0,
            at: 0,
            view: 0,
            crashed: ReplicaSet::default(),
            lied: [0; REPLICAS_MAX],
            tenants: [0; TENANTS_MAX / 64],
            epoch: 0,
            retired: ReplicaSet::default(),
        }
    }
}

impl Marks {
    /// Forgets everything; a new run that wants these marks begins.
    pub fn reset(&mut self, wanted: &[Mark]) {
        let mut list = std::mem::take(&mut self.wanted);
        list.clear();
        list.extend(wanted.iter().map(|mark| Wanted { mark: *mark, count: 0, seen: false }));
        *self = Marks { wanted: list, ..Marks::default() };
        self.wait();
    }

    /// Takes in one observation; `shadow` has not taken it in yet.
    #[inline]
    pub fn observe(&mut self, seen: &Seen, shadow: &Shadow) {
        self.at = seen.at;
        if self.interests >> seen.what.kind() & 1 == 1 {
            self.take_in(seen, shadow);
        }
    }

    fn take_in(&mut self, seen: &Seen, shadow: &Shadow) {
        let replica = seen.who.replica().filter(|id| id.index() < shadow.replicas.len());
        let (id, correct) = match replica {
            Some(id) => (id, shadow.correct(id)),
            None => (ReplicaId(0), false),
        };
        match seen.what {
            Observation::Delivered { from, kind }
                if correct && self.lied[from.index() % REPLICAS_MAX] >> kind as u32 & 1 == 1 =>
            {
                self.tick(Mark::LieDelivered(kind));
            }
            // A liar that keeps silent changes nothing that could be delivered.
            Observation::Lied { kind, how, .. } if how != How::Silence => self.lied[id.index()] |= 1 << kind as u32,
            Observation::Committed { op, entry } if correct => self.committed(op, entry, id, shadow),
            Observation::ViewStarted { view, primary: true, .. } if correct && view > self.view => {
                self.view = view;
                self.count(|mark| matches!(mark, Mark::ViewsStarted(_)));
            }
            Observation::Injected { fault } => self.count(|mark| matches!(mark, Mark::Injected(of, _) if of == fault)),
            Observation::Rejected { kind, why } if correct => {
                self.tick(Mark::Rejected(kind));
                self.tick(Mark::RejectedBecause(why));
            }
            Observation::Crashed if replica.is_some() => {
                self.crashed.insert(id);
                let before = &shadow.replicas[id.index()];
                self.tick(Mark::CrashedWhile(before.status));
                if before.op() > before.commit {
                    self.tick(Mark::CrashedWithUncommitted);
                }
            }
            Observation::Recovered { op, .. } if self.crashed.has(id) => {
                self.tick_if(|mark| matches!(mark, Mark::RecoveredWith(entries) if op >= u64::from(entries)));
            }
            Observation::Damaged { .. } => self.tick(Mark::FoundDamage),
            Observation::StatusChanged { status: Status::ViewChange, view, .. }
            | Observation::ViewChangeStarted { view }
                if correct =>
            {
                let elsewhere =
                    |other: &ReplicaShadow| other.up && other.status == Status::ViewChange && other.view != view;
                if shadow.correct_replicas().any(|(other, state)| other != id && elsewhere(state)) {
                    self.tick(Mark::ConcurrentViewChanges);
                }
            }
            Observation::Dropped { why, .. } => {
                self.tick(Mark::Dropped(why));
                let sender = replica.map(|id| &shadow.replicas[id.index()]);
                let uncommitted = |sender: &ReplicaShadow| {
                    let configuration = shadow.configuration(sender);
                    configuration.is_joint() && configuration.op > sender.commit
                };
                if why == DropReason::Cut && sender.is_some_and(uncommitted) {
                    self.tick(Mark::CutWhileJoint);
                }
            }
            Observation::Reconfigured { epoch, .. } if correct && epoch > self.epoch => {
                self.epoch = epoch;
                self.count(|mark| matches!(mark, Mark::Reconfigured(_)));
            }
            Observation::Retired { .. } if correct && !self.retired.has(id) => {
                self.retired.insert(id);
                self.count(|mark| matches!(mark, Mark::Retired(_)));
            }
            Observation::Acknowledged { .. }
                if correct && !shadow.initial.has(id) && shadow.configuration(&shadow.replicas[id.index()]).has(id) =>
            {
                self.tick(Mark::NewMemberAcknowledged);
            }
            Observation::Retried { .. } => self.tick(Mark::Retried),
            Observation::Executed { operation: Some(operation), .. } if correct => self.served(operation.tenant),
            Observation::RepairRequested { .. } if correct => self.tick(Mark::RepairRequested),
            _ => {}
        }
    }

    fn committed(&mut self, op: u64, entry: u128, id: ReplicaId, shadow: &Shadow) {
        if entry != 0 && op == shadow.committed.len() as u64 + 1 {
            self.count(|mark| matches!(mark, Mark::Committed(_)));
            let me = &shadow.replicas[id.index()];
            let configuration = shadow.configuration(me);
            if me.configurations.iter().all(|configuration| configuration.op != op) {
                self.tick(Mark::CommittedIn(match configuration.is_joint() {
                    true => Phase::Joint,
                    false if configuration.op == 0 => Phase::Old,
                    false => Phase::New,
                }));
            }
        }
        let changing =
            |(other, state): (ReplicaId, &ReplicaShadow)| other != id && state.up && state.status == Status::ViewChange;
        if shadow.correct_replicas().any(changing) {
            self.tick(Mark::CommittedDuringViewChange);
        }
    }

    fn served(&mut self, tenant: u16) {
        let (word, bit) = (usize::from(tenant) / 64 % self.tenants.len(), tenant % 64);
        if self.tenants[word] >> bit & 1 == 0 {
            self.tenants[word] |= 1 << bit;
            self.count(|mark| matches!(mark, Mark::Tenants(_)));
        }
    }

    /// Waits from now on for those marks alone that are not seen yet.
    fn wait(&mut self) {
        let open = self.wanted.iter().filter(|wanted| !wanted.seen);
        self.interests = open.fold(0, |interests, wanted| interests | wanted.mark.interests());
    }

    /// The mark was seen.
    fn tick(&mut self, mark: Mark) {
        self.tick_if(|wanted| wanted == mark);
    }

    fn tick_if(&mut self, fits: impl Fn(Mark) -> bool) {
        let mut any = false;
        for wanted in &mut self.wanted {
            if !wanted.seen && fits(wanted.mark) {
                wanted.seen = true;
                any = true;
            }
        }
        if any {
            self.wait();
        }
    }

    /// The thing that the fitting marks count happened once more.
    fn count(&mut self, fits: impl Fn(Mark) -> bool) {
        let mut any = false;
        for wanted in &mut self.wanted {
            if !wanted.seen && fits(wanted.mark) {
                wanted.count += 1;
                if wanted.count >= wanted.mark.count() {
                    wanted.seen = true;
                    any = true;
                }
            }
        }
        if any {
            self.wait();
        }
    }

    /// The marks that were not seen.
    pub fn missing(&self) -> Vec<Mark> {
        let seen = |wanted: &Wanted| match wanted.mark {
            Mark::VirtualSeconds(seconds) => self.at >= u64::from(seconds) * SECOND,
            mark => wanted.seen || mark.count() == 0,
        };
        self.wanted.iter().filter(|wanted| !seen(wanted)).map(|wanted| wanted.mark).collect()
    }
}

impl Mark {
    /// The kinds of observations that can show the mark.
    fn interests(self) -> u64 {
        match self {
            Mark::Committed(_) | Mark::CommittedDuringViewChange | Mark::CommittedIn(_) => kinds::COMMITTED,
            Mark::ViewsStarted(_) => kinds::VIEW_STARTED,
            Mark::Injected(..) => kinds::INJECTED,
            Mark::LieDelivered(_) => kinds::LIED | kinds::DELIVERED,
            Mark::Rejected(_) | Mark::RejectedBecause(_) => kinds::REJECTED,
            Mark::CrashedWhile(_) | Mark::CrashedWithUncommitted => kinds::CRASHED,
            Mark::RecoveredWith(_) => kinds::CRASHED | kinds::RECOVERED,
            Mark::FoundDamage => kinds::DAMAGED,
            Mark::ConcurrentViewChanges => kinds::STATUS_CHANGED | kinds::VIEW_CHANGE_STARTED,
            Mark::Dropped(_) | Mark::CutWhileJoint => kinds::DROPPED,
            Mark::Reconfigured(_) => kinds::RECONFIGURED,
            Mark::Retired(_) => kinds::RETIRED,
            Mark::NewMemberAcknowledged => kinds::ACKNOWLEDGED,
            Mark::Retried => kinds::RETRIED,
            Mark::Tenants(_) => kinds::EXECUTED,
            Mark::RepairRequested => kinds::REPAIR_REQUESTED,
            // The end decides.
            Mark::VirtualSeconds(_) => 0,
        }
    }

    /// How often the mark has to be seen.
    fn count(self) -> u32 {
        match self {
            Mark::Committed(count)
            | Mark::ViewsStarted(count)
            | Mark::Injected(_, count)
            | Mark::Tenants(count)
            | Mark::Reconfigured(count)
            | Mark::Retired(count) => count,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lie::{Field, LieClass};
    use crate::observation::Who;
    use crate::spec::{ClientId, Config};
    use crate::workload::{Answer, Operation, OperationKind};
    use Observation as O;

    /// Runs a stream of observations past the one mark and says whether it was seen.
    fn shown(mark: Mark, stream: &[(u8, Observation)]) -> bool {
        let mut liars = ReplicaSet::default();
        liars.insert(ReplicaId(2));
        let (mut marks, mut shadow) = (Marks::default(), Shadow::default());
        marks.reset(&[mark]);
        shadow.reset(&Config::default(), liars);
        for (replica, what) in stream {
            let seen = Seen { at: SECOND, event: 1, who: Who::Replica(ReplicaId(*replica)), what: *what };
            marks.observe(&seen, &shadow);
            shadow.apply(&seen);
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
        assert!(shown(
            Mark::CrashedWhile(Status::ViewChange),
            &[(0, O::ViewChangeStarted { view: 1 }), (0, O::Crashed)]
        ));
        assert!(!shown(
            Mark::CrashedWhile(Status::ViewChange),
            &[(0, O::Crashed), (0, O::ViewChangeStarted { view: 1 })]
        ));
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
        assert!(shown(Mark::RepairRequested, &[(0, O::RepairRequested { from: 1, to: 2 })]));
        assert!(shown(Mark::Tenants(2), &[(0, executed(1)), (1, executed(1)), (0, executed(2))]));
        assert!(!shown(Mark::Tenants(2), &[(0, executed(1)), (1, executed(1)), (2, executed(2))]));
        assert!(shown(Mark::VirtualSeconds(1), &[(0, O::Crashed)]));
        assert!(!shown(Mark::VirtualSeconds(2), &[(0, O::Crashed)]));
    }
}
