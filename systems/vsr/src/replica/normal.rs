//! Normal operation (Viewstamped Replication Revisited, section 4.1), with a pipeline. The primary assigns each request
//! a position in the log and sends it to the backups. A replica that holds an entry durably acknowledges it. A quorum
//! of acknowledgements commits the entry.
//!
//! Lost messages are sent again: at each heartbeat the primary repeats its commit number and the entries that a backup
//! has not acknowledged, and a backup requests the entries that it misses (`repair.rs`).

use std::cmp::Ordering;
use std::rc::Rc;

use sim::{Answer, EntryHash, Env, Observation, RejectReason, ReplicaId, Reply, Request, Status};

use crate::bugs::PlantedBug;
use crate::log::entry::{Entry, Place};
use crate::messages::message::{Body, Certificate, CommitClaim, Message};
use crate::replica::{HEARTBEAT_TIMER, Handled, Share, VIEW_CHANGE_TIMER, Vsr};
use crate::state::membership::Kind;
use crate::state::sessions::SessionStatus;

impl Vsr {
    /// Primary: handles a client's request.
    pub(crate) fn on_request(&mut self, env: &mut Env<'_, Self>, request: Request) -> Handled {
        if !self.leads() {
            self.request_waits(&request);
            return Err(RejectReason::WrongStatus);
        }
        if request.payload.len() > usize::from(self.cluster.request_bytes_max) {
            return Err(RejectReason::Oversized);
        }
        if request.number == 0 || !self.is_well_formed(&request) {
            return Err(RejectReason::BadCommand);
        }
        match self.sessions.session_status(&request, self.executed) {
            SessionStatus::New => {}
            SessionStatus::Logged | SessionStatus::Stale => return Err(RejectReason::Duplicate),
            SessionStatus::Unknown => return Err(RejectReason::Busy),
            SessionStatus::Over => {
                env.session_over(request.client, request.session);
                return Ok(());
            }
            SessionStatus::Executed(answer) => {
                let Request { client, session, number, .. } = request;
                env.reply(Reply { client, session, number, view: self.view, answer });
                return Ok(());
            }
        }
        let op = self.log.last_op() + 1;
        if op - self.commit > self.cluster.pipeline_max.into() || op > self.journal.last_place() {
            return Err(RejectReason::Busy);
        }
        // A primary without a synchronized clock does not serve.
        let timestamp = self.next_timestamp(env).ok_or(RejectReason::WrongStatus)?;
        if self.bugs.on(PlantedBug::ReplyBeforeCommit) {
            let answer = Answer { position: op, ..Answer::default() };
            let Request { client, session, number, .. } = request;
            env.reply(Reply { client, session, number, view: self.view, answer });
        }
        let place = Place { view: self.view, op, parent: self.log.last_hash() };
        let entry = Rc::new(Entry::new(place, timestamp, request, self.id, &self.keys));
        self.append(env, entry.clone());
        self.prepare(env, entry);
        Ok(())
    }

    /// Primary: sends the entry that it has just appended to the other replicas.
    pub(crate) fn prepare(&mut self, env: &mut Env<'_, Self>, entry: Rc<Entry>) {
        let message = self.signed(Body::Prepare { view: self.view, commit: self.commit_claim(), entry });
        for to in self.readers() {
            env.send(to, message.clone());
        }
        self.write_disk(env);
    }

    /// Whether this replica forwards clients' requests to the primary: it is a backup that knows a primary, and the
    /// cluster keeps sessions.
    pub(crate) fn forwards(&self) -> bool {
        self.cluster.sessions_max > 0 && self.status == Status::Normal && !self.is_primary()
    }

    /// Backup: forwards a client's request. The client knows an earlier primary, or has sent the request to all
    /// replicas.
    pub(crate) fn forward(&mut self, env: &mut Env<'_, Self>, request: Request) -> Handled {
        if request.payload.len() > usize::from(self.cluster.request_bytes_max) {
            return Err(RejectReason::Oversized);
        }
        self.request_waits(&request);
        self.send(env, self.primary_of(self.view), Body::Forward { view: self.view, request });
        Ok(())
    }

    /// Appends an entry to the log in memory.
    pub(crate) fn append(&mut self, env: &mut Env<'_, Self>, entry: Rc<Entry>) {
        env.observe(Observation::Appended { op: entry.op, view: entry.view, entry: entry.hash, parent: entry.parent });
        if let Some(request) = &entry.request {
            self.sessions.log(request, entry.op);
        }
        self.note_configuration(env, &entry);
        self.log.push(entry);
        self.transfer.progress();
    }

    /// Backup: handles an entry from the primary.
    pub(crate) fn on_prepare(
        &mut self,
        env: &mut Env<'_, Self>,
        from: ReplicaId,
        view: u64,
        commit: &CommitClaim,
        entry: &Rc<Entry>,
    ) -> Handled {
        self.check_primary_message(env, from, view, commit.op)?;
        // An entry of an earlier view is valid only if the view started with it.
        let older = entry.view < view && entry.op > self.start_op;
        if (entry.view > view || older) && !self.bugs.on(PlantedBug::InvalidMetadata) || entry.is_hole() {
            return Err(RejectReason::BadMetadata);
        }
        let next = self.log.last_op() + 1;
        match entry.op.cmp(&next) {
            Ordering::Less => {
                // Everything before the base of the log is committed, and was dropped.
                if entry.op >= self.log.base() && self.log.hash_at(entry.op) != entry.hash {
                    return Err(RejectReason::BadHash);
                }
                self.acknowledge_again(env, entry.op);
            }
            Ordering::Equal => {
                self.check_entry(entry, self.log.last())?;
                if next > self.journal.last_place() {
                    return Err(RejectReason::Busy);
                }
                self.append(env, entry.clone());
                self.take_pending(env);
                self.write_disk(env);
                if self.bugs.on(PlantedBug::PrepareOkBeforeDurable) {
                    self.acknowledge(env);
                }
            }
            Ordering::Greater => {
                let kept = self.keep_pending(env, entry);
                // A replica that is too far behind to keep this entry, such as a learner, still needs the entries
                // before it.
                if kept != Err(RejectReason::BadHash) {
                    self.ask_for_repair(env, entry.op - 1);
                }
                kept?;
            }
        }
        self.learn_commit(env, commit)
    }

    /// Backup: handles the primary's commit number.
    pub(crate) fn on_commit(
        &mut self,
        env: &mut Env<'_, Self>,
        from: ReplicaId,
        view: u64,
        commit: &CommitClaim,
        op: u64,
    ) -> Handled {
        self.check_primary_message(env, from, view, commit.op)?;
        if commit.op > op {
            return Err(RejectReason::CommitPastLog);
        }
        if op > self.log.last_op() {
            self.ask_for_repair(env, op);
        }
        if self.cluster.abdicate_timeout > 0 {
            // Lets the primary know that this backup receives its messages, and repeats an acknowledgement that may
            // have been lost.
            self.acknowledge_again(env, self.acknowledged);
        }
        self.learn_commit(env, commit)
    }

    /// Checks whether a message from the primary of `view`, which claims `commit`, can be processed by this replica. If
    /// so, a backup resets its view change timeout.
    fn check_primary_message(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, view: u64, commit: u64) -> Handled {
        if from != self.primary_of(view) {
            return Err(RejectReason::WrongSender);
        }
        if view < self.view {
            self.answer_old_primary(env, from);
            return Err(RejectReason::OldView);
        }
        if view > self.view || self.status != Status::Normal {
            self.ask_for_start_view(env, view);
            return Err(if view > self.view { RejectReason::NewerView } else { RejectReason::WrongStatus });
        }
        if self.commits_stall(env, commit) {
            // The primary is alive, but commits nothing. This vote may complete a quorum.
            self.vote_against_stall(env);
            return if self.status == Status::Normal { Ok(()) } else { Err(RejectReason::WrongStatus) };
        }
        self.own_vote = 0;
        self.attempts = 0;
        env.set_timer(VIEW_CHANGE_TIMER, self.cluster.view_change_timeout + self.jitter);
        Ok(())
    }

    fn learn_commit(&mut self, env: &mut Env<'_, Self>, claim: &CommitClaim) -> Handled {
        if claim.op <= self.commit {
            return Ok(());
        }
        let proven = self.proven_commit(claim)?;
        self.keep_certificate(claim);
        self.commit_to(env, proven.min(self.log.last_op()));
        Ok(())
    }

    /// Acknowledges what this replica now holds durably: a backup to the primary, the primary to itself.
    pub(crate) fn acknowledge(&mut self, env: &mut Env<'_, Self>) {
        let vouched = self.journal.superblock().last_normal == self.view && self.journal.is_redundant();
        if self.status != Status::Normal || !vouched {
            return;
        }
        let before_durable = self.bugs.on(PlantedBug::PrepareOkBeforeDurable) && !self.is_primary();
        let target = if before_durable { self.log.last_op() } else { self.journal.durable() };
        if target <= self.acknowledged {
            return;
        }
        // Acknowledgements are cumulative, but a certificate needs a quorum of signatures for the same op.
        let first = if self.distrusts() { (self.acknowledged + 1).max(self.start_op) } else { target };
        self.acknowledged = target;
        for op in first..=target {
            self.acknowledge_op(env, op);
        }
        if self.is_primary() {
            self.try_commit(env);
        }
    }

    fn acknowledge_op(&mut self, env: &mut Env<'_, Self>, op: u64) {
        let hash = self.log.hash_at(op);
        env.observe(Observation::Acknowledged { view: self.view, op, entry: hash });
        let message = self.signed(Body::PrepareOk { view: self.view, op, hash });
        if self.is_primary() {
            self.count(self.id, op, message.signature);
        } else {
            env.send(self.primary_of(self.view), message);
        }
    }

    /// Backup: acknowledges `op` again, since the primary has not received the acknowledgement.
    fn acknowledge_again(&mut self, env: &mut Env<'_, Self>, op: u64) {
        if op <= self.acknowledged {
            let op = if self.distrusts() { op } else { self.acknowledged };
            let ok = Body::PrepareOk { view: self.view, op, hash: self.log.hash_at(op) };
            self.send(env, self.primary_of(self.view), ok);
        }
    }

    /// Primary: handles an acknowledgement. A backup holds its log up to `op` durably.
    pub(crate) fn on_prepare_ok(
        &mut self,
        env: &mut Env<'_, Self>,
        message: &Message,
        view: u64,
        op: u64,
        hash: EntryHash,
    ) -> Handled {
        if view < self.view {
            return Err(RejectReason::OldView);
        }
        if view > self.view {
            return Err(RejectReason::NewerView);
        }
        if !self.leads() {
            return Err(RejectReason::WrongStatus);
        }
        if op > self.log.last_op() {
            return Err(RejectReason::BadMetadata);
        }
        if op < self.log.base() {
            return Ok(());
        }
        if self.log.hash_at(op) != hash {
            return Err(RejectReason::BadHash);
        }
        self.primary_timeouts.record_acknowledgement(message.from, env.monotonic());
        self.count(message.from, op, message.signature);
        self.try_commit(env);
        Ok(())
    }

    fn count(&mut self, from: ReplicaId, op: u64, signature: u128) {
        let highest = &mut self.acknowledged_by[from.index()];
        *highest = op.max(*highest);
        if self.distrusts() && op > self.commit {
            let index = (op - self.commit - 1) as usize;
            if index >= self.shares.len() {
                self.shares.resize(index + 1, Share::default());
            }
            self.shares[index].by.insert(from);
            self.shares[index].signatures[from.index()] = signature;
        }
    }

    /// Primary: commits what a quorum has acknowledged.
    fn try_commit(&mut self, env: &mut Env<'_, Self>) {
        if self.distrusts() {
            let quorum = self.replication_quorum();
            let Some(index) = self.shares.iter().rposition(|share| share.by.len() as usize >= quorum) else { return };
            let share = self.shares[index];
            let op = self.commit + 1 + index as u64;
            self.certificate = Some(Rc::new(Certificate {
                view: self.view,
                op,
                hash: self.log.hash_at(op),
                acknowledgements: share.by.iter().map(|by| (by, share.signatures[by.index()])).collect(),
                checked: true.into(),
            }));
            self.shares.drain(..=index);
            self.commit_to(env, op);
        } else {
            // A shortcut, since most acknowledgements arrive after their op is committed.
            if self.membership.is_fixed() && self.acknowledged_by.iter().all(|op| *op <= self.commit) {
                return;
            }
            let op = self.membership.reached(&self.configuration(), Kind::Replication, &self.acknowledged_by);
            let led = self.leads();
            if op > self.commit {
                self.commit_to(env, op);
            }
            self.advance_change(env);
            if led && !self.leads() {
                self.step_down(env);
            }
        }
    }

    /// Primary: sends the heartbeat with its commit number, and resends what has not been acknowledged since the
    /// previous heartbeat.
    pub(crate) fn on_heartbeat_timer(&mut self, env: &mut Env<'_, Self>) {
        if !self.leads() || self.abdicates(env) {
            return;
        }
        env.set_timer(HEARTBEAT_TIMER, self.cluster.heartbeat);
        if self.leads_unsynchronized(env) {
            return;
        }
        self.advance_change(env);
        let last = self.log.last_op();
        let mute = self.bugs.on(PlantedBug::HeartbeatWithoutCommitNumber);
        let commit = if mute { CommitClaim::default() } else { self.commit_claim() };
        self.broadcast(env, &self.signed(Body::Commit { view: self.view, commit, op: last }));
        for to in self.readers() {
            let missing = self.acknowledged_by[to.index()] + 1;
            if missing <= self.resend_to {
                self.prepare_again(env, to, missing);
                if missing < self.resend_to {
                    self.prepare_again(env, to, self.resend_to);
                }
            }
        }
        self.resend_to = last;
    }

    fn prepare_again(&self, env: &mut Env<'_, Self>, to: ReplicaId, op: u64) {
        if let Some(entry) = self.log.get(op) {
            self.send(env, to, Body::Prepare { view: self.view, commit: self.commit_claim(), entry: entry.clone() });
        }
    }

    /// Backup: keeps an entry that arrived before its predecessors.
    pub(crate) fn keep_pending(&mut self, env: &mut Env<'_, Self>, entry: &Rc<Entry>) -> Handled {
        if !entry.verify(self.cluster.replicas, &self.keys) {
            return Err(RejectReason::BadHash);
        }
        // Entries further ahead are sent again later.
        if entry.op > self.log.last_op() + self.reach() {
            return Err(RejectReason::Busy);
        }
        match self.pending.binary_search_by_key(&entry.op, |kept| kept.op) {
            Ok(index) => self.pending[index] = entry.clone(),
            Err(index) => self.pending.insert(index, entry.clone()),
        }
        self.observe_holding(env);
        Ok(())
    }

    /// Backup: appends the pending entries that follow the log.
    pub(crate) fn take_pending(&mut self, env: &mut Env<'_, Self>) {
        let mut taken = 0;
        while let Some(entry) = self.pending.get(taken).cloned() {
            let next = self.log.last_op() + 1;
            if entry.op > next {
                break;
            }
            taken += 1;
            if entry.op <= self.journal.last_place() && self.check_entry(&entry, self.log.last()).is_ok() {
                self.append(env, entry);
            }
        }
        if taken > 0 {
            self.pending.drain(..taken);
            self.observe_holding(env);
        }
    }
}
