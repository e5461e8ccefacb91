//! Bytes to plans and back: fixed-width records, decoded by `arbitrary`.
//!
//! A header and then one record an action, 16 bytes each, so that inserting, deleting, copying and splicing records does
//! the same to whole actions, and the others keep their meaning. Every byte string decodes: a byte that chooses from a table
//! is a slot of it (see [`slots`](crate::plan::slots)), what is missing at the end is 0, records past [`ACTIONS_MAX`] are ignored. Small numbers
//! mean the simple thing, and a record of zeros is a mild action (client 0 sends one request without a pause, at time 0).
//! Numbers are little endian; spans are in units of 100 µs if nothing else is said.
//!
//! Inputs are kept for years, so a table only ever grows at its end, and what a byte means does not depend on how long the
//! table is: [`slots`](crate::plan::slots) says why. A test holds the number of every entry.
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
//! | 1      | 1     | what: a slot of `ActionKind`                                                        |
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

use crate::base::time::{MICROSECOND, Time};
use crate::plan::detail::{TIME_UNIT, decode_replica, encode_replica, put, units};
use crate::plan::slots::{frozen, number, pick, slot};
use crate::plan::{ACTIONS_MAX, Action, ActionKind, Plan, RECORD_BYTES, Trigger, When};

/// The unit of a trigger's delay.
const DELAY_UNIT: Time = 10 * MICROSECOND;

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
    let what = ActionKind::decode(slot(record[1], ActionKind::COUNT, frozen::KINDS), record);
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
    record[1] = action.what.slot();
    let mut what = action.what;
    what.details(|detail| detail.encode(&mut record));
    record
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
