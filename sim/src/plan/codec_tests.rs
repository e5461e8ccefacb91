//! Tests of the codec: total, stable, local.

use proptest::prelude::*;

use super::*;
use crate::protocol::observation::Fault;

#[test]
fn zeros_are_a_mild_action() {
    let plan = decode(&[0; 2 * RECORD_BYTES]);
    let what = What::Burst { client: ClientId(0), requests: 1 };
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
    assert_eq!((Field::Refusal as usize, How::Flood as usize), (FIELDS.len() - 1, HOWS.len() - 1), "none is missing");
}

/// Inputs that are kept hold these numbers: a new entry goes to the end of its table, and none moves.
#[test]
fn the_numbers_of_all_entries_are_fixed() {
    fn numbered<T: std::fmt::Debug>(table: &[T]) -> String {
        table.iter().enumerate().map(|(number, entry)| format!("{number} {entry:?}\n")).collect()
    }
    expect_test::expect![[r#"
        0 Burst
        1 Partition
        2 Isolate
        3 Cut
        4 Clog
        5 Loss
        6 Delay
        7 Duplicate
        8 Reorder
        9 Crash
        10 PowerLoss
        11 Pause
        12 BitFlip
        13 LostWrite
        14 MisdirectedWrite
        15 DiskError
        16 DiskSlow
        17 DiskFull
        18 ClockStep
        19 ClockDrift
        20 ClockFreeze
        21 ClientCrash
        22 DuplicateRequest
        23 Lie
        24 NoNtp
        25 WrongNtp
        26 FlippedBits
        27 TruncatedRecord
        28 ShiftedRecord
        29 StaleRead
        30 Reconfigure
        31 Garble
    "#]]
    .assert_eq(&numbered(&WHATS));
    expect_test::expect![[r#"
        0 Sent(Prepare)
        1 Sent(PrepareOk)
        2 Sent(Commit)
        3 Sent(StartViewChange)
        4 Sent(DoViewChange)
        5 Sent(StartView)
        6 Sent(RequestStartView)
        7 Sent(RequestRepair)
        8 Sent(Repair)
        9 Delivered(Prepare)
        10 Delivered(PrepareOk)
        11 Delivered(Commit)
        12 Delivered(StartViewChange)
        13 Delivered(DoViewChange)
        14 Delivered(StartView)
        15 Delivered(RequestStartView)
        16 Delivered(RequestRepair)
        17 Delivered(Repair)
        18 Appended
        19 Acknowledged
        20 Committed
        21 Executed
        22 ViewChangeStarted
        23 ViewStarted
        24 Crashed
        25 Recovered
        26 Rejected
        27 RepairRequested
        28 Truncated
        29 Delivered(Request)
        30 Checkpointed
        31 StateTransferStarted
        32 StateInstalled
        33 ReconfigurationStarted
        34 ConfigurationAppended
        35 Reconfigured
    "#]]
    .assert_eq(&numbered(&Watch::ALL));
    expect_test::expect![[r#"
        0 Prepare
        1 PrepareOk
        2 Commit
        3 StartViewChange
        4 DoViewChange
        5 StartView
        6 RequestStartView
        7 RequestRepair
        8 Repair
        9 RequestState
        10 State
        11 Nack
    "#]]
    .assert_eq(&numbered(&LIE_KINDS));
    expect_test::expect![[r#"
        0 Message
        1 View
        2 Op
        3 Commit
        4 LastNormalView
        5 Tail
        6 TailLength
        7 EntryView
        8 EntryHash
        9 Command
        10 RangeStart
        11 RangeEnd
        12 Sender
        13 Signature
        14 Reasons
        15 Identity
        16 Nonce
        17 Clock
        18 Version
        19 Members
        20 State
        21 Refusal
    "#]]
    .assert_eq(&numbered(&FIELDS));
    expect_test::expect![[r#"
        0 Increase
        1 Decrease
        2 Huge
        3 Zero
        4 Truncate
        5 Extend
        6 Forge
        7 Corrupt
        8 Silence
        9 Replay
        10 Flood
    "#]]
    .assert_eq(&numbered(&HOWS));
}

/// Every byte of every table, by what it meant when the tables were fixed.
#[test]
fn every_byte_means_what_it_meant() {
    let meaning = |at: usize| -> u32 {
        (0..=255).fold(0, |sum, byte| {
            let mut record = [0; RECORD_BYTES];
            // The first byte: after an observation. The second: a lie, unless it is the one that is looked at.
            (record[0], record[1]) = (1, number(&WHATS, &Tag::Lie));
            record[at] = byte;
            format!("{:?}", decode_action(&record))
                .bytes()
                .fold(sum, |sum: u32, byte| sum.rotate_left(5).wrapping_mul(31) ^ u32::from(byte))
        })
    };
    expect_test::expect!["[175d7a41, 586b8412, 2ed80d25, 36a9c134, 05b5db90]"]
        .assert_eq(&format!("{:08x?}", [1, 2, 8, 9, 10].map(meaning)));
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
    let action = Action { when: When::At(u64::MAX), what: What::Lie(lie) };
    let near = decode_action(&encode_action(&action));
    assert_eq!(near.when, When::At(Time::from(u16::MAX) * TIME_UNIT));
    assert_eq!(near.what, What::Lie(Lie { amount: 34, count: 1, ..lie }));
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
