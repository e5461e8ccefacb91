//! Kimberlite's published consensus crate, `kimberlite-vsr` 0.9.1, unmodified, as a system under test.
//!
//! The adapter is the host that the crate asks for: it hands `ReplicaState::process` every message, timeout and request,
//! sends what comes out, and hands a replica its own messages back (`replica.rs`). It says what happened by reading the
//! crate's public state after each step (`observe.rs`). The simulated workload travels as the payload of kernel commands
//! (`command.rs`), and what the crate's kernel has applied is executed by the plain model of the store. `tamper.rs` and
//! `own_lies.rs` have the lies.
//!
//! What survives a crash is what `ReplicaEvent::Crash` says: the committed log, and no more. The rest comes from the others
//! (`ReplicaState::start_recovery`), so at most a minority may be down or starting at a time. Nothing is on the simulated
//! disk: the crate's superblock holds three numbers that nothing reads back into a `ReplicaState`, and of its log it stores
//! nothing.
//!
//! What it leaves out: standbys, upgrades, and what `not_applicable` says. The crate reads clocks and draws random numbers,
//! so a run has to be inside `hermetic::run`.
#![forbid(unsafe_code)]

mod applicable;
mod command;
mod observe;
mod own_lies;
mod replica;
mod tamper;

pub use replica::Kimberlite;
