//! The focus of a violation: the ops, views, replicas, clients and sessions that it names.
//!
//! The texts of a violation use a fixed vocabulary ("op 5", "view 3", "client 2"), which is parsed here. If a violation
//! names no view, the focus has the views of its replicas. If it names a committed op, the focus also has the replica
//! that committed it, because that is the other side of the contradiction.

use std::collections::BTreeSet;

use sim::invariants::clients::mvcc_visibility;
use sim::invariants::progress::{availability, liveness};
use sim::observers::cluster_view::ClusterView;
use sim::{Case, Observation, ReplicaId, Seen, Violation};

/// The maximum number of ops in a focus. The lowest ones are kept.
const OPS_MAX: usize = 3;

/// What a violation is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Focus {
    /// The ops.
    pub ops: BTreeSet<u64>,
    /// The views.
    pub views: BTreeSet<u64>,
    /// The replicas.
    pub replicas: BTreeSet<u8>,
    /// The clients.
    pub clients: BTreeSet<u64>,
    /// The request numbers.
    pub requests: BTreeSet<u64>,
    /// The kinds of observations that its invariant uses: bit k stands for `Observation::kind` k.
    pub kinds: u128,
    /// The events, with their replicas, whose causes are followed back.
    pub roots: Vec<(u64, ReplicaId)>,
    /// Whether the violation is that something does not happen: requests that are not answered, replicas that do not
    /// recover.
    pub absence: bool,
}

impl Focus {
    /// Computes the focus of this violation.
    pub fn of(case: &Case, recorded: &[Seen], violation: &Violation) -> Self {
        let texts = [violation.expected.as_str(), violation.seen.as_str()];
        let named = |name| -> BTreeSet<u64> { texts.iter().flat_map(|text| numbers(text, name)).collect() };
        let mut focus = Focus {
            ops: named("op").union(&named("position")).copied().collect(),
            views: named("view"),
            replicas: violation.replicas.iter().map(|id| id.0).collect(),
            clients: named("client"),
            requests: named("request"),
            kinds: sim::invariants::interests(violation.invariant),
            absence: matches!(violation.invariant, liveness::NAME | availability::NAME),
            ..Focus::default()
        };
        // The version of a key is the op that wrote it.
        if violation.invariant == mvcc_visibility::NAME {
            focus.ops.extend(named("version"));
        }
        focus.ops.remove(&0);
        focus.ops = focus.ops.into_iter().take(OPS_MAX).collect();
        let mut cluster_view = ClusterView::default();
        cluster_view.reset(&case.config, case.liars);
        recorded.iter().take_while(|seen| seen.event < violation.event).for_each(|seen| cluster_view.apply(seen));
        for id in 0..case.config.cluster.replicas {
            let id = ReplicaId(id);
            if focus.replicas.is_empty() || focus.replicas.contains(&id.0) {
                focus.roots.push((violation.event, id));
            }
        }
        if focus.views.is_empty() {
            focus.views = violation.replicas.iter().map(|id| cluster_view.replicas[id.index()].view).collect();
        }
        for op in &focus.ops {
            let Some(committed) = cluster_view.committed_at(*op) else { continue };
            focus.views.insert(committed.prepared);
            let commit = recorded.iter().find(|seen| {
                seen.who.replica() == Some(committed.by)
                    && matches!(seen.what, Observation::Committed { op: at, .. } if at == *op)
            });
            focus.roots.extend(commit.map(|seen| (seen.event, committed.by)));
        }
        focus
    }

    /// Whether the invariant of the violation uses observations of this kind.
    pub fn judges_by(&self, what: &Observation) -> bool {
        self.kinds >> what.kind() & 1 == 1
    }

    /// Whether the violation names the replica.
    pub fn names(&self, replica: ReplicaId) -> bool {
        self.replicas.contains(&replica.0)
    }
}

/// The numbers that follow the word `name` in a text.
fn numbers<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = u64> + 'a {
    let words = text.split(|symbol: char| !symbol.is_alphanumeric()).filter(|word| !word.is_empty());
    words.clone().zip(words.skip(1)).filter(move |(word, _)| *word == name).filter_map(|(_, next)| next.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_a_violation_are_parsed() {
        let text = "replica 1 starts view 4 with 19215dd8 at op 12, which replica 0 committed; opera 7, op x";
        assert_eq!(numbers(text, "op").collect::<Vec<_>>(), [12]);
        assert_eq!(numbers(text, "view").collect::<Vec<_>>(), [4]);
        assert_eq!(numbers(text, "replica").collect::<Vec<_>>(), [1, 0]);
        assert_eq!(numbers(text, "client").count(), 0);
    }
}
