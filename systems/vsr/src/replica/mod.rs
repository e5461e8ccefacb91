//! The state of a replica, and the dispatch of messages, timers and completed I/O to their handlers.
//!
//! Normal operation is in `normal.rs`, repair in `repair.rs`, the timeouts that replace a primary without progress in
//! `primary_timeouts.rs`, view changes in `view_change.rs`, restarts in `recovery.rs`.

mod checkpointing;
mod clock_synchronization;
mod normal;
mod primary_timeouts;
mod reconfiguration;
mod recovery;
mod repair;
mod scrub;
mod state_transfer;
mod validation;
mod view_change;

use std::collections::VecDeque;
use std::rc::Rc;

use sim::base::ids::REPLICAS_MAX;
use sim::config::spec::Cluster;
use sim::{
    AdminCommand, Answer, Bug, BugSet, ClusterSpec, Env, IoId, IoResult, Liar, Lie, LieClass, MessageKind, Observation,
    Operation, OperationKind, RejectReason, ReplicaId, ReplicaSet, Reply, Request, Status, System, Time, TimerId, Zone,
};

use crate::bugs::{BUGS, Bugs, PlantedBug};
use crate::log::configuration;
use crate::log::entry::Entry;
use crate::log::signature::{Keyring, Signature};
use crate::log::{Base, Log};
use crate::messages::message::{Body, Certificate, CommitClaim, MESSAGE_BYTES_MAX, Message, Vote};
use crate::messages::wire;
use crate::replica::clock_synchronization::CLOCK_TIMER;
use crate::replica::primary_timeouts::PrimaryTimeouts;
use crate::replica::recovery::Loader;
use crate::replica::repair::{REPAIR_TIMER, Repair};
use crate::replica::scrub::{SCRUB_TIMER, Scrubber};
use crate::replica::state_transfer::{STATE_TIMER, StateTransfer};
use crate::state::clock::Clock;
use crate::state::membership::Membership;
use crate::state::sessions::{Sessions, Turn};
use crate::state::store::Store;
use crate::storage::journal::{Journal, RETRY_TIMER};
use crate::storage::layout::Layout;

/// Timer: the primary's heartbeat.
pub(crate) const HEARTBEAT_TIMER: TimerId = TimerId(0);
/// Timer: the primary has been silent for too long, or a view change takes too long.
pub(crate) const VIEW_CHANGE_TIMER: TimerId = TimerId(1);
/// Timer: resend what a view change or a recovery waits for, as it may have been lost.
pub(crate) const RESEND_TIMER: TimerId = TimerId(2);

/// A replica of the reference protocol.
pub struct Vsr {
    pub(crate) id: ReplicaId,
    pub(crate) cluster: Cluster,
    pub(crate) membership: Membership,
    pub(crate) keys: Keyring,
    pub(crate) bugs: Bugs,

    pub(crate) status: Status,
    pub(crate) view: u64,
    /// The last view in which this replica was normal, and the op that the view's log started with.
    pub(crate) last_normal: u64,
    pub(crate) start_op: u64,
    pub(crate) log: Log,
    pub(crate) commit: u64,
    pub(crate) executed: u64,
    /// Where replicas may lie: the proof that `commit`, or an op slightly below it, is committed.
    pub(crate) certificate: Option<Rc<Certificate>>,
    pub(crate) sessions: Sessions,
    pub(crate) store: Store,
    pub(crate) journal: Journal,
    /// The reads of a restart; `None` when they are complete.
    pub(crate) loader: Option<Loader>,
    /// Checks in the background whether the disk still holds what it should.
    pub(crate) scrubber: Scrubber,
    /// The disk was never used. The replica participates, in view 0, once its first superblock is durable.
    pub(crate) fresh: bool,
    /// How many times in a row it had crashed before this start without becoming normal.
    pub(crate) crashes: u8,
    /// The disk has lost something that this replica may have promised. It does not participate before it receives a
    /// StartView.
    pub(crate) amnesia: bool,

    /// The view in which this replica restarted, if it is its primary. Before the restart it may have started that view
    /// from other DoViewChanges, or with entries that its disk has lost. So it must not lead that view again.
    pub(crate) may_have_led: Option<u64>,

    // -- Normal operation.
    /// The highest op that this replica has acknowledged in its view.
    pub(crate) acknowledged: u64,
    /// Primary: the highest op that each replica has acknowledged in this view.
    pub(crate) acknowledged_by: [u64; REPLICAS_MAX],
    /// Primary, where replicas may lie: the signatures for the ops after `commit`.
    pub(crate) shares: VecDeque<Share>,
    /// Primary: the last op at the previous heartbeat. Entries up to it that are not acknowledged are sent again.
    pub(crate) resend_to: u64,
    /// Backup: entries of this view that arrived before their predecessors.
    pub(crate) pending: Vec<Rc<Entry>>,
    /// Backup: the requests for missing entries.
    pub(crate) repair: Repair,
    /// The timeouts after which a primary that makes no progress is replaced.
    pub(crate) primary_timeouts: PrimaryTimeouts,

    // -- View changes.
    /// The view that this replica votes for; 0 if none.
    pub(crate) own_vote: u64,
    /// The newest StartViewChange of each replica, and when it arrived.
    pub(crate) votes: [Option<(Vote, Time)>; REPLICAS_MAX],
    /// The votes because of which this replica entered its view.
    pub(crate) entered_by: Rc<[Vote]>,
    /// If this replica is the primary of its view: the DoViewChanges for that view.
    pub(crate) do_view_changes: [Option<Message>; REPLICAS_MAX],
    /// This replica's own DoViewChange for its view, once it may be sent.
    pub(crate) own_do_view_change: Option<Message>,
    /// Primary, where replicas may lie: the DoViewChanges that its view started from.
    pub(crate) reasons: Rc<[Message]>,
    /// How many unproven claims of a higher view this replica has received.
    pub(crate) stragglers: u32,
    /// When each replica was last asked for a StartView.
    pub(crate) start_view_asked: [Time; REPLICAS_MAX],
    /// The number of consecutive view changes that timed out.
    pub(crate) attempts: u32,
    /// The random part of this replica's view change timeout.
    pub(crate) jitter: Time,

    /// The synchronization of the clock.
    pub(crate) clock: Clock,
    pub(crate) transfer: StateTransfer,
}

/// The acknowledgements of one op.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) by: ReplicaSet,
    pub(crate) signatures: [Signature; REPLICAS_MAX],
}

/// The result of a handler: why it rejects a message, if it does.
pub(crate) type Handled = Result<(), RejectReason>;

impl Vsr {
    /// The primary of `view`.
    pub(crate) fn primary_of(&self, view: u64) -> ReplicaId {
        ReplicaId((view % u64::from(self.cluster.replicas)) as u8)
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.primary_of(self.view) == self.id
    }

    /// Whether it is a primary that has not abdicated, and may be a member.
    pub(crate) fn leads(&self) -> bool {
        self.status == Status::Normal && self.is_primary() && !self.primary_timeouts.abdicated() && !self.is_outsider()
    }

    /// Whether replicas may lie in this cluster, so that claims need reasons.
    pub(crate) fn distrusts(&self) -> bool {
        self.cluster.byzantine > 0
    }

    /// The number of acknowledgements that commit an entry.
    pub(crate) fn replication_quorum(&self) -> usize {
        usize::from(self.cluster.replication_quorum) - usize::from(self.bugs.on(PlantedBug::CommitQuorumMinusOne))
    }

    pub(crate) fn signed(&self, body: Body) -> Message {
        Message::new(self.id, body, &self.keys)
    }

    pub(crate) fn send(&self, env: &mut Env<'_, Self>, to: ReplicaId, body: Body) {
        env.send(to, self.signed(body));
    }

    pub(crate) fn set_status(&mut self, env: &mut Env<'_, Self>, status: Status, view: u64) {
        self.status = status;
        self.view = view;
        env.observe(Observation::StatusChanged { status, view, primary: self.is_primary() });
    }

    /// Advances the commit number to `op` or to the end of the log, and executes.
    pub(crate) fn commit_to(&mut self, env: &mut Env<'_, Self>, op: u64) {
        while self.commit < op {
            self.commit += 1;
            env.observe(Observation::Committed { op: self.commit, entry: self.log.hash_at(self.commit) });
            self.configuration_committed(env, self.commit);
            if self.commit > self.log.last_op() {
                return;
            }
        }
        self.execute_committed(env);
    }

    pub(crate) fn execute_committed(&mut self, env: &mut Env<'_, Self>) {
        while self.executed < self.commit {
            let Some(entry) = self.log.get(self.executed + 1).cloned() else { break };
            let Some(request) = &entry.request else { break };
            self.executed += 1;
            self.execute(env, entry.op, entry.timestamp, request);
            self.checkpoint_if_due(env);
        }
        // A checkpoint must not wait for other writes.
        if self.cluster.checkpoint_interval > 0 {
            self.write_disk(env);
        }
    }

    fn execute(&mut self, env: &mut Env<'_, Self>, op: u64, timestamp: Time, request: &Request) {
        let Request { client, session, number, .. } = *request;
        // A configuration belongs to no session, and changes nothing that clients see.
        let configures = configuration::sets(request).is_some();
        let turn = if configures { Turn::Repeated } else { self.sessions.turn(request) };
        let operation = if turn == Turn::Execute { Operation::decode(&request.payload) } else { None };
        let answer = match &operation {
            Some(operation) => {
                let mut operation = *operation;
                if let OperationKind::GetAsOf { key, .. } = operation.kind
                    && self.bugs.on(PlantedBug::ReadIgnoresPosition)
                {
                    operation.kind = OperationKind::Get { key };
                }
                let answer = self.store.execute(op, &operation);
                if answer.version == 0 && self.bugs.on(PlantedBug::TenantMixedUp) {
                    operation.tenant = 0;
                    self.store.execute(op, &operation)
                } else {
                    answer
                }
            }
            None => Answer { position: op, ..Answer::default() },
        };
        if self.clock.runs() {
            env.observe(Observation::Timestamped { op, timestamp });
        }
        match turn {
            Turn::Execute => self.sessions.execute(request, answer, op),
            Turn::Register => {
                if let Some((client, session)) = self.sessions.register(request, op) {
                    env.observe(Observation::SessionEvicted { client, session });
                }
                env.observe(Observation::SessionRegistered { client, session: answer.position as u32 });
            }
            Turn::Repeated | Turn::Over => {}
        }
        env.observe(Observation::Executed { op, client, session, number, operation, answer });
        if !self.leads() {
            return;
        }
        match turn {
            Turn::Execute | Turn::Register => env.reply(Reply { client, session, number, view: self.view, answer }),
            Turn::Over => env.session_over(client, session),
            Turn::Repeated => {}
        }
    }

    /// Whether a request can be executed.
    pub(crate) fn is_well_formed(&self, request: &Request) -> bool {
        if self.sessions.is_registration(request) {
            return request.payload.is_empty();
        }
        Operation::decode(&request.payload).is_some()
    }

    /// The commit number as a claim that other replicas can verify.
    pub(crate) fn commit_claim(&self) -> CommitClaim {
        if !self.distrusts() {
            return CommitClaim { op: self.commit, certificate: None };
        }
        match &self.certificate {
            Some(certificate) => CommitClaim { op: certificate.op, certificate: Some(certificate.clone()) },
            None => CommitClaim::default(),
        }
    }

    /// The commit number that a claim proves to this replica, which must have the log of the claim's view.
    pub(crate) fn proven_commit(&self, claim: &CommitClaim) -> Result<u64, RejectReason> {
        if !self.distrusts() {
            return Ok(claim.op);
        }
        let Some(certificate) = &claim.certificate else {
            return if claim.op == 0 { Ok(0) } else { Err(RejectReason::UnprovenCommit) };
        };
        if certificate.op != claim.op || !certificate.verify(self.replication_quorum() as u32, &self.keys) {
            return Err(RejectReason::UnprovenCommit);
        }
        if certificate.op > self.log.last_op() {
            return Ok(self.commit);
        }
        if self.log.hash_at(certificate.op) == certificate.hash {
            Ok(certificate.op)
        } else {
            Err(RejectReason::BadHash)
        }
    }

    /// Keeps the newest proof of a commit number.
    pub(crate) fn keep_certificate(&mut self, claim: &CommitClaim) {
        let newer = |new: &Rc<Certificate>| self.certificate.as_ref().is_none_or(|old| new.op > old.op);
        if let Some(certificate) = claim.certificate.as_ref().filter(|certificate| newer(certificate)) {
            self.certificate = Some(certificate.clone());
        }
    }

    /// Checks whether an entry from another replica can follow `previous`.
    pub(crate) fn check_entry(&self, entry: &Entry, previous: Base) -> Handled {
        let Base { op, hash: parent, timestamp } = previous;
        if entry.op != op + 1 {
            return Err(RejectReason::BadMetadata);
        }
        if entry.parent == parent && entry.timestamp <= timestamp {
            return Err(RejectReason::BadMetadata);
        }
        if entry.parent != parent || !entry.verify(self.cluster.replicas, &self.keys) {
            return Err(RejectReason::BadHash);
        }
        let Some(request) = &entry.request else { return Ok(()) };
        if configuration::sets(request).is_some() && !self.distrusts() {
            return Ok(());
        }
        if request.payload.len() > usize::from(self.cluster.request_bytes_max) {
            return Err(RejectReason::Oversized);
        }
        if !self.is_well_formed(request) && !self.bugs.on(PlantedBug::KernelAcceptsInvalidCommand) {
            return Err(RejectReason::BadCommand);
        }
        Ok(())
    }

    /// Reports what is held in memory beside the log.
    pub(crate) fn observe_holding(&self, env: &mut Env<'_, Self>) {
        let messages = self.do_view_changes.iter().flatten();
        let items = self.pending.len() + messages.clone().count();
        let bytes = self.pending.iter().map(|entry| entry.size()).sum::<u64>()
            + messages.map(|message| message.body.size()).sum::<u64>();
        env.observe(Observation::Holding { items: items as u32, bytes });
    }

    /// Whether an oversized message is held in memory. Only a planted bug does this.
    fn takes_in_oversized(&self, env: &mut Env<'_, Self>, body: &Body) -> bool {
        let takes = self.bugs.on(PlantedBug::OversizedStartView) && body.kind() == MessageKind::StartView;
        if takes {
            env.observe(Observation::Holding { items: 1, bytes: body.size() });
        }
        takes
    }

    /// Continues what waited for a write to become durable.
    pub(crate) fn disk_progress(&mut self, env: &mut Env<'_, Self>) {
        if std::mem::take(&mut self.fresh) {
            self.start_first_view(env);
        }
        if let Some(checkpoint) = self.journal.named.take() {
            self.on_checkpoint(env, &checkpoint);
        }
        if self.status == Status::ViewChange {
            self.send_do_view_change(env);
        }
        self.acknowledge(env);
        self.write_disk(env);
    }

    /// Writes what the journal has to write.
    pub(crate) fn write_disk(&mut self, env: &mut Env<'_, Self>) {
        while self.journal.pump(env, &self.log) {
            self.acknowledge(env);
        }
    }

    fn handle(&mut self, env: &mut Env<'_, Self>, message: &Message) -> Handled {
        let from = message.from;
        match &message.body {
            Body::Prepare { view, commit, entry } => self.on_prepare(env, from, *view, commit, entry),
            Body::PrepareOk { view, op, hash } => self.on_prepare_ok(env, message, *view, *op, *hash),
            Body::Commit { view, commit, op } => self.on_commit(env, from, *view, commit, *op),
            Body::StartViewChange { view, entered, votes, configuration } => {
                self.on_start_view_change(env, message, *view, *entered, votes, *configuration)
            }
            Body::DoViewChange(body) => self.on_do_view_change(env, message, body),
            Body::StartView(body) => self.on_start_view(env, from, body),
            Body::RequestStartView { view } => self.on_request_start_view(env, from, *view),
            Body::Ping { asked } => {
                self.on_ping(env, from, *asked);
                Ok(())
            }
            Body::Pong { asked, wall } => self.on_pong(env, from, *asked, *wall),
            Body::Forward { request, .. } => self.on_request(env, request.clone()),
            Body::RequestContent { op, hash } => self.on_request_content(env, from, *op, *hash),
            Body::Content { entry } => self.on_content(env, entry),
            Body::Nack { op, hash } => self.on_nack(env, *op, *hash),
            Body::RequestRepair { view, from: first, to, number } => {
                self.on_request_repair(env, from, *view, *first..=*to, *number)
            }
            Body::Repair { view, number, entries } => self.on_repair(env, from, *view, *number, entries),
            Body::RequestState { at_least, state, offset, .. } => {
                self.on_request_state(env, from, *at_least, *state, *offset)
            }
            Body::State(chunk) => self.on_state(env, from, chunk),
        }
    }
}

impl System for Vsr {
    type Message = Message;
    /// How many times in a row the replica has crashed since it was last normal, as a supervisor would count.
    type Durable = u8;
    const NAME: &'static str = "vsr";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const BUGS: &'static [Bug] = BUGS;

    fn boot(env: &mut Env<'_, Self>, id: ReplicaId, spec: &ClusterSpec, crashes: u8) -> Self {
        let cluster = spec.cluster.clone();
        let layout = Layout::new(&cluster);
        let bugs = Bugs::new(spec.bugs);
        let clock = Clock::new(&cluster, bugs, env.monotonic());
        let vsr = Vsr {
            id,
            membership: Membership::new(&cluster, bugs),
            keys: Keyring::new(spec.keys, cluster.byzantine > 0),
            bugs,
            status: Status::Recovering,
            view: 0,
            last_normal: 0,
            start_op: 0,
            log: Log::default(),
            commit: 0,
            executed: 0,
            certificate: None,
            sessions: Sessions::new(cluster.sessions_max, bugs),
            store: Store::default(),
            journal: Journal::new(layout, bugs, <[crate::storage::layout::Superblock; 2]>::default(), 0, 0),
            loader: Some(Loader::begin(env, bugs)),
            scrubber: Scrubber::begin(env, &cluster, bugs),
            fresh: false,
            crashes,
            amnesia: false,
            may_have_led: None,
            acknowledged: 0,
            acknowledged_by: [0; REPLICAS_MAX],
            shares: VecDeque::new(),
            resend_to: 0,
            pending: Vec::new(),
            repair: Repair::default(),
            primary_timeouts: PrimaryTimeouts::default(),
            own_vote: 0,
            votes: [None; REPLICAS_MAX],
            entered_by: Rc::from([]),
            do_view_changes: Default::default(),
            own_do_view_change: None,
            reasons: Rc::from([]),
            stragglers: 0,
            start_view_asked: [0; REPLICAS_MAX],
            attempts: 0,
            jitter: env.random() % (cluster.view_change_timeout / 2),
            transfer: StateTransfer::default(),
            cluster,
            clock,
        };
        vsr.start_clock(env);
        vsr
    }

    fn crash(self) -> u8 {
        if self.status == Status::Normal { 1 } else { self.crashes.saturating_add(1) }
    }

    fn deliver(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, message: Message) {
        // A replica whose disk is not ready must not learn anything: a crash would lose it without a trace.
        if self.loader.is_some() || self.fresh {
            return;
        }
        let kind = message.body.kind();
        let result = if message.from != from {
            Err(RejectReason::WrongSender)
        } else if message.body.size() > MESSAGE_BYTES_MAX && !self.takes_in_oversized(env, &message.body) {
            Err(RejectReason::Oversized)
        } else if !message.verify(&self.keys) {
            Err(RejectReason::BadSignature)
        } else {
            self.handle(env, &message)
        };
        if let Err(why) = result {
            env.observe(Observation::Rejected { kind, why });
        }
    }

    fn request(&mut self, env: &mut Env<'_, Self>, request: Request) {
        let result = if self.forwards() { self.forward(env, request) } else { self.on_request(env, request) };
        if let Err(why) = result {
            env.observe(Observation::Rejected { kind: MessageKind::Request, why });
        }
    }

    fn admin(&mut self, env: &mut Env<'_, Self>, command: AdminCommand) {
        let AdminCommand::Reconfigure { members } = command;
        self.on_reconfigure(env, members);
    }

    fn timer(&mut self, env: &mut Env<'_, Self>, timer: TimerId) {
        match timer {
            HEARTBEAT_TIMER => self.on_heartbeat_timer(env),
            VIEW_CHANGE_TIMER => self.on_view_change_timer(env),
            RESEND_TIMER => self.on_resend_timer(env),
            CLOCK_TIMER => self.on_clock_timer(env),
            SCRUB_TIMER => self.on_scrub_timer(env),
            REPAIR_TIMER => self.on_repair_timer(env),
            STATE_TIMER => self.on_state_timer(env),
            RETRY_TIMER => {
                self.journal.retry();
                self.write_disk(env);
            }
            _ => self.on_load_timer(env),
        }
    }

    fn disk_done(&mut self, env: &mut Env<'_, Self>, io: IoId, result: IoResult<'_>) {
        if self.loader.is_some() {
            self.on_loaded(env, io, &result);
        } else if self.scrubber.is_reading(io) {
            self.on_scrubbed(env, &result);
        } else if self.journal.done(env, io, &result) {
            self.disk_progress(env);
        }
    }

    fn encode(message: &Message, into: &mut Vec<u8>) {
        wire::encode(message, into);
    }

    fn decode(bytes: &[u8], bugs: BugSet) -> Option<Message> {
        wire::decode(bytes, !Bugs::new(bugs).on(PlantedBug::MessageChecksumUnchecked))
    }

    fn kind(message: &Message) -> MessageKind {
        message.body.kind()
    }

    fn zones(cluster: &Cluster) -> Vec<Zone> {
        Layout::new(cluster).zones()
    }

    fn tamper(message: &Message, lie: &Lie, liar: &mut Liar) -> Option<(Message, LieClass)> {
        crate::messages::byzantine::tamper(message, *lie, liar)
    }
}
