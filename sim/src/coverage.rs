//! Protocol-state coverage: which abstract states, transitions, message outcomes and fault effects a run reached.

use crate::observation::Seen;
use crate::shadow::Shadow;
use crate::spec::{Config, ReplicaSet};

/// How many slots the map has.
pub const MAP_SIZE: usize = 65_536;

/// What one run reached: a set of slots of the map.
#[derive(Debug, Default)]
pub struct Coverage {}

impl Coverage {
    /// Forgets everything; a new run begins.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        let _ = (config, liars);
        todo!()
    }

    /// Takes in one observation; `shadow` has taken it in already.
    pub fn observe(&mut self, seen: &Seen, shadow: &Shadow) {
        let _ = (seen, shadow);
        todo!()
    }

    /// The slots that the run reached, each once, in the order of discovery.
    pub fn reached(&self) -> &[u32] {
        todo!()
    }
}
