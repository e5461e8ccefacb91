//! The details of actions: each kind of value that an action carries, and the bytes of a record that hold it.
//!
//! Numbers are little endian. Kinds that no action carries together share their bytes. The table of all bytes is in
//! `codec.rs`.

use crate::base::ids::{CLIENTS_MAX, ClientId, REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::base::time::{MICROSECOND, MILLISECOND, Time};
use crate::plan::slots::{frozen, number, pick};
use crate::plan::{RECORD_BYTES, Target};
use crate::protocol::lie::{Field, How, Lie};
use crate::protocol::message::MessageKind;

/// The bytes of an action.
pub(super) type Record = [u8; RECORD_BYTES];

/// The unit of times and durations.
pub(super) const TIME_UNIT: Time = 100 * MICROSECOND;
/// The unit of a clock's drift, in parts per million.
const DRIFT_UNIT: i32 = 10;
/// The unit of a clock's step, in microseconds.
const STEP_UNIT: i32 = (MILLISECOND / MICROSECOND) as i32;

/// The kinds of messages that a decoded lie is about.
pub const LIE_KINDS: [MessageKind; 12] = [
    MessageKind::Prepare,
    MessageKind::PrepareOk,
    MessageKind::Commit,
    MessageKind::StartViewChange,
    MessageKind::DoViewChange,
    MessageKind::StartView,
    MessageKind::RequestStartView,
    MessageKind::RequestRepair,
    MessageKind::Repair,
    MessageKind::RequestState,
    MessageKind::State,
    MessageKind::Nack,
];

/// All fields that can lie, in the order of their numbers in an encoded plan.
pub const FIELDS: [Field; 22] = [
    Field::Message,
    Field::View,
    Field::Op,
    Field::Commit,
    Field::LastNormalView,
    Field::Tail,
    Field::TailLength,
    Field::EntryView,
    Field::EntryHash,
    Field::Command,
    Field::RangeStart,
    Field::RangeEnd,
    Field::Sender,
    Field::Signature,
    Field::Reasons,
    Field::Identity,
    Field::Nonce,
    Field::Clock,
    Field::Version,
    Field::Members,
    Field::State,
    Field::Refusal,
];

/// All ways to lie, in the order of their numbers in an encoded plan.
pub const HOWS: [How; 11] = [
    How::Increase,
    How::Decrease,
    How::Huge,
    How::Zero,
    How::Truncate,
    How::Extend,
    How::Forge,
    How::Corrupt,
    How::Silence,
    How::Replay,
    How::Flood,
];

/// Declares the details. An entry is `Kind: type, |record| the value that it holds, |record, value| how the value gets in;`.
macro_rules! details {
    ($($(#[$doc:meta])* $name:ident: $type:ty, |$from:ident| $decode:expr, |$into:ident, $value:ident| $encode:expr;)*) => {
        /// A value that an action carries.
        #[derive(Debug, PartialEq)]
        pub enum Detail<'a> {
            $($(#[$doc])* $name(&'a mut $type),)*
        }

        impl Detail<'_> {
            /// Writes it into a record; what the bytes cannot say is brought to the nearest that they can.
            pub(super) fn encode(&self, into: &mut Record) {
                match self {
                    $(Detail::$name(value) => {
                        let ($into, $value) = (into, **value);
                        $encode;
                    })*
                }
            }
        }

        /// The value that a record holds, by the name of its kind.
        #[allow(non_snake_case, reason = "the names of the kinds")]
        pub(super) mod decode {
            use super::*;

            $(pub fn $name($from: &Record) -> $type {
                $decode
            })*
        }
    };
}

details! {
    /// Which replica, in byte 7.
    Target: Target, |record| decode_target(record[7]), |record, target| record[7] = encode_target(target);
    /// For how long, in bytes 8 and 9, less 100 µs.
    Duration: Time,
        |record| (Time::from(get(record, 8)) + 1) * TIME_UNIT,
        |record, span| put(record, 8, units(span.saturating_sub(TIME_UNIT), TIME_UNIT));
    /// So many of a thousand, in bytes 10 and 11.
    PerMille: u16, |record| get(record, 10) % 1001, |record, share| put(record, 10, share.min(1000));
    /// An additional time, in bytes 10 and 11.
    Extra: Time, |record| Time::from(get(record, 10)) * TIME_UNIT, |record, span| put(record, 10, units(span, TIME_UNIT));
    /// Some replicas, in byte 14.
    Replicas: ReplicaSet, |record| ReplicaSet(record[14]), |record, set| record[14] = set.0;
    /// From the target, or to it; in the lowest bit of byte 14.
    Outgoing: bool, |record| record[14] & 1 == 1, |record, outgoing| record[14] = u8::from(outgoing);
    /// A client, in byte 14.
    Client: ClientId,
        |record| ClientId(u16::from(record[14]) % CLIENTS_MAX as u16),
        |record, client| record[14] = (client.0 % CLIENTS_MAX as u16) as u8;
    /// A zone of a disk, in byte 14.
    Zone: u8, |record| record[14], |record, zone| record[14] = zone;
    /// A record of the zone, counted back from the one written last; in bytes 10 and 11.
    Record: u16, |record| get(record, 10), |record, back| put(record, 10, back);
    /// A bit or a byte of a record, or how many records away; in bytes 12 and 13.
    Offset: u16, |record| get(record, 12), |record, offset| put(record, 12, offset);
    /// How many bits, in byte 15, less 1.
    Bits: u8, |record| record[15].saturating_add(1), |record, count| record[15] = count.saturating_sub(1);
    /// How many bytes, in byte 15, less 1.
    Bytes: u8, |record| record[15].saturating_add(1), |record, count| record[15] = count.saturating_sub(1);
    /// How many requests, in byte 15, less 1.
    Requests: u8, |record| record[15].saturating_add(1), |record, count| record[15] = count.saturating_sub(1);
    /// How many records away, in byte 15.
    Away: u8, |record| record[15], |record, away| record[15] = away;
    /// A step of a clock in microseconds, in bytes 10 and 11 as milliseconds.
    Step: i32,
        |record| i32::from(get(record, 10) as i16) * STEP_UNIT,
        |record, micros| put(record, 10, signed(micros, STEP_UNIT));
    /// The drift of a clock in parts per million, in bytes 10 and 11 in units of ten.
    Drift: i32,
        |record| i32::from(get(record, 10) as i16) * DRIFT_UNIT,
        |record, ppm| put(record, 10, signed(ppm, DRIFT_UNIT));
    /// A lie, in bytes 8 to 13.
    Lie: Lie, |record| decode_lie(record), |record, lie| encode_lie(lie, record);
}

fn get(record: &Record, at: usize) -> u16 {
    u16::from_le_bytes([record[at], record[at + 1]])
}

pub(super) fn put(record: &mut Record, at: usize, word: u16) {
    record[at..at + 2].copy_from_slice(&word.to_le_bytes());
}

pub(super) fn units(span: Time, unit: Time) -> u16 {
    (span / unit).min(u16::MAX.into()) as u16
}

/// A signed value in units, as 16 bits.
fn signed(value: i32, unit: i32) -> u16 {
    (value / unit).clamp(i16::MIN.into(), i16::MAX.into()) as u16
}

fn decode_target(byte: u8) -> Target {
    match byte % (2 + REPLICAS_MAX as u8) {
        0 => Target::Primary,
        1 => Target::Subject,
        replica => Target::Replica(ReplicaId(replica - 2)),
    }
}

fn decode_lie(record: &Record) -> Lie {
    Lie {
        kind: pick(&LIE_KINDS, frozen::LIE_KINDS, record[8]),
        field: pick(&FIELDS, frozen::FIELDS, record[9]),
        how: pick(&HOWS, frozen::HOWS, record[10]),
        amount: decode_amount(record[11]),
        to: decode_replica(record[12]),
        count: record[13].saturating_add(1),
    }
}

fn encode_lie(lie: Lie, record: &mut Record) {
    let Lie { kind, field, how, amount, to, count } = lie;
    record[8] = number(&LIE_KINDS, &kind);
    record[9] = number(&FIELDS, &field);
    record[10] = number(&HOWS, &how);
    record[11] = encode_amount(amount);
    record[12] = encode_replica(to);
    record[13] = count.saturating_sub(1);
}

pub(super) fn decode_replica(byte: u8) -> Option<ReplicaId> {
    (byte >= 128).then_some(ReplicaId(byte % REPLICAS_MAX as u8))
}

pub(super) fn encode_replica(replica: Option<ReplicaId>) -> u8 {
    replica.map_or(0, |replica| 128 + replica.0 % REPLICAS_MAX as u8)
}

fn encode_target(target: Target) -> u8 {
    match target {
        Target::Primary => 0,
        Target::Subject => 1,
        Target::Replica(replica) => 2 + replica.0 % REPLICAS_MAX as u8,
    }
}

/// A lie's amount: half of the bytes mean 1, a quarter 2, an eighth 3, the others 4 to 34 and 255.
fn decode_amount(byte: u8) -> u8 {
    match byte {
        0..=127 => 1,
        128..=191 => 2,
        192..=223 => 3,
        224..=254 => byte - 220,
        255 => 255,
    }
}

fn encode_amount(amount: u8) -> u8 {
    match amount {
        0 | 1 => 0,
        2 => 128,
        3 => 192,
        4..=34 => amount + 220,
        35..=127 => 254,
        128..=255 => 255,
    }
}
