//! View monotonicity: within one life of a replica, from its start to its crash, its view never decreases.
//!
//! Source: "Viewstamped Replication Revisited", section 4.2: a replica that hears of a larger view number goes there, and
//! never back. Not checked: what a replica remembers of its view across a crash (see `vsr_recovery_safety`).

use crate::base::ids::{REPLICAS_MAX, ReplicaSet};
use crate::config::spec::Config;
use crate::invariants::support::{Context, Invariant, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "view_monotonic";
const INTERESTS: u128 = kinds::STATUS_CHANGED
    | kinds::VIEW_STARTED
    | kinds::VIEW_CHANGE_STARTED
    | kinds::RECOVERED
    | kinds::CRASHED
    | kinds::LOADING;

#[derive(Debug, Default)]
pub(in crate::invariants) struct ViewMonotonic {
    /// The view of each replica in its present life.
    views: [u64; REPLICAS_MAX],
}

impl Invariant for ViewMonotonic {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str =
        "View monotonicity: within one life of a replica, from its start to its crash, its view never decreases.";
    const INTERESTS: u128 = INTERESTS;

    fn reset(&mut self, _: &Config, _: ReplicaSet) {
        *self = Self::default();
    }

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let known = &mut self.views[context.id.index()];
        let view = match context.seen.what {
            Observation::StatusChanged { view, .. }
            | Observation::ViewStarted { view, .. }
            | Observation::ViewChangeStarted { view }
            | Observation::Recovered { view, .. } => view,
            Observation::Crashed | Observation::Loading => {
                *known = 0;
                return None;
            }
            _ => return None,
        };
        let before = std::mem::replace(known, view);
        if view >= before {
            return None;
        }
        context.violation(
            NAME,
            "a view decreased",
            format!("{} stays in view {before} or goes to a higher one", context.id),
            format!("it went to view {view}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::Script;
    use crate::protocol::observation::Status;
    use Observation as O;

    #[test]
    fn views_go_up_and_start_anew_after_a_crash() {
        let mut script = Script::new();
        script.ok(0, O::ViewChangeStarted { view: 2 });
        script.ok(0, O::ViewStarted { view: 2, op: 0, commit: 0, primary: false });
        script.ok(0, O::Crashed);
        script.ok(0, O::Restarted);
        script.ok(0, O::StatusChanged { status: Status::Recovering, view: 0, primary: false });
        script.ok(0, O::Loading);
        script.ok(0, O::Recovered { view: 1, last_normal: 1, op: 0 });
    }

    #[test]
    fn a_view_that_decreases_is_caught() {
        let mut script = Script::new();
        script.ok(0, O::ViewChangeStarted { view: 2 });
        let back = O::StatusChanged { status: Status::Normal, view: 1, primary: true };
        script.caught(0, back, NAME, "a view decreased");
    }
}
