//! The selection of the log that a new view starts from. It is a pure function of the DoViewChanges. Where replicas may
//! lie, a backup repeats it to check its primary.
//!
//! Viewstamped Replication Revisited (section 4.2) selects the log with the highest last normal view, then the longest.
//! With up to b liars among the senders that is unsound. Here the selection walks the tree of hash-chained logs from
//! its root:
//!
//! - An entry is a candidate when b + 1 of the messages contain it.
//! - At a fork, the branch wins whose (b + 1)-th highest last normal view among its senders is highest.
//!
//! For b = 0 the selected log is at least as long as the one by the published rule.
//!
//! Why this suffices when r + v − n > 2b: the quorum of a committed entry intersects every view-change quorum in at
//! least b + 1 correct replicas, whose last normal view is at least the entry's view w. A correct replica with a
//! conflicting branch has a last normal view below w, by induction over views. `model` tests this on a random abstract
//! model.
//!
//! Logs may begin after a checkpoint (only where b = 0). What a checkpoint covers is committed, so the walk begins at
//! the highest base of all claims: every committed log contains it. Claims that do not reach that op, or have another
//! entry there, contain nothing that the new view needs.
//!
//! An entry that some claims know but none can read is dropped only when n − r + 1 + b messages show that their senders
//! never held it. It cannot have been committed then (Protocol-Aware Recovery, section 3.4).

use std::rc::Rc;

use sim::base::ids::REPLICAS_MAX;
use sim::{EntryHash, ReplicaId, ReplicaSet};

use crate::log::entry::Entry;
use crate::log::{Base, Log, Tail};

/// The part of a DoViewChange that the selection uses.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The sender.
    pub from: ReplicaId,
    /// The last view in which the sender was normal.
    pub last_normal: u64,
    /// The sender's commit number.
    pub commit: u64,
    /// The sender's log.
    pub log: Tail<'a>,
}

/// The result of the selection.
#[derive(Debug)]
pub enum Choice {
    /// The new view starts from this log, which has no holes, with this commit number.
    Log(Log, u64),
    /// No claim contains the content of the entry at this op: more DoViewChanges are needed.
    Missing(u64),
}

/// Selects the log; up to `byzantine` of the senders may lie. `never_committed` gets the entries before an entry and
/// the replicas that never held it, and returns whether the entry cannot have been committed.
pub fn choose(
    claims: &[Claim<'_>],
    byzantine: u8,
    never_committed: impl Fn(&[Rc<Entry>], ReplicaSet) -> bool,
) -> Choice {
    let b = usize::from(byzantine);
    let Base { op: root, hash, .. } =
        claims.iter().map(|claim| claim.log.base).max_by_key(|base| base.op).unwrap_or_default();
    let linked: Vec<bool> = claims.iter().map(|claim| claim.log.hash_at(root) == Some(hash)).collect();
    let mut on_path = linked.clone();
    let mut path: Vec<Rc<Entry>> = before(claims, &linked, root);
    let base = root - path.len() as u64;
    let last = |path: &Vec<Rc<Entry>>| base + path.len() as u64;
    while let Some(hash) = next(claims, &on_path, last(&path) + 1, b) {
        let op = last(&path) + 1;
        let mut without = ReplicaSet::default();
        let mut content = None;
        for (claim, on_path) in claims.iter().zip(&mut on_path) {
            match claim.log.get(op) {
                Some(entry) if *on_path && entry.hash == hash => {
                    if content.is_none() && !entry.is_hole() {
                        content = Some(entry);
                    }
                }
                _ => {
                    *on_path = false;
                    without.insert(claim.from);
                }
            }
        }
        match content {
            Some(entry) => path.push(entry.clone()),
            None if never_committed(&path, without) => break,
            None => return Choice::Missing(op),
        }
    }
    let mut commits: Vec<u64> = claims.iter().map(|claim| claim.commit).collect();
    commits.sort_unstable_by(|x, y| y.cmp(x));
    // Of b + 1 claims at least one is from a correct replica, and the path contains everything that it has committed.
    let commit = commits.get(b).copied().unwrap_or(0).min(last(&path));
    let linked_claims = claims.iter().zip(&linked).filter(|(_, linked)| **linked);
    let base = linked_claims.into_iter().find_map(|(claim, _)| claim.log.at(base)).unwrap_or_default();
    Choice::Log(Log::copy(Tail { base, entries: &path }), commit)
}

/// The entries up to `root`, as far back as claims with this root contain them. Backups that are slightly behind need
/// them.
fn before(claims: &[Claim<'_>], linked: &[bool], root: u64) -> Vec<Rc<Entry>> {
    let content = |op: u64| {
        let carried =
            claims.iter().zip(linked).filter(|(_, linked)| **linked).filter_map(|(claim, _)| claim.log.get(op));
        carried.into_iter().find(|entry| !entry.is_hole()).cloned()
    };
    let mut entries: Vec<_> = (1..=root).rev().map_while(content).collect();
    entries.reverse();
    entries
}

/// The hash of the entry that the walk takes at `op`, if there is a candidate.
fn next(claims: &[Claim<'_>], on_path: &[bool], op: u64, b: usize) -> Option<EntryHash> {
    let carried = |index: usize| if on_path[index] { claims[index].log.get(op) } else { None };
    let mut best: Option<(u64, u64, EntryHash)> = None;
    for entry in (0..claims.len()).filter_map(carried) {
        if best.is_some_and(|(_, _, hash)| hash == entry.hash) {
            continue;
        }
        let mut carriers = [0; REPLICAS_MAX];
        let mut count = 0;
        for (index, claim) in claims.iter().enumerate().take(REPLICAS_MAX) {
            if carried(index).is_some_and(|other| other.hash == entry.hash) {
                carriers[count] = claim.last_normal;
                count += 1;
            }
        }
        if count > b {
            carriers[..count].sort_unstable_by(|x, y| y.cmp(x));
            best = best.max(Some((carriers[b], entry.view, entry.hash)));
        }
    }
    best.map(|(_, _, hash)| hash)
}

#[cfg(test)]
mod model;
