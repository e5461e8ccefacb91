//! Lies: changes of a Byzantine replica's outgoing messages.
//!
//! The liar runs the ordinary code. Its messages are changed on the way out: by the world (silence, replay, flooding),
//! or by the system ([`crate::System::tamper`]), which knows its messages and signs the result with the liar's own
//! key. Lies are small by default (a field ± 1, an older value, a shorter tail), because these find more bugs than
//! random bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::ids::ReplicaId;
use crate::base::words::spaced;
use crate::protocol::message::MessageKind;

/// Which part of a message lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Field {
    /// The message as a whole (for silence, replay, flooding).
    Message,
    /// The view.
    View,
    /// The op number.
    Op,
    /// The commit number.
    Commit,
    /// The last view in which the sender was normal.
    LastNormalView,
    /// The log or its tail.
    Tail,
    /// The stated length of the tail.
    TailLength,
    /// The view of a log entry.
    EntryView,
    /// The hash of a log entry, or of its parent.
    EntryHash,
    /// The command in a log entry.
    Command,
    /// The first op of a range.
    RangeStart,
    /// The last op of a range.
    RangeEnd,
    /// Who sent it.
    Sender,
    /// The signature.
    Signature,
    /// The messages that a claim follows from.
    Reasons,
    /// Who the message's content says it is from, where it says so beside the sender.
    Identity,
    /// The number that ties an answer to its question.
    Nonce,
    /// The reading of a clock.
    Clock,
    /// The version of the software.
    Version,
    /// The members of the cluster.
    Members,
    /// A state that is handed over, or its hash.
    State,
    /// Why an answer is refused.
    Refusal,
}

/// In which way it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum How {
    /// Larger by the amount.
    Increase,
    /// Smaller by the amount.
    Decrease,
    /// A very large value.
    Huge,
    /// Zero, or empty.
    Zero,
    /// Shorter by the amount.
    Truncate,
    /// Longer by repeating the last element, as often as the amount.
    Extend,
    /// Well formed, signed by the liar, and never said by a correct replica.
    Forge,
    /// A flipped bit.
    Corrupt,
    /// Not sent at all.
    Silence,
    /// An earlier message of the same kind, sent again instead.
    Replay,
    /// Sent as many times as the amount.
    Flood,
}

/// What a lie amounts to; the promise depends on it (`invariants/guarantees.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum LieClass {
    /// A message that contradicts itself, or silence, replay, flooding: no more than message loss to a careful receiver.
    Contradiction,
    /// Well formed and false.
    FalseClaim,
    /// Two entries for one view and op: more than Viewstamped Replication promises to survive.
    Equivocation,
}

/// A lie that is allowed: in messages of this kind, this field, in this way.
pub type LieRule = (MessageKind, Field, How);

/// A lie that the liar is told to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lie {
    /// In messages of this kind.
    pub kind: MessageKind,
    /// The field that lies.
    pub field: Field,
    /// In which way.
    pub how: How,
    /// By how much, or how often.
    pub amount: u8,
    /// To whom; to everybody if `None`.
    pub to: Option<ReplicaId>,
    /// In how many messages of the kind, from now on.
    pub count: u8,
}

/// What a number becomes by [`How::Huge`], at least.
const HUGE: u64 = 1 << 40;

impl Lie {
    /// The number that is said instead of `value`; `None` if it would be the same, or if the lie is not about numbers.
    pub fn number(&self, value: u64) -> Option<u64> {
        let amount = u64::from(self.amount.max(1));
        let lied = match self.how {
            How::Increase => value.saturating_add(amount),
            How::Decrease => value.saturating_sub(amount),
            How::Huge => HUGE + value % HUGE,
            How::Zero => 0,
            _ => return None,
        };
        (lied != value).then_some(lied)
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.map_or(String::new(), |to| format!(" to {to}"));
        let [how, field] = [format!("{:?}", self.how), format!("{:?}", self.field)].map(|name| spaced(&name));
        write!(f, "lie in {} {:?} message(s){to}: {how} {field} by {}", self.count, self.kind, self.amount)
    }
}

/// What a liar can use: its own identity and key, and what it must not sign twice.
#[derive(Clone, Debug)]
pub struct Liar {
    /// The liar.
    pub id: ReplicaId,
    /// How many replicas there are.
    pub replicas: u8,
    /// The liar's key; it never gets another's.
    pub key: [u8; 32],
    /// The views that it really led. An entry forged for one of them could be an equivocation.
    pub views_led: Vec<u64>,
    /// (view, op) pairs for which it signed a forged entry, with the entry.
    pub forged: Vec<(u64, u64, u128)>,
}

impl Liar {
    /// Whether the liar is the primary of `view`, where primaries take turns.
    pub fn leads(&self, view: u64) -> bool {
        view % u64::from(self.replicas) == u64::from(self.id.0)
    }
}
