//! The encoding of messages.
//!
//! In a simulation, messages move as values. Only a message that is damaged in transit is encoded
//! (`sim::System::encode`), and a receiver that does not detect the damage acts on the decoded content. So the last
//! four bytes of a message are a CRC-32 of all others: where nothing is signed, only the checksum distinguishes a
//! damaged acknowledgement from an intact one.
//!
//! Numbers are little-endian. Lists and byte strings begin with their length, a `u32`. Options and enums begin with one
//! byte for the variant. Every message has exactly one encoding, and [`decode`] rejects all others: what it returns is
//! encoded to the same bytes. Each structure is written and read by one list of its fields, so that the two cannot
//! differ.
//!
//! The padding of a StartView, which only a liar adds, is encoded as its length.

use std::cell::Cell;
use std::rc::Rc;

use sim::{ClientId, ReplicaId, Request};

use crate::log::Base;
use crate::log::entry::Entry;
use crate::messages::message::{Body, Certificate, CommitClaim, DoViewChange, Message, StartView, StateChunk, Vote};

/// The size of the checksum at the end of a message.
pub const CHECKSUM_BYTES: usize = 4;

/// Appends the encoding of a message to `into`.
pub fn encode(message: &Message, into: &mut Vec<u8>) {
    let start = into.len();
    message.write(into);
    let checksum = crc32fast::hash(&into[start..]);
    checksum.write(into);
}

/// Decodes a message, if its checksum matches. Without `checked`, the checksum is ignored.
pub fn decode(bytes: &[u8], checked: bool) -> Option<Message> {
    let (mut body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if checked && u32::from_le_bytes(*checksum) != crc32fast::hash(body) {
        return None;
    }
    let bytes = &mut body;
    let message = Message { from: Wire::read(bytes)?, signature: Wire::read(bytes)?, body: Wire::read(bytes)? };
    bytes.is_empty().then_some(message)
}

/// A value that can be appended to a byte string, and read from the front of one.
trait Wire: Sized {
    fn write(&self, into: &mut Vec<u8>);
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Wire for $number {
            fn write(&self, into: &mut Vec<u8>) {
                into.extend_from_slice(&self.to_le_bytes());
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(<$number>::from_le_bytes(*number))
            }
        })*
    };
}

/// Structures by their fields. The field after the semicolon caches a verification and is not sent.
macro_rules! structures {
    ($($name:ident { $($field:tt),* $(; $checked:ident)? })*) => {
        $(impl Wire for $name {
            fn write(&self, into: &mut Vec<u8>) {
                $(self.$field.write(into);)*
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some($name { $($field: Wire::read(bytes)?,)* $($checked: Cell::new(false),)? })
            }
        })*
    };
}

/// The kinds of messages, each with its number and its fields. Those with a structure of their own come first.
macro_rules! bodies {
    ({ $($whole:ident = $number:literal),* } { $($name:ident { $($field:ident),* } = $other:literal),* }) => {
        impl Wire for Body {
            fn write(&self, into: &mut Vec<u8>) {
                match self {
                    $(Body::$whole(body) => {
                        into.push($number);
                        body.write(into);
                    })*
                    $(Body::$name { $($field),* } => {
                        into.push($other);
                        $($field.write(into);)*
                    })*
                }
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(match u8::read(bytes)? {
                    $($number => Body::$whole(Wire::read(bytes)?),)*
                    $($other => Body::$name { $($field: Wire::read(bytes)?),* },)*
                    _ => return None,
                })
            }
        }
    };
}

numbers!(u8, u16, u32, u64, u128);

structures! {
    ReplicaId { 0 }
    ClientId { 0 }
    Base { op, hash, timestamp }
    Request { client, session, number, payload }
    Entry { view, op, parent, hash, signature, timestamp, request; checked }
    Certificate { view, op, hash, acknowledgements; checked }
    CommitClaim { op, certificate }
    Vote { from, view, signature }
    DoViewChange { view, last_normal, op, commit, log, base, checkpoint }
    StartView { view, op, commit, log, start_op, reasons, padding, base }
    StateChunk { view, last, state, length, offset, bytes }
}

/// The number of a DoViewChange.
const DO_VIEW_CHANGE: u8 = 0;

bodies! {
    { DoViewChange = 0, StartView = 1, State = 2 }
    {
        Prepare { view, commit, entry } = 3,
        PrepareOk { view, op, hash } = 4,
        Commit { view, commit, op } = 5,
        StartViewChange { view, entered, votes, configuration } = 6,
        RequestStartView { view } = 7,
        RequestRepair { view, from, to, number } = 8,
        Repair { view, number, entries } = 9,
        Ping { asked } = 10,
        Pong { asked, wall } = 11,
        Forward { view, request } = 12,
        RequestContent { op, hash } = 13,
        Content { entry } = 14,
        Nack { op, hash } = 15,
        RequestState { view, at_least, state, offset } = 16
    }
}

/// Reads a message inside another one: a DoViewChange that a StartView follows from. All other kinds are rejected, so
/// there is no deeper nesting.
impl Wire for Message {
    fn write(&self, into: &mut Vec<u8>) {
        self.from.write(into);
        self.signature.write(into);
        self.body.write(into);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (from, signature) = (Wire::read(bytes)?, Wire::read(bytes)?);
        if bytes.first() != Some(&DO_VIEW_CHANGE) {
            return None;
        }
        Some(Message { from, signature, body: Wire::read(bytes)? })
    }
}

impl Wire for bool {
    fn write(&self, into: &mut Vec<u8>) {
        into.push(u8::from(*self));
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match u8::read(bytes)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, into: &mut Vec<u8>) {
        self.is_some().write(into);
        if let Some(some) = self {
            some.write(into);
        }
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        if bool::read(bytes)? { Some(Some(T::read(bytes)?)) } else { Some(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, into: &mut Vec<u8>) {
        write_list(self, into);
    }
    /// Does not allocate by the encoded length: the list grows as its items are read.
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = u32::read(bytes)?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(T::read(bytes)?);
        }
        Some(list)
    }
}

impl<T: Wire> Wire for Rc<[T]> {
    fn write(&self, into: &mut Vec<u8>) {
        write_list(self, into);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Vec::read(bytes).map(Rc::from)
    }
}

fn write_list<T: Wire>(list: &[T], into: &mut Vec<u8>) {
    (list.len() as u32).write(into);
    for item in list {
        item.write(into);
    }
}

impl<T: Wire> Wire for Rc<T> {
    fn write(&self, into: &mut Vec<u8>) {
        self.as_ref().write(into);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        T::read(bytes).map(Rc::new)
    }
}

impl<T: Wire, U: Wire> Wire for (T, U) {
    fn write(&self, into: &mut Vec<u8>) {
        self.0.write(into);
        self.1.write(into);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((T::read(bytes)?, U::read(bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use sim::MessageKind;

    use super::*;

    fn entry(op: u64, hole: bool) -> Rc<Entry> {
        let request = Request { client: ClientId(3), session: 7, number: 9, payload: Rc::from(&[5; 40][..]) };
        let (view, parent, hash) = (2, 1 << 100, 3 << 90);
        let request = (!hole).then_some(request);
        Rc::new(Entry { view, op, parent, hash, signature: 12, timestamp: 8, request, checked: Cell::new(true) })
    }

    /// One message of each kind, with a value in each of its fields.
    fn samples() -> Vec<Message> {
        let (view, op, number, hash) = (3, 11, 4, 1 << 77);
        let from = ReplicaId(2);
        let acknowledgements = vec![(ReplicaId(0), 5), (ReplicaId(1), 6)];
        let certificate = Some(Rc::new(Certificate { view, op, hash, acknowledgements, checked: Cell::new(true) }));
        let commit = CommitClaim { op, certificate };
        let base = Base { op: 9, hash: 8, timestamp: 7 };
        let log: Rc<[Rc<Entry>]> = Rc::from([entry(10, false), entry(11, true)]);
        let request = entry(1, false).request.clone().expect("it is no hole");
        let do_view_change =
            DoViewChange { view, last_normal: 2, op, commit: 9, log: log.clone(), base, checkpoint: 8 };
        let reason = Message { from, body: Body::DoViewChange(Rc::new(do_view_change)), signature: 99 };
        let start_view = StartView {
            view,
            op,
            commit: commit.clone(),
            log: log.clone(),
            start_op: 10,
            reasons: Rc::from([reason.clone()]),
            padding: u64::MAX,
            base,
        };
        let bytes = Rc::from(&[1, 2, 3][..]);
        let votes = Rc::from([Vote { from, view, signature: 1 }]);
        let chunk = StateChunk { view, last: base, state: hash, length: 30, offset: 10, bytes };
        let bodies = [
            reason.body,
            Body::StartView(Rc::new(start_view)),
            Body::State(Rc::new(chunk)),
            Body::Prepare { view, commit: commit.clone(), entry: entry(11, false) },
            Body::PrepareOk { view, op, hash },
            Body::Commit { view, commit, op },
            Body::StartViewChange { view, entered: true, votes, configuration: 6 },
            Body::RequestStartView { view },
            Body::RequestRepair { view, from: 4, to: op, number },
            Body::Repair { view, number, entries: log },
            Body::Ping { asked: 70 },
            Body::Pong { asked: 70, wall: 71 },
            Body::Forward { view, request },
            Body::RequestContent { op, hash },
            Body::Content { entry: entry(11, false) },
            Body::Nack { op, hash },
            Body::RequestState { view, at_least: 8, state: hash, offset: 10 },
        ];
        bodies.map(|body| Message { from, body, signature: 1 << 120 }).to_vec()
    }

    fn encoded(message: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(message, &mut bytes);
        bytes
    }

    /// The bytes followed by their checksum.
    fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        let checksum = crc32fast::hash(&bytes);
        checksum.write(&mut bytes);
        bytes
    }

    #[test]
    fn every_message_is_decoded_to_itself() {
        for message in samples() {
            let bytes = encoded(&message);
            let back = decode(&bytes, true).expect("it is sound");
            assert_eq!(encoded(&back), bytes, "{message:?}");
            // Only the cached verifications differ.
            let words = |message: &Message| format!("{message:?}").replace("value: true", "value: false");
            assert_eq!(words(&back), words(&message));
        }
        let kinds: std::collections::BTreeSet<MessageKind> = samples().iter().map(|it| it.body.kind()).collect();
        assert_eq!(kinds.len(), 15, "content and repair are of one kind, and so are their requests");
    }

    #[test]
    fn every_damage_of_up_to_32_adjacent_bits_is_detected() {
        for message in samples() {
            let sound = encoded(&message);
            for first in 0..sound.len() * 8 {
                for width in [1, 2, 3, 7, 31, 32].into_iter().filter(|width| first + width <= sound.len() * 8) {
                    // Either all bits of the range, or only the first and the last.
                    for step in [1, (width - 1).max(1)] {
                        let mut damaged = sound.clone();
                        for bit in (first..first + width).step_by(step) {
                            damaged[bit / 8] ^= 1 << (bit % 8);
                        }
                        assert!(decode(&damaged, true).is_none(), "{width} bits from {first} on of {message:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn truncated_and_extended_messages_are_rejected() {
        for message in samples() {
            let bytes = encoded(&message);
            for length in 0..bytes.len() {
                assert!(decode(&bytes[..length], true).is_none());
                let body = &bytes[..length.min(bytes.len() - CHECKSUM_BYTES - 1)];
                assert!(decode(&with_checksum(body.to_vec()), true).is_none(), "{length} bytes of {message:?}");
            }
            let mut longer = bytes[..bytes.len() - CHECKSUM_BYTES].to_vec();
            longer.push(0);
            assert!(decode(&with_checksum(longer), true).is_none());
        }
    }

    #[test]
    fn a_message_has_one_encoding_and_is_nested_once() {
        let body = |message: &Message| {
            let mut bytes = encoded(message);
            bytes.truncate(bytes.len() - CHECKSUM_BYTES);
            bytes
        };
        let vote =
            samples().into_iter().find(|it| it.body.kind() == MessageKind::StartViewChange).expect("it is there");
        let mut bytes = body(&vote);
        let entered = 1 + 16 + 1 + 8;
        assert_eq!(bytes[entered], 1);
        bytes[entered] = 2;
        assert!(decode(&with_checksum(bytes.clone()), true).is_none(), "neither true nor false");
        // A length of several gigabytes.
        bytes[entered..entered + 5].copy_from_slice(&[1, 255, 255, 255, 255]);
        assert!(decode(&with_checksum(bytes), true).is_none());
        let start_view = samples().swap_remove(1);
        let Body::StartView(inner) = &start_view.body else { panic!("it is the second") };
        let outer = StartView { reasons: Rc::from([start_view.clone()]), ..inner.as_ref().clone() };
        let outer = Message { body: Body::StartView(Rc::new(outer)), ..start_view };
        assert!(decode(&encoded(&outer), true).is_none(), "a StartView is no reason for another one");
    }

    #[test]
    fn without_the_checksum_a_damaged_message_is_decoded() {
        let acknowledgement = samples().swap_remove(4);
        let mut bytes = encoded(&acknowledgement);
        bytes[1 + 16 + 1 + 8] ^= 4; // a bit of the op
        assert!(decode(&bytes, true).is_none());
        let believed = decode(&bytes, false).expect("nobody looks");
        assert!(matches!(believed.body, Body::PrepareOk { op: 15, .. }), "{believed:?}");
    }
}
