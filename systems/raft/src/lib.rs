//! tikv's `raft` as a system under test, unmodified.
//!
//! [`adapter`] translates it into the simulator's vocabulary, for every version of the crate that [`node`] is
//! implemented for. [`current`] is the version that is used in production. [`alpha`] is a version with a known safety
//! bug, which the fuzzer has to find. A term is a view, an index an op.
//!
//! Left out: snapshots and compaction, membership changes, reads that bypass the log (`ReadIndex`), leader transfer,
//! and asynchronous `Ready`s: what a `Ready` requests is done before anything else happens.
#![forbid(unsafe_code)]

pub mod adapter;
pub mod alpha;
pub mod current;
pub mod node;

/// The version that is used in production.
pub type Raft = host::Host<adapter::Adapter<current::Current>>;
/// 0.6.0-alpha: `Ready::must_sync` is false for entries alone, and a crash loses what was promised.
pub type RaftAlpha = host::Host<adapter::Adapter<alpha::Alpha>>;

/// The invariants that `raft` does not promise.
pub const EXEMPT: &[(&str, &str)] = &[
    (
        "message_deduplication",
        "the crate puts into its log what is proposed, as often as it is; that a request takes effect once is up to the state \
         machine",
    ),
    ("resource_limits", "the log grows until its user compacts it, which the adapter does not"),
    ("availability", "the bound counts timeouts of the reference protocol; raft promises no time"),
    (
        "primary_abdication",
        "a leader without a quorum steps down after one or two election timeouts, not after a time of its own",
    ),
];
