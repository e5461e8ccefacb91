//! View changes (Viewstamped Replication Revisited, section 4.2).
//!
//! A replica that does not hear from its primary *votes* for the next view with a StartViewChange, and stays in its
//! view. It leaves its view only when a view-change quorum has voted, so that a replica that is cut off does not
//! advance its view alone. A replica that has left announces it (`entered`), with the votes as its reason, and the
//! others follow. Once the new view is durable, the replica sends its log to the new primary (DoViewChange), which
//! selects a log (`messages/log_selection.rs`) and starts the view (StartView).
//!
//! Where replicas may lie, a StartView carries the DoViewChanges that it follows from, and a backup repeats the
//! selection.

use std::rc::Rc;

use sim::{Env, Observation, RejectReason, ReplicaId, Status, Time};

use crate::bugs::PlantedBug;
use crate::log::entry::Entry;
use crate::log::{Log, Tail};
use crate::messages::log_selection::{Choice, Claim, choose};
use crate::messages::message::{Body, DoViewChange, Message, StartView, Vote};
use crate::replica::{HEARTBEAT_TIMER, Handled, RESEND_TIMER, VIEW_CHANGE_TIMER, Vsr};
use crate::state::membership::Kind;

/// The number of unproven claims of a higher view after which a normal replica votes for one.
const STRAGGLER_PATIENCE: u32 = 20;

impl Vsr {
    /// Votes for the next view, since the primary is silent or the view change takes too long.
    pub(crate) fn on_view_change_timer(&mut self, env: &mut Env<'_, Self>) {
        if self.leads() || self.loader.is_some() {
            return;
        }
        if self.is_outsider() {
            env.set_timer(VIEW_CHANGE_TIMER, self.cluster.view_change_timeout + self.jitter);
            return;
        }
        self.attempts += 1;
        self.vote(env);
    }

    /// Votes for the next view, or for a higher one that enough other replicas have voted for.
    pub(crate) fn vote(&mut self, env: &mut Env<'_, Self>) {
        let wanted = self.wanted_by(usize::from(self.cluster.byzantine), env);
        self.own_vote = self.next_led_by_member(self.own_vote.max(self.view + 1).max(wanted));
        // The timeout grows with each attempt, so that slow replicas can complete a view change.
        let timeout = self.cluster.view_change_timeout * Time::from(4 + self.attempts.min(8)) / 4;
        env.set_timer(VIEW_CHANGE_TIMER, timeout + self.jitter);
        env.set_timer(RESEND_TIMER, self.cluster.heartbeat);
        self.send_vote(env);
        self.count_votes(env);
    }

    fn send_vote(&mut self, env: &mut Env<'_, Self>) {
        let message = self.signed(self.vote_for(self.own_vote));
        let vote = Vote { from: self.id, view: self.own_vote, signature: message.signature };
        self.votes[self.id.index()] = Some((vote, env.monotonic()));
        env.observe(Observation::ViewChangeWanted { view: self.own_vote });
        self.tell_members(env, &message);
    }

    /// The views that the members have voted for recently; 0 for none.
    fn views_wanted(&self, env: &Env<'_, Self>) -> [u64; sim::base::ids::REPLICAS_MAX] {
        let mut views = [0; sim::base::ids::REPLICAS_MAX];
        for (view, vote) in views.iter_mut().zip(&self.votes) {
            *view = vote.filter(|(_, at)| self.is_fresh(*at, env)).map_or(0, |(vote, _)| vote.view);
        }
        self.of_members(views)
    }

    /// The highest view that more than `others` members have voted for recently; 0 if there is none.
    fn wanted_by(&self, others: usize, env: &Env<'_, Self>) -> u64 {
        let mut views = self.views_wanted(env);
        views.sort_unstable_by(|x, y| y.cmp(x));
        views[others]
    }

    /// Whether a vote that arrived at `at` still counts. Votes expire, since the sender may have withdrawn its vote.
    fn is_fresh(&self, at: Time, env: &Env<'_, Self>) -> bool {
        let window = match self.cluster.start_view_change_window {
            0 => 2 * self.cluster.view_change_timeout,
            window => window,
        };
        env.monotonic() < at + window || self.bugs.on(PlantedBug::StartViewChangeWindowEndless)
    }

    /// Leaves the view if a view-change quorum has voted for a higher one.
    fn count_votes(&mut self, env: &mut Env<'_, Self>) {
        let view = self.membership.reached(&self.configuration(), Kind::ViewChange, &self.views_wanted(env));
        if view <= self.view {
            return;
        }
        let reasons: Vec<Vote> = self
            .votes
            .iter()
            .flatten()
            .filter(|(vote, at)| vote.view >= view && self.is_fresh(*at, env))
            .map(|(vote, _)| *vote)
            .collect();
        self.enter(env, view, reasons.into());
    }

    /// Leaves the current view and enters `view`.
    pub(crate) fn enter(&mut self, env: &mut Env<'_, Self>, view: u64, reasons: Rc<[Vote]>) {
        self.forget_view(env);
        self.entered_by = reasons;
        self.own_vote = 0;
        self.set_status(env, Status::ViewChange, view);
        env.observe(Observation::ViewChangeStarted { view });
        self.journal.enter(view);
        self.write_disk(env);
        env.cancel_timer(HEARTBEAT_TIMER);
        env.set_timer(VIEW_CHANGE_TIMER, self.cluster.view_change_timeout + self.jitter);
        env.set_timer(RESEND_TIMER, self.cluster.heartbeat);
        self.send_entered(env);
        self.send_do_view_change(env);
    }

    /// Clears the state that belongs to one view.
    fn forget_view(&mut self, env: &mut Env<'_, Self>) {
        self.end_repairs(env);
        self.pending.clear();
        self.shares.clear();
        self.do_view_changes = Default::default();
        self.own_do_view_change = None;
        self.entered_by = Rc::from([]);
        self.stragglers = 0;
        self.give_up_change();
    }

    fn send_entered(&self, env: &mut Env<'_, Self>) {
        let votes = if self.distrusts() { self.entered_by.clone() } else { Rc::from([]) };
        self.tell_members(env, &self.signed(self.entered(votes)));
    }

    /// A vote for `view`.
    pub(crate) fn vote_for(&self, view: u64) -> Body {
        Body::StartViewChange { view, entered: false, votes: Rc::from([]), configuration: self.configuration().op }
    }

    /// A notice that this replica has left all views before its own, with the votes for it.
    pub(crate) fn entered(&self, votes: Rc<[Vote]>) -> Body {
        Body::StartViewChange { view: self.view, entered: true, votes, configuration: self.configuration().op }
    }

    /// Handles a vote for a view, or a notice that the sender has left for one.
    pub(crate) fn on_start_view_change(
        &mut self,
        env: &mut Env<'_, Self>,
        message: &Message,
        view: u64,
        entered: bool,
        votes: &Rc<[Vote]>,
        configuration: u64,
    ) -> Handled {
        let from = message.from;
        if view <= self.view {
            // A sender that votes for a view that has already started is behind.
            if self.leads() && (entered || view < self.view) {
                self.send_start_view(env, from);
            }
            return if view < self.view { Err(RejectReason::OldView) } else { Ok(()) };
        }
        if !self.counts_vote_of(from) {
            return Err(RejectReason::NotMember);
        }
        let vote = Vote { from, view, signature: message.signature };
        self.votes[from.index()] = Some((vote, env.monotonic()));
        if entered && self.proves(view, votes) {
            self.enter(env, view, votes.clone());
            return Ok(());
        }
        self.second(env, from, view, configuration);
        self.count_votes(env);
        if entered && self.view < view && self.status == Status::Normal {
            // A replica that restarted has lost its reasons. If it repeats its claim often enough, the others start a
            // view change. A liar can force a view change in this way from time to time, as it can by silence.
            self.stragglers += 1;
            if self.stragglers >= STRAGGLER_PATIENCE {
                self.stragglers = 0;
                self.vote(env);
            }
        }
        Ok(())
    }

    /// Whether `votes` prove that a view-change quorum voted for `view`. Where no replica lies, the sender's claim
    /// suffices.
    fn proves(&self, view: u64, votes: &[Vote]) -> bool {
        if !self.distrusts() {
            return true;
        }
        let mut senders = sim::ReplicaSet::default();
        for vote in votes.iter().filter(|vote| vote.view >= view && vote.from.0 < self.cluster.replicas) {
            let body = self.vote_for(vote.view);
            if self.keys.verify(vote.from, &body.statement(vote.from), vote.signature) {
                senders.insert(vote.from);
            }
        }
        senders.len() >= u32::from(self.cluster.view_change_quorum)
    }

    /// Sends the log to the new primary, once the view is durable.
    pub(crate) fn send_do_view_change(&mut self, env: &mut Env<'_, Self>) {
        let vouched = self.journal.superblock().view >= self.view && self.journal.is_redundant();
        if self.status != Status::ViewChange || self.amnesia || !vouched {
            return;
        }
        if self.is_primary() && self.may_have_led == Some(self.view) && !self.bugs.on(PlantedBug::ViewLedTwice) {
            return;
        }
        if self.own_do_view_change.is_none() {
            let (view, last_normal, op, commit) = (self.view, self.last_normal, self.log.last_op(), self.commit);
            env.observe(Observation::Voted { view, last_normal, op, commit });
            let log = self.log.entries().into();
            let base = self.log.tail().base;
            let checkpoint = self.journal.checkpoints.newest().map_or(0, |newest| newest.last.op);
            let body = DoViewChange { view, last_normal, op, commit, log, base, checkpoint };
            let body = Body::DoViewChange(Rc::new(body));
            self.own_do_view_change = Some(self.signed(body));
        }
        let message = self.own_do_view_change.clone().expect("made above");
        if self.is_primary() {
            self.do_view_changes[self.id.index()] = Some(message);
            self.try_start_view(env);
        } else {
            env.send(self.primary_of(self.view), message);
        }
    }

    /// Resends what a view change or a recovery waits for.
    pub(crate) fn on_resend_timer(&mut self, env: &mut Env<'_, Self>) {
        match self.status {
            Status::ViewChange => {
                self.send_entered(env);
                self.send_do_view_change(env);
            }
            Status::Recovering => {
                if self.amnesia && self.view > self.last_normal {
                    // It had left for a view that no other replica may know of, and cannot go back.
                    self.send_entered(env);
                }
                self.ask_for_start_view(env, self.view);
            }
            Status::Normal => {}
        }
        if self.own_vote > self.view {
            self.send_vote(env);
            self.count_votes(env);
        }
        if self.status != Status::Normal || self.own_vote > self.view {
            env.set_timer(RESEND_TIMER, self.cluster.heartbeat);
        }
    }

    /// New primary: handles the log of a replica.
    pub(crate) fn on_do_view_change(
        &mut self,
        env: &mut Env<'_, Self>,
        message: &Message,
        body: &Rc<DoViewChange>,
    ) -> Handled {
        if body.view < self.view {
            if self.leads() {
                self.send_start_view(env, message.from);
            }
            return Err(RejectReason::OldView);
        }
        if self.primary_of(body.view) != self.id {
            return Err(RejectReason::WrongSender);
        }
        self.check_do_view_change(body)?;
        if body.view > self.view {
            if self.distrusts() {
                return Err(RejectReason::NewerView);
            }
            if !self.counts_vote_of(message.from) {
                return Err(RejectReason::NotMember);
            }
            self.enter(env, body.view, Rc::from([]));
        }
        if self.status != Status::ViewChange {
            if self.leads() {
                self.send_start_view(env, message.from);
            }
            return Ok(());
        }
        self.do_view_changes[message.from.index()] = Some(message.clone());
        self.observe_holding(env);
        self.try_start_view(env);
        Ok(())
    }

    /// New primary: starts the view when it has enough DoViewChanges, including its own.
    pub(crate) fn try_start_view(&mut self, env: &mut Env<'_, Self>) {
        let reasons: Vec<Message> = self.do_view_changes.iter().flatten().cloned().collect();
        let own = self.do_view_changes[self.id.index()].is_some();
        let too_few = reasons.len() < usize::from(self.cluster.view_change_quorum);
        if !own || self.membership.is_fixed() && too_few || self.transfer.installing() {
            return;
        }
        let Some((log, commit, op)) = self.choose_log(&reasons) else { return };
        let mut senders = sim::ReplicaSet::default();
        for reason in &reasons {
            senders.insert(reason.from);
        }
        if !self.membership.may_start(self.id, log.entries(), senders) {
            return;
        }
        if !self.can_take(log.tail()) {
            // Its own log ends before the selected one begins: it gets a state first, and then starts the view.
            let checkpoint = |reason: &&Message| match &reason.body {
                Body::DoViewChange(body) => body.checkpoint,
                _ => 0,
            };
            let peer = reasons.iter().filter(|reason| reason.from != self.id).max_by_key(checkpoint);
            if let Some(peer) = peer.map(|reason| reason.from) {
                self.ask_for_state_before(env, peer, log.tail());
            }
            return;
        }
        let view = self.view;
        self.reasons = if self.distrusts() { reasons.into() } else { Rc::from([]) };
        self.do_view_changes = Default::default();
        self.start_view(env, view, log.tail(), op, commit);
        if self.bugs.on(PlantedBug::TimestampReassignedByNewPrimary) {
            for entry in self.log.since(self.commit + 1).to_vec() {
                self.log.fill(entry.restamped().into());
            }
        }
        self.acknowledged_by = [0; sim::base::ids::REPLICAS_MAX];
        self.shares.clear();
        self.resend_to = 0;
        env.set_timer(HEARTBEAT_TIMER, self.cluster.heartbeat);
        env.cancel_timer(VIEW_CHANGE_TIMER);
        let message = self.start_view_message();
        self.broadcast(env, &message);
        self.acknowledge(env);
        self.advance_change(env);
    }

    /// The log, commit number and op that follow from DoViewChanges; `None` while an entry's content is missing.
    pub(crate) fn choose_log(&self, reasons: &[Message]) -> Option<(Log, u64, u64)> {
        let bodies = reasons.iter().filter_map(|reason| match &reason.body {
            Body::DoViewChange(body) => Some((reason.from, body)),
            _ => None,
        });
        let claims: Vec<Claim<'_>> = bodies
            .clone()
            .map(|(from, body)| Claim { from, last_normal: body.last_normal, commit: body.commit, log: body.tail() })
            .collect();
        let never = |before: &[Rc<Entry>], without| self.membership.never_committed(before, without);
        let Choice::Log(mut log, mut commit) = choose(&claims, self.cluster.byzantine, never) else { return None };
        let whole = |claim: &&Claim<'_>| claim.log.entries.iter().all(|entry| !entry.is_hole());
        if self.bugs.on(PlantedBug::ViewChangeStaleLog) {
            let stale = claims.iter().filter(whole).min_by_key(|claim| (claim.last_normal, claim.log.last_op()))?;
            log = Log::copy(stale.log);
            commit = commit.min(log.last_op());
        }
        if self.bugs.on(PlantedBug::DvcIdenticalClaims) {
            let numbers = |claim: &Claim<'_>| (claim.last_normal, claim.log.last_op());
            let highest = claims.iter().map(numbers).max()?;
            let any = claims.iter().filter(whole).find(|claim| numbers(claim) == highest)?;
            log = Log::copy(any.log);
            commit = commit.min(log.last_op());
        }
        if self.bugs.on(PlantedBug::DvcInflatedCommit) {
            commit = claims.iter().map(|claim| claim.commit).max()?;
        }
        let mut op = log.last_op();
        if self.bugs.on(PlantedBug::DvcTailLengthMismatch) {
            op = bodies.map(|(_, body)| (body.last_normal, body.op)).max().map_or(op, |(_, stated)| stated.max(op));
        }
        Some((log, commit, op))
    }

    /// Becomes normal in `view` with this log. The view started from its first `start_op` entries.
    fn start_view(&mut self, env: &mut Env<'_, Self>, view: u64, log: Tail<'_>, start_op: u64, commit: u64) {
        let again = self.last_normal == view && !self.bugs.on(PlantedBug::StartViewRace);
        self.amnesia = false;
        self.own_vote = 0;
        self.attempts = 0;
        self.own_do_view_change = None;
        self.entered_by = Rc::from([]);
        self.last_normal = view;
        if self.is_primary() && self.bugs.on(PlantedBug::PositionRegression) {
            self.executed = self.executed.saturating_sub(1);
        }
        self.start_op = start_op;
        self.acknowledged = 0;
        self.primary_timeouts.begin(env.monotonic());
        self.transfer.progress();
        self.set_status(env, Status::Normal, view);
        self.install(env, log, again);
        self.journal.start_view(view, start_op, self.log.hash_at(start_op));
        let op = if self.is_primary() { start_op } else { self.log.last_op() };
        env.observe(Observation::ViewStarted { view, op, commit: commit.max(self.commit), primary: self.is_primary() });
        self.commit_to(env, commit);
        self.write_disk(env);
    }

    /// Replaces the log in memory. With `keep`, the log is already of the same view and may only grow: a StartView that
    /// was sent earlier must not remove what this replica has acknowledged in the view.
    fn install(&mut self, env: &mut Env<'_, Self>, log: Tail<'_>, keep: bool) {
        let mut same = self.log.base().max(log.base.op);
        while log.get(same + 1).is_some_and(|new| new.hash == self.log.hash_at(same + 1)) {
            same += 1;
        }
        if let Some(hole) = self.log.first_hole() {
            for entry in log.entries.iter().take_while(|entry| entry.op <= same) {
                if self.log.get(entry.op).is_some_and(|old| old.is_hole()) {
                    self.log.fill(entry.clone());
                    env.observe(Observation::Repaired { op: entry.op });
                }
            }
            self.journal.replaced(hole, false);
        }
        let last = self.log.last_op();
        if same < last && !keep {
            env.observe(Observation::Truncated { op: same });
            self.log.truncate(same);
            self.membership.truncated(same);
            self.journal.replaced(same + 1, true);
            self.executed = self.executed.min(same);
        }
        if self.log.last_op() == same {
            for entry in log.entries.iter().skip_while(|entry| entry.op <= same) {
                self.append(env, entry.clone());
            }
        }
        self.log_sessions();
    }

    /// Updates the uncommitted part of the client table after the log was replaced.
    pub(crate) fn log_sessions(&mut self) {
        self.sessions.forget_logged();
        for entry in self.log.since(self.executed.max(self.log.base()) + 1) {
            if let Some(request) = &entry.request {
                self.sessions.log(request, entry.op);
            }
        }
    }

    fn start_view_message(&self) -> Message {
        self.signed(Body::StartView(Rc::new(StartView {
            view: self.view,
            op: self.log.last_op(),
            commit: if self.distrusts() {
                self.commit_claim()
            } else {
                crate::messages::message::CommitClaim { op: self.commit.min(self.log.last_op()), certificate: None }
            },
            log: self.log.entries().into(),
            start_op: self.start_op,
            reasons: self.reasons.clone(),
            padding: 0,
            base: self.log.tail().base,
        })))
    }

    /// Primary: sends the state of the view to a replica that is behind.
    fn send_start_view(&self, env: &mut Env<'_, Self>, to: ReplicaId) {
        if to != self.id {
            env.send(to, self.start_view_message());
        }
    }

    /// Requests the StartView of `view` from its primary.
    pub(crate) fn ask_for_start_view(&mut self, env: &mut Env<'_, Self>, view: u64) {
        let now = env.monotonic();
        let primary = self.primary_of(view);
        // The limit is per primary: requests to one without an answer must not delay requests to another.
        let asked = &mut self.start_view_asked[primary.index()];
        if primary != self.id && now >= *asked + self.cluster.heartbeat / 2 {
            *asked = now;
            self.send(env, primary, Body::RequestStartView { view });
        }
    }

    /// Handles a request for a StartView.
    pub(crate) fn on_request_start_view(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, view: u64) -> Handled {
        if view > self.view {
            return Err(RejectReason::NewerView);
        }
        if !self.leads() {
            return Err(RejectReason::WrongStatus);
        }
        self.send_start_view(env, from);
        Ok(())
    }

    /// Handles the start of a view.
    pub(crate) fn on_start_view(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, body: &StartView) -> Handled {
        if from != self.primary_of(body.view) && !self.bugs.on(PlantedBug::StartViewFromAnyone) {
            return Err(RejectReason::WrongSender);
        }
        if body.view < self.view && !self.bugs.on(PlantedBug::OldStartViewAccepted) {
            return Err(RejectReason::OldView);
        }
        let again = body.view == self.view && self.status == Status::Normal;
        if again && !self.bugs.on(PlantedBug::StartViewRace) {
            return Err(RejectReason::Duplicate);
        }
        let commit = self.check_start_view(body)?;
        if self.transfer.installing() {
            return Err(RejectReason::Busy);
        }
        if !self.can_take(body.tail()) {
            self.ask_for_state_before(env, from, body.tail());
            return Ok(());
        }
        self.forget_view(env);
        self.start_view(env, body.view, body.tail(), body.start_op, commit);
        self.keep_certificate(&body.commit);
        env.cancel_timer(HEARTBEAT_TIMER);
        env.set_timer(VIEW_CHANGE_TIMER, self.cluster.view_change_timeout + self.jitter);
        self.acknowledge(env);
        Ok(())
    }
}
