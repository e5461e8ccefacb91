//! Bytes to plans and back: fixed-width records, decoded by `arbitrary`.
//!
//! A header and then one record an action, 16 bytes each, so that inserting, deleting, copying and splicing records does
//! the same to whole actions, and the others keep their meaning. Every byte string decodes: a byte that chooses from a table
//! is a slot of it (see [`slot`]), what is missing at the end is 0, records past [`ACTIONS_MAX`] are ignored. Small numbers
//! mean the simple thing, and a record of zeros is a mild action (client 0 sends one request without a pause, at time 0).
//! Numbers are little endian; spans are in units of 100 µs if nothing else is said.
//!
//! Inputs are kept for years, so a table only ever grows at its end, and what a byte means does not depend on how long the
//! table is: [`slot`] says why. A test holds the number of every entry.
//!
//! | header | bytes |                                                                                     |
//! |--------|-------|-------------------------------------------------------------------------------------|
//! | 0      | 1     | scenario                                                                            |
//! | 1      | 1     | bare: lowest bit                                                                    |
//! | 2      | 1     | liar                                                                                |
//! | 3      | 1     | unused                                                                              |
//! | 4      | 4     | seed                                                                                |
//! | 8      | 8     | unused                                                                              |
//!
//! | action | bytes |                                                                                     |
//! |--------|-------|-------------------------------------------------------------------------------------|
//! | 0      | 1     | when: even at a time, odd after an observation                                      |
//! | 1      | 1     | what: a slot of `WHATS`                                                             |
//! | 2      | 1     | the trigger's watch: a slot of `Trigger::ALL`                                         |
//! | 3      | 1     | the trigger's replica: any up to 127, else modulo 8                                 |
//! | 4      | 1     | the trigger's count less 1                                                          |
//! | 5      | 2     | the time; the trigger's delay, in units of 10 µs (windows are narrow)               |
//! | 7      | 1     | target, modulo 10: primary, the trigger's subject, replica 0 to 7                   |
//! | 8      | 2     | duration less 100 µs                                                                |
//! | 10     | 2     | a: share per thousand (modulo 1001), extra time, record, clock step or wrong time   |
//! |        |       | in ms, drift in units of 10 ppm (all signed)                                        |
//! | 12     | 2     | b: bit, byte, how far away                                                          |
//! | 14     | 1     | c: zone, side, members, client (modulo 64), outgoing (lowest bit)                   |
//! | 15     | 1     | d: requests of a burst less 1, how many bits or bytes less 1, how far away          |
//!
//! A lie has these instead, from byte 8 on, one byte each: kind (a slot of `LIE_KINDS`), field (of `FIELDS`), how (of
//! `HOWS`), amount (mostly 1, see `amount`), to whom (like the trigger's replica), count less 1.

use arbitrary::{Arbitrary, Unstructured};

use crate::base::ids::{CLIENTS_MAX, ClientId, REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::base::time::{MICROSECOND, MILLISECOND, Time};
use crate::plan::{ACTIONS_MAX, Action, ActionKind, Plan, Target, Trigger, When};
use crate::protocol::lie::{Field, How, Lie};
use crate::protocol::observation::MessageKind;

/// The length of the header and of each action's record, in bytes.
pub const RECORD_BYTES: usize = 16;

/// The unit of times and durations.
const TIME_UNIT: Time = 100 * MICROSECOND;
/// The unit of a trigger's delay.
const DELAY_UNIT: Time = 10 * MICROSECOND;
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

/// What an action does, without its details, in the order of their numbers in an encoded plan.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tag {
    Burst,
    Partition,
    Isolate,
    Cut,
    Clog,
    Loss,
    Delay,
    Duplicate,
    Reorder,
    Crash,
    PowerLoss,
    Pause,
    BitFlip,
    LostWrite,
    MisdirectedWrite,
    DiskError,
    DiskSlow,
    DiskFull,
    ClockStep,
    ClockDrift,
    ClockFreeze,
    ClientCrash,
    DuplicateRequest,
    Lie,
    NoNtp,
    WrongNtp,
    FlippedBits,
    TruncatedRecord,
    ShiftedRecord,
    StaleRead,
    Reconfigure,
    Garble,
}

const WHATS: [Tag; 32] = [
    Tag::Burst,
    Tag::Partition,
    Tag::Isolate,
    Tag::Cut,
    Tag::Clog,
    Tag::Loss,
    Tag::Delay,
    Tag::Duplicate,
    Tag::Reorder,
    Tag::Crash,
    Tag::PowerLoss,
    Tag::Pause,
    Tag::BitFlip,
    Tag::LostWrite,
    Tag::MisdirectedWrite,
    Tag::DiskError,
    Tag::DiskSlow,
    Tag::DiskFull,
    Tag::ClockStep,
    Tag::ClockDrift,
    Tag::ClockFreeze,
    Tag::ClientCrash,
    Tag::DuplicateRequest,
    Tag::Lie,
    Tag::NoNtp,
    Tag::WrongNtp,
    Tag::FlippedBits,
    Tag::TruncatedRecord,
    Tag::ShiftedRecord,
    Tag::StaleRead,
    Tag::Reconfigure,
    Tag::Garble,
];

/// The index that `byte` stands for in a table that has `length` entries now, and had `frozen` ones when the meaning of all
/// 256 bytes was fixed.
///
/// A byte below `length` is an index. Every other byte means what it meant with `frozen` entries: the index modulo that
/// number. So a new entry, which goes to the end of its table, takes one byte value from an entry that has another one, and
/// changes the meaning of no other byte. What [`encode`] writes is always an index, and never changes its meaning.
///
/// ```
/// use sim::plan::codec::slot;
///
/// assert_eq!((slot(31, 32, 32), slot(32, 32, 32), slot(33, 32, 32)), (31, 0, 1));
/// assert_eq!((slot(31, 33, 32), slot(32, 33, 32), slot(33, 33, 32)), (31, 32, 1));
/// ```
///
/// # Panics
/// When `frozen` is 0.
pub fn slot(byte: u8, length: usize, frozen: usize) -> usize {
    let byte = usize::from(byte);
    if byte < length { byte } else { byte % frozen }
}

/// How many entries each table had when the meaning of all bytes was fixed; these numbers never change.
mod frozen {
    pub const WHATS: usize = 32;
    pub const WATCHES: usize = 36;
    pub const LIE_KINDS: usize = 12;
    pub const FIELDS: usize = 22;
    pub const HOWS: usize = 11;
}

/// The plan that `bytes` mean. Every byte string means some plan.
///
/// ```
/// use sim::plan::codec::{decode, encode};
///
/// let plan = decode(b"any bytes at all: a header, and an action");
/// assert_eq!(plan.actions.len(), 2);
/// assert_eq!(decode(&encode(&plan)), plan);
/// ```
pub fn decode(bytes: &[u8]) -> Plan {
    Plan::arbitrary(&mut Unstructured::new(bytes)).expect("every byte string decodes")
}

/// The bytes of a plan: `decode(&encode(&plan)) == plan` for every plan that came out of `decode`.
///
/// In other plans, what the layout cannot say is brought to the nearest that it can: times are rounded down to their
/// unit and cut off at 6.5 s, and so on.
pub fn encode(plan: &Plan) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((1 + plan.actions.len()) * RECORD_BYTES);
    let mut header = [0; RECORD_BYTES];
    header[0] = plan.scenario;
    header[1] = u8::from(plan.bare);
    header[2] = plan.liar;
    header[4..8].copy_from_slice(&plan.seed.to_le_bytes());
    bytes.extend_from_slice(&header);
    for action in plan.actions.iter().take(ACTIONS_MAX) {
        bytes.extend_from_slice(&encode_action(action));
    }
    bytes
}

impl<'a> Arbitrary<'a> for Plan {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let header = record(u)?;
        let mut plan = Plan {
            scenario: header[0],
            bare: header[1] & 1 == 1,
            liar: header[2],
            seed: u32::from_le_bytes([header[4], header[5], header[6], header[7]]),
            actions: Vec::with_capacity(u.len().div_ceil(RECORD_BYTES).min(ACTIONS_MAX)),
        };
        while !u.is_empty() && plan.actions.len() < ACTIONS_MAX {
            plan.actions.push(decode_action(&record(u)?));
        }
        Ok(plan)
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (0, Some((1 + ACTIONS_MAX) * RECORD_BYTES))
    }
}

/// The next record; zeros follow the last byte.
fn record(u: &mut Unstructured<'_>) -> arbitrary::Result<[u8; RECORD_BYTES]> {
    let mut record = [0; RECORD_BYTES];
    let found = u.bytes(u.len().min(RECORD_BYTES))?;
    record[..found.len()].copy_from_slice(found);
    Ok(record)
}

/// The action that a record means.
pub fn decode_action(record: &[u8; RECORD_BYTES]) -> Action {
    let word = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
    let when = if record[0] & 1 == 0 {
        When::At(Time::from(word(5)) * TIME_UNIT)
    } else {
        When::After {
            watch: pick(&Trigger::ALL, frozen::WATCHES, record[2]),
            replica: decode_replica(record[3]),
            count: record[4].saturating_add(1),
            delay: Time::from(word(5)) * DELAY_UNIT,
        }
    };
    let target = match record[7] % (2 + REPLICAS_MAX as u8) {
        0 => Target::Primary,
        1 => Target::Subject,
        replica => Target::Replica(ReplicaId(replica - 2)),
    };
    let duration = (Time::from(word(8)) + 1) * TIME_UNIT;
    let (a, b, c, d) = (word(10), word(12), record[14], record[15]);
    let per_mille = a % 1001;
    let extra = Time::from(a) * TIME_UNIT;
    let outgoing = c & 1 == 1;
    let client = ClientId(u16::from(c) % CLIENTS_MAX as u16);
    let (zone, record_back) = (c, a);
    let what = match pick(&WHATS, frozen::WHATS, record[1]) {
        Tag::Burst => ActionKind::Burst { client, requests: d.saturating_add(1) },
        Tag::Partition => ActionKind::Partition { side: ReplicaSet(c), duration },
        Tag::Isolate => ActionKind::Isolate { target, duration },
        Tag::Cut => ActionKind::Cut { target, outgoing, duration },
        Tag::Clog => ActionKind::Clog { target, outgoing, duration },
        Tag::Loss => ActionKind::Loss { per_mille, duration },
        Tag::Delay => ActionKind::Delay { target, extra, duration },
        Tag::Duplicate => ActionKind::Duplicate { per_mille, duration },
        Tag::Reorder => ActionKind::Reorder { per_mille, duration },
        Tag::Crash => ActionKind::Crash { target, down: duration },
        Tag::PowerLoss => ActionKind::PowerLoss { down: duration },
        Tag::Pause => ActionKind::Pause { target, duration },
        Tag::BitFlip => ActionKind::BitFlip { target, zone, record: record_back, bit: b },
        Tag::LostWrite => ActionKind::LostWrite { target, zone, record: record_back },
        Tag::MisdirectedWrite => ActionKind::MisdirectedWrite { target, zone, record: record_back, away: b },
        Tag::DiskError => ActionKind::DiskError { target, per_mille, duration },
        Tag::DiskSlow => ActionKind::DiskSlow { target, extra, duration },
        Tag::DiskFull => ActionKind::DiskFull { target, duration },
        Tag::ClockStep => ActionKind::ClockStep { target, micros: i32::from(a as i16) * STEP_UNIT },
        Tag::ClockDrift => ActionKind::ClockDrift { target, ppm: i32::from(a as i16) * DRIFT_UNIT, duration },
        Tag::ClockFreeze => ActionKind::ClockFreeze { target, duration },
        Tag::ClientCrash => ActionKind::ClientCrash { client },
        Tag::DuplicateRequest => ActionKind::DuplicateRequest { client },
        Tag::NoNtp => ActionKind::NoNtp { side: ReplicaSet(c), duration },
        Tag::WrongNtp => ActionKind::WrongNtp { target, micros: i32::from(a as i16) * STEP_UNIT, duration },
        Tag::Lie => ActionKind::Lie(Lie {
            kind: pick(&LIE_KINDS, frozen::LIE_KINDS, record[8]),
            field: pick(&FIELDS, frozen::FIELDS, record[9]),
            how: pick(&HOWS, frozen::HOWS, record[10]),
            amount: decode_amount(record[11]),
            to: decode_replica(record[12]),
            count: record[13].saturating_add(1),
        }),
        Tag::Reconfigure => ActionKind::Reconfigure { members: ReplicaSet(c) },
        Tag::FlippedBits => {
            ActionKind::FlippedBits { target, zone, record: record_back, bit: b, count: d.saturating_add(1) }
        }
        Tag::TruncatedRecord => ActionKind::TruncatedRecord { target, zone, record: record_back, keep: b },
        Tag::ShiftedRecord => {
            ActionKind::ShiftedRecord { target, zone, record: record_back, from: b, by: d.saturating_add(1) }
        }
        Tag::StaleRead => ActionKind::StaleRead { target, zone, away: d, per_mille, duration },
        Tag::Garble => ActionKind::Garble { target, per_mille, duration },
    };
    Action { when, what }
}

/// The record of an action; bytes that do not matter are 0.
pub fn encode_action(action: &Action) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    match action.when {
        When::At(at) => put(&mut record, 5, units(at, TIME_UNIT)),
        When::After { watch, replica, count, delay } => {
            record[0] = 1;
            record[2] = number(&Trigger::ALL, &watch);
            record[3] = encode_replica(replica);
            record[4] = count.saturating_sub(1);
            put(&mut record, 5, units(delay, DELAY_UNIT));
        }
    }
    record[1] = number(&WHATS, &tag(&action.what));
    if let Some(target) = action.what.target() {
        record[7] = encode_target(target);
    }
    if let Some(span) = action.what.duration() {
        put(&mut record, 8, units(span.saturating_sub(TIME_UNIT), TIME_UNIT));
    }
    encode_details(&action.what, &mut record);
    record
}

fn tag(what: &ActionKind) -> Tag {
    match what {
        ActionKind::Burst { .. } => Tag::Burst,
        ActionKind::Partition { .. } => Tag::Partition,
        ActionKind::Isolate { .. } => Tag::Isolate,
        ActionKind::Cut { .. } => Tag::Cut,
        ActionKind::Clog { .. } => Tag::Clog,
        ActionKind::Loss { .. } => Tag::Loss,
        ActionKind::Delay { .. } => Tag::Delay,
        ActionKind::Duplicate { .. } => Tag::Duplicate,
        ActionKind::Reorder { .. } => Tag::Reorder,
        ActionKind::Crash { .. } => Tag::Crash,
        ActionKind::PowerLoss { .. } => Tag::PowerLoss,
        ActionKind::Pause { .. } => Tag::Pause,
        ActionKind::BitFlip { .. } => Tag::BitFlip,
        ActionKind::LostWrite { .. } => Tag::LostWrite,
        ActionKind::MisdirectedWrite { .. } => Tag::MisdirectedWrite,
        ActionKind::DiskError { .. } => Tag::DiskError,
        ActionKind::DiskSlow { .. } => Tag::DiskSlow,
        ActionKind::DiskFull { .. } => Tag::DiskFull,
        ActionKind::ClockStep { .. } => Tag::ClockStep,
        ActionKind::ClockDrift { .. } => Tag::ClockDrift,
        ActionKind::ClockFreeze { .. } => Tag::ClockFreeze,
        ActionKind::ClientCrash { .. } => Tag::ClientCrash,
        ActionKind::DuplicateRequest { .. } => Tag::DuplicateRequest,
        ActionKind::Lie(_) => Tag::Lie,
        ActionKind::Reconfigure { .. } => Tag::Reconfigure,
        ActionKind::NoNtp { .. } => Tag::NoNtp,
        ActionKind::WrongNtp { .. } => Tag::WrongNtp,
        ActionKind::FlippedBits { .. } => Tag::FlippedBits,
        ActionKind::TruncatedRecord { .. } => Tag::TruncatedRecord,
        ActionKind::ShiftedRecord { .. } => Tag::ShiftedRecord,
        ActionKind::StaleRead { .. } => Tag::StaleRead,
        ActionKind::Garble { .. } => Tag::Garble,
    }
}

/// All but target and duration.
fn encode_details(what: &ActionKind, record: &mut [u8; RECORD_BYTES]) {
    let signed = |value: i32, unit: i32| (value / unit).clamp(i16::MIN.into(), i16::MAX.into()) as u16;
    match *what {
        ActionKind::Isolate { .. }
        | ActionKind::Crash { .. }
        | ActionKind::PowerLoss { .. }
        | ActionKind::Pause { .. }
        | ActionKind::DiskFull { .. }
        | ActionKind::ClockFreeze { .. } => {}
        ActionKind::Burst { client, requests } => {
            record[14] = encode_client(client);
            record[15] = requests.saturating_sub(1);
        }
        ActionKind::ClientCrash { client } | ActionKind::DuplicateRequest { client } => {
            record[14] = encode_client(client);
        }
        ActionKind::Partition { side: set, .. }
        | ActionKind::NoNtp { side: set, .. }
        | ActionKind::Reconfigure { members: set } => {
            record[14] = set.0;
        }
        ActionKind::Cut { outgoing, .. } | ActionKind::Clog { outgoing, .. } => record[14] = u8::from(outgoing),
        ActionKind::Loss { per_mille, .. }
        | ActionKind::Duplicate { per_mille, .. }
        | ActionKind::Reorder { per_mille, .. }
        | ActionKind::DiskError { per_mille, .. }
        | ActionKind::Garble { per_mille, .. } => put(record, 10, per_mille.min(1000)),
        ActionKind::Delay { extra, .. } | ActionKind::DiskSlow { extra, .. } => {
            put(record, 10, units(extra, TIME_UNIT));
        }
        ActionKind::BitFlip { zone, record: back, bit: more, .. }
        | ActionKind::MisdirectedWrite { zone, record: back, away: more, .. }
        | ActionKind::TruncatedRecord { zone, record: back, keep: more, .. } => {
            put(record, 10, back);
            put(record, 12, more);
            record[14] = zone;
        }
        ActionKind::FlippedBits { zone, record: back, bit: more, count, .. }
        | ActionKind::ShiftedRecord { zone, record: back, from: more, by: count, .. } => {
            put(record, 10, back);
            put(record, 12, more);
            record[14] = zone;
            record[15] = count.saturating_sub(1);
        }
        ActionKind::StaleRead { zone, away, per_mille, .. } => {
            put(record, 10, per_mille.min(1000));
            record[14] = zone;
            record[15] = away;
        }
        ActionKind::LostWrite { zone, record: back, .. } => {
            put(record, 10, back);
            record[14] = zone;
        }
        ActionKind::ClockStep { micros, .. } | ActionKind::WrongNtp { micros, .. } => {
            put(record, 10, signed(micros, STEP_UNIT));
        }
        ActionKind::ClockDrift { ppm, .. } => put(record, 10, signed(ppm, DRIFT_UNIT)),
        ActionKind::Lie(Lie { kind, field, how, amount, to, count }) => {
            record[8] = number(&LIE_KINDS, &kind);
            record[9] = number(&FIELDS, &field);
            record[10] = number(&HOWS, &how);
            record[11] = encode_amount(amount);
            record[12] = encode_replica(to);
            record[13] = count.saturating_sub(1);
        }
    }
}

fn encode_client(client: ClientId) -> u8 {
    (client.0 % CLIENTS_MAX as u16) as u8
}

fn put(record: &mut [u8; RECORD_BYTES], at: usize, word: u16) {
    record[at..at + 2].copy_from_slice(&word.to_le_bytes());
}

fn units(span: Time, unit: Time) -> u16 {
    (span / unit).min(u16::MAX.into()) as u16
}

fn pick<T: Copy>(table: &[T], frozen: usize, byte: u8) -> T {
    table[slot(byte, table.len(), frozen)]
}

/// The index in the table; what is not in it becomes the first.
fn number<T: PartialEq>(table: &[T], value: &T) -> u8 {
    table.iter().position(|other| other == value).unwrap_or(0) as u8
}

fn decode_replica(byte: u8) -> Option<ReplicaId> {
    (byte >= 128).then_some(ReplicaId(byte % REPLICAS_MAX as u8))
}

fn encode_replica(replica: Option<ReplicaId>) -> u8 {
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

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
