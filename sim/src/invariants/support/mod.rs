//! What the invariants share: the trait, what they see, what they say, and what several of them have to remember.

pub(in crate::invariants) mod context;
pub(in crate::invariants) mod history;
pub(in crate::invariants) mod scrub_conditions;
pub(in crate::invariants) mod session_history;
pub(in crate::invariants) mod violation;

pub(in crate::invariants) use crate::protocol::kinds;
pub(in crate::invariants) use context::{Answered, Context, set, short};
pub use violation::Violation;

use crate::base::ids::ReplicaSet;
use crate::config::spec::Config;

/// An invariant: a file of its own, and a line in `invariants!`. The fields of the type are what it remembers in a run.
pub(in crate::invariants) trait Invariant: Default {
    /// Its name, for users.
    const NAME: &'static str;
    /// What it says; the file begins with the same sentence.
    const SENTENCE: &'static str;
    /// The kinds of observations that it checks, as bits ([`kinds`]).
    const INTERESTS: u128;

    /// Whether a configuration, with these liars, promises anything that could be checked.
    fn promised(_config: &Config, _liars: ReplicaSet) -> bool {
        true
    }

    /// Forgets everything; a new run begins.
    fn reset(&mut self, _config: &Config, _liars: ReplicaSet) {}

    /// Checks an observation of a correct replica against what was known before it, at a constant cost. Those that check
    /// answers or the end of a run instead are called by name, in `mod.rs`.
    fn observe(&mut self, _context: &Context<'_>) -> Option<Box<Violation>> {
        None
    }
}
