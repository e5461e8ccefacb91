//! Ids of replicas and clients, sets of replicas, ids of timers, and the upper bounds of their numbers.

use serde::{Deserialize, Serialize};

/// More replicas than this are never simulated; arrays indexed by replica have this length.
pub const REPLICAS_MAX: usize = 8;
/// More clients than this are never simulated.
pub const CLIENTS_MAX: usize = 64;

/// A timer of a replica; the system numbers its own, below [`TIMERS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId(pub u8);

/// How many timers a replica can have.
pub const TIMERS_MAX: usize = 16;

/// A replica of the cluster, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReplicaId(pub u8);

impl ReplicaId {
    /// The replica as an index into arrays of replicas.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl std::fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "replica {}", self.0)
    }
}

/// A client of the cluster, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u16);

impl ClientId {
    /// The client as an index into arrays of clients.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of replicas, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReplicaSet(pub u8);

impl ReplicaSet {
    /// The replicas from 0 to `count - 1`.
    pub fn first(count: u8) -> ReplicaSet {
        ReplicaSet(((1_u16 << count) - 1) as u8)
    }
    /// Those that are in this set or in the other one.
    #[must_use]
    pub fn or(self, other: ReplicaSet) -> ReplicaSet {
        ReplicaSet(self.0 | other.0)
    }
    /// Those that are in both sets.
    #[must_use]
    pub fn and(self, other: ReplicaSet) -> ReplicaSet {
        ReplicaSet(self.0 & other.0)
    }
    /// Those that are in this set and not in the other one.
    #[must_use]
    pub fn without(self, other: ReplicaSet) -> ReplicaSet {
        ReplicaSet(self.0 & !other.0)
    }
    /// Whether `replica` is in the set.
    pub fn has(self, replica: ReplicaId) -> bool {
        self.0 >> replica.0 & 1 == 1
    }
    /// Adds `replica`.
    pub fn insert(&mut self, replica: ReplicaId) {
        self.0 |= 1 << replica.0;
    }
    /// How many replicas are in the set.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }
    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The members, lowest first.
    pub fn iter(self) -> impl Iterator<Item = ReplicaId> {
        (0..REPLICAS_MAX as u8).map(ReplicaId).filter(move |replica| self.has(*replica))
    }
}

impl std::fmt::Display for ReplicaSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|replica| replica.0)).finish()
    }
}
