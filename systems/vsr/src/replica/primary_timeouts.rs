//! Timeouts after which a primary that is alive but makes no progress is replaced.
//!
//! Heartbeats show that a primary is alive, not that it makes progress. Two timeouts detect this. Both are off by
//! default.
//!
//! - *Abdication.* Backups answer each heartbeat with a PrepareOk for what they have acknowledged already. A primary
//!   that has received none from a replication quorum for too long could commit nothing. It abdicates: it sends no more
//!   heartbeats, accepts no requests, and votes for the next view.
//! - *Commit stall.* A backup receives heartbeats, but the commit number does not advance although there is something
//!   to commit: entries in its log, or a request that a client had to send to all replicas. The backup votes for the
//!   next view, and further heartbeats do not cancel its vote. A primary in the same situation abdicates.
//!
//! Like any replica that has voted, a primary that has abdicated stays in its view until a quorum has voted. It does
//! not lead that view again.
//!
//! Where replicas may lie, only a proven commit counts as progress.

use sim::base::ids::REPLICAS_MAX;
use sim::{Env, Observation, ReplicaId, Request, Status, Time};

use crate::bugs::PlantedBug;
use crate::replica::{HEARTBEAT_TIMER, Vsr};
use crate::state::membership::Kind;
use crate::state::sessions::SessionStatus;

/// What a replica knows about the progress of its view.
#[derive(Debug, Default)]
pub(crate) struct PrimaryTimeouts {
    /// Primary: when the last acknowledgement of each backup arrived.
    last_acknowledgement: [Time; REPLICAS_MAX],
    /// Primary: whether it has abdicated.
    abdicated: bool,
    /// The highest known commit number.
    commit: u64,
    /// Since when something waits to be committed and the commit number has not advanced.
    stalled_since: Option<Time>,
    /// Backup: a client has sent a request to all replicas.
    request_waits: bool,
}

impl PrimaryTimeouts {
    /// Starts a view.
    pub(crate) fn begin(&mut self, now: Time) {
        *self = PrimaryTimeouts { last_acknowledgement: [now; REPLICAS_MAX], ..PrimaryTimeouts::default() };
    }

    /// Primary: an acknowledgement of a backup has arrived.
    pub(crate) fn record_acknowledgement(&mut self, from: ReplicaId, now: Time) {
        self.last_acknowledgement[from.index()] = now;
    }

    /// Primary: whether it has abdicated.
    pub(crate) fn abdicated(&self) -> bool {
        self.abdicated
    }
}

impl Vsr {
    /// Backup: a client has sent a request here, since the primary did not answer.
    pub(crate) fn request_waits(&mut self, request: &Request) {
        // The primary is not to blame for a full log.
        if self.cluster.commit_stall_timeout > 0 && self.log.last_op() < self.journal.layout().slots {
            self.primary_timeouts.request_waits |= matches!(
                self.sessions.session_status(request, self.executed),
                SessionStatus::New | SessionStatus::Logged
            );
        }
    }

    /// Whether nothing was committed for too long although there was something to commit. Checked at each heartbeat, by
    /// the primary and by its backups. `claimed` is the commit number that the primary states.
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

    /// Backup: votes against a primary that commits nothing.
    pub(crate) fn vote_against_stall(&mut self, env: &mut Env<'_, Self>) {
        if self.own_vote <= self.view && !self.is_outsider() {
            env.observe(Observation::CommitStalled { view: self.view });
            self.vote(env);
        }
    }

    /// Primary: abdicates, if a timeout has expired.
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

    /// Primary: whether it has received no acknowledgements from a replication quorum for too long.
    fn is_cut_off(&self, env: &Env<'_, Self>) -> bool {
        let timeout = self.cluster.abdicate_timeout;
        if timeout == 0 || self.bugs.on(PlantedBug::NoAbdication) {
            return false;
        }
        let now = env.monotonic();
        let recent = std::array::from_fn(|index| {
            u64::from(index == self.id.index() || now < self.primary_timeouts.last_acknowledgement[index] + timeout)
        });
        self.membership.reached(&self.configuration(), Kind::Replication, &recent) == 0
    }
}
