//! What a second run of a failure file shows, compared with what the file expects.

use sim::{Outcome, Verdict};

use crate::cases::kmb::Kmb;

/// What a second run showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same violation and the same digest.
    Same,
    /// The same violation on another trace.
    OtherTrace,
    /// Another violation.
    OtherViolation,
    /// No violation.
    NoViolation,
    /// The file expects no violation (it is a raw input, or vopr died at it), and there is one.
    New,
    /// The same, and there is none.
    StillNone,
}

impl Comparison {
    /// Compares.
    pub fn of(kmb: &Kmb, outcome: &Outcome) -> Self {
        match (&kmb.expected, &outcome.verdict) {
            (None, Verdict::Violated(_)) => Comparison::New,
            (None, _) => Comparison::StillNone,
            (Some(expected), Verdict::Violated(violation)) if expected.matches(violation) => {
                if kmb.digest == Some(outcome.digest) { Comparison::Same } else { Comparison::OtherTrace }
            }
            (Some(_), Verdict::Violated(_)) => Comparison::OtherViolation,
            (Some(_), _) => Comparison::NoViolation,
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Comparison::Same => "same_violation_same_digest",
            Comparison::OtherTrace => "same_violation_other_digest",
            Comparison::OtherViolation => "other_violation",
            Comparison::NoViolation => "no_violation",
            Comparison::New => "violation",
            Comparison::StillNone => "none",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Comparison::Same => "reproduced: the same violation and the same digest",
            Comparison::OtherTrace => "reproduced: the same violation on another trace",
            Comparison::OtherViolation => "another violation than the one in the file",
            Comparison::NoViolation => "not reproduced: no violation",
            Comparison::New => "a violation",
            Comparison::StillNone => "no violation",
        }
    }
}
