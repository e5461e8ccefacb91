//! `omnipaxos` as a system under test, unmodified: the newest 0.2.
//!
//! [`adapter`] translates it into the simulator's vocabulary. [`store`] is its in-memory storage, with the transactions
//! that are written to the disk. `since_0_2_3` implements the crate's storage trait for it. A ballot is a view, a
//! position in the log an op.
//!
//! Cargo allows only one of several compatible versions, so earlier versions are built in workspaces of their own,
//! `../0.2.0` and `../0.2.2`, from the same files with `before_0_2_3` instead.
//!
//! Left out: snapshots and trimming, the change to a next configuration (stop signs), priorities of leaders, batches.
#![forbid(unsafe_code)]

pub mod adapter;
#[path = "since_0_2_3.rs"]
pub mod library;
mod links;
pub mod store;

/// The system's name.
const NAME: &str = "omnipaxos";
/// The crate's version.
const VERSION: &str = "0.2.4";

/// The version that is used in production.
pub type OmniPaxos = host::Host<adapter::Adapter>;
/// The same, but every replica has to catch up, which the crate does not promise.
pub type OmniPaxosStrict = host::Host<adapter::Adapter<true>>;
