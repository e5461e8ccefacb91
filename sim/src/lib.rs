//! The simulator: a whole replicated cluster (replicas, network, disks, clocks, clients) in one process on virtual time.
//!
//! It knows no protocol. A system under test implements [`System`]; a [`Case`] says everything that a run depends on, and
//! [`World::run`] turns it into an [`Outcome`]. The same case always gives the same outcome, digest included.
//!
//! Data flows one way: the world turns events into calls of the system, the system answers with effects through [`Env`],
//! and both report [`Observation`]s to one stream, which invariants, coverage, triggers, marks and the trace read.
#![forbid(unsafe_code)]

pub mod admin;
pub mod branch;
pub mod case;
pub mod client;
pub mod clock;
pub mod codec;
pub mod coverage;
pub mod disk;
pub mod drive;
pub mod fates;
pub mod faults;
pub mod ids;
pub mod inject;
pub mod invariants;
pub mod ledger;
pub mod lie;
pub mod lies;
pub mod mark;
pub mod membership;
pub mod message;
pub mod model;
pub mod network;
pub mod ntp;
pub mod observation;
pub mod owed;
pub mod panics;
pub mod plan;
pub mod queue;
pub mod random;
pub mod reason;
pub mod requests;
pub mod runtime;
pub mod settings;
pub mod shadow;
pub mod spec;
pub mod system;
pub mod time;
pub mod trace;
pub mod transport;
pub mod triggers;
pub mod workload;
pub mod world;

pub use branch::{Branch, Onward};
pub use case::{Case, Outcome, Verdict};
pub use fates::Begun;
pub use invariants::Violation;
pub use lie::{Field, How, Liar, Lie, LieClass};
pub use mark::Mark;
pub use observation::{EntryHash, MessageKind, Observation, RejectReason, Seen, Status, Who};
pub use plan::{Action, Plan, Target, Watch, What, When};
pub use spec::{ClientId, Config, ReplicaId, ReplicaSet};
pub use system::{AdminCommand, Bug, BugSet, ClusterSpec, Env, IoId, IoResult, System, TimerId, Zone};
pub use time::Time;
pub use workload::{Answer, Operation, OperationKind, Reply, Request};
pub use world::World;
