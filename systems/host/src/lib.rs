//! A host for consensus libraries: everything that such a library leaves to its user, once and for all.
//!
//! Many published libraries decide and nothing more: disk, network, clock and state machine are their user's. Here the
//! simulator has them. A library implements [`Library`], and [`Host`] makes a system under test of it, which is the plainest
//! correct user that there can be: a log on the disk ([`journal`]), a store whose sessions make requests take effect once
//! ([`machine`]), and one thing at a time: while a sync is under way, everything else waits.
//!
//! What it leaves out: snapshots, and so logs that begin later than op 1; changes of the membership; everything that a
//! library does beside the log, such as reads that bypass it.
#![forbid(unsafe_code)]

mod applicable;
mod host;
pub mod journal;
pub mod machine;

pub use applicable::not_applicable;
pub use host::Host;

use sim::config::spec::Cluster;
use sim::{Case, EntryHash, MessageKind, Observation, ReplicaId};

/// What a library wants its host to do, in this order.
#[derive(Debug)]
pub enum Act<M> {
    /// Say what happened.
    Observe(Observation),
    /// Add a record to the log on the disk.
    Write(Vec<u8>),
    /// Send a message.
    Send(ReplicaId, M),
    /// The entry at `op` is committed: say so, and execute its command. An empty one does nothing.
    Execute {
        /// The op.
        op: u64,
        /// The entry.
        entry: EntryHash,
        /// What was proposed.
        command: Vec<u8>,
    },
}

/// What a library needs to know when it starts.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Which replica it is.
    pub id: ReplicaId,
    /// Sizes, quorums, timeouts.
    pub cluster: &'a Cluster,
    /// A tick is this long, in nanoseconds.
    pub tick: u64,
}

/// A consensus library that leaves disk, network, clock and state machine to its user.
pub trait Library: Sized + 'static {
    /// A message between replicas.
    type Message: Clone + 'static;

    /// Its name on the command line.
    const NAME: &'static str;
    /// The version of the published crate.
    const VERSION: &'static str;
    /// The invariants that it does not promise, each with the reason.
    const EXEMPT: &'static [(&'static str, &'static str)];

    /// Why such a case makes no sense for it.
    fn not_applicable(case: &Case) -> Option<&'static str>;

    /// Starts from the records that are on the disk, oldest first; says what it found (`Appended` for each entry, then
    /// `Recovered`).
    fn open(start: &Start<'_>, records: &[Vec<u8>], acts: &mut Vec<Act<Self::Message>>) -> Self;
    /// A tick has passed.
    fn tick(&mut self);
    /// A message has arrived.
    fn receive(&mut self, message: Self::Message);
    /// A client wants this in the log.
    fn propose(&mut self, command: Vec<u8>);

    /// What is to be done after what happened last. `None` if nothing is; otherwise whether all that was written has to be
    /// durable before [`Library::durable`] is called. Nothing else is called in between.
    fn work(&mut self, acts: &mut Vec<Act<Self::Message>>, random: &mut dyn FnMut() -> u64) -> Option<bool>;
    /// What [`Library::work`] has asked for is done.
    fn durable(&mut self, acts: &mut Vec<Act<Self::Message>>);

    /// What a client is told as the view, if this replica leads: clients look for the primary of view v at replica v modulo n.
    fn leads(&self) -> Option<u64>;
    /// The kind of a message.
    fn kind(message: &Self::Message) -> MessageKind;
}

/// The identity of an entry that follows from `parent`, by what the log says of it.
pub fn entry_hash(parent: EntryHash, view: u64, command: &[u8]) -> EntryHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&parent.to_le_bytes()).update(&view.to_le_bytes()).update(command);
    u128::from_le_bytes(hasher.finalize().as_bytes()[..16].try_into().expect("16 bytes"))
}
