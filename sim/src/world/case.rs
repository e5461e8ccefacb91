//! A case is everything that a run depends on; an outcome is everything that it yields. A run is a function from case
//! to outcome.

use serde::{Deserialize, Serialize};

use crate::base::ids::ReplicaSet;
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::invariants::Violation;
use crate::observers::mark::Mark;
use crate::plan::{ACTIONS_MAX, Action};

/// Everything that a run depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The system under test, by name.
    pub system: String,
    /// The scenario that it came from, by name; for people, it decides nothing.
    pub scenario: String,
    /// The whole effective configuration.
    pub config: Config,
    /// The seed of all random decisions.
    pub seed: u64,
    /// Which replicas lie.
    pub liars: ReplicaSet,
    /// The faults and lies: the scenario's own, then the plan's.
    pub actions: Vec<Action>,
    /// The planted bugs that are switched on, by name.
    pub bugs: Vec<String>,
    /// What has to be seen, or the run proves nothing.
    pub marks: Vec<Mark>,
}

impl Case {
    /// Whether the case can be run within bounded time and memory.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        self.config.check()?;
        if self.actions.len() > ACTIONS_MAX {
            return Err(format!("{} actions; at most {ACTIONS_MAX} are allowed", self.actions.len()));
        }
        if self.liars.len() > u32::from(self.config.cluster.byzantine) {
            return Err(format!(
                "{} liars; the configuration allows {}",
                self.liars.len(),
                self.config.cluster.byzantine
            ));
        }
        if self.marks.len() > 16 {
            return Err(format!("{} marks; at most 16 are allowed", self.marks.len()));
        }
        Ok(())
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every invariant held and every mark was seen.
    Passed,
    /// Every invariant held, but the run did not show what it is for: these marks are missing.
    Vacuous(Vec<Mark>),
    /// An invariant that is owed was broken.
    Violated(Violation),
}

/// What a run yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// The digest of the whole trace.
    pub digest: u64,
    /// How many events were simulated.
    pub events: u64,
    /// How many observations were made.
    pub observations: u64,
    /// How long it took in virtual time.
    pub time: Time,
    /// How many requests were committed.
    pub committed: u64,
    /// How many actions were carried out, and how many skipped.
    pub actions_done: u32,
    /// How many actions were skipped.
    pub actions_skipped: u32,
    /// The first broken invariant that was not owed, if any: watched, never a failure.
    pub beyond_the_promise: Option<Violation>,
}
