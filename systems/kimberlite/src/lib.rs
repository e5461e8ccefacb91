//! Kimberlite's published consensus crate, `kimberlite-vsr` 0.9.1, unmodified, as a system under test.
//!
//! The adapter is the host that the crate needs. It passes every message, timeout and request to
//! `ReplicaState::process`, sends the resulting messages, and returns to a replica its messages to itself
//! (`replica.rs`). It reports observations by reading the crate's public state after each step (`observe.rs`). Requests
//! of the simulated workload are encoded in kernel commands (`command.rs`), and what the crate's kernel has applied is
//! executed by the model of the store. `tamper.rs` and `own_lies.rs` have the lies.
//!
//! After a crash, a replica keeps what `ReplicaEvent::Crash` keeps: the committed log and nothing else. It gets the
//! rest from the others (`ReplicaState::start_recovery`), so at most a minority may be down or recovering at a time.
//! The simulated disk is empty: the crate's superblock contains three numbers that are never read back into a
//! `ReplicaState`, and the crate stores nothing of its log.
//!
//! Left out: standbys, upgrades, and what `not_applicable` lists. The crate reads clocks and draws random numbers, so a
//! run has to be inside `hermetic::run`.
#![forbid(unsafe_code)]

mod applicable;
mod command;
mod observe;
mod own_lies;
mod replica;
mod tamper;

pub use replica::Kimberlite;
