//! State transfer (Viewstamped Replication Revisited, section 5.2): a replica that misses entries which the others have
//! dropped, or that requests entries without success for too long, fetches the newest checkpoint of a peer, chunk by
//! chunk.
//!
//! In the paper, such a replica first cuts its log back to its commit number. It loses what it had acknowledged beyond
//! that, so a view change in which it votes can lose a committed entry. Here the log stays as it is until the state is
//! durable and the superblock names it. The entries that follow from the state's op are kept after that as well.
//!
//! Left out: states from replicas that may lie (this would take b + 1 equal claims), and incremental states.

use std::rc::Rc;

use sim::{Env, Observation, RejectReason, ReplicaId, Status, Time, TimerId};

use crate::bugs::PlantedBug;
use crate::log::signature::hash;
use crate::log::{Base, Log, Tail};
use crate::messages::message::{Body, StateChunk};
use crate::replica::{Handled, Vsr};
use crate::state::checkpoint::{Checkpoint, PLACE_BYTES};

/// Timer: request a state again, from the next peer.
pub(crate) const STATE_TIMER: TimerId = TimerId(6);
/// The size of the chunk in one message.
const CHUNK_BYTES: usize = 1024;

/// The state transfer of a replica, and the condition that starts one.
#[derive(Debug, Default)]
pub(crate) struct StateTransfer {
    /// Since when it has requested entries without success.
    lagging_since: Option<Time>,
    under_way: Option<UnderWay>,
}

/// A state transfer.
#[derive(Debug)]
struct UnderWay {
    peer: ReplicaId,
    /// The lowest op that is of use.
    at_least: u64,
    /// The number of requests without an answer.
    attempts: u32,
    /// The first chunk.
    first: Option<Rc<StateChunk>>,
    bytes: Vec<u8>,
    /// The state is complete and being written. The log must not be replaced before the state is durable.
    installing: bool,
}

impl StateTransfer {
    /// Whether a state is being written.
    pub(crate) fn installing(&self) -> bool {
        self.under_way.as_ref().is_some_and(|transfer| transfer.installing)
    }

    /// A checkpoint at `op` is durable: the replica's own, or one from a peer.
    pub(crate) fn covered(&mut self, op: u64) {
        if self.under_way.as_ref().is_some_and(|transfer| transfer.installing && op >= transfer.at_least) {
            self.under_way = None;
        }
    }

    /// The log has grown: requests for entries succeed.
    pub(crate) fn progress(&mut self) {
        self.lagging_since = None;
    }
}

impl Vsr {
    /// Whether a new view's log can extend this replica's log, and fits into the positions after its checkpoint.
    pub(crate) fn can_take(&self, tail: Tail<'_>) -> bool {
        self.log.takes(tail) && tail.last_op() <= self.journal.last_place()
    }

    /// Requests a state from `peer`, since `tail` cannot extend this replica's log.
    pub(crate) fn ask_for_state_before(&mut self, env: &mut Env<'_, Self>, peer: ReplicaId, tail: Tail<'_>) {
        let slots = self.journal.layout().slots;
        self.ask_for_state(env, peer, tail.base.op.max(tail.last_op().saturating_sub(slots)));
    }

    /// Entries are missing. If that has been so for too long, requests a state instead. Returns true if it does, or if a
    /// state is already being written.
    pub(crate) fn escalate(&mut self, env: &mut Env<'_, Self>, peer: ReplicaId) -> bool {
        if self.cluster.checkpoint_interval == 0 {
            return false;
        }
        let now = env.monotonic();
        let since = *self.transfer.lagging_since.get_or_insert(now);
        if now < since + self.cluster.sync_timeout {
            return self.transfer.installing();
        }
        self.ask_for_state(env, peer, self.log.last_op() + 1);
        true
    }

    /// Requests a state at `at_least` or later from `peer`.
    fn ask_for_state(&mut self, env: &mut Env<'_, Self>, peer: ReplicaId, at_least: u64) {
        let never = self.cluster.checkpoint_interval == 0 || self.bugs.on(PlantedBug::SyncTimeoutIgnored);
        let known = self.transfer.under_way.as_ref().is_some_and(|old| old.installing || old.at_least >= at_least);
        // The replica's own next checkpoint will cover what it has executed.
        if never || known || peer == self.id || at_least <= self.executed {
            return;
        }
        env.observe(Observation::StateTransferStarted { at_least });
        if self.bugs.on(PlantedBug::VrrStateTransfer) && self.log.last_op() > self.commit {
            env.observe(Observation::Truncated { op: self.commit });
            self.log.truncate(self.commit);
            self.journal.replaced(self.commit + 1, false);
            self.acknowledged = self.acknowledged.min(self.commit);
        }
        let (attempts, first, bytes, installing) = (0, None, Vec::new(), false);
        self.transfer.under_way = Some(UnderWay { peer, at_least, attempts, first, bytes, installing });
        self.ask_for_chunk(env);
    }

    fn ask_for_chunk(&mut self, env: &mut Env<'_, Self>) {
        let Some(transfer) = &self.transfer.under_way else { return };
        let UnderWay { peer, at_least, .. } = *transfer;
        let (state, offset) = (transfer.first.as_ref().map_or(0, |first| first.state), transfer.bytes.len() as u64);
        self.send(env, peer, Body::RequestState { view: self.view, at_least, state, offset });
        env.set_timer(STATE_TIMER, self.cluster.heartbeat);
    }

    /// No chunk has arrived for a while: requests a state from the next peer. After some rounds the replica gives up,
    /// and starts anew if it still misses entries.
    pub(crate) fn on_state_timer(&mut self, env: &mut Env<'_, Self>) {
        let n = self.cluster.replicas;
        let Some(transfer) = self.transfer.under_way.as_mut().filter(|transfer| !transfer.installing) else { return };
        transfer.attempts += 1;
        if transfer.attempts > 2 * u32::from(n) {
            self.transfer = StateTransfer::default();
            return;
        }
        let next = (1..n).map(|step| ReplicaId((transfer.peer.0 + step) % n)).find(|next| *next != self.id);
        transfer.peer = next.unwrap_or(transfer.peer);
        (transfer.first, transfer.bytes) = (None, Vec::new());
        self.ask_for_chunk(env);
    }

    /// Handles a request for a state.
    pub(crate) fn on_request_state(
        &mut self,
        env: &mut Env<'_, Self>,
        from: ReplicaId,
        at_least: u64,
        state: u128,
        offset: u64,
    ) -> Handled {
        let Some(newest) = self.journal.checkpoints.newest().filter(|newest| newest.last.op >= at_least) else {
            return Err(RejectReason::WrongStatus);
        };
        // If there is a newer checkpoint by now, the transfer starts anew.
        let offset = if state == newest.state { offset } else { 0 };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(rest) = newest.bytes.get(start..) else { return Err(RejectReason::BadRange) };
        let chunk = StateChunk {
            view: self.view,
            last: newest.last,
            state: newest.state,
            length: newest.bytes.len() as u64,
            offset,
            bytes: rest[..rest.len().min(CHUNK_BYTES)].into(),
        };
        self.send(env, from, Body::State(Rc::new(chunk)));
        Ok(())
    }

    /// Handles a chunk of a state that this replica requested.
    pub(crate) fn on_state(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, chunk: &Rc<StateChunk>) -> Handled {
        let Some(transfer) = self.transfer.under_way.as_mut() else { return Err(RejectReason::WrongStatus) };
        if transfer.installing || from != transfer.peer || chunk.last.op < transfer.at_least {
            return Err(RejectReason::Duplicate);
        }
        if chunk.last.op <= self.executed {
            self.transfer = StateTransfer::default();
            return Ok(());
        }
        if chunk.length > PLACE_BYTES || chunk.offset + chunk.bytes.len() as u64 > chunk.length {
            return Err(RejectReason::BadLength);
        }
        if chunk.offset == 0 && transfer.first.as_ref().is_none_or(|first| first.state != chunk.state) {
            (transfer.first, transfer.bytes) = (Some(chunk.clone()), Vec::new());
        }
        let same = transfer.first.as_ref().is_some_and(|first| first.last == chunk.last && first.state == chunk.state);
        if !same || chunk.offset != transfer.bytes.len() as u64 {
            return Err(RejectReason::Duplicate);
        }
        transfer.bytes.extend_from_slice(&chunk.bytes);
        transfer.attempts = 0;
        if (transfer.bytes.len() as u64) < chunk.length {
            self.ask_for_chunk(env);
            return Ok(());
        }
        let bytes = std::mem::take(&mut transfer.bytes);
        if hash(&bytes) != chunk.state {
            transfer.first = None;
            return Err(RejectReason::BadHash);
        }
        transfer.installing = true;
        env.cancel_timer(STATE_TIMER);
        self.journal.checkpoints.put(Checkpoint::new(chunk.last, bytes));
        self.write_disk(env);
        Ok(())
    }

    /// Installs the state, once it is durable and the superblock names it.
    pub(crate) fn install_state(&mut self, env: &mut Env<'_, Self>, checkpoint: &Checkpoint) {
        let Some((store, sessions)) = checkpoint.decode(&self.sessions) else { return };
        (self.store, self.sessions) = (store, sessions);
        self.executed = checkpoint.last.op;
        if !self.bugs.on(PlantedBug::TransferForgetsCommit) {
            self.commit = self.commit.max(checkpoint.last.op);
        }
        if self.log.hash_at(checkpoint.last.op) == checkpoint.last.hash {
            self.log.drop_front(checkpoint.last.op);
        } else {
            self.log = Log::after(checkpoint.last);
            self.journal.begins_after(checkpoint.last.op);
        }
        let Checkpoint { last: Base { op, hash: entry, .. }, state, .. } = *checkpoint;
        env.observe(Observation::StateInstalled { op, entry, state, last: self.log.last_op() });
        let transfer = std::mem::take(&mut self.transfer).under_way;
        self.log_sessions();
        // What a later view has committed must not be acknowledged in this view.
        let view = transfer.and_then(|transfer| transfer.first).map_or(0, |first| first.view);
        if view > self.view {
            self.enter(env, view, Rc::from([]));
        }
        if self.status == Status::Normal {
            self.take_pending(env);
            self.execute_committed(env);
        } else if self.status == Status::ViewChange && self.is_primary() {
            self.try_start_view(env);
        } else {
            self.ask_for_start_view(env, self.view);
        }
    }
}
