//! State transfer: a state that stands for a part of the log is the state of the committed log, and loses nothing.
//!
//! 1. Wherever the same op is checkpointed or installed, the state has the same hash; and the op is committed, with the
//!    entry that the replica names.
//! 2. A replica drops no more of its log than its durable checkpoint covers.
//! 3. A replica that gets a state drops nothing that it acknowledged, neither for the sake of the transfer nor when it
//!    installs the state: entries that follow from the state's op stay.
//! 4. A replica on an undamaged disk comes back with its newest checkpoint or a later one.
//! 5. A replica whose log ends before all others' logs begin, when the faults end, gets a state within [`bound`]; whether
//!    that one is enough is a matter of liveness.
//!
//! Source: "Viewstamped Replication Revisited", sections 5.1 and 5.2, and its known defect: a replica that cuts its log back
//! to its commit number before it asks for a state, and votes in a view change before it has it, loses what it acknowledged
//! (Michael et al., "Recovering Shared Objects Without Stable Storage", 2017, found such a loss in VRR's recovery). Not
//! checked: that the state's content fits its hash, which the executions after it show (see `linearizability`).

use crate::base::ids::{REPLICAS_MAX, ReplicaId};
use crate::base::time::{SECOND, Time};
use crate::config::spec::Config;
use crate::invariants::support::{Context, Violation, kinds, set, short};
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::{EntryHash, Observation, Status};

/// The invariant's name.
pub const NAME: &str = "state_transfer";
pub(in crate::invariants) const INTERESTS: u128 = kinds::CHECKPOINTED
    | kinds::LOG_DROPPED
    | kinds::STATE_TRANSFER_STARTED
    | kinds::STATE_INSTALLED
    | kinds::TRUNCATED
    | kinds::RECOVERED
    | kinds::VIEW_STARTED;

const TOO_LATE: &str = "a replica that fell behind got no state in time";

/// How long after the end of the faults a replica that needs a state may be without it: a sync that was slow when they
/// ended takes up to 7 seconds more (`plan/codec.rs`), and all the rest is a matter of some timeouts.
pub fn bound(config: &Config) -> Time {
    8 * SECOND + 8 * config.cluster.view_change_timeout + 4 * config.cluster.sync_timeout
}

/// What is known of one replica.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Its newest durable checkpoint, also from before a crash.
    checkpoint: u64,
    /// It has asked for a state and did not get it yet.
    asking: bool,
    /// It needs a state, and has got none since the faults ended.
    needs: bool,
}

#[derive(Debug, Default)]
pub(in crate::invariants) struct StateTransfer {
    /// The states by op, in the order of their ops.
    states: Vec<(u64, EntryHash)>,
    replicas: [Known; REPLICAS_MAX],
    bound: Time,
    healed: Option<Time>,
}

impl StateTransfer {
    pub fn reset(&mut self, config: &Config) {
        self.states.clear();
        self.replicas = [Known::default(); REPLICAS_MAX];
        self.bound = bound(config);
        self.healed = None;
    }

    /// The faults have ended: who needs a state from here on?
    pub fn healed(&mut self, at: Time, cluster_view: &ClusterView) {
        self.healed = Some(at);
        for (id, state) in cluster_view.correct_replicas() {
            let others = cluster_view.correct_replicas().filter(|(other, _)| *other != id);
            let begin = others.map(|(_, other)| other.dropped).min().unwrap_or(0);
            self.replicas[id.index()].needs = state.op() < begin;
        }
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let (id, me) = (context.id, context.me);
        match context.seen.what {
            Observation::Checkpointed { op, state } => {
                self.replicas[id.index()].checkpoint = op;
                let wrong = self.compare(context, op, state);
                if wrong.is_none() && op > me.executed {
                    return context.violation(
                        NAME,
                        "a checkpoint of what was not executed",
                        format!("{id} checkpoints at most op {}, the last that it executed", me.executed),
                        format!("it checkpointed op {op}"),
                    );
                }
                wrong
            }
            Observation::LogDropped { op } if op > me.checkpoint => context.violation(
                NAME,
                "the log was dropped before the checkpoint was durable",
                format!("{id} drops its log at most up to op {}, its durable checkpoint", me.checkpoint),
                format!("it dropped it up to op {op}"),
            ),
            Observation::StateTransferStarted { .. } => {
                self.replicas[id.index()].asking = true;
                None
            }
            Observation::ViewStarted { .. } => {
                self.replicas[id.index()].asking = false;
                None
            }
            Observation::Truncated { op } if self.replicas[id.index()].asking => truncated(context, op),
            Observation::StateInstalled { op, entry, state, last } => self.installed(context, op, entry, state, last),
            Observation::Recovered { .. } => {
                let known = &mut self.replicas[id.index()];
                known.asking = false;
                let before = std::mem::replace(&mut known.checkpoint, me.checkpoint);
                if me.checkpoint >= before || me.damaged {
                    return None;
                }
                context.violation(
                    NAME,
                    "a durable checkpoint was lost",
                    format!("{id} comes back with the checkpoint at op {before} or a later one"),
                    format!("it came back with that at op {}", me.checkpoint),
                )
            }
            _ => None,
        }
    }

    fn installed(
        &mut self,
        context: &Context<'_>,
        op: u64,
        entry: EntryHash,
        state: EntryHash,
        last: u64,
    ) -> Option<Box<Violation>> {
        let (id, me) = (context.id, context.me);
        let known = &mut self.replicas[id.index()];
        if !me.loading {
            known.asking = false;
            known.checkpoint = op;
        }
        let needed = !me.loading && std::mem::take(&mut known.needs);
        let late = needed && self.healed.is_some_and(|healed| context.seen.at > healed + self.bound);
        let wrong = self.compare(context, op, state);
        if wrong.is_some() {
            return wrong;
        }
        let committed = context.cluster_view.committed_at(op);
        if committed.is_none_or(|committed| committed.entry != entry) {
            return context.violation(
                NAME,
                "a state of what is not committed",
                match committed {
                    Some(committed) => format!("the state at op {op} is that after {}", short(committed.entry)),
                    None => format!("{id} installs a state of at most op {}", context.cluster_view.committed.len()),
                },
                format!("{id} installed the state at op {op} after {}", short(entry)),
            );
        }
        let follows = me.entry(op).is_some_and(|held| held.entry == entry);
        if let Some((_, acknowledged, _)) = me.acknowledged
            && !me.loading
            && follows
            && acknowledged > last.max(op)
        {
            return lost(context, acknowledged, last);
        }
        late.then(|| Box::new(self.too_late(context.seen.at, context.seen.event, id)))
    }

    /// Rule 1: the same op, the same state.
    fn compare(&mut self, context: &Context<'_>, op: u64, state: EntryHash) -> Option<Box<Violation>> {
        match self.states.binary_search_by_key(&op, |known| known.0) {
            Ok(place) if self.states[place].1 != state => context.violation(
                NAME,
                "two states at one op",
                format!("the state at op {op} has the hash {}", short(self.states[place].1)),
                format!("that of {} has {}", context.id, short(state)),
            ),
            Ok(_) => None,
            Err(place) => {
                self.states.insert(place, (op, state));
                None
            }
        }
    }

    /// Rule 5, at the end of the run.
    pub fn finish(&self, at: Time, event: u64) -> Option<Box<Violation>> {
        let deadline = self.healed? + self.bound;
        let id = (0..).map(ReplicaId).zip(&self.replicas).find(|(_, known)| known.needs)?.0;
        (at > deadline).then(|| Box::new(self.too_late(at, event, id)))
    }

    #[cold]
    fn too_late(&self, at: Time, event: u64, id: ReplicaId) -> Violation {
        Violation {
            invariant: NAME,
            rule: TOO_LATE,
            at,
            event,
            replicas: set([id]),
            expected: format!("{id} installs a state within {} ms after the faults ended", self.bound / 1_000_000),
            seen: "it needed longer, and the others' logs begin after its own".to_owned(),
        }
    }
}

/// Rule 3: only the start of a view may cut the log back, and it says so before.
fn truncated(context: &Context<'_>, op: u64) -> Option<Box<Violation>> {
    let me = context.me;
    let (view, acknowledged, _) = me.acknowledged?;
    let starts = me.status == Status::Normal && me.view > view;
    if starts || me.loading || acknowledged <= op { None } else { lost(context, acknowledged, op) }
}

#[cold]
fn lost(context: &Context<'_>, acknowledged: u64, last: u64) -> Option<Box<Violation>> {
    context.violation(
        NAME,
        "an acknowledged entry was dropped for a state",
        format!("{} keeps its log up to op {acknowledged}, which it acknowledged", context.id),
        format!("its log ends at op {last}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry, found, put};
    use crate::protocol::observation::{Fault, Who};
    use Observation as O;

    /// Four ops were executed by replica 0; replica 1 holds all of them, replica 2 the first only.
    fn script() -> Script {
        let mut script = Script::new();
        script.committed(&[0], 1..=4);
        script.append(1, 1..=4);
        script.append(2, 1..=1);
        for number in 1..=4 {
            let op = u64::from(number);
            script.invoke(number, put(number));
            script.ok(0, Script::executed(op, number, put(number), found(op, op, number)));
        }
        script
    }

    fn installed(op: u64, state: EntryHash, last: u64) -> Observation {
        O::StateInstalled { op, entry: entry(op), state, last }
    }

    #[test]
    fn a_checkpoint_and_a_transfer_pass() {
        let mut script = script();
        script.ok(0, O::Checkpointed { op: 4, state: 9 });
        script.ok(0, O::LogDropped { op: 3 });
        script.ok(1, O::Acknowledged { view: 0, op: 4, entry: entry(4) });
        script.ok(2, O::StateTransferStarted { at_least: 2 });
        script.ok(2, installed(4, 9, 4));
        script.ok(1, installed(4, 9, 4));
        script.ok(2, Script::appended(5, 0));
        script.ok(0, O::Crashed);
        script.ok(0, O::Restarted);
        script.ok(0, O::Loading);
        script.ok(0, installed(4, 9, 4));
        script.ok(0, O::Recovered { view: 0, last_normal: 0, op: 4 });
    }

    #[test]
    fn a_wrong_state_is_caught() {
        let mut script = script();
        script.ok(0, O::Checkpointed { op: 4, state: 9 });
        script.caught(1, installed(4, 8, 4), NAME, "two states at one op");
        script.caught(0, O::Checkpointed { op: 9, state: 1 }, NAME, "a checkpoint of what was not executed");
        let rule = "a state of what is not committed";
        script.caught(2, installed(5, 7, 5), NAME, rule);
        script.caught(2, O::StateInstalled { op: 3, entry: 1, state: 6, last: 3 }, NAME, rule);
    }

    #[test]
    fn a_log_dropped_too_early_is_caught() {
        let mut script = script();
        script.ok(0, O::Checkpointed { op: 2, state: 9 });
        let rule = "the log was dropped before the checkpoint was durable";
        script.caught(0, O::LogDropped { op: 3 }, NAME, rule);
    }

    #[test]
    fn an_acknowledged_entry_that_is_dropped_is_caught() {
        let rule = "an acknowledged entry was dropped for a state";
        let mut script = script();
        script.ok(0, O::Checkpointed { op: 2, state: 9 });
        script.ok(1, O::Acknowledged { view: 0, op: 4, entry: entry(4) });
        script.caught(1, installed(2, 9, 2), NAME, rule);

        let mut script = self::script();
        script.ok(1, O::Acknowledged { view: 0, op: 4, entry: entry(4) });
        script.ok(1, O::ViewChangeStarted { view: 1 });
        script.ok(1, O::StateTransferStarted { at_least: 5 });
        script.caught(1, O::Truncated { op: 1 }, NAME, rule);
        // A view's start may do that.
        let mut script = self::script();
        script.ok(1, O::Acknowledged { view: 0, op: 4, entry: entry(4) });
        script.ok(1, O::StateTransferStarted { at_least: 5 });
        script.ok(1, O::StatusChanged { status: Status::Normal, view: 1, primary: false });
        script.ok(1, O::Truncated { op: 1 });
    }

    #[test]
    fn a_lost_checkpoint_is_caught_on_an_undamaged_disk() {
        for damaged in [false, true] {
            let mut script = script();
            script.ok(0, O::Checkpointed { op: 4, state: 9 });
            if damaged {
                script.ok(0, O::Injected { fault: Fault::BitFlip });
            }
            script.ok(0, O::Loading);
            let recovered = O::Recovered { view: 0, last_normal: 0, op: 0 };
            if damaged {
                script.ok(0, recovered);
            } else {
                script.caught(0, recovered, NAME, "a durable checkpoint was lost");
            }
        }
    }

    #[test]
    fn a_replica_that_is_left_behind_is_caught() {
        let mut script = script();
        for replica in [0, 1] {
            script.ok(replica, installed(4, 9, 4));
        }
        script.see(Who::World, O::Healed);
        let end = 60 * SECOND;
        assert_eq!(script.checkers.finish(end, 1, &script.cluster_view).unwrap().rule, TOO_LATE);
        script.ok(2, installed(4, 9, 4));
        assert_ne!(
            script.checkers.finish(end, 1, &script.cluster_view).map(|violation| violation.rule),
            Some(TOO_LATE)
        );
    }
}
