//! The reference protocol: Viewstamped Replication Revisited (Liskov & Cowling 2012), hardened.
//!
//! What it adds to the paper: recovery from the disk alone instead of from the peers' memory (`journal`, `recovery`),
//! Protocol-Aware Recovery of damaged entries (Alagappan et al. 2018), changes of the membership by joint consensus (Ongaro
//! and Ousterhout 2014; `membership`), and, where up to b replicas may lie, signed messages
//! and claims that carry their reasons (`choice`, `message`), which is sound when r + v − n > 2b.
//!
//! What it leaves out so far: checkpoints and log truncation, state transfer, a repair budget, scrubbing, clock
//! synchronization, session registration and eviction. It does not survive an equivocating primary
//! (two entries for one view and op): Viewstamped Replication is no Byzantine protocol.
#![forbid(unsafe_code)]

pub mod bug;
pub mod choice;
pub mod entry;
pub mod journal;
pub mod log;
pub mod membership;
pub mod message;
mod normal;
mod recovery;
mod replica;
pub mod sessions;
pub mod signature;
pub mod store;
mod tamper;
mod view_change;

pub use replica::Vsr;
