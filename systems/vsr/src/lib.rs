//! The reference protocol: Viewstamped Replication Revisited (Liskov & Cowling 2012), hardened.
//!
//! What it adds to the paper: recovery from the disk alone instead of from the peers' memory (`storage::journal`, `replica::recovery`),
//! Protocol-Aware Recovery of damaged entries (Alagappan et al. 2018), a background scrubber (`replica::scrub`), changes of the
//! membership by joint consensus (Ongaro and Ousterhout 2014; `state::membership`), and, where up to b replicas may lie, signed
//! messages and claims that carry their reasons (`messages`), which is sound when r + v − n > 2b.
//!
//! Where the cluster's clocks are compared (`state::clock`), the primary gives every entry its timestamp. Where nobody lies, a
//! replica can write checkpoints and drop the log before them (`state::checkpoint`), and one that misses what the others have
//! dropped takes over a state (`replica::state_transfer`).
//!
//! What it leaves out so far: checkpoints where replicas may lie, where scrubbers are at work, or where the membership may
//! change; membership changes where replicas may lie. It does not survive an equivocating primary
//! (two entries for one view and op): Viewstamped Replication is no Byzantine protocol.
#![forbid(unsafe_code)]

pub mod bugs;
pub mod log;
pub mod messages;
mod replica;
pub mod state;
pub mod storage;

pub use replica::Vsr;
