//! What an onlooker knows of the cluster from the observation stream alone: per replica its status, view, log and commit
//! number, and the one committed log. Invariants, coverage, marks and targets read it; only `Shadow::apply` writes it.

use crate::observation::{EntryHash, Seen, Status};
use crate::spec::{Config, ReplicaId, ReplicaSet};

/// An entry of a replica's log as it was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The entry.
    pub entry: EntryHash,
    /// The view in which it was first prepared.
    pub view: u64,
}

/// What is known of one replica.
#[derive(Clone, Debug, Default)]
pub struct ReplicaShadow {
    /// Whether it runs (it does from the first boot on, but for crashes).
    pub up: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether it is reading its disk after a restart (`Loading` without `Recovered` yet).
    pub loading: bool,
    /// Its status.
    pub status: Status,
    /// Its view.
    pub view: u64,
    /// Whether it is the primary of that view.
    pub primary: bool,
    /// Its log; op 1 is at index 0.
    pub log: Vec<LogEntry>,
    /// Its commit number.
    pub commit: u64,
    /// The last op that it executed.
    pub executed: u64,
    /// The highest promise that still stands: the op up to which it said that its log is durable, in which view, and the
    /// entry at that op. A truncation takes it back to what is left.
    pub acknowledged: Option<(u64, u64, EntryHash)>,
    /// The highest view that it voted for.
    pub voted: u64,
    /// Whether its disk was damaged at some time in the run.
    pub damaged: bool,
}

/// An entry of the one committed log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedEntry {
    /// The entry.
    pub entry: EntryHash,
    /// The correct replica that committed it first.
    pub by: ReplicaId,
}

/// What is known of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    /// The replicas.
    pub replicas: Vec<ReplicaShadow>,
    /// The liars; invariants judge the others.
    pub liars: ReplicaSet,
    /// What correct replicas committed, first come; op 1 is at index 0.
    pub committed: Vec<CommittedEntry>,
    /// The highest view in which some replica was normal, and its primary if it has started.
    pub view_max: u64,
    /// The primary of the highest view that has started.
    pub primary: Option<ReplicaId>,
    /// Whether the heal phase has begun.
    pub healed: bool,
}

impl Shadow {
    /// Forgets everything; a new run with this configuration begins.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        let _ = (config, liars);
        todo!()
    }

    /// Takes in one observation. Called after the invariants have judged it.
    pub fn apply(&mut self, seen: &Seen) {
        let _ = seen;
        todo!()
    }

    /// Whether `replica` is correct (no liar).
    pub fn correct(&self, replica: ReplicaId) -> bool {
        !self.liars.has(replica)
    }
}
