//! Marks: observations without which a run did not exercise what its scenario is for. A run that misses one is vacuous.

use serde::{Deserialize, Serialize};

use crate::observation::{DropReason, Fault, MessageKind, RejectReason, Seen, Status};
use crate::shadow::Shadow;

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
}

/// Keeps track of the marks of a run.
#[derive(Debug, Default)]
pub struct Marks {}

impl Marks {
    /// Forgets everything; a new run that wants these marks begins.
    pub fn reset(&mut self, wanted: &[Mark]) {
        let _ = wanted;
        todo!()
    }

    /// Takes in one observation; `shadow` has not taken it in yet.
    pub fn observe(&mut self, seen: &Seen, shadow: &Shadow) {
        let _ = (seen, shadow);
        todo!()
    }

    /// The marks that were not seen.
    pub fn missing(&self) -> Vec<Mark> {
        todo!()
    }
}
