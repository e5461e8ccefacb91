//! A host for consensus libraries: the parts that such a library leaves to its user.
//!
//! Many published libraries implement only consensus. Their user provides disk, network, clock and state machine; here
//! the simulator does. A library implements [`Library`], and [`Host`] makes a system under test of it. The host is the
//! simplest correct user: a log on the disk ([`journal`]), and a store whose sessions make requests take effect once
//! ([`machine`]). It does one thing at a time: while a sync is pending, everything else waits.
//!
//! Left out: snapshots, and therefore logs that begin later than op 1; membership changes; everything that a library
//! does beside the log, such as reads that bypass it.
#![forbid(unsafe_code)]

mod applicable;
mod host;
pub mod journal;
pub mod machine;

pub use applicable::not_applicable;
pub use host::Host;

use sim::config::spec::Cluster;
use sim::{Case, EntryHash, MessageKind, Observation, ReplicaId};

/// A request of a library to its host. The host carries them out in order.
#[derive(Debug)]
pub enum Act<M> {
    /// Report an observation.
    Observe(Observation),
    /// Append a record to the log on the disk.
    Write(Vec<u8>),
    /// Send a message.
    Send(ReplicaId, M),
    /// The entry at `op` is committed: report that, and execute its command. An empty command does nothing.
    Execute {
        /// The op.
        op: u64,
        /// The hash of the entry.
        entry: EntryHash,
        /// The proposed command.
        command: Vec<u8>,
    },
}

/// The input of a library that starts.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Its replica.
    pub id: ReplicaId,
    /// Sizes, quorums, timeouts.
    pub cluster: &'a Cluster,
    /// The length of a tick in nanoseconds.
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

    /// Why a case does not apply to it.
    fn not_applicable(case: &Case) -> Option<&'static str>;

    /// Starts from the records on the disk, oldest first. Reports what it found (`Appended` for each entry, then
    /// `Recovered`).
    fn open(start: &Start<'_>, records: &[Vec<u8>], acts: &mut Vec<Act<Self::Message>>) -> Self;
    /// Handles a tick.
    fn tick(&mut self);
    /// Handles a message.
    fn receive(&mut self, message: Self::Message);
    /// Proposes a client's command.
    fn propose(&mut self, command: Vec<u8>);

    /// Collects what the last event requires. Returns `None` if that is nothing; otherwise whether all records written
    /// have to be durable before [`Library::durable`] is called. No other method is called in between.
    fn work(&mut self, acts: &mut Vec<Act<Self::Message>>, random: &mut dyn FnMut() -> u64) -> Option<bool>;
    /// What [`Library::work`] requested is done.
    fn durable(&mut self, acts: &mut Vec<Act<Self::Message>>);

    /// The view for a client, if this replica leads. Clients expect the primary of view v at replica v modulo n.
    fn leads(&self) -> Option<u64>;
    /// The kind of a message.
    fn kind(message: &Self::Message) -> MessageKind;
}

/// The identity of an entry that follows `parent`, from its view and command.
pub fn entry_hash(parent: EntryHash, view: u64, command: &[u8]) -> EntryHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&parent.to_le_bytes()).update(&view.to_le_bytes()).update(command);
    u128::from_le_bytes(hasher.finalize().as_bytes()[..16].try_into().expect("16 bytes"))
}
