//! What an invariant sees of one observation, and how it reports a broken rule.
#![allow(clippy::unnecessary_wraps, reason = "a violation is made where a rule returns, as that rule's result")]

use super::history::History;
use super::violation::Violation;
use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::config::workload::Answer;
use crate::observers::cluster_view::{ClusterView, ReplicaView};
use crate::protocol::observation::{EntryHash, Seen};

/// What an invariant sees: one observation of a correct replica, and what was known before it.
pub(in crate::invariants) struct Context<'a> {
    pub seen: &'a Seen,
    pub id: ReplicaId,
    pub me: &'a ReplicaView,
    pub cluster_view: &'a ClusterView,
    pub history: &'a History,
}

impl Context<'_> {
    /// A violation by this replica.
    #[cold]
    pub fn violation(
        &self,
        invariant: &'static str,
        rule: &'static str,
        expected: String,
        seen: String,
    ) -> Option<Box<Violation>> {
        self.violation_with(self.id, invariant, rule, expected, seen)
    }

    /// A violation by this replica that concerns another one, too.
    #[cold]
    pub fn violation_with(
        &self,
        other: ReplicaId,
        invariant: &'static str,
        rule: &'static str,
        expected: String,
        seen: String,
    ) -> Option<Box<Violation>> {
        let Seen { at, event, .. } = *self.seen;
        let replicas = set([self.id, other]);
        Some(Box::new(Violation { invariant, rule, at, event, replicas, expected, seen }))
    }
}

/// What an invariant sees when a client accepts a reply.
pub(in crate::invariants) struct Answered<'a> {
    pub seen: &'a Seen,
    pub cluster_view: &'a ClusterView,
    pub history: &'a History,
    /// The request in the record; `None` where nobody asked.
    pub asked: Option<usize>,
    pub answer: Answer,
}

impl Answered<'_> {
    #[cold]
    pub fn violation(
        &self,
        invariant: &'static str,
        rule: &'static str,
        expected: String,
        seen: String,
    ) -> Option<Box<Violation>> {
        let Seen { at, event, .. } = *self.seen;
        Some(Box::new(Violation { invariant, rule, at, event, replicas: ReplicaSet::default(), expected, seen }))
    }
}

pub(in crate::invariants) fn set<const N: usize>(members: [ReplicaId; N]) -> ReplicaSet {
    let mut set = ReplicaSet::default();
    for member in members {
        set.insert(member);
    }
    set
}

/// An entry as people read it: the first digits of its hash.
pub(in crate::invariants) fn short(entry: EntryHash) -> String {
    let mut digits = format!("{entry:032x}");
    digits.truncate(8);
    digits
}
