//! A broken invariant as it leaves a run: `.kmb` files store it, reports print it, findings contain the rule of it.
//!
//! [`sim::Violation`] is the same inside of a run, where names are not copied.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sim::{ReplicaSet, Time};

/// A broken invariant. The order of the fields is that of the `.kmb` file and of all JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The broken invariant's name.
    pub invariant: String,
    /// Which rule of it.
    pub rule: String,
    /// When, in virtual time.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The replicas concerned.
    pub replicas: ReplicaSet,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub seen: String,
}

/// What was broken, without the circumstances: violations of one rule are counted as one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BrokenRule {
    /// The invariant.
    pub invariant: String,
    /// Which rule of it.
    pub rule: String,
}

impl Violation {
    /// The rule that was broken.
    pub fn broken(&self) -> BrokenRule {
        BrokenRule { invariant: self.invariant.clone(), rule: self.rule.clone() }
    }

    /// Whether `violation` breaks the same rule of the same invariant.
    pub fn matches(&self, violation: &sim::Violation) -> bool {
        self.invariant == violation.invariant && self.rule == violation.rule
    }
}

impl From<&sim::Violation> for Violation {
    fn from(violation: &sim::Violation) -> Self {
        Violation {
            invariant: violation.invariant.to_string(),
            rule: violation.rule.to_string(),
            at: violation.at,
            event: violation.event,
            replicas: violation.replicas,
            expected: violation.expected.clone(),
            seen: violation.seen.clone(),
        }
    }
}

impl From<&sim::Violation> for BrokenRule {
    fn from(violation: &sim::Violation) -> Self {
        BrokenRule { invariant: violation.invariant.to_string(), rule: violation.rule.to_string() }
    }
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.rule)
    }
}

impl FromStr for BrokenRule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (invariant, rule) = text.split_once(": ").ok_or("an invariant, a colon and a rule are needed")?;
        Ok(BrokenRule { invariant: invariant.to_string(), rule: rule.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation() -> sim::Violation {
        sim::Violation {
            invariant: "vsr_agreement",
            rule: "two entries at one op: a and b",
            at: 12_345,
            event: 678,
            replicas: ReplicaSet(0b101),
            expected: "entry a".to_string(),
            seen: "entry b".to_string(),
        }
    }

    /// Other programs read these names, in the output of `run`, `repro`, `show` and `minimize`.
    #[test]
    fn its_json_is_pinned() {
        let text = serde_json::to_string(&Violation::from(&violation())).unwrap();
        let wanted = "{\"invariant\":\"vsr_agreement\",\"rule\":\"two entries at one op: a and b\",\"at\":12345,\
                      \"event\":678,\"replicas\":5,\"expected\":\"entry a\",\"seen\":\"entry b\"}";
        assert_eq!(text, wanted);
    }

    #[test]
    fn the_rule_is_the_same_by_every_way() {
        let violation = violation();
        let rule = BrokenRule::from(&violation);
        assert_eq!(Violation::from(&violation).broken(), rule);
        assert!(Violation::from(&violation).matches(&violation));
        assert_eq!(rule.to_string().parse(), Ok(rule));
        assert!("no colon".parse::<BrokenRule>().is_err());
    }
}
