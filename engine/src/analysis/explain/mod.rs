//! Explains a failure as a few numbered sentences, in the terms of the protocol.
//!
//! All that it reads of a system is the stream of observations, so it works for every system. Three questions select
//! what is included:
//!
//! 1. *What is it about?* The ops, views, replicas, clients and sessions that the violation names (`focus.rs`), and the
//!    kinds of observations that its invariant uses.
//! 2. *Could it have mattered?* Only what happened before the violation in the sense of Lamport: at the replicas
//!    concerned, or at another replica before it sent something that reached them (`causality.rs`).
//! 3. *How much does it matter?* Each fact has a weight (`facts/`). Equal facts of several replicas are merged into
//!    one. The facts with the highest weights are included, in the order in which they happened.
//!
//! Left out: the reason why a replica acted as it did, except for the message that it acted on. The reason is in its
//! code, and the promise at the end states what it should have done.

mod causality;
mod facts;
mod focus;
mod phrase;

use serde::Serialize;
use sim::{Begun, Case, ReplicaId, Seen, Time, Violation};

use causality::Past;
use facts::Facts;
use focus::Focus;

/// The maximum number of sentences of an explanation.
pub const STEPS_MAX: usize = 15;

/// One sentence of an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When it began, in virtual time.
    pub at: Time,
    /// The event during which it began.
    pub event: u64,
    /// The replicas that it is about.
    pub replicas: Vec<ReplicaId>,
    /// The sentence.
    pub text: String,
}

/// The explanation of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// The number of relevant facts that were left out because of their low weight.
    pub left_out: usize,
}

/// Explains a run that broke an invariant. `recorded` has all observations of the run.
pub fn explain(case: &Case, recorded: &[Seen], begun: &[Begun], violation: &Violation) -> Explanation {
    let past = Past::of(recorded);
    let focus = Focus::of(case, recorded, violation);
    let mut facts = Facts::collect(case, recorded, begun, violation, &focus, &past);
    let total = facts.len();
    // Selects by weight; on a tie, the facts nearer to the violation.
    facts.sort_by_key(|fact| std::cmp::Reverse((fact.weight, fact.index)));
    facts.truncate(STEPS_MAX);
    facts.sort_by_key(|fact| fact.index);
    let left_out = total - facts.len();
    // If a message made a replica do several things, it is named once.
    for next in (1..facts.len()).rev() {
        if facts[next].same_step(&facts[next - 1]) {
            facts[next].forget_cause();
        }
    }
    Explanation { steps: facts.into_iter().map(facts::Fact::told).collect(), left_out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::ScenarioType;
    use sim::{MessageKind, Observation, ReplicaSet, Status, Who};

    #[test]
    fn equal_facts_of_several_replicas_are_merged_and_unrelated_facts_are_left_out() {
        use Observation as O;
        let seen = |event, id, what| Seen { at: event, event, who: Who::Replica(ReplicaId(id)), what };
        let (entry, op, view) = (7 << 96, 1, 0);
        let sent = |to, kind| O::Sent { to: ReplicaId(to), kind };
        let delivered = |from, kind| O::Delivered { from: ReplicaId(from), kind };
        let (prepare, ok) = (MessageKind::Prepare, MessageKind::PrepareOk);
        let appended = O::Appended { op, view, entry, parent: 0 };
        let acknowledged = O::Acknowledged { view, op, entry };
        let recorded = [
            seen(1, 0, O::StatusChanged { status: Status::Normal, view, primary: true }),
            seen(2, 0, appended),
            seen(2, 0, sent(1, prepare)),
            seen(2, 0, sent(2, prepare)),
            seen(3, 1, delivered(0, prepare)),
            seen(3, 1, appended),
            seen(3, 1, acknowledged),
            seen(3, 1, sent(0, ok)),
            seen(4, 2, delivered(0, prepare)),
            seen(4, 2, appended),
            seen(4, 2, acknowledged),
            seen(4, 2, sent(0, ok)),
            seen(5, 0, delivered(1, ok)),
            seen(6, 0, delivered(2, ok)),
            seen(6, 0, O::Committed { op, entry }),
            seen(7, 2, O::Damaged { op }),
            seen(8, 1, O::Truncated { op: 0 }),
        ];
        let violation = Violation {
            invariant: "vsr_agreement",
            rule: "a committed entry was truncated",
            at: 8,
            event: 8,
            replicas: ReplicaSet(0b010),
            expected: "replica 1 keeps its log up to op 1".to_string(),
            seen: "it truncated its log to op 0".to_string(),
        };
        let case = ScenarioType::CrashDuringCommit.create_scenario().random_case("vsr", &[], 1);
        let told = explain(&case, &recorded, &[], &violation);
        let texts: Vec<&str> = told.steps.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Replica 0 prepares entry 00000007 at op 1 as the primary of view 0.",
                "Replicas 1 and 2 append entry 00000007 of view 0 at op 1.",
                "Replicas 1 and 2 acknowledge op 1 (entry 00000007) in view 0.",
                "Replica 0, on replica 2's PrepareOk, commits op 1 (entry 00000007), which replicas 1 and 2 had \
                 acknowledged.",
                "Replica 1 cuts its log, which ended at op 1, off after op 0.",
            ]
        );
        assert_eq!((told.left_out, told.steps[2].event), (0, 3));
    }
}
