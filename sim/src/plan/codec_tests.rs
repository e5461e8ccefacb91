//! Tests of the codec: total, stable, local.

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{IntoDeserializer, value};

use super::*;
use crate::base::ids::{ClientId, ReplicaId};
use crate::plan::action_kind::SLOTS;
use crate::plan::detail::{FIELDS, HOWS, LIE_KINDS};
use crate::protocol::lie::{Field, How, Lie};
use crate::protocol::observation::{Fault, MessageKind};

#[test]
fn zeros_are_a_mild_action() {
    let plan = decode(&[0; 2 * RECORD_BYTES]);
    let what = ActionKind::Burst { client: ClientId(0), requests: 1 };
    assert_eq!(plan, Plan { actions: vec![Action { when: When::At(0), what }], ..Plan::default() });
}

#[test]
fn an_empty_input_is_an_empty_plan() {
    assert_eq!(decode(&[]), Plan::default());
    assert_eq!(encode(&Plan::default()), [0; RECORD_BYTES]);
}

#[test]
fn a_partial_record_ends_in_zeros() {
    let bytes: Vec<u8> = (1..40).collect();
    let mut padded = bytes.clone();
    padded.resize(3 * RECORD_BYTES, 0);
    assert_eq!(decode(&bytes), decode(&padded));
}

#[test]
fn too_long_an_input_is_cut_off() {
    assert_eq!(decode(&vec![7; (ACTIONS_MAX + 9) * RECORD_BYTES]).actions.len(), ACTIONS_MAX);
}

#[test]
fn every_fault_and_every_lie_can_be_said() {
    let mut faults: Vec<Fault> = (0..=255)
        .map(|tag| decode_action(&std::array::from_fn(|i| if i == 1 { tag } else { 0 })).what.fault())
        .collect();
    faults.sort_unstable();
    faults.dedup();
    assert_eq!(faults.len(), Fault::COUNT);
    let (mut kinds, mut fields, mut hows) = (LIE_KINDS.to_vec(), FIELDS.to_vec(), HOWS.to_vec());
    kinds.sort_unstable();
    kinds.dedup();
    fields.sort_unstable();
    fields.dedup();
    hows.sort_unstable();
    hows.dedup();
    assert_eq!((kinds.len(), fields.len(), hows.len()), (LIE_KINDS.len(), FIELDS.len(), HOWS.len()));
}

/// The names of all variants of an enum, as serde knows them.
fn variants<'de, T: Deserialize<'de>>() -> Vec<String> {
    let error: Result<T, value::Error> = T::deserialize("no variant".into_deserializer());
    let message = error.err().expect("no variant has this name").to_string();
    message.split('`').skip(3).step_by(2).map(str::to_string).collect()
}

/// An enum and the table that an input chooses from have the same variants.
#[test]
fn no_table_misses_a_variant() {
    fn names<T: std::fmt::Debug>(table: &[T]) -> Vec<String> {
        let name = |entry: &T| format!("{entry:?}").split('(').next().unwrap_or_default().to_string();
        table.iter().map(name).collect()
    }
    assert_eq!(names(&FIELDS), variants::<Field>(), "FIELDS in plan/detail.rs");
    assert_eq!(names(&HOWS), variants::<How>(), "HOWS in plan/detail.rs");
    let triggers = names(&Trigger::ALL);
    let missing: Vec<_> = variants::<Trigger>().into_iter().filter(|name| !triggers.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}: Trigger::ALL in plan/mod.rs");
}

/// Inputs that are kept hold these numbers, six a line from 0 on: a new entry goes to the end of its table, and none moves.
#[test]
fn the_numbers_of_all_entries_are_fixed() {
    fn lines<T: std::fmt::Debug>(table: &[T]) -> String {
        let line = |entries: &[T]| {
            let names = entries.iter().map(|entry| format!("{entry:?}").trim_matches('"').to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        table.chunks(6).map(line).collect::<Vec<_>>().join("\n")
    }
    // Slots are 0, 1, 2 ...; the order of the variants is that of `.kmb` files.
    let mut kinds = SLOTS.to_vec();
    let variants: Vec<&str> = kinds.iter().map(|(_, name)| *name).collect();
    kinds.sort_unstable();
    assert!(kinds.iter().zip(0..).all(|((slot, _), place)| *slot == place));
    let kinds: Vec<&str> = kinds.iter().map(|(_, name)| *name).collect();
    expect_test::expect![[r"
        Burst Partition Isolate Cut Clog Loss
        Delay Duplicate Reorder Crash PowerLoss Pause
        BitFlip LostWrite MisdirectedWrite DiskError DiskSlow DiskFull
        ClockStep ClockDrift ClockFreeze ClientCrash DuplicateRequest Lie
        NoNtp WrongNtp FlippedBits TruncatedRecord ShiftedRecord StaleRead
        Reconfigure Garble"]]
    .assert_eq(&lines(&kinds));
    expect_test::expect![[r"
        Partition Isolate Cut Clog Loss Delay
        Duplicate Reorder Crash PowerLoss Pause BitFlip
        LostWrite MisdirectedWrite DiskError DiskSlow DiskFull ClockStep
        ClockDrift ClockFreeze Burst ClientCrash DuplicateRequest Lie
        NoNtp WrongNtp FlippedBits TruncatedRecord ShiftedRecord StaleRead
        Reconfigure Garble"]]
    .assert_eq(&lines(&variants));
    expect_test::expect![[r"
        Sent(Prepare) Sent(PrepareOk) Sent(Commit) Sent(StartViewChange) Sent(DoViewChange) Sent(StartView)
        Sent(RequestStartView) Sent(RequestRepair) Sent(Repair) Delivered(Prepare) Delivered(PrepareOk) Delivered(Commit)
        Delivered(StartViewChange) Delivered(DoViewChange) Delivered(StartView) Delivered(RequestStartView) Delivered(RequestRepair) Delivered(Repair)
        Appended Acknowledged Committed Executed ViewChangeStarted ViewStarted
        Crashed Recovered Rejected RepairRequested Truncated Delivered(Request)
        Checkpointed StateTransferStarted StateInstalled ReconfigurationStarted ConfigurationAppended Reconfigured"]].assert_eq(&lines(&Trigger::ALL));
    expect_test::expect![[r"
        Prepare PrepareOk Commit StartViewChange DoViewChange StartView
        RequestStartView RequestRepair Repair RequestState State Nack"]]
    .assert_eq(&lines(&LIE_KINDS));
    expect_test::expect![[r"
        Message View Op Commit LastNormalView Tail
        TailLength EntryView EntryHash Command RangeStart RangeEnd
        Sender Signature Reasons Identity Nonce Clock
        Version Members State Refusal"]]
    .assert_eq(&lines(&FIELDS));
    expect_test::expect![[r"
        Increase Decrease Huge Zero Truncate Extend
        Forge Corrupt Silence Replay Flood"]]
    .assert_eq(&lines(&HOWS));
}

/// Every byte of every table, by what it meant when the tables were fixed. A byte that a new entry has taken is left out, so
/// a new entry at the end of its table leaves these sums as they are: never update them.
#[test]
fn every_byte_means_what_it_meant() {
    let meaning = |(at, frozen, length): (usize, usize, usize)| -> u32 {
        (0..=255).filter(|byte| !(frozen..length).contains(&usize::from(*byte))).fold(0, |sum, byte| {
            let mut record = [0; RECORD_BYTES];
            // The first byte: after an observation. The second: a lie, unless it is the one that is looked at.
            (record[0], record[1]) = (1, 23);
            record[at] = byte;
            format!("{:?}", decode_action(&record))
                .bytes()
                .fold(sum, |sum: u32, byte| sum.rotate_left(5).wrapping_mul(31) ^ u32::from(byte))
        })
    };
    let tables = [
        (1, frozen::KINDS, ActionKind::COUNT),
        (2, frozen::WATCHES, Trigger::ALL.len()),
        (8, frozen::LIE_KINDS, LIE_KINDS.len()),
        (9, frozen::FIELDS, FIELDS.len()),
        (10, frozen::HOWS, HOWS.len()),
    ];
    assert_eq!(tables.map(meaning), [0x175d_7a41, 0x586b_8412, 0x2ed8_0d25, 0x36a9_c134, 0x05b5_db90]);
}

#[test]
fn a_new_entry_takes_one_byte_and_leaves_the_others() {
    for frozen in [1, 11, 32, 46, 255] {
        for length in frozen..256 {
            let changed: Vec<u8> =
                (0..=255).filter(|byte| slot(*byte, length, frozen) != slot(*byte, length + 1, frozen)).collect();
            assert_eq!(changed, [length as u8], "{length} entries, {frozen} of them frozen");
        }
    }
}

#[test]
fn what_the_layout_cannot_say_comes_near() {
    let lie = Lie {
        kind: MessageKind::DoViewChange,
        field: Field::Commit,
        how: How::Increase,
        amount: 90,
        to: Some(ReplicaId(2)),
        count: 0,
    };
    let action = Action { when: When::At(u64::MAX), what: ActionKind::Lie(lie) };
    let near = decode_action(&encode_action(&action));
    assert_eq!(near.when, When::At(Time::from(u16::MAX) * TIME_UNIT));
    assert_eq!(near.what, ActionKind::Lie(Lie { amount: 34, count: 1, ..lie }));
}

proptest! {
    #[test]
    fn total_and_stable(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let plan = decode(&bytes);
        prop_assert_eq!(plan.actions.len(), bytes.len().div_ceil(RECORD_BYTES).saturating_sub(1));
        let canonical = encode(&plan);
        prop_assert_eq!(canonical.len(), (1 + plan.actions.len()) * RECORD_BYTES);
        prop_assert_eq!(&decode(&canonical), &plan);
        prop_assert_eq!(encode(&decode(&canonical)), canonical);
    }

    #[test]
    fn local(
        mut bytes in prop::collection::vec(any::<u8>(), 2 * RECORD_BYTES..20 * RECORD_BYTES),
        at in any::<prop::sample::Index>(),
        record in any::<[u8; RECORD_BYTES]>(),
    ) {
        let mut expected = decode(&bytes);
        let at = at.index(bytes.len() / RECORD_BYTES - 1) + 1;
        bytes[at * RECORD_BYTES..(at + 1) * RECORD_BYTES].copy_from_slice(&record);
        expected.actions[at - 1] = decode_action(&record);
        prop_assert_eq!(decode(&bytes), expected);
    }
}
