//! Primary abdication: a primary that is cut off from its quorum does not lead on into the void.
//!
//! A normal primary that had no links to a replication quorum (itself counted) for `abdicate_timeout`, two heartbeats and a
//! quarter more, sends no Prepare, no Commit (its heartbeat) and no StartView any more, and appends no request.
//!
//! Source: this project's design; a primary that nobody can hear keeps its clients waiting, and one that can be heard but
//! hears nobody keeps its backups from electing another. Owed where `abdicate_timeout` is set, and only for cuts, which let
//! nothing through, not even what was on its way; to and from. Any change of any replica's conditions begins the time anew.
//! Not checked: a primary whose backups are down, or whose links merely delay or lose.

use crate::base::ids::{REPLICAS_MAX, ReplicaId};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::{MessageKind, Observation, Status};

/// The invariant's name.
pub const NAME: &str = "primary_abdication";
pub(in crate::invariants) const INTERESTS: u128 = kinds::SENT
    | kinds::APPENDED
    | kinds::CONDITIONS
    | kinds::STATUS_CHANGED
    | kinds::VIEW_STARTED
    | kinds::PAUSED
    | kinds::RESUMED
    | kinds::RESTARTED;

#[derive(Debug, Default)]
pub(in crate::invariants) struct PrimaryAbdication {
    quorum: usize,
    /// For how long a primary may lead without links.
    bound: Time,
    /// When some replica's conditions last changed.
    links_changed: Time,
    /// When each replica's own state last changed.
    changed: [Time; REPLICAS_MAX],
}

impl PrimaryAbdication {
    /// Whether the configuration promises anything.
    pub fn promised(config: &Config) -> bool {
        config.cluster.abdicate_timeout > 0 && !config.cluster.reconfigures()
    }

    pub fn reset(&mut self, config: &Config) {
        let cluster = &config.cluster;
        let bound = cluster.abdicate_timeout + 2 * cluster.heartbeat + 2 * config.network.delay_max;
        *self = PrimaryAbdication {
            quorum: cluster.replication_quorum.into(),
            bound: bound + bound / 4,
            ..PrimaryAbdication::default()
        };
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Context { id, me, cluster_view, .. } = *context;
        let now = context.seen.at;
        match context.seen.what {
            Observation::Sent { kind: MessageKind::Prepare | MessageKind::Commit | MessageKind::StartView, .. }
            | Observation::Appended { .. } => {
                let leads = me.primary && me.status == Status::Normal && me.sound && !me.paused && !me.loading;
                let alone_for = now.saturating_sub(self.links_changed.max(self.changed[id.index()]));
                if !leads || alone_for <= self.bound {
                    return None;
                }
                let others = (0..cluster_view.replicas.len() as u8).map(ReplicaId).filter(|other| *other != id);
                let linked = 1 + others.filter(|other| cluster_view.linked(id, *other)).count();
                if linked >= self.quorum {
                    return None;
                }
                context.violation(
                    NAME,
                    "leads on without a quorum",
                    format!("{id} steps down within {} ns without links to a quorum", self.bound),
                    format!("it still leads view {} after {alone_for} ns", me.view),
                )
            }
            Observation::Sent { .. } => None,
            Observation::Conditions { .. } => {
                self.links_changed = now;
                None
            }
            _ => {
                self.changed[id.index()] = now;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ReplicaSet;
    use crate::invariants::harness::Script;
    use Observation as O;

    const HEARTBEAT: O = O::Sent { to: ReplicaId(1), kind: MessageKind::Commit };

    /// Replica 0 leads; it hears `hears`.
    fn led(hears: u8) -> Script {
        led_in(Script::new(), hears)
    }

    fn led_in(mut script: Script, hears: u8) -> Script {
        (0..3).for_each(|id| script.ok(id, O::StatusChanged { status: Status::Normal, view: 0, primary: id == 0 }));
        script.ok(0, O::Conditions { hears: ReplicaSet(hears), sound: true, delay: 0 });
        script
    }

    #[test]
    fn a_primary_may_lead_alone_for_a_while_only() {
        let mut script = led(0b001);
        script.ok(0, HEARTBEAT);
        script.wait(Script::config().cluster.abdicate_timeout);
        script.ok(0, HEARTBEAT);
        script.wait(Script::config().cluster.abdicate_timeout);
        script.ok(0, O::Sent { to: ReplicaId(1), kind: MessageKind::StartViewChange });
        script.caught(0, HEARTBEAT, NAME, "leads on without a quorum");
        script.caught(0, Script::appended(1, 0), NAME, "leads on without a quorum");
    }

    #[test]
    fn the_links_of_a_liar_are_links_too() {
        let mut script = led_in(Script::with_liar(2), 0b001);
        script.wait(10 * Script::config().cluster.abdicate_timeout);
        script.ok(2, O::Conditions { hears: ReplicaSet(0b101), sound: true, delay: 0 });
        script.ok(0, HEARTBEAT);
        script.wait(10 * Script::config().cluster.abdicate_timeout);
        script.caught(0, HEARTBEAT, NAME, "leads on without a quorum");
    }

    #[test]
    fn a_quorum_is_enough_and_others_may_be_alone() {
        let mut script = led(0b011);
        script.wait(10 * Script::config().cluster.abdicate_timeout);
        script.ok(0, HEARTBEAT);
        let mut script = led(0b001);
        script.wait(10 * Script::config().cluster.abdicate_timeout);
        script.ok(1, Script::appended(1, 0));
        script.ok(0, O::StatusChanged { status: Status::ViewChange, view: 1, primary: false });
        script.ok(0, HEARTBEAT);
    }
}
