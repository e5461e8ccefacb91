//! What the invariants share: what they see, what they say, and what several of them have to remember.

pub(in crate::invariants) mod context;
pub(in crate::invariants) mod history;
pub(in crate::invariants) mod scrub_conditions;
pub(in crate::invariants) mod session_history;
pub(in crate::invariants) mod violation;

pub(in crate::invariants) use crate::protocol::kinds;
pub(in crate::invariants) use context::{Answered, Context, set, short};
pub use violation::Violation;
