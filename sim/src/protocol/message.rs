//! What is known of messages without decoding them: their kinds, and the hashes of entries.

use serde::{Deserialize, Serialize};

/// The identity of a log entry: the first 16 bytes of the hash over its content and its parent's hash.
pub type EntryHash = u128;

/// The kinds of messages of the field's protocols; each system maps its own onto these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum MessageKind {
    /// A client's request, forwarded.
    Request,
    /// A reply to a client.
    Reply,
    /// The primary asks the backups to log an entry.
    Prepare,
    /// A backup has the entry durably.
    PrepareOk,
    /// The primary tells its commit number; also its heartbeat.
    Commit,
    /// A replica asks for, or has begun, a view change.
    StartViewChange,
    /// A replica hands its log to the primary of a new view and promises to leave the old ones.
    DoViewChange,
    /// The primary of a new view tells the log that it starts from.
    StartView,
    /// A replica that fell behind asks for a StartView.
    RequestStartView,
    /// A replica asks for missing log entries.
    RequestRepair,
    /// Missing log entries.
    Repair,
    /// A probe of a peer or of its clock.
    Ping,
    /// The answer to a probe.
    Pong,
    /// A replica asks for a whole state.
    RequestState,
    /// A whole state.
    State,
    /// "I never had that entry."
    Nack,
    /// A change of the membership.
    Reconfigure,
    /// Anything else.
    Other,
}

impl MessageKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [MessageKind; 18] = [
        MessageKind::Request,
        MessageKind::Reply,
        MessageKind::Prepare,
        MessageKind::PrepareOk,
        MessageKind::Commit,
        MessageKind::StartViewChange,
        MessageKind::DoViewChange,
        MessageKind::StartView,
        MessageKind::RequestStartView,
        MessageKind::RequestRepair,
        MessageKind::Repair,
        MessageKind::Ping,
        MessageKind::Pong,
        MessageKind::RequestState,
        MessageKind::State,
        MessageKind::Nack,
        MessageKind::Reconfigure,
        MessageKind::Other,
    ];
}
