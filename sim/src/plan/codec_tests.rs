//! Tests of the codec: total, stable, local.

use proptest::prelude::*;

use super::*;
use crate::protocol::observation::Fault;

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
    assert_eq!((Field::Refusal as usize, How::Flood as usize), (FIELDS.len() - 1, HOWS.len() - 1), "none is missing");
}

/// Inputs that are kept hold these numbers, six a line from 0 on: a new entry goes to the end of its table, and none moves.
#[test]
fn the_numbers_of_all_entries_are_fixed() {
    fn lines<T: std::fmt::Debug>(table: &[T]) -> String {
        let line = |entries: &[T]| entries.iter().map(|entry| format!("{entry:?}")).collect::<Vec<_>>().join(" ");
        table.chunks(6).map(line).collect::<Vec<_>>().join("\n")
    }
    expect_test::expect![[r"
        Burst Partition Isolate Cut Clog Loss
        Delay Duplicate Reorder Crash PowerLoss Pause
        BitFlip LostWrite MisdirectedWrite DiskError DiskSlow DiskFull
        ClockStep ClockDrift ClockFreeze ClientCrash DuplicateRequest Lie
        NoNtp WrongNtp FlippedBits TruncatedRecord ShiftedRecord StaleRead
        Reconfigure Garble"]]
    .assert_eq(&lines(&WHATS));
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
