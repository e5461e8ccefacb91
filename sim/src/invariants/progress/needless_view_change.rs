//! Needless view changes: a cluster in which all is well stays in its view, and one replica alone does not end it.
//!
//! Judged when the first replica leaves for a view:
//!
//! 1. Not while all is well: every replica up, unpaused, sound, linked with all others, knowing the time where clocks are
//!    compared (without it, a primary steps down), and normal in one view, either since
//!    the run began or for four view change timeouts and the time for which a wish for a view counts, after the last
//!    message has arrived that a fault may have delayed or doubled.
//! 2. Not before a view-change quorum has wanted that view or a higher one lately: within the time for which a wish counts,
//!    and an eighth more for clocks that drift. Not owed once some replica was paused or unsound: then a wish may have
//!    been on its way for long. Nor once one wanted less than before, as after a crash: others may remember more. Nor
//!    where nobody wanted it: a system need not say what its replicas want.
//!
//! Source: "Viewstamped Replication Revisited", section 4.2 (a replica starts a view change when its timer runs out, and
//! leaves its view with enough others). Owed where nobody lies, the network loses and doubles nothing by itself, and
//! timeouts leave time for a heartbeat that is late and another one.

use crate::base::ids::{REPLICAS_MAX, ReplicaSet};
use crate::base::time::{SECOND, Time};
use crate::config::spec::Config;
use crate::invariants::support::{Context, Violation, kinds};
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::{Observation, Status};

/// The invariant's name.
pub const NAME: &str = "needless_view_change";
pub(in crate::invariants) const INTERESTS: u128 = kinds::VIEW_CHANGE_STARTED
    | kinds::VIEW_CHANGE_WANTED
    | kinds::VIEW_STARTED
    | kinds::STATUS_CHANGED
    | kinds::CONDITIONS
    | kinds::CLOCK_LOST
    | kinds::CLOCK_SYNCHRONIZED
    | kinds::CRASHED
    | kinds::RESTARTED
    | kinds::PAUSED
    | kinds::RESUMED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct NeedlessViewChange {
    owed: bool,
    all: ReplicaSet,
    quorum: usize,
    /// For how long a wish counts.
    window: Time,
    /// For how long all has to be well, after something was not.
    settling: Time,
    /// When something changed last: conditions, who is up, a status.
    changed: Time,
    /// When the last message has arrived that was sent before conditions changed.
    late: Time,
    /// Whether a fault has touched a replica in this run.
    touched: bool,
    /// Whether some replica was ever paused or unsound, or wants less than it did: then only the last wish is known here.
    murky: bool,
    /// The replicas whose clocks are compared.
    compared: ReplicaSet,
    /// The replicas that are not synchronized, where clocks are compared.
    timeless: ReplicaSet,
    /// When each replica last wanted a view, and which.
    wanted: [Option<(Time, u64)>; REPLICAS_MAX],
}

impl NeedlessViewChange {
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        let (cluster, network) = (&config.cluster, &config.network);
        let window = match cluster.start_view_change_window {
            0 => 2 * cluster.view_change_timeout,
            window => window,
        };
        let late = 2 * (cluster.heartbeat + 2 * network.delay_max);
        let patient = |timeout: Time| timeout == 0 || timeout >= late + 2 * config.disk.latency_max;
        let reliable = network.loss == 0 && network.duplication == 0 && network.reordering == 0;
        let timeouts = [cluster.view_change_timeout, cluster.abdicate_timeout, cluster.commit_stall_timeout];
        let owed = liars.is_empty() && !cluster.reconfigures() && reliable && config.clock.drift_max <= 10_000;
        *self = NeedlessViewChange {
            owed: owed && timeouts.into_iter().all(patient),
            all: ReplicaSet::first(cluster.replicas),
            quorum: cluster.view_change_quorum.into(),
            window: window + window / 8 + 2 * network.delay_max,
            settling: 4 * cluster.view_change_timeout + window,
            ..NeedlessViewChange::default()
        };
        if cluster.clock_ping > 0 {
            (self.compared, self.timeless) = (self.all, self.all);
        }
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let now = context.seen.at;
        let mut violation = None;
        match context.seen.what {
            Observation::ViewChangeWanted { view } => {
                let before = self.wanted[context.id.index()].replace((now, view));
                self.murky |= before.is_some_and(|(_, higher)| higher > view);
                // There was a reason, though no fault has touched a replica yet: somebody does not know the time.
                self.touched |= !self.timeless.is_empty();
                return None;
            }
            // Whichever of the two is said first.
            Observation::ViewChangeStarted { view }
            | Observation::StatusChanged { status: Status::ViewChange, view, .. } => {
                violation = self.started(context, view);
            }
            Observation::Conditions { sound, .. } => {
                self.touched = true;
                self.murky |= !sound;
                // What was delayed, or doubled, is on its way for as long as that.
                self.late = self.late.max(now + context.me.delay.max(SECOND));
            }
            Observation::Paused | Observation::Resumed => (self.touched, self.murky) = (true, true),
            Observation::Crashed => self.touched = true,
            Observation::Restarted => {
                self.touched = true;
                if self.compared.has(context.id) {
                    self.timeless.insert(context.id);
                }
            }
            Observation::ClockLost => {
                self.touched = true;
                self.timeless.insert(context.id);
            }
            Observation::ClockSynchronized { .. } if !self.timeless.has(context.id) => return None,
            Observation::ClockSynchronized { .. } => self.timeless.0 &= !(1 << context.id.0),
            _ => {}
        }
        self.changed = now;
        violation
    }

    fn started(&self, context: &Context<'_>, view: u64) -> Option<Box<Violation>> {
        let Context { id, cluster_view, .. } = *context;
        let now = context.seen.at;
        if !self.owed || cluster_view.replicas.iter().any(|state| state.view >= view) {
            return None;
        }
        let quiet = now.saturating_sub(self.changed.max(self.late));
        if self.timeless.is_empty() && self.all_is_well(cluster_view) && (!self.touched || quiet > self.settling) {
            return context.violation(
                NAME,
                "all was well",
                format!("no replica leaves view {} while all is well", cluster_view.view_max),
                format!("{id} leaves for view {view} after {quiet} ns without any change"),
            );
        }
        let lately = |wanted: &&(Time, u64)| wanted.1 >= view && now <= wanted.0 + self.window;
        let wanting = self.wanted.iter().flatten().filter(lately).count();
        if !self.murky && (1..self.quorum).contains(&wanting) {
            return context.violation(
                NAME,
                "too few wanted it",
                format!("{} replicas have wanted view {view} before the first leaves for it", self.quorum),
                format!("{wanting} have, within {} ns", self.window),
            );
        }
        None
    }

    fn all_is_well(&self, cluster_view: &ClusterView) -> bool {
        cluster_view.replicas.iter().all(|state| {
            let there = state.up && !state.paused && !state.loading && state.sound;
            let linked = state.hears.0 & self.all.0 == self.all.0;
            there && linked && state.status == Status::Normal && state.view == cluster_view.view_max
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::Script;
    use Observation as O;

    fn well() -> Script {
        let mut script = Script::new();
        (0..3).for_each(|id| script.ok(id, O::StatusChanged { status: Status::Normal, view: 0, primary: id == 0 }));
        script
    }

    fn cut_off(hears: u8) -> O {
        O::Conditions { hears: ReplicaSet(hears), sound: true, delay: 0 }
    }

    #[test]
    fn a_primary_without_the_time_is_a_reason_to_leave() {
        let mut script = well();
        script.ok(0, O::ClockLost);
        script.ok(0, O::ViewChangeWanted { view: 1 });
        script.ok(1, O::ViewChangeWanted { view: 1 });
        script.ok(1, O::ViewChangeStarted { view: 1 });
        let mut script = well();
        script.ok(0, O::ClockLost);
        script.ok(0, O::ClockSynchronized { offset: 0, uncertainty: 0 });
        script.wait(10 * SECOND);
        script.caught(1, O::ViewChangeStarted { view: 1 }, NAME, "all was well");
    }

    /// The primary's clock is wrong from the beginning, so it wants another to lead; its clock is set right; then a backup
    /// that had missed it in between follows its wish.
    #[test]
    fn a_wish_from_before_the_time_was_known_is_a_reason_to_leave() {
        let synchronized = O::ClockSynchronized { offset: 0, uncertainty: 0 };
        let start = || {
            let mut config = Script::config();
            config.cluster.clock_ping = config.cluster.heartbeat;
            let mut script = Script::with_config(&config);
            (0..3).for_each(|id| script.ok(id, O::StatusChanged { status: Status::Normal, view: 0, primary: id == 0 }));
            (1..3).for_each(|id| script.ok(id, synchronized));
            script
        };
        let mut script = start();
        script.ok(0, O::ViewChangeWanted { view: 1 });
        script.ok(0, synchronized);
        script.ok(2, O::ViewChangeWanted { view: 1 });
        script.ok(2, O::ViewChangeStarted { view: 1 });
        // Not without such a wish.
        let mut script = start();
        script.ok(0, synchronized);
        script.ok(0, O::ViewChangeWanted { view: 1 });
        script.ok(2, O::ViewChangeWanted { view: 1 });
        script.caught(2, O::ViewChangeStarted { view: 1 }, NAME, "all was well");
    }

    #[test]
    fn leaving_while_all_is_well_is_caught() {
        let mut script = well();
        script.ok(1, O::ViewChangeWanted { view: 1 });
        script.ok(2, O::ViewChangeWanted { view: 1 });
        script.caught(1, O::ViewChangeStarted { view: 1 }, NAME, "all was well");
        let mut script = well();
        let left = O::StatusChanged { status: Status::ViewChange, view: 1, primary: false };
        script.caught(1, left, NAME, "all was well");
        script.ok(1, O::ViewChangeStarted { view: 1 });
        let mut script = well();
        script.ok(1, cut_off(0b010));
        script.ok(1, cut_off(0b111));
        script.ok(1, O::ViewChangeWanted { view: 1 });
        script.ok(2, O::ViewChangeWanted { view: 1 });
        script.ok(1, O::ViewChangeStarted { view: 1 });
        let mut script = well();
        script.ok(1, cut_off(0b010));
        script.ok(1, cut_off(0b111));
        script.wait(20 * Config::default().cluster.view_change_timeout);
        script.caught(1, O::ViewChangeStarted { view: 1 }, NAME, "all was well");
    }

    #[test]
    fn a_quorum_has_to_want_it_and_lately() {
        let mut script = well();
        script.ok(0, cut_off(0b001));
        script.ok(1, O::ViewChangeWanted { view: 1 });
        script.caught(1, O::ViewChangeStarted { view: 1 }, NAME, "too few wanted it");
        let mut script = well();
        script.ok(0, cut_off(0b001));
        script.ok(1, O::ViewChangeWanted { view: 1 });
        script.wait(3 * Config::default().cluster.view_change_timeout);
        script.ok(2, O::ViewChangeWanted { view: 1 });
        script.caught(2, O::ViewChangeStarted { view: 1 }, NAME, "too few wanted it");
        script.ok(1, O::ViewChangeStarted { view: 1 });
    }

    #[test]
    fn others_may_remember_what_a_replica_wanted_before_a_crash() {
        let mut script = well();
        script.ok(0, O::ViewChangeWanted { view: 2 });
        script.ok(0, O::Crashed);
        script.ok(0, O::ViewChangeWanted { view: 1 });
        script.ok(1, O::ViewChangeWanted { view: 2 });
        script.ok(1, O::ViewChangeStarted { view: 2 });
    }

    #[test]
    fn a_wish_may_be_late_after_a_pause() {
        let mut script = well();
        script.ok(0, O::Paused);
        script.ok(1, O::ViewChangeStarted { view: 1 });
    }
}
