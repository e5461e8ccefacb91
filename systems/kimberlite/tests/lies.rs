//! Tests that every message and every field of kimberlite-vsr can lie in some scenario, and that every message can be
//! damaged in transit.

use std::rc::Rc;

use kimberlite::Kimberlite;
use kimberlite_crypto::verified::VerifiedSigningKey;
use kimberlite_kernel::Command;
use kimberlite_types::{DataClass, Hash, Placement, StreamName};
use kimberlite_vsr::message::*;
use kimberlite_vsr::upgrade::VersionInfo;
use kimberlite_vsr::{CommitNumber, LogEntry, MessagePayload as Payload, Nonce, OpNumber, ReplicaId, ViewNumber};
use sim::plan::detail::{FIELDS, HOWS};
use sim::{BugSet, Liar, Lie, System};

fn liar() -> Liar {
    Liar { id: sim::ReplicaId(2), replicas: 5, key: [0; 32], views_led: vec![], forged: vec![] }
}

/// One message of each kind of content that a `ReplicaState` sends.
fn messages() -> Vec<Rc<Message>> {
    // The liar's own key: the crate derives the keys for tests from the replica's number.
    let mut seed = [0; 32];
    seed[..9].copy_from_slice(b"\x02kimbrlte");
    let key = VerifiedSigningKey::from_bytes(&seed);
    let (me, view, op) = (ReplicaId::new(2), ViewNumber::new(3), OpNumber::new(5));
    let (commit, nonce) = (CommitNumber::new(OpNumber::new(4)), Nonce::from_bytes([7; 16]));
    let command = Command::CreateStreamWithAutoId {
        stream_name: StreamName::new("a stream"),
        data_class: DataClass::Public,
        placement: Placement::Global,
    };
    let entry = LogEntry::new(op, view, command, None, None, None);
    let log = vec![entry.clone()];
    let version = VersionInfo { major: 0, minor: 9, patch: 1 };
    let contents = [
        Payload::Prepare(Prepare::new(view, op, entry, commit)),
        Payload::PrepareOk(PrepareOk::new(view, op, me, 1, version)),
        Payload::Commit(Commit::new(view, commit)),
        Payload::Heartbeat(Heartbeat::new(view, commit, 1, 1, version)),
        Payload::StartViewChange(StartViewChange::new(view, me)),
        Payload::DoViewChange(DoViewChange::new(view, me, view, op, commit, log.clone())),
        Payload::StartView(StartView::new(view, op, commit, log.clone())),
        Payload::RecoveryRequest(RecoveryRequest::new(me, nonce, op)),
        Payload::RecoveryResponse(RecoveryResponse::new(view, me, nonce, op, commit, log.clone())),
        Payload::RepairRequest(RepairRequest::new(me, nonce, op, op.next())),
        Payload::RepairResponse(RepairResponse::new(me, nonce, log.clone())),
        Payload::Nack(Nack::new(me, nonce, NackReason::Recovering, op)),
        Payload::StateTransferRequest(StateTransferRequest::new(me, nonce, op)),
        Payload::StateTransferResponse(StateTransferResponse::new(
            me,
            nonce,
            view,
            op,
            Hash::from_bytes([9; 32]),
            vec![1, 2],
            log.clone(),
            op,
            None,
        )),
        Payload::WriteReorderGapRequest(WriteReorderGapRequest::new(me, nonce, vec![op])),
        Payload::WriteReorderGapResponse(WriteReorderGapResponse::new(me, nonce, log)),
    ];
    contents.map(|content| Rc::new(Message::broadcast(me, content).sign(&key))).to_vec()
}

#[test]
fn each_message_has_a_frame_and_damaged_frames_are_rejected() {
    for message in messages() {
        let mut frame = Vec::new();
        Kimberlite::encode(&message, &mut frame);
        assert_eq!(Kimberlite::decode(&frame, BugSet::default()).as_ref(), Some(&message));
        for place in 0..frame.len() {
            for pattern in [1, 128, 255] {
                let mut damaged = frame.clone();
                damaged[place] ^= pattern;
                let decoded = Kimberlite::decode(&damaged, BugSet::default());
                assert!(decoded.is_none(), "byte {place} of {message:?}: {decoded:?}");
            }
        }
    }
}

#[test]
fn each_lie_can_be_told_in_a_message_of_its_kind_and_changes_it() {
    let messages = messages();
    for &(kind, field, how) in Kimberlite::LIES {
        let lie = Lie { kind, field, how, amount: 1, to: None, count: 1 };
        let liar = &mut liar();
        let fitting = messages.iter().filter(|message| Kimberlite::kind(message) == kind);
        let lied: Vec<_> = fitting.filter_map(|message| Some(Kimberlite::tamper(message, &lie, liar)?.0)).collect();
        assert!(!lied.is_empty(), "{kind:?} {field:?} {how:?}");
        assert!(lied.iter().all(|lied| !messages.contains(lied)), "{kind:?} {field:?} {how:?}");
    }
}

/// No field of a message may be left out: each one that can lie does so in some scenario or in the crate's own list.
#[test]
fn each_field_that_can_lie_is_in_a_list_of_lies() {
    let palettes = scenarios::ScenarioType::ALL.iter().flat_map(|kind| kind.create_scenario().palette.lies);
    let told: Vec<_> = palettes.chain(Kimberlite::LIES).map(|rule| (rule.0, rule.1)).collect();
    let mut unlisted = Vec::new();
    for message in messages() {
        let kind = Kimberlite::kind(&message);
        let liar = &mut liar();
        for field in FIELDS {
            let mut lies = HOWS.map(|how| Lie { kind, field, how, amount: 1, to: None, count: 1 }).into_iter();
            if lies.any(|lie| Kimberlite::tamper(&message, &lie, liar).is_some()) && !told.contains(&(kind, field)) {
                unlisted.push((kind, field));
            }
        }
    }
    assert_eq!(unlisted, []);
}
