//! Patience: what tells a primary that lives but leads nowhere, and what is done about it.
//!
//! Heartbeats say that a primary lives, not that it gets anywhere. Where the settings ask for it (they are off by default):
//!
//! - *Abdication.* Backups answer heartbeats with a PrepareOk for what they have acknowledged already: the answer to a ping.
//!   A primary that has not heard one from a replication quorum for a while could commit nothing. It steps down: it sends no
//!   heartbeats and takes no requests any more, and votes for the next view.
//! - *Commit stall.* A backup that hears its primary, but of no commit although there is something to commit (entries in its
//!   log, or a client's request that had to be sent to everybody), votes for the next view, and heartbeats no longer change
//!   its mind. A primary that sees the same of itself steps down.
//!
//! A primary that has stepped down stays in its view, as it would having voted, until a quorum has voted. It does not take up
//! its office again: the next view begins with whoever can be heard.
//!
//! Where replicas may lie, only a proven commit counts as progress.

use sim::base::ids::REPLICAS_MAX;
use sim::{Env, Observation, ReplicaId, Request, Status, Time};

use crate::bugs::PlantedBug;
use crate::replica::{HEARTBEAT_TIMER, Vsr};
use crate::state::membership::Kind;
use crate::state::sessions::SessionStatus;

/// What a replica knows of the progress of its view.
#[derive(Debug, Default)]
pub(crate) struct PrimaryTimeouts {
    /// Primary: when each backup was last heard.
    heard: [Time; REPLICAS_MAX],
    /// Primary: whether it has stepped down.
    abdicated: bool,
    /// The highest commit number that it heard of.
    commit: u64,
    /// Since when something waits to be committed and nothing is.
    stalled_since: Option<Time>,
    /// Backup: a client has sent a request to everybody.
    request_waits: bool,
}

impl PrimaryTimeouts {
    /// A view begins.
    pub(crate) fn begin(&mut self, now: Time) {
        *self = PrimaryTimeouts { heard: [now; REPLICAS_MAX], ..PrimaryTimeouts::default() };
    }

    /// Primary: a backup follows it.
    pub(crate) fn hear(&mut self, from: ReplicaId, now: Time) {
        self.heard[from.index()] = now;
    }

    /// Primary: whether it has stepped down.
    pub(crate) fn abdicated(&self) -> bool {
        self.abdicated
    }
}

impl Vsr {
    /// Backup: a client has sent a request here, since its primary does not answer.
    pub(crate) fn request_waits(&mut self, request: &Request) {
        // A log that is full is no fault of the primary.
        if self.cluster.commit_stall_timeout > 0 && self.log.last_op() < self.journal.layout().slots {
            self.primary_timeouts.request_waits |= matches!(
                self.sessions.session_status(request, self.executed),
                SessionStatus::New | SessionStatus::Logged
            );
        }
    }

    /// Whether nothing was committed for too long although there was something to commit. Asked at each heartbeat, of the
    /// primary by itself and of its backups; `claimed` is what the primary says to have committed.
    pub(crate) fn commits_stall(&mut self, env: &Env<'_, Self>, claimed: u64) -> bool {
        let timeout = self.cluster.commit_stall_timeout;
        if timeout == 0 || self.bugs.on(PlantedBug::CommitStallIgnored) {
            return false;
        }
        let now = env.monotonic();
        let commit = if self.distrusts() { self.commit } else { self.commit.max(claimed) };
        let primary_timeouts = &mut self.primary_timeouts;
        if commit > primary_timeouts.commit {
            *primary_timeouts =
                PrimaryTimeouts { commit, stalled_since: None, request_waits: false, ..*primary_timeouts };
        }
        if self.log.last_op() <= commit && !primary_timeouts.request_waits {
            primary_timeouts.stalled_since = None;
            return false;
        }
        let since = *primary_timeouts.stalled_since.get_or_insert(now);
        if self.bugs.on(PlantedBug::StallTimerResetByHeartbeat) {
            primary_timeouts.stalled_since = Some(now);
        }
        now >= since + timeout
    }

    /// Backup: its primary commits nothing.
    pub(crate) fn vote_against_stall(&mut self, env: &mut Env<'_, Self>) {
        if self.own_vote <= self.view && !self.is_outsider() {
            env.observe(Observation::CommitStalled { view: self.view });
            self.vote(env);
        }
    }

    /// Primary: whether it steps down now.
    pub(crate) fn abdicates(&mut self, env: &mut Env<'_, Self>) -> bool {
        let stalls = self.commits_stall(env, 0);
        if stalls {
            env.observe(Observation::CommitStalled { view: self.view });
        }
        if !stalls && !self.is_cut_off(env) {
            return false;
        }
        debug_assert_eq!(self.status, Status::Normal);
        self.primary_timeouts.abdicated = true;
        env.cancel_timer(HEARTBEAT_TIMER);
        env.observe(Observation::Abdicated { view: self.view });
        self.vote(env);
        true
    }

    /// Primary: whether it has not heard of a replication quorum for too long.
    fn is_cut_off(&self, env: &Env<'_, Self>) -> bool {
        let timeout = self.cluster.abdicate_timeout;
        if timeout == 0 || self.bugs.on(PlantedBug::NoAbdication) {
            return false;
        }
        let now = env.monotonic();
        let heard = std::array::from_fn(|index| {
            u64::from(index == self.id.index() || now < self.primary_timeouts.heard[index] + timeout)
        });
        self.membership.reached(&self.configuration(), Kind::Replication, &heard) == 0
    }
}
