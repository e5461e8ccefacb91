//! The reference protocol: a hardened implementation of Viewstamped Replication Revisited (Liskov & Cowling 2012).
//!
//! It adds to the paper:
//!
//! - recovery from the disk alone, instead of from the memory of other replicas (`storage::journal`,
//!   `replica::recovery`);
//! - Protocol-Aware Recovery of damaged entries (Alagappan et al. 2018);
//! - a background scrubber (`replica::scrub`);
//! - membership changes by joint consensus (Ongaro and Ousterhout 2014; `state::membership`);
//! - where up to b replicas may lie, signed messages and claims that carry their reasons (`messages`). This is sound
//!   when r + v − n > 2b;
//! - where the clocks of the cluster are compared (`state::clock`), a timestamp for each entry, assigned by the
//!   primary;
//! - where no replica lies, checkpoints that allow a replica to drop the log before them (`state::checkpoint`), and
//!   state transfer to a replica that misses what the others have dropped (`replica::state_transfer`).
//!
//! Not implemented: checkpoints where replicas may lie, where scrubbers run, or where the membership may change;
//! membership changes where replicas may lie. The protocol does not survive an equivocating primary (two entries for
//! one view and op): Viewstamped Replication is not a Byzantine protocol.
#![forbid(unsafe_code)]

pub mod bugs;
pub mod log;
pub mod messages;
mod replica;
pub mod state;
pub mod storage;

pub use replica::Vsr;
