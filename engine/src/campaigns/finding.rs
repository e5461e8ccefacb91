//! What a campaign finds: a broken rule, the file of the case that breaks it, and the smaller case beside it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// The invariant.
    pub invariant: String,
    /// Which rule of it.
    pub rule: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.rule)
    }
}

impl std::str::FromStr for Rule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (invariant, rule) = text.split_once(": ").ok_or("an invariant, a colon and a rule are needed")?;
        Ok(Rule { invariant: invariant.to_string(), rule: rule.to_string() })
    }
}

/// A violation that a worker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its file.
    pub file: PathBuf,
    /// The case's name.
    pub name: String,
    /// The fuzz target.
    pub target: String,
    /// The scenario.
    pub scenario: String,
    /// What was broken.
    #[serde(flatten)]
    pub rule: Rule,
    /// Whether a second run of the case gave the same violation and digest.
    pub reproduced: bool,
    /// After how many runs of this worker it was found.
    pub runs: u64,
    /// The smaller case beside it, once the campaign is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimized: Option<Smaller>,
    /// The kinds of actions that it takes ([`group::shape`]), once the campaign is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
}

/// A smaller case that was written beside the one that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smaller {
    /// Its file.
    pub file: PathBuf,
    /// How many actions it has.
    pub actions: usize,
    /// How many there were.
    pub actions_before: usize,
}
