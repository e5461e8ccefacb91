//! Tests of the codec: total, stable, local.

use proptest::prelude::*;

use super::*;
use crate::observation::Fault;

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
