//! Marks: observations without which a run did not exercise what its scenario is for. A run that misses one is vacuous.
//!
//! Each wanted mark is a small counter; once it is seen it costs nothing any more, and observations of a kind that no
//! open mark waits for are passed over at once.

use serde::{Deserialize, Serialize};

use crate::invariants::kinds;
use crate::lie::How;
use crate::observation::{DropReason, Fault, MessageKind, Observation, RejectReason, Seen, Status};
use crate::shadow::{ReplicaShadow, Shadow};
use crate::spec::{ClientId, REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::time::{MILLISECOND, SECOND, Time};

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
    /// The clock of a correct replica was synchronized, and then did not count as synchronized any more.
    ClockLost,
    /// A wall clock was set back by more than 50 ms while the network had cut its replica off.
    SetBackWhileCut,
    /// A replica whose clock was set back so gave an entry its timestamp later.
    TimestampedAfterSetBack,
    /// At least so many clients crashed while they waited for an answer.
    ClientsCrashedWaiting(u32),
    /// At least so many requests were answered in a later view than the one in which they were first sent.
    AnsweredInLaterView(u32),
    /// A correct replica that had discarded the end of its log started a later view as its primary.
    LedAfterTruncation,
    /// A request reached a replica through another one.
    Forwarded,
    /// At least so often a client was told that its session is over, had another one, and was answered in it.
    EvictedCameBack(u32),
    /// Each correct replica's scrubber completed at least this many tours.
    ScrubTours(u32),
    /// A correct replica's scrubber found at least this many damaged records.
    ScrubFound(u32),
    /// At least this many records that were found damaged were written anew.
    ScrubRepaired(u32),
    /// A read of a correct replica brought something else than was written.
    Misread,
    /// A correct replica that was not in normal status got an entry back that it could not read.
    HoleFilled,
    /// At least this many correct replicas had requests for missing entries under way at the same time.
    ConcurrentRepairs(u32),
    /// Correct replicas made at least this many requests for missing entries.
    RepairsRequested(u32),
    /// A correct replica with fast links made at least this many requests for missing entries while the links of some other
    /// replica were slow: up to 50 ms and more for a message.
    RepairsAmongSlowPeers(u32),
    /// A primary stepped down.
    Abdicated,
    /// A replica found that its primary commits nothing.
    CommitStalled,
    /// At least this many ops were committed in a view that started while links were cut or a replica was impaired, and
    /// while that lasted without a break.
    MovedOn(u32),
    /// A correct replica asked for a whole state.
    StateTransferStarted,
    /// A correct replica installed a state that it got from another one.
    StateInstalled,
    /// A replica that had installed a state from another one committed an op by itself afterwards.
    CommittedAfterTransfer,
    /// At least this many checkpoints were made durable.
    Checkpointed(u32),
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

/// What is known of a client.
#[derive(Clone, Copy, Debug, Default)]
struct ClientState {
    /// The view in which it sent the request that it waits for.
    waits_since: Option<u64>,
    /// Whether it lost its session and was not answered since.
    evicted: bool,
}

/// Tenants are below this number (`Config::check`).
const TENANTS_MAX: usize = 1024;
/// A replica's links are slow from this additional delay on.
const SLOW: Time = 50 * MILLISECOND;

/// A clock that jumps back by more than this, in nanoseconds, was set back.
const SET_BACK: i64 = 50 * MILLISECOND as i64;
/// A replica that lost a message to a cut so lately is still cut off.
const STILL_CUT: Time = 100 * MILLISECOND;

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
    interests: u128,
    /// When the last observation was made.
    at: Time,
    /// The highest view that a correct primary has started.
    view: u64,
    /// The replicas that have crashed.
    crashed: ReplicaSet,
    /// The replicas that have installed a state from another one.
    transferred: ReplicaSet,
    /// Per replica the kinds of messages in which it has lied, one bit each.
    lied: [u32; REPLICAS_MAX],
    /// The tenants served, one bit each.
    tenants: [u64; TENANTS_MAX / 64],
    /// How many times the membership has been changed.
    epoch: u64,
    /// The replicas that were members and are none any more.
    retired: ReplicaSet,
    /// Per replica when it lost a message to a cut for the last time.
    cut: [Option<Time>; REPLICAS_MAX],
    /// Per replica how far off its wall clock was when it was set.
    clock_error: [i64; REPLICAS_MAX],
    /// The replicas whose clocks were set back behind a cut.
    set_back: ReplicaSet,
    /// The replicas that have discarded the end of their logs.
    truncated: ReplicaSet,
    /// The clients, as far as a mark is about them.
    clients: Vec<ClientState>,
    /// How many tours each scrubber completed.
    tours: [u32; REPLICAS_MAX],
    /// How many requests for missing entries each replica has under way.
    repairing: [u32; REPLICAS_MAX],
    /// The replicas that are not linked with all others, or impaired.
    troubled: ReplicaSet,
    /// The first view that has started while there is trouble.
    troubled_view: Option<u64>,
}

impl Default for Marks {
    fn default() -> Self {
        Marks {
            wanted: Vec::new(),
            interests: 0,
            at: 0,
            view: 0,
            crashed: ReplicaSet::default(),
            transferred: ReplicaSet::default(),
            lied: [0; REPLICAS_MAX],
            tenants: [0; TENANTS_MAX / 64],
            epoch: 0,
            retired: ReplicaSet::default(),
            cut: [None; REPLICAS_MAX],
            clock_error: [0; REPLICAS_MAX],
            set_back: ReplicaSet::default(),
            truncated: ReplicaSet::default(),
            clients: Vec::new(),
            tours: [0; REPLICAS_MAX],
            repairing: [0; REPLICAS_MAX],
            troubled: ReplicaSet::default(),
            troubled_view: None,
        }
    }
}

impl Marks {
    /// Forgets everything; a new run that wants these marks begins.
    pub fn reset(&mut self, wanted: &[Mark]) {
        let mut list = std::mem::take(&mut self.wanted);
        list.clear();
        list.extend(wanted.iter().map(|mark| Wanted { mark: *mark, count: 0, seen: false }));
        let mut clients = std::mem::take(&mut self.clients);
        clients.clear();
        *self = Marks { wanted: list, clients, ..Marks::default() };
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

    #[allow(clippy::too_many_lines)]
    fn take_in(&mut self, seen: &Seen, shadow: &Shadow) {
        let replica = seen.who.replica().filter(|id| id.index() < shadow.replicas.len());
        let (id, correct) = match replica {
            Some(id) => (id, shadow.correct(id)),
            None => (ReplicaId(0), false),
        };
        match seen.what {
            Observation::Delivered { from, kind: MessageKind::Request } if correct && from != id => {
                self.tick(Mark::Forwarded);
            }
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
                if !self.troubled.is_empty() {
                    self.troubled_view.get_or_insert(view);
                }
                self.count(|mark| matches!(mark, Mark::ViewsStarted(_)));
                if self.truncated.has(id) {
                    self.tick(Mark::LedAfterTruncation);
                }
            }
            Observation::Injected { fault } => self.count(|mark| matches!(mark, Mark::Injected(of, _) if of == fault)),
            Observation::Rejected { kind, why } if correct => {
                self.tick(Mark::Rejected(kind));
                self.tick(Mark::RejectedBecause(why));
            }
            Observation::Crashed if replica.is_some() => {
                self.repairing[id.index()] = 0;
                self.crashed.insert(id);
                // What it knew of what it discarded is gone.
                self.truncated.0 &= !(1 << id.0);
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
                if why == DropReason::Cut {
                    self.cut[id.index()] = Some(seen.at);
                }
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
            Observation::ClockLost if correct => self.tick(Mark::ClockLost),
            Observation::ClockSet { error, .. } if correct => {
                let before = std::mem::replace(&mut self.clock_error[id.index()], error);
                if before - error > SET_BACK && self.cut[id.index()].is_some_and(|at| at + STILL_CUT >= seen.at) {
                    self.set_back.insert(id);
                    self.tick(Mark::SetBackWhileCut);
                }
            }
            Observation::TimestampAssigned { .. } if self.set_back.has(id) => self.tick(Mark::TimestampedAfterSetBack),
            Observation::Retried { .. } => self.tick(Mark::Retried),
            Observation::Executed { operation: Some(operation), .. } if correct => self.served(operation.tenant),
            Observation::Truncated { .. } if correct => self.truncated.insert(id),
            Observation::Invoked { client, .. } => self.client(client).waits_since = Some(self.view),
            Observation::ClientCrashed { client } if self.client(client).waits_since.take().is_some() => {
                self.count(|mark| matches!(mark, Mark::ClientsCrashedWaiting(_)));
            }
            Observation::SessionEvicted { client, .. } if replica.is_none() => {
                *self.client(client) = ClientState { waits_since: None, evicted: true };
            }
            Observation::Answered { client, .. } => {
                let ClientState { waits_since, evicted } = std::mem::take(self.client(client));
                if waits_since.is_some_and(|view| view < self.view) {
                    self.count(|mark| matches!(mark, Mark::AnsweredInLaterView(_)));
                }
                if evicted {
                    self.count(|mark| matches!(mark, Mark::EvictedCameBack(_)));
                }
            }
            Observation::ScrubTourCompleted { .. } => {
                self.tours[id.index()] += 1;
                let least = shadow.correct_replicas().map(|(id, _)| self.tours[id.index()]).min().unwrap_or(0);
                self.tick_if(|mark| matches!(mark, Mark::ScrubTours(tours) if least >= tours));
            }
            Observation::ScrubFound { .. } if correct => self.count(|mark| matches!(mark, Mark::ScrubFound(_))),
            Observation::ScrubRepaired { .. } if correct => self.count(|mark| matches!(mark, Mark::ScrubRepaired(_))),
            Observation::Misread { .. } if correct => self.tick(Mark::Misread),
            Observation::Repaired { .. } if correct && shadow.replicas[id.index()].status != Status::Normal => {
                self.tick(Mark::HoleFilled);
            }
            Observation::RepairRequested { .. } if correct => self.repair_requested(id, shadow),
            Observation::RepairEnded { .. } => {
                self.repairing[id.index()] = self.repairing[id.index()].saturating_sub(1);
            }
            Observation::Conditions { hears, sound, .. } => {
                self.troubled.0 &= !(1 << id.0);
                if !sound || hears.len() < shadow.replicas.len() as u32 {
                    self.troubled.insert(id);
                }
                if self.troubled.is_empty() {
                    self.troubled_view = None;
                }
            }
            Observation::Abdicated { .. } if correct => self.tick(Mark::Abdicated),
            Observation::CommitStalled { .. } if correct => self.tick(Mark::CommitStalled),
            Observation::StateTransferStarted { .. } if correct => self.tick(Mark::StateTransferStarted),
            Observation::StateInstalled { .. } if correct && !shadow.replicas[id.index()].loading => {
                self.transferred.insert(id);
                self.tick(Mark::StateInstalled);
            }
            Observation::Checkpointed { .. } if correct => self.count(|mark| matches!(mark, Mark::Checkpointed(_))),
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
            if self.troubled_view.is_some_and(|view| shadow.replicas[id.index()].view >= view) {
                self.count(|mark| matches!(mark, Mark::MovedOn(_)));
            }
        }
        let changing =
            |(other, state): (ReplicaId, &ReplicaShadow)| other != id && state.up && state.status == Status::ViewChange;
        if shadow.correct_replicas().any(changing) {
            self.tick(Mark::CommittedDuringViewChange);
        }
        if self.transferred.has(id) {
            self.tick(Mark::CommittedAfterTransfer);
        }
    }

    fn client(&mut self, client: ClientId) -> &mut ClientState {
        if client.index() >= self.clients.len() {
            self.clients.resize(client.index() + 1, ClientState::default());
        }
        &mut self.clients[client.index()]
    }
    fn repair_requested(&mut self, id: ReplicaId, shadow: &Shadow) {
        self.tick(Mark::RepairRequested);
        self.count(|mark| matches!(mark, Mark::RepairsRequested(_)));
        self.repairing[id.index()] += 1;
        let at_once = self.repairing.iter().filter(|requests| **requests > 0).count() as u32;
        self.tick_if(|mark| matches!(mark, Mark::ConcurrentRepairs(replicas) if at_once >= replicas));
        let fast = shadow.replicas[id.index()].delay == 0;
        if fast && shadow.replicas.iter().any(|state| state.delay >= SLOW) {
            self.count(|mark| matches!(mark, Mark::RepairsAmongSlowPeers(_)));
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
    fn interests(self) -> u128 {
        match self {
            Mark::Committed(_) | Mark::CommittedDuringViewChange | Mark::CommittedIn(_) => kinds::COMMITTED,
            Mark::MovedOn(_) => kinds::COMMITTED | kinds::VIEW_STARTED | kinds::CONDITIONS,
            Mark::ConcurrentRepairs(_) => kinds::REPAIR_REQUESTED | kinds::REPAIR_ENDED | kinds::CRASHED,
            Mark::Abdicated => kinds::ABDICATED,
            Mark::CommitStalled => kinds::COMMIT_STALLED,
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
            Mark::ClockLost => kinds::CLOCK_LOST,
            Mark::SetBackWhileCut => kinds::DROPPED | kinds::CLOCK_SET,
            Mark::TimestampedAfterSetBack => kinds::DROPPED | kinds::CLOCK_SET | kinds::TIMESTAMP_ASSIGNED,
            Mark::ClientsCrashedWaiting(_) => kinds::INVOKED | kinds::ANSWERED | kinds::CLIENT_CRASHED,
            Mark::AnsweredInLaterView(_) => {
                kinds::INVOKED | kinds::ANSWERED | kinds::CLIENT_CRASHED | kinds::VIEW_STARTED
            }
            Mark::LedAfterTruncation => kinds::TRUNCATED | kinds::CRASHED | kinds::VIEW_STARTED,
            Mark::Forwarded => kinds::DELIVERED,
            Mark::EvictedCameBack(_) => kinds::SESSION_EVICTED | kinds::ANSWERED,
            Mark::ScrubTours(_) => kinds::SCRUB_TOUR_COMPLETED,
            Mark::ScrubFound(_) => kinds::SCRUB_FOUND,
            Mark::ScrubRepaired(_) => kinds::SCRUB_REPAIRED,
            Mark::Misread => kinds::MISREAD,
            Mark::HoleFilled => kinds::REPAIRED,
            Mark::RepairRequested | Mark::RepairsRequested(_) | Mark::RepairsAmongSlowPeers(_) => {
                kinds::REPAIR_REQUESTED
            }
            Mark::StateTransferStarted => kinds::STATE_TRANSFER_STARTED,
            Mark::StateInstalled => kinds::STATE_INSTALLED,
            Mark::CommittedAfterTransfer => kinds::STATE_INSTALLED | kinds::COMMITTED,
            Mark::Checkpointed(_) => kinds::CHECKPOINTED,
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
            | Mark::Retired(count)
            | Mark::ClientsCrashedWaiting(count)
            | Mark::AnsweredInLaterView(count)
            | Mark::EvictedCameBack(count)
            | Mark::ScrubFound(count)
            | Mark::ScrubRepaired(count)
            | Mark::RepairsRequested(count)
            | Mark::RepairsAmongSlowPeers(count)
            | Mark::MovedOn(count)
            | Mark::Checkpointed(count) => count,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lie::{Field, LieClass};
    use crate::observation::Who;
    use crate::spec::Config;
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
            let (mut marks, mut shadow) = (Marks::default(), Shadow::default());
            marks.reset(&[mark]);
            shadow.reset(&Config::default(), ReplicaSet::default());
            for (replica, what) in stream {
                let who = replica.map_or(Who::Client(client), |id| Who::Replica(ReplicaId(id)));
                marks.observe(&Seen { at: 1, event: 1, who, what: *what }, &shadow);
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
}
