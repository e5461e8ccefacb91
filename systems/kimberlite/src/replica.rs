//! The host of one replica: which events it passes to the crate, when, and how it handles the output.
//!
//! It follows the crate's own event loop: a leader's message of the current view resets the heartbeat timeout; a
//! message of the replica to itself is processed at once; a request is passed only to a replica that accepts requests.
//! The event loop arms two of the crate's timeouts. This host fires all of them.

use std::collections::VecDeque;
use std::rc::Rc;

use kimberlite_types::Generation;
use kimberlite_vsr::{
    ClusterConfig, FrameDecoder, FrameEncoder, Message, MessagePayload, OpNumber, ReplicaEvent, ReplicaOutput,
    ReplicaState, ReplicaStatus, TimeoutKind,
};
use sim::base::time::SECOND;
use sim::config::model::Store;
use sim::config::spec::Cluster;
use sim::protocol::lie::LieRule;
use sim::{
    Answer, Bug, BugSet, Case, ClusterSpec, Env, IoId, IoResult, Liar, Lie, LieClass, MessageKind, Observation,
    Operation, RejectReason, ReplicaId, Reply, Request, System, TimerId, Zone,
};

use crate::command;
use crate::observe::Seen;
use crate::{applicable, own_lies, tamper};

/// Timer: the leader's heartbeat.
const TICK: TimerId = TimerId(0);
/// Timer: the leader has been silent for too long.
const HEARTBEAT: TimerId = TimerId(1);
/// Timer: requests of the leader are not committed yet.
const PREPARE: TimerId = TimerId(2);
/// Timer: a view change takes too long.
const VIEW_CHANGE: TimerId = TimerId(3);
/// Timer: a recovery takes too long.
const RECOVERY: TimerId = TimerId(4);
/// Timer: all periodic work of the crate.
const HOUSEKEEPING: TimerId = TimerId(5);
/// Timer: a leader that does not hear from the others steps down.
const ABDICATE: TimerId = TimerId(6);

/// Wall clocks begin in the year 2023, since the crate has no times before 1970.
const EPOCH: u64 = 1_700_000_000 * SECOND;

/// A replica of the crate, with the state of its host.
pub struct Kimberlite {
    pub(crate) id: ReplicaId,
    pub(crate) cluster: Cluster,
    /// `None` while the crate processes an event.
    pub(crate) state: Option<Box<ReplicaState>>,
    pub(crate) seen: Seen,
    /// The state machine, which executes what the kernel has applied.
    store: Store,
    /// The applied ops in order, with their answers.
    applied: Vec<(u64, Request, Answer)>,
    /// The number of its crashes.
    crashes: u64,
}

/// What survives a crash.
#[derive(Default)]
pub struct Left {
    state: Option<Box<ReplicaState>>,
    applied: Vec<(u64, Request, Answer)>,
    crashes: u64,
    last_normal: u64,
}

impl Kimberlite {
    pub(crate) fn state(&self) -> &ReplicaState {
        self.state.as_ref().expect("the crate is not at work")
    }

    fn set_clocks(env: &Env<'_, Self>) {
        hermetic::set_clocks(env.monotonic(), EPOCH.saturating_add(env.wall_clock()));
    }

    /// The parts of the state that change if the replica accepts a message.
    fn progress(&self) -> (u64, ReplicaStatus, u64, u64, usize) {
        let state = self.state();
        let [view, op, commit] = [state.view().as_u64(), state.op_number().as_u64(), state.commit_number().as_u64()];
        (view, state.status(), op, commit, state.log_len())
    }

    /// Lets the crate process an event, and then its messages to itself. Returns whether the event had no output.
    fn step(&mut self, env: &mut Env<'_, Self>, event: ReplicaEvent) -> bool {
        self.work(env, |state| state.process(event))
    }

    fn work(
        &mut self,
        env: &mut Env<'_, Self>,
        work: impl FnOnce(ReplicaState) -> (ReplicaState, ReplicaOutput),
    ) -> bool {
        Self::set_clocks(env);
        let mut own = VecDeque::new();
        let (state, output) = work(*self.state.take().expect("the crate is not at work"));
        self.state = Some(Box::new(state));
        let silent = output.is_empty();
        self.process_output(env, output, &mut own);
        while let Some(message) = own.pop_front() {
            let (state, output) = self.state.take().expect("as above").process(ReplicaEvent::Message(message));
            self.state = Some(Box::new(state));
            self.process_output(env, output, &mut own);
        }
        self.set_timers(env);
        silent
    }

    /// Reports a step, executes what it applied, and sends its messages.
    fn process_output(&mut self, env: &mut Env<'_, Self>, output: ReplicaOutput, own: &mut VecDeque<Box<Message>>) {
        self.observe(env, &output.messages);
        let commit = self.state().commit_number().as_u64();
        let requests: Vec<Request> = output.effects.iter().filter_map(command::applied).collect();
        let state = self.state.as_ref().expect("the crate is not at work");
        if self.seen.commit_to(env, state) {
            // Each committed command has exactly one such effect, in the order of the log. The last one belongs to the
            // newest commit.
            for (op, request) in (commit + 1 - requests.len() as u64..=commit).zip(requests) {
                let answer = Self::execute(&mut self.store, env, op, &request);
                self.reply(env, &request, answer);
                self.applied.push((op, request, answer));
            }
        } else if let Some(op) = output.committed_op {
            // Nothing was committed: the crate recognizes the request, and returns the op at which it was committed.
            let known = self.applied.iter().find(|(applied, ..)| *applied == op.as_u64());
            if let Some((_, request, answer)) = known.cloned() {
                self.reply(env, &request, answer);
            }
        }
        for message in output.messages {
            self.observe_message(env, &message);
            match message.to {
                None => env.broadcast(&Rc::new(message)),
                Some(to) if to.as_u8() == self.id.0 => own.push_back(Box::new(message)),
                Some(to) => env.send(ReplicaId(to.as_u8()), Rc::new(message)),
            }
        }
    }

    fn execute(store: &mut Store, env: &mut Env<'_, Self>, op: u64, request: &Request) -> Answer {
        let Request { client, session, number, .. } = *request;
        let operation = Operation::decode(&request.payload);
        let answer = match &operation {
            Some(operation) => store.execute(op, operation),
            None => Answer { position: op, ..Answer::default() },
        };
        env.observe(Observation::Executed { op, client, session, number, operation, answer });
        answer
    }

    fn reply(&self, env: &mut Env<'_, Self>, request: &Request, answer: Answer) {
        if self.state().is_acting_leader() {
            let Request { client, session, number, .. } = *request;
            env.reply(Reply { client, session, number, view: self.state().view().as_u64(), answer });
        }
    }

    /// Whether the leader's log contains this request or a later one of its session. The crate requires that request
    /// numbers increase, and promises to recognize committed ones. Its host is responsible for the rest.
    fn is_under_way(&self, request: &Request) -> bool {
        let state = self.state();
        let session = command::session(request);
        (1..=state.log_len() as u64).filter_map(|op| state.log_entry(OpNumber::new(op))).any(|entry| {
            let uncommitted = entry.op_number > state.commit_number().as_op_number();
            let least = u64::from(request.number) + u64::from(!uncommitted);
            entry.client_id == Some(session) && entry.request_number >= Some(least)
        })
    }

    fn is_from_leader(&self, message: &Message) -> bool {
        let state = self.state();
        message.from == state.leader()
            && message.payload.view() == Some(state.view())
            && matches!(
                message.payload,
                MessagePayload::Heartbeat(_)
                    | MessagePayload::Prepare(_)
                    | MessagePayload::Commit(_)
                    | MessagePayload::StartView(_)
            )
    }

    /// Sets the timers that depend on status and view, when these have changed.
    fn set_timers(&mut self, env: &mut Env<'_, Self>) {
        let (status, view) = (self.state().status(), self.state().view().as_u64());
        if self.seen.timers == Some((status, view)) {
            return;
        }
        self.seen.timers = Some((status, view));
        env.set_timer(HEARTBEAT, self.cluster.view_change_timeout);
        if status == ReplicaStatus::ViewChange {
            env.set_timer(VIEW_CHANGE, self.cluster.view_change_timeout);
        }
        if status == ReplicaStatus::Recovering {
            env.set_timer(RECOVERY, self.cluster.view_change_timeout / 2);
        }
    }

    fn housekeeping(&mut self, env: &mut Env<'_, Self>) {
        for kind in [
            TimeoutKind::Ping,
            TimeoutKind::ClockSync,
            TimeoutKind::RepairSync,
            TimeoutKind::CommitStall,
            TimeoutKind::CommitMessage,
            TimeoutKind::StartViewChangeWindow,
            TimeoutKind::Scrub,
        ] {
            self.step(env, ReplicaEvent::Timeout(kind));
        }
        self.work(env, ReplicaState::expire_stale_repairs);
    }
}

/// The reason by which the crate's own rules reject a message, if its silence shows that it did. (A vote in a view
/// change is stored first and checked later.)
fn rejection(from: ReplicaId, message: &Message) -> Option<RejectReason> {
    if message.from.as_u8() != from.0 || !message.is_signed() {
        return Some(RejectReason::BadSignature);
    }
    match &message.payload {
        MessagePayload::Prepare(prepare) if !prepare.entry.verify_checksum() => Some(RejectReason::BadHash),
        MessagePayload::StartView(start) if start.log_tail.len() > 10_000 => Some(RejectReason::Oversized),
        MessagePayload::StartView(start) => {
            let length = start.op_number.as_u64().checked_sub(start.commit_number.as_u64());
            length.is_some_and(|length| length != start.log_tail.len() as u64).then_some(RejectReason::BadLength)
        }
        _ => None,
    }
}

impl System for Kimberlite {
    type Message = Rc<Message>;
    type Durable = Left;
    const NAME: &'static str = "kimberlite";
    const VERSION: &'static str = "0.9.1";
    const BUGS: &'static [Bug] = &[];
    const LIES: &'static [LieRule] = own_lies::LIES;
    const EXEMPT: &'static [(&'static str, &'static str)] = applicable::EXEMPT;

    fn not_applicable(case: &Case) -> Option<&'static str> {
        applicable::not_applicable(case)
    }

    fn crashes_max(cluster: &Cluster) -> u8 {
        (cluster.replicas - 1) / 2
    }

    fn boot(env: &mut Env<'_, Self>, id: ReplicaId, spec: &ClusterSpec, left: Left) -> Self {
        assert!(hermetic::inside(), "the crate reads clocks: it can only be run inside of hermetic::run");
        // The crate's monotonic clock counts from its first use in the process. This starts it at 0 in every process.
        hermetic::set_clocks(0, EPOCH);
        let _ = kimberlite_vsr::Clock::monotonic_nanos();
        Self::set_clocks(env);
        let cluster = spec.cluster.clone();
        let restarted = left.state.is_some();
        let state = left.state.unwrap_or_else(|| {
            let replicas = (0..cluster.replicas).map(kimberlite_vsr::ReplicaId::new).collect();
            let mut config = ClusterConfig::new(replicas);
            config.max_pipeline_depth = cluster.pipeline_max.into();
            Box::new(ReplicaState::new(kimberlite_vsr::ReplicaId::new(id.0), config))
        });
        let mut replica = Kimberlite {
            id,
            cluster,
            state: Some(state),
            seen: Seen::after(left.last_normal),
            store: Store::default(),
            applied: left.applied,
            crashes: left.crashes,
        };
        env.set_timer(TICK, replica.cluster.heartbeat);
        env.set_timer(HOUSEKEEPING, replica.cluster.view_change_timeout / 2);
        env.set_timer(PREPARE, replica.cluster.view_change_timeout / 4);
        if replica.cluster.abdicate_timeout > 0 {
            env.set_timer(ABDICATE, replica.cluster.abdicate_timeout);
        }
        replica.observe_boot(env);
        for (op, request, _) in &replica.applied {
            Self::execute(&mut replica.store, env, *op, request);
        }
        if restarted {
            let generation = Generation::new(left.crashes);
            replica.work(env, |state| state.start_recovery(generation));
        } else {
            replica.set_timers(env);
        }
        replica
    }

    fn crash(self) -> Left {
        let Some(state) = self.state else { return Left::default() };
        let (state, _) = state.process(ReplicaEvent::Crash);
        let (applied, crashes, last_normal) = (self.applied, self.crashes + 1, self.seen.last_normal());
        Left { state: Some(Box::new(state)), applied, crashes, last_normal }
    }

    fn deliver(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, message: Rc<Message>) {
        // Before the message is processed, as in the crate's event loop.
        if self.is_from_leader(&message) {
            env.set_timer(HEARTBEAT, self.cluster.view_change_timeout);
        }
        let rejection = rejection(from, &message);
        let (before, kind) = (self.progress(), Self::kind(&message));
        let silent = self.step(env, ReplicaEvent::Message(Box::new(Rc::unwrap_or_clone(message))));
        if let Some(why) = rejection.filter(|_| silent && before == self.progress()) {
            env.observe(Observation::Rejected { kind, why });
        }
    }

    fn request(&mut self, env: &mut Env<'_, Self>, request: Request) {
        if !self.state().can_accept_requests() || self.is_under_way(&request) {
            return;
        }
        let event = ReplicaEvent::ClientRequest {
            command: command::command(&request),
            idempotency_id: None,
            client_id: Some(command::session(&request)),
            request_number: Some(request.number.into()),
        };
        self.step(env, event);
    }

    fn timer(&mut self, env: &mut Env<'_, Self>, timer: TimerId) {
        match timer {
            TICK => {
                env.set_timer(TICK, self.cluster.heartbeat);
                self.step(env, ReplicaEvent::Tick);
            }
            HEARTBEAT => {
                env.set_timer(HEARTBEAT, self.cluster.view_change_timeout);
                if !self.state().is_leader() {
                    self.step(env, ReplicaEvent::Timeout(TimeoutKind::Heartbeat));
                }
            }
            PREPARE => {
                env.set_timer(PREPARE, self.cluster.view_change_timeout / 4);
                if self.state().is_acting_leader() {
                    let first = self.state().commit_number().as_u64() + 1;
                    for op in first..=self.state().op_number().as_u64() {
                        self.step(env, ReplicaEvent::Timeout(TimeoutKind::Prepare(OpNumber::new(op))));
                    }
                }
            }
            VIEW_CHANGE => {
                self.step(env, ReplicaEvent::Timeout(TimeoutKind::ViewChange));
            }
            RECOVERY => {
                if self.state().is_recovering() {
                    env.set_timer(RECOVERY, self.cluster.view_change_timeout / 2);
                }
                self.step(env, ReplicaEvent::Timeout(TimeoutKind::Recovery));
            }
            ABDICATE => {
                env.set_timer(ABDICATE, self.cluster.abdicate_timeout);
                self.step(env, ReplicaEvent::Timeout(TimeoutKind::PrimaryAbdicate));
            }
            _ => {
                env.set_timer(HOUSEKEEPING, self.cluster.view_change_timeout / 2);
                self.housekeeping(env);
            }
        }
    }

    fn disk_done(&mut self, _: &mut Env<'_, Self>, _: IoId, _: IoResult<'_>) {}

    /// The crate's own frames. A message that is too large for a frame is lost.
    fn encode(message: &Rc<Message>, into: &mut Vec<u8>) {
        if let Ok(frame) = FrameEncoder::new().encode(message) {
            into.extend(frame);
        }
    }

    fn decode(bytes: &[u8], _: BugSet) -> Option<Rc<Message>> {
        let mut decoder = FrameDecoder::new();
        decoder.extend(bytes);
        decoder.decode().ok().flatten().map(Rc::new)
    }

    fn kind(message: &Rc<Message>) -> MessageKind {
        match message.payload {
            MessagePayload::Prepare(_) => MessageKind::Prepare,
            MessagePayload::PrepareOk(_) => MessageKind::PrepareOk,
            MessagePayload::Commit(_) | MessagePayload::Heartbeat(_) => MessageKind::Commit,
            MessagePayload::StartViewChange(_) => MessageKind::StartViewChange,
            MessagePayload::DoViewChange(_) => MessageKind::DoViewChange,
            MessagePayload::StartView(_) => MessageKind::StartView,
            MessagePayload::RecoveryRequest(_) => MessageKind::RequestStartView,
            MessagePayload::RepairRequest(_) | MessagePayload::WriteReorderGapRequest(_) => MessageKind::RequestRepair,
            MessagePayload::RepairResponse(_) | MessagePayload::WriteReorderGapResponse(_) => MessageKind::Repair,
            MessagePayload::Nack(_) => MessageKind::Nack,
            MessagePayload::StateTransferRequest(_) => MessageKind::RequestState,
            MessagePayload::RecoveryResponse(_) | MessagePayload::StateTransferResponse(_) => MessageKind::State,
            MessagePayload::Hello(_) => MessageKind::Other,
        }
    }

    fn zones(_: &Cluster) -> Vec<Zone> {
        Vec::new()
    }

    fn tamper(message: &Rc<Message>, lie: &Lie, liar: &mut Liar) -> Option<(Rc<Message>, LieClass)> {
        let (lied, class) = tamper::tamper(message, *lie, liar)?;
        Some((Rc::new(lied), class))
    }
}
