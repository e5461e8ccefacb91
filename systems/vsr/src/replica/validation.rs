//! Validation of view change messages: a DoViewChange or a StartView must not contradict itself. Where replicas may
//! lie, a StartView must also follow from the DoViewChanges that it carries.

use sim::RejectReason;

use crate::bugs::PlantedBug;
use crate::log::Tail;
use crate::messages::message::{Body, DoViewChange, StartView};
use crate::replica::{Handled, Vsr};

impl Vsr {
    /// Checks that a DoViewChange does not contradict itself.
    pub(crate) fn check_do_view_change(&self, body: &DoViewChange) -> Handled {
        if body.op != body.tail().last_op() && !self.bugs.on(PlantedBug::DvcTailLengthMismatch) {
            return Err(RejectReason::BadLength);
        }
        if body.commit > body.op && !self.bugs.on(PlantedBug::DvcInflatedCommit) {
            return Err(RejectReason::CommitPastLog);
        }
        if body.last_normal >= body.view {
            return Err(RejectReason::BadMetadata);
        }
        self.check_log(body.tail(), body.last_normal)
    }

    /// Checks that a log is a chain of entries whose views never decrease and never exceed `view_max`. Where replicas
    /// may lie, it must be complete, since a checkpoint is only the sender's claim.
    fn check_log(&self, log: Tail<'_>, view_max: u64) -> Handled {
        if self.distrusts() && log.base.op > 0 || (log.base.op == 0) != (log.base.hash == 0) {
            return Err(RejectReason::BadMetadata);
        }
        let (mut previous, mut view) = (log.base, 0);
        for entry in log.entries {
            self.check_entry(entry, previous)?;
            if entry.view < view || entry.view > view_max {
                return Err(RejectReason::BadMetadata);
            }
            (previous, view) = (entry.as_ref().into(), entry.view);
        }
        Ok(())
    }

    /// The commit number of a StartView, if it does not contradict itself and follows from its reasons.
    pub(crate) fn check_start_view(&self, body: &StartView) -> Result<u64, RejectReason> {
        let op = body.tail().last_op();
        let trusts_commit = self.bugs.on(PlantedBug::StartViewCommitPastLog);
        if body.op != op || body.start_op > op && !self.bugs.on(PlantedBug::DvcTailLengthMismatch) {
            return Err(RejectReason::BadLength);
        }
        if body.commit.op > op && !trusts_commit {
            return Err(RejectReason::CommitPastLog);
        }
        self.check_log(body.tail(), body.view)?;
        if body.log.iter().any(|entry| entry.is_hole()) {
            return Err(RejectReason::BadMetadata);
        }
        if !self.distrusts() {
            return Ok(body.commit.op);
        }
        if self.bugs.on(PlantedBug::ViewChangeOverwritesCommitted) || self.bugs.on(PlantedBug::StartViewFromAnyone) {
            return Ok(0);
        }
        let start = self.check_reasons(body)?;
        let committed = usize::try_from(self.commit).unwrap_or(usize::MAX);
        if self.commit > 0 && body.log.get(committed - 1).is_none_or(|kept| kept.hash != self.log.hash_at(self.commit))
        {
            return Err(RejectReason::UnprovenLog);
        }
        if trusts_commit {
            return Ok(body.commit.op);
        }
        // The log in memory is not yet that of the view. So the certificate is compared with the log in the message.
        let proven = match &body.commit.certificate {
            Some(certificate) if certificate.verify(self.replication_quorum() as u32, &self.keys) => {
                let index = usize::try_from(certificate.op).unwrap_or(usize::MAX).wrapping_sub(1);
                let fits = body.log.get(index).is_some_and(|entry| entry.hash == certificate.hash);
                if !fits || certificate.op != body.commit.op {
                    return Err(RejectReason::UnprovenCommit);
                }
                certificate.op
            }
            None if body.commit.op == 0 => 0,
            _ => return Err(RejectReason::UnprovenCommit),
        };
        Ok(start.max(proven))
    }

    /// Checks that the log follows from the DoViewChanges in the message. Returns the commit number that follows from
    /// them.
    fn check_reasons(&self, body: &StartView) -> Result<u64, RejectReason> {
        let start_op = usize::try_from(body.start_op).unwrap_or(usize::MAX);
        let (started, later) = body.log.split_at_checked(start_op).ok_or(RejectReason::BadLength)?;
        if later.iter().any(|entry| entry.view != body.view) {
            return Err(RejectReason::UnprovenLog);
        }
        if body.view == 0 {
            return if started.is_empty() { Ok(0) } else { Err(RejectReason::UnprovenLog) };
        }
        let mut senders = sim::ReplicaSet::default();
        for reason in body.reasons.iter() {
            let Body::DoViewChange(claim) = &reason.body else { return Err(RejectReason::UnprovenLog) };
            let known = reason.from.0 < self.cluster.replicas && !senders.has(reason.from);
            if !known || claim.view != body.view || !reason.verify(&self.keys) {
                return Err(RejectReason::UnprovenLog);
            }
            self.check_do_view_change(claim).map_err(|_| RejectReason::UnprovenLog)?;
            senders.insert(reason.from);
        }
        if senders.len() < u32::from(self.cluster.view_change_quorum) {
            return Err(RejectReason::UnprovenLog);
        }
        let (log, commit, _) = self.choose_log(&body.reasons).ok_or(RejectReason::UnprovenLog)?;
        let log = log.entries();
        let follows = log.len() == started.len() && log.iter().zip(started).all(|(x, y)| x.hash == y.hash);
        if follows { Ok(commit) } else { Err(RejectReason::UnprovenLog) }
    }
}
