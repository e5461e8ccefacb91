//! Explaining: a failure as a few numbered sentences, in the terms of the protocol.
//!
//! It reads the stream of observations and nothing else, so it works for every system. Three questions decide what is told:
//!
//! 1. *What is it about?* The ops, views, replicas, clients and sessions that the violation names (`focus.rs`), and the kinds of
//!    observations that its invariant judges by.
//! 2. *Could it have mattered?* Only what happened before the violation in the sense of Lamport: at the replicas concerned, or
//!    at another before it sent something that reached them (`past.rs`).
//! 3. *How much does it matter?* Each fact has a weight (`facts.rs`); what several replicas do alike is one fact. The heaviest
//!    are told, in the order in which they happened.
//!
//! Left out: why a replica believed what it did, past the message that it acted on; that is in its code, and the promise at the
//! end says what it should have done.

mod facts;
mod focus;
mod past;
mod phrase;

use serde::Serialize;
use sim::{Begun, Case, ReplicaId, Seen, Time, Violation};

use facts::Facts;
use focus::Focus;
use past::Past;

/// A failure is told in at most so many sentences.
pub const STEPS_MAX: usize = 15;

/// One sentence of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When it began, in virtual time.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The replicas that it is about.
    pub replicas: Vec<ReplicaId>,
    /// The sentence.
    pub text: String,
}

/// A failure in sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// How many facts that bear on it were left out, since they bear on it least.
    pub left_out: usize,
}

/// Explains a run that broke an invariant; `recorded` is all that was observed in it.
pub fn explain(case: &Case, recorded: &[Seen], begun: &[Begun], violation: &Violation) -> Explanation {
    let past = Past::of(recorded);
    let focus = Focus::of(case, recorded, violation);
    let mut facts = Facts::collect(case, recorded, begun, violation, &focus, &past);
    let total = facts.len();
    // The heaviest; of equal ones those nearer to the violation.
    facts.sort_by_key(|fact| std::cmp::Reverse((fact.weight, fact.index)));
    facts.truncate(STEPS_MAX);
    facts.sort_by_key(|fact| fact.index);
    let left_out = total - facts.len();
    // The message that made a replica do several things is named once.
    for next in (1..facts.len()).rev() {
        if facts[next].same_step(&facts[next - 1]) {
            facts[next].forget_cause();
        }
    }
    Explanation { steps: facts.into_iter().map(facts::Fact::told).collect(), left_out }
}
