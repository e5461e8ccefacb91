//! The simulator: a whole replicated cluster (replicas, network, disks, clocks, clients) in one process on virtual time.
//!
//! It knows no protocol. A system under test implements [`System`]; a [`Case`] says everything that a run depends on, and
//! [`World::run`] turns it into an [`Outcome`]. The same case always gives the same outcome, digest included.
//!
//! Data flows one way: the world turns events into calls of the system, the system answers with effects through [`Env`],
//! and both report [`Observation`]s to one stream, which invariants, coverage, triggers, marks and the trace read.
#![forbid(unsafe_code)]

pub mod base;
pub mod config;
pub mod devices;
pub mod faults;
pub mod invariants;
pub mod observers;
pub mod plan;
pub mod protocol;
pub mod world;

pub use base::ids::{ClientId, ReplicaId, ReplicaSet, TimerId};
pub use base::storage::{IoId, IoResult, Zone};
pub use base::time::Time;
pub use config::spec::Config;
pub use config::workload::{Answer, Operation, OperationKind, Reply, Request};
pub use invariants::Violation;
pub use observers::mark::Mark;
pub use observers::outcomes::Begun;
pub use plan::{Action, ActionKind, Plan, Target, Trigger, When};
pub use protocol::lie::{Field, How, Liar, Lie, LieClass};
pub use protocol::observation::{EntryHash, MessageKind, Observation, RejectReason, Seen, Status, Who};
pub use world::World;
pub use world::branch::{Branch, Onward};
pub use world::case::{Case, Outcome, Verdict};
pub use world::system::{AdminCommand, Bug, BugSet, ClusterSpec, Env, System};
