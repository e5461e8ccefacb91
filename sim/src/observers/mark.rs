//! Marks: observations without which a run did not exercise what its scenario is for. A run that misses one is
//! vacuous.
//!
//! Each wanted mark is a small counter. A mark that has been seen costs nothing more, and observations of a kind that
//! no open mark needs are skipped at once.

use serde::{Deserialize, Serialize};

use crate::base::ids::{ClientId, REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::base::time::{MILLISECOND, SECOND, Time};
use crate::observers::cluster_view::{ClusterView, ReplicaView};
use crate::protocol::kinds;
use crate::protocol::lie::How;
use crate::protocol::observation::{DropReason, Fault, MessageKind, Observation, RejectReason, Seen, Status};

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

    /// Takes in one observation; `cluster_view` has not taken it in yet.
    #[inline]
    pub fn observe(&mut self, seen: &Seen, cluster_view: &ClusterView) {
        self.at = seen.at;
        if self.interests >> seen.what.kind() & 1 == 1 {
            self.take_in(seen, cluster_view);
        }
    }

    #[allow(clippy::too_many_lines)]
    fn take_in(&mut self, seen: &Seen, cluster_view: &ClusterView) {
        let replica = seen.who.replica().filter(|id| id.index() < cluster_view.replicas.len());
        let (id, correct) = match replica {
            Some(id) => (id, cluster_view.correct(id)),
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
            Observation::Committed { op, entry } if correct => self.committed(op, entry, id, cluster_view),
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
                let before = &cluster_view.replicas[id.index()];
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
                    |other: &ReplicaView| other.up && other.status == Status::ViewChange && other.view != view;
                if cluster_view.correct_replicas().any(|(other, state)| other != id && elsewhere(state)) {
                    self.tick(Mark::ConcurrentViewChanges);
                }
            }
            Observation::Dropped { why, .. } => {
                if why == DropReason::Cut {
                    self.cut[id.index()] = Some(seen.at);
                }
                self.tick(Mark::Dropped(why));
                let sender = replica.map(|id| &cluster_view.replicas[id.index()]);
                let uncommitted = |sender: &ReplicaView| {
                    let configuration = cluster_view.configuration(sender);
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
                if correct
                    && !cluster_view.initial.has(id)
                    && cluster_view.configuration(&cluster_view.replicas[id.index()]).has(id) =>
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
                let least = cluster_view.correct_replicas().map(|(id, _)| self.tours[id.index()]).min().unwrap_or(0);
                self.tick_if(|mark| matches!(mark, Mark::ScrubTours(tours) if least >= tours));
            }
            Observation::ScrubFound { .. } if correct => self.count(|mark| matches!(mark, Mark::ScrubFound(_))),
            Observation::ScrubRepaired { .. } if correct => self.count(|mark| matches!(mark, Mark::ScrubRepaired(_))),
            Observation::Misread { .. } if correct => self.tick(Mark::Misread),
            Observation::Repaired { .. } if correct && cluster_view.replicas[id.index()].status != Status::Normal => {
                self.tick(Mark::HoleFilled);
            }
            Observation::RepairRequested { .. } if correct => self.repair_requested(id, cluster_view),
            Observation::RepairEnded { .. } => {
                self.repairing[id.index()] = self.repairing[id.index()].saturating_sub(1);
            }
            Observation::Conditions { hears, sound, .. } => {
                self.troubled.0 &= !(1 << id.0);
                if !sound || hears.len() < cluster_view.replicas.len() as u32 {
                    self.troubled.insert(id);
                }
                if self.troubled.is_empty() {
                    self.troubled_view = None;
                }
            }
            Observation::Abdicated { .. } if correct => self.tick(Mark::Abdicated),
            Observation::CommitStalled { .. } if correct => self.tick(Mark::CommitStalled),
            Observation::StateTransferStarted { .. } if correct => self.tick(Mark::StateTransferStarted),
            Observation::StateInstalled { .. } if correct && !cluster_view.replicas[id.index()].loading => {
                self.transferred.insert(id);
                self.tick(Mark::StateInstalled);
            }
            Observation::Checkpointed { .. } if correct => self.count(|mark| matches!(mark, Mark::Checkpointed(_))),
            _ => {}
        }
    }

    fn committed(&mut self, op: u64, entry: u128, id: ReplicaId, cluster_view: &ClusterView) {
        if entry != 0 && op == cluster_view.committed.len() as u64 + 1 {
            self.count(|mark| matches!(mark, Mark::Committed(_)));
            let me = &cluster_view.replicas[id.index()];
            let configuration = cluster_view.configuration(me);
            if me.configurations.iter().all(|configuration| configuration.op != op) {
                self.tick(Mark::CommittedIn(match configuration.is_joint() {
                    true => Phase::Joint,
                    false if configuration.op == 0 => Phase::Old,
                    false => Phase::New,
                }));
            }
            if self.troubled_view.is_some_and(|view| cluster_view.replicas[id.index()].view >= view) {
                self.count(|mark| matches!(mark, Mark::MovedOn(_)));
            }
        }
        let changing =
            |(other, state): (ReplicaId, &ReplicaView)| other != id && state.up && state.status == Status::ViewChange;
        if cluster_view.correct_replicas().any(changing) {
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
    fn repair_requested(&mut self, id: ReplicaId, cluster_view: &ClusterView) {
        self.tick(Mark::RepairRequested);
        self.count(|mark| matches!(mark, Mark::RepairsRequested(_)));
        self.repairing[id.index()] += 1;
        let at_once = self.repairing.iter().filter(|requests| **requests > 0).count() as u32;
        self.tick_if(|mark| matches!(mark, Mark::ConcurrentRepairs(replicas) if at_once >= replicas));
        let fast = cluster_view.replicas[id.index()].delay == 0;
        if fast && cluster_view.replicas.iter().any(|state| state.delay >= SLOW) {
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
#[path = "mark_tests.rs"]
mod tests;
