//! `omnipaxos` as a system under test, unmodified: the newest 0.2.
//!
//! [`adapter`] translates it into the simulator's vocabulary; [`store`] is its storage in memory with what it writes to the
//! disk, and [`since_0_2_3`] puts the two behind the crate's trait. A ballot is a view, a position in the log an op.
//!
//! Cargo takes only one of several versions that it holds compatible, so earlier ones are built in workspaces of their own:
//! `../0.2.0` and `../0.2.2`, from the same files, but for `before_0_2_3`.
//!
//! What it leaves out: snapshots and trimming, the change to a next configuration (stop signs), priorities of leaders,
//! batches.
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

/// The version that others run.
pub type OmniPaxos = host::Host<adapter::Adapter>;
/// The same, and every replica has to catch up, which the crate does not promise.
pub type OmniPaxosStrict = host::Host<adapter::Adapter<true>>;
