//! The reference protocol: Viewstamped Replication Revisited (Liskov & Cowling 2012), hardened.
//!
//! What it adds to the paper: recovery from the disk alone instead of from the peers' memory (`journal`, `recovery`),
//! Protocol-Aware Recovery of damaged entries (Alagappan et al. 2018), a background scrubber (`scrub`), changes of the
//! membership by joint consensus (Ongaro and Ousterhout 2014; `membership`), and, where up to b replicas may lie, signed
//! messages and claims that carry their reasons (`choice`, `message`), which is sound when r + v − n > 2b.
//!
//! Where the cluster's clocks are compared (`clock`), the primary gives every entry its timestamp. Where nobody lies, a
//! replica can write checkpoints and drop the log before them (`checkpoint`), and one that misses what the others have
//! dropped takes over a state (`state_transfer`).
//!
//! What it leaves out so far: checkpoints where replicas may lie, where scrubbers are at work, or where the membership may
//! change; membership changes where replicas may lie. It does not survive an equivocating primary
//! (two entries for one view and op): Viewstamped Replication is no Byzantine protocol.
#![forbid(unsafe_code)]

pub mod bug;
pub mod checkpoint;
mod checks;
pub mod choice;
pub mod clock;
pub mod entry;
pub mod journal;
pub mod layout;
pub mod log;
pub mod membership;
pub mod message;
mod normal;
mod patience;
mod recovery;
mod repair;
mod replica;
mod scrub;
pub mod sessions;
pub mod signature;
mod state_transfer;
pub mod store;
mod tamper;
mod view_change;
pub mod wire;

pub use replica::Vsr;
