//! Resource limits: what a correct replica holds stays bounded, whatever it is sent. Always owed.
//!
//! 1. Beside its log a replica holds no more items and bytes (waiting entries and messages) than [`Bounds`] allows.
//! 2. Its log has no more entries after its newest durable checkpoint than the configured slots.
//!
//! Source: this project's first rule; a flood or an oversized message must not exhaust the memory. The bounds are generous:
//! they are there to catch what grows without end or in proportion to what a liar claims, not a constant factor.
//! Not checked: memory that the replica does not report in `Holding`.

use crate::base::ids::ReplicaSet;
use crate::config::spec::Config;
use crate::invariants::support::{Context, Invariant, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "resource_limits";
const INTERESTS: u128 = kinds::HOLDING | kinds::APPENDED;

/// No configuration allows a replica to hold more bytes than this beside its log.
const BYTES_MAX: u64 = 64 << 20;

/// How much a replica may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Items beside the log.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries in the log.
    pub entries: u64,
}

impl Bounds {
    /// What this configuration allows: a pipeline of every replica four times over, and two whole logs; in bytes, four
    /// whole logs and pipelines of every replica (a view change holds a log of each, and the reasons of one).
    pub fn new(config: &Config) -> Self {
        let cluster = &config.cluster;
        let (replicas, pipeline) = (u64::from(cluster.replicas), u64::from(cluster.pipeline_max));
        let slots = u64::from(cluster.log_slots);
        let entry = u64::from(cluster.request_bytes_max) + 256;
        let bytes = 4 * replicas * (slots + pipeline) * entry;
        Bounds { items: 4 * pipeline * replicas + 2 * slots, bytes: bytes.min(BYTES_MAX), entries: slots }
    }
}

#[derive(Debug, Default)]
pub(in crate::invariants) struct ResourceLimits {
    bounds: Bounds,
}

impl Invariant for ResourceLimits {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str = "Resource limits: what a correct replica holds stays bounded, whatever it is sent.";
    const INTERESTS: u128 = INTERESTS;

    fn reset(&mut self, config: &Config, _: ReplicaSet) {
        self.bounds = Bounds::new(config);
    }

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let id = context.id;
        let Bounds { items: items_max, bytes: bytes_max, entries } = self.bounds;
        match context.seen.what {
            Observation::Holding { items, .. } if u64::from(items) > items_max => context.violation(
                NAME,
                "holds too many items",
                format!("{id} holds at most {items_max} items beside its log"),
                format!("it holds {items}"),
            ),
            Observation::Holding { bytes, .. } if bytes > bytes_max => context.violation(
                NAME,
                "holds too many bytes",
                format!("{id} holds at most {bytes_max} bytes beside its log"),
                format!("it holds {bytes}"),
            ),
            Observation::Appended { op, .. } if context.me.op().saturating_sub(context.me.checkpoint) >= entries => {
                context.violation(
                    NAME,
                    "the log is longer than its slots",
                    format!("the log of {id} has at most {entries} entries after its checkpoint"),
                    format!("it appended op {op}; its checkpoint is at op {}", context.me.checkpoint),
                )
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::Script;
    use Observation as O;

    #[test]
    fn what_fits_the_bounds_passes_and_one_more_is_caught() {
        let bounds = Bounds::new(&Config::default());
        let items = u32::try_from(bounds.items).unwrap();
        let mut script = Script::new();
        script.ok(0, O::Holding { items, bytes: bounds.bytes });
        script.caught(0, O::Holding { items: items + 1, bytes: 0 }, NAME, "holds too many items");
        script.caught(0, O::Holding { items: 0, bytes: bounds.bytes + 1 }, NAME, "holds too many bytes");
    }

    #[test]
    fn a_log_fills_its_slots_and_no_more() {
        let slots = u64::from(Config::default().cluster.log_slots);
        let mut script = Script::new();
        script.append(1, 1..=slots);
        script.caught(1, Script::appended(slots + 1, 0), NAME, "the log is longer than its slots");
    }
}
