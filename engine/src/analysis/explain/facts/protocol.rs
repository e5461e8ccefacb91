//! Facts about the protocol: entries, views, crashes and recovery.

use sim::invariants::process::resource_limits;
use sim::{EntryHash, Observation, ReplicaId, Seen, Status};

use crate::analysis::explain::facts::{Facts, Merge, short};
use crate::analysis::explain::phrase;
use crate::base::format;

use std::collections::BTreeSet;

impl Facts<'_> {
    /// Facts about entries: prepared, acknowledged, committed, truncated.
    pub(super) fn log(&mut self, seen: &Seen, id: ReplicaId) {
        let replica = &self.cluster_view.replicas[id.index()];
        let (end, commit, loading) = (replica.op(), replica.commit, replica.loading);
        let names = self.focus.names(id);
        let mut told = Vec::new();
        match seen.what {
            Observation::Appended { op, view, entry, .. } if self.focus.ops.contains(&op) && !loading => {
                let leads = replica.primary && replica.status == Status::Normal && replica.view == view;
                let hash = short(entry);
                if leads && self.entries.insert((op, entry)) {
                    self.record(
                        seen,
                        80,
                        Merge::Phase,
                        format!("prepare[s] {hash} at op {op} as the primary of view {view}"),
                    );
                } else {
                    let weight = if self.focus.judges_by(&seen.what) && names { 48 } else { 28 };
                    self.record(seen, weight, Merge::Phase, format!("append[s] {hash} of view {view} at op {op}"));
                }
            }
            Observation::Appended { op, view, entry, .. } if self.at_the_end(seen, id) && !loading => {
                let weight = if self.focus.judges_by(&seen.what) { 60 } else { 30 };
                self.record(
                    seen,
                    weight,
                    Merge::Phase,
                    format!("append[s] {} of view {view} at op {op}", short(entry)),
                );
            }
            Observation::Acknowledged { op, view, entry } => {
                for focused in self.focus.ops.range(..=op).copied() {
                    // An acknowledgement covers the whole log up to `op`.
                    let earlier = || replica.entry(focused).map(|held| held.entry);
                    let held = if focused == op { Some(entry) } else { earlier() };
                    let Some(held) = held else { continue };
                    if self.holders.entry((focused, held)).or_default().insert(id.0) {
                        let weight = if names { 68 } else { 56 };
                        told.push((weight, format!("acknowledge[s] op {focused} ({}) in view {view}", short(held))));
                    }
                }
            }
            Observation::Committed { op, entry } if self.focus.ops.contains(&op) => {
                self.commits(seen, id, op, entry);
            }
            Observation::Committed { op, .. } if self.at_the_end(seen, id) => {
                self.record(seen, 40, Merge::Phase, format!("commit[s] op {op}"));
            }
            Observation::Truncated { op } if op < end && !loading => {
                let lost = self.focus.ops.iter().any(|focused| (op + 1..=end).contains(focused));
                let weight = match (names, lost) {
                    (true, true) => 92,
                    (false, true) => 50,
                    (true, false) => 40,
                    (false, false) => 10,
                };
                let but =
                    if commit > op { format!(", though it had committed up to op {commit}") } else { String::new() };
                let verb = format!("cut[s] [its] log, which ended at op {end}, off after op {op}{but}");
                self.record(seen, weight, Merge::Phase, verb);
            }
            Observation::Damaged { op } => {
                let weight = if self.focus.ops.contains(&op) { 85 } else { 45 };
                self.record(seen, weight, Merge::Phase, format!("find[s] the entry at op {op} damaged"));
            }
            Observation::Repaired { op } if self.focus.ops.contains(&op) => {
                self.record(seen, 55, Merge::Phase, format!("get[s] the entry at op {op} from another"));
            }
            Observation::Loaded { op, content } if self.at_the_end(seen, id) => {
                self.record(
                    seen,
                    80,
                    Merge::Phase,
                    format!("take[s] {} for the entry at op {op} from [its] disk", short(content)),
                );
            }
            _ => {}
        }
        for (weight, verb) in told {
            self.record(seen, weight, Merge::Phase, verb);
        }
    }

    fn commits(&mut self, seen: &Seen, id: ReplicaId, op: u64, entry: EntryHash) {
        let held = short(entry);
        match self.committed.get(&op).copied() {
            _ if entry == 0 => {
                self.record(seen, 95, Merge::Phase, format!("commit[s] op {op}, where [it] hold[s] no entry"));
            }
            None => {
                self.committed.insert(op, (entry, id));
                let holders = self.holders.get(&(op, entry)).cloned().unwrap_or_default();
                let quorum = u32::from(self.case.config.cluster.replication_quorum);
                let few = if (holders.len() as u32) < quorum { "only " } else { "" };
                let holders = phrase::replicas(holders.into_iter().map(ReplicaId));
                let verb = format!("commit[s] op {op} ({held}), which {few}{holders} had acknowledged");
                self.record(seen, 90, Merge::Phase, verb);
                self.start_phase();
            }
            Some((other, by)) if other != entry => {
                let verb = format!("commit[s] {held} at op {op}, where {by} committed {}", short(other));
                self.record(seen, 95, Merge::Phase, verb);
            }
            Some(_) => {
                let weight = if self.focus.names(id) { 70 } else { 46 };
                self.record(seen, weight, Merge::Phase, format!("commit[s] op {op}, too"));
            }
        }
    }

    /// Facts about views: requested, voted for, started.
    pub(super) fn views(&mut self, seen: &Seen, id: ReplicaId) {
        let near = |view: u64| self.focus.views.contains(&view);
        match seen.what {
            Observation::ViewChangeWanted { view } => {
                let weight = if self.focus.judges_by(&seen.what) { 62 } else { 24 };
                self.record(seen, weight, Merge::Run, format!("want[s] view {view} to start"));
            }
            Observation::ViewChangeStarted { view } => {
                self.describe_initial_state(seen);
                let weight = if near(view) { 57 } else { 25 };
                self.record(seen, weight, Merge::Run, format!("leave[s] for view {view}"));
            }
            Observation::Voted { view, last_normal, op, commit } => {
                self.votes.entry(view).or_default().push((seen.event, id));
                let weight = if near(view) { 71 } else { 22 };
                let verb = format!(
                    "vote[s] for view {view} with a log up to op {op}, last normal in view {last_normal}, commit number {commit}"
                );
                self.record(seen, weight, Merge::Run, verb);
            }
            Observation::ViewStarted { view, op, commit, primary: true } if view > 0 => {
                self.describe_initial_state(seen);
                let weight = if near(view) { 90 } else { 60 };
                let known = self.past.cone(&[(seen.event, id)]);
                let votes = self.votes.get(&view).into_iter().flatten().filter(|(event, id)| known.has(*event, *id));
                let votes: BTreeSet<ReplicaId> = votes.map(|(_, id)| *id).collect();
                let votes = match votes.len() {
                    0 => String::new(),
                    _ => format!(" on the votes of {}", phrase::replicas(votes)),
                };
                let past = if commit > op { ", past its end" } else { "" };
                let verb =
                    format!("lead[s] view {view}{votes}, with a log up to op {op} and commit number {commit}{past}");
                self.record(seen, weight, Merge::Phase, verb);
                self.start_phase();
            }
            Observation::ViewStarted { view, op, commit, primary: false } if view > 0 => {
                let weight = if near(view) { 61 } else { 21 };
                let past = if commit > op { ", past its end" } else { "" };
                let verb =
                    format!("follow[s] into view {view}, with a log up to op {op} and commit number {commit}{past}");
                self.record(seen, weight, Merge::Phase, verb);
            }
            Observation::Abdicated { view } => {
                self.record(seen, 70, Merge::Run, format!("step[s] down as the primary of view {view}"));
            }
            Observation::CommitStalled { view } => {
                self.record(seen, 52, Merge::Run, format!("notice[s] that nothing is committed in view {view}"));
            }
            Observation::Rejected { kind, why } => {
                let verb = format!("refuse[s] a {kind:?}: {}", format::spaced(&format!("{why:?}")));
                if self.at_the_end(seen, id) {
                    self.record(seen, 90, Merge::Phase, verb);
                } else if self.focus.absence && self.cluster_view.healed {
                    self.record(seen, 64, Merge::Habit, verb);
                }
            }
            Observation::Panicked => self.record(seen, 100, Merge::Phase, "panic[s]".to_string()),
            _ => {}
        }
    }

    /// Facts about crashes and the state that remains after them.
    pub(super) fn restarts(&mut self, seen: &Seen, id: ReplicaId) {
        let replica = &self.cluster_view.replicas[id.index()];
        match seen.what {
            Observation::Crashed => {
                self.promised.insert(id.0, replica.acknowledged.map_or(0, |(_, op, _)| op));
            }
            Observation::Recovered { view, op, .. } => {
                let Some(promised) = self.promised.get(&id.0).copied() else { return };
                let (weight, but) = if promised > op {
                    (91, format!(", though [it] had acknowledged op {promised}"))
                } else {
                    (if self.focus.names(id) { 78 } else { 58 }, String::new())
                };
                let verb = format!("restart[s] and find[s] a log up to op {op} on [its] disk, view {view}{but}");
                self.record(seen, weight, Merge::Phase, verb);
            }
            Observation::StateTransferStarted { at_least } => {
                let weight = if self.focus.judges_by(&seen.what) { 72 } else { 42 };
                self.record(seen, weight, Merge::Habit, format!("ask[s] for a whole state, of op {at_least} at least"));
            }
            Observation::StateInstalled { op, last, .. } => {
                let weight = if self.focus.judges_by(&seen.what) || self.focus.names(id) { 84 } else { 44 };
                let how = if replica.loading { "find[s] on [its] disk" } else { "install[s]" };
                let verb = format!("{how} the state after op {op}, with a log up to op {last}");
                self.record(seen, weight, Merge::Phase, verb);
            }
            Observation::Checkpointed { op, .. } => {
                let weight = if self.focus.judges_by(&seen.what) && self.focus.names(id) { 66 } else { 20 };
                self.record(seen, weight, Merge::Last, format!("hold[s] a durable checkpoint after op {op}"));
            }
            Observation::LogDropped { op } => {
                let weight = if self.focus.judges_by(&seen.what) && self.focus.names(id) { 54 } else { 15 };
                self.record(
                    seen,
                    weight,
                    Merge::Last,
                    format!("drop[s] [its] log up to op {op}, since a checkpoint stands for it"),
                );
            }
            Observation::RepairRequested { peer, from, to } => {
                let focused = self.focus.ops.range(from..=to.max(from)).next().is_some();
                if self.focus.judges_by(&seen.what) && self.focus.names(id) {
                    self.record(seen, 67, Merge::Habit, format!("ask[s] {peer} for missing entries"));
                } else if focused {
                    self.record(seen, 36, Merge::Habit, format!("ask[s] for ops {from} to {to}, which [it] lack[s]"));
                } else if self.focus.absence && self.cluster_view.healed {
                    self.record(seen, 63, Merge::Habit, "ask[s] for entries that [it] lack[s]".to_string());
                }
            }
            Observation::RepairEnded { peer, answered: false } if self.focus.judges_by(&seen.what) => {
                self.record(seen, 55, Merge::Habit, format!("get[s] no answer from {peer} in time"));
            }
            Observation::Holding { items, bytes }
                if self.at_the_end(seen, id) && self.violation.invariant == resource_limits::NAME =>
            {
                self.record(seen, 93, Merge::Phase, format!("hold[s] {items} items of {bytes} bytes beside [its] log"));
            }
            _ => {}
        }
    }
}
