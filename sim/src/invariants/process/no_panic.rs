//! No panic: a correct replica never panics, whatever it is sent and whatever its disk says. Always owed.
//!
//! Source: this project's first rule (a message that contradicts itself is refused, and costs no more than a lost one).
//! The world catches the panic, has its message, and constructs the violation; `Checkers` only counts the occasions.
//! Not checked: a liar's own panics, and processes that abort without unwinding.

use crate::base::ids::ReplicaId;
use crate::base::time::Time;
use crate::invariants::support::{Violation, kinds, set};

/// The invariant's name.
pub const NAME: &str = "no_panic";
/// Every message delivered to a correct replica is an occasion to panic.
pub(in crate::invariants) const INTERESTS: u128 = kinds::DELIVERED;

/// The violation for a panic of `replica` with this message.
pub fn violation(at: Time, event: u64, replica: ReplicaId, message: &str) -> Violation {
    Violation {
        invariant: NAME,
        rule: "a replica panicked",
        at,
        event,
        replicas: set([replica]),
        expected: format!("{replica} refuses or survives whatever comes to it"),
        seen: format!("it panicked: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_names_its_replica_and_its_message() {
        let violation = violation(7, 3, ReplicaId(2), "index out of bounds");
        assert_eq!((violation.invariant, violation.at, violation.event), (NAME, 7, 3));
        assert!(violation.replicas.has(ReplicaId(2)) && violation.seen.contains("index out of bounds"));
    }
}
