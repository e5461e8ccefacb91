//! The lies: a message of the crate with one field changed, signed again with the liar's own key, or wrongly.
//!
//! Some lies are detected, according to the crate: a wrong signature, checksum or hash; a stated length that does not
//! match; a commit number past the log; an empty range. For a careful receiver these have the effect of a lost message.
//! All other false claims are beyond the crate's promise: its quorums are majorities, and the intersection of two of
//! them may be the liar alone. So they get the class after which only "no panic" and bounded resources are owed.

use kimberlite_crypto::verified::VerifiedSigningKey;
use kimberlite_kernel::Command;
use kimberlite_types::{DataClass, Hash, Placement, StreamName};
use kimberlite_vsr::{CommitNumber, LogEntry, Message, MessagePayload as Payload, OpNumber, StartView, ViewNumber};
use sim::{Field, How, Liar, Lie, LieClass};

use crate::own_lies::{self, BEYOND};

/// A number that is larger than any in a run, and small enough to count up to.
const LARGE: u64 = 1 << 14;
/// One more entry than the crate accepts in a message.
const OVERSIZED: usize = 10_001;
/// The key of a replica. The crate derives its test keys from the replica's number, and has no other interface for
/// keys.
fn key(id: u8) -> VerifiedSigningKey {
    let mut seed = [0; 32];
    seed[0] = id;
    seed[1..9].copy_from_slice(b"kimbrlte");
    VerifiedSigningKey::from_bytes(&seed)
}

/// The changed message and the class of the lie; `None` if the lie does not apply to the message.
pub fn tamper(message: &Message, lie: Lie, liar: &mut Liar) -> Option<(Message, LieClass)> {
    let mut lied = message.clone();
    match lie.field {
        Field::Sender => {
            // The id of a neighbour, but the liar's signature.
            lied.from = kimberlite_vsr::ReplicaId::new(liar.id.0 ^ 1);
            return Some((lied, LieClass::Contradiction));
        }
        Field::Signature => {
            match (&mut lied.signature, lie.how) {
                (signature, How::Zero) => *signature = None,
                (Some(signature), _) => signature[usize::from(lie.amount) % 64] ^= 1,
                (None, _) => return None,
            }
            return Some((lied, LieClass::Contradiction));
        }
        _ => {}
    }
    let class = change(&mut lied.payload, lie, liar)?;
    Some((lied.sign(&key(liar.id.0)), class))
}

fn change(payload: &mut Payload, lie: Lie, liar: &Liar) -> Option<LieClass> {
    match (payload, lie.field) {
        (payload, Field::Identity) => own_lies::identity(payload, lie, liar),
        (payload, Field::Nonce) => own_lies::nonce(payload, lie),
        (payload, Field::Clock) => own_lies::clock(payload, lie),
        (payload, Field::Version) => own_lies::version(payload, lie),
        (payload, Field::Members) => own_lies::members(payload, lie, liar),
        (Payload::Prepare(prepare), Field::View) => view(&mut prepare.view, lie),
        (Payload::Prepare(prepare), Field::Op) => op(&mut prepare.op_number, lie),
        (Payload::Prepare(prepare), Field::Commit) => commit(&mut prepare.commit_number, lie),
        (Payload::Prepare(prepare), field) => entry(&mut prepare.entry, field, lie),
        (Payload::PrepareOk(ok), Field::View) => view(&mut ok.view, lie),
        (Payload::PrepareOk(ok), Field::Op) => op(&mut ok.op_number, lie),
        (Payload::Commit(told), Field::View) => view(&mut told.view, lie),
        (Payload::Commit(told), Field::Commit) => commit(&mut told.commit_number, lie),
        (Payload::Heartbeat(told), Field::View) => view(&mut told.view, lie),
        (Payload::Heartbeat(told), Field::Commit) => commit(&mut told.commit_number, lie),
        (Payload::StartViewChange(vote), Field::View) => view(&mut vote.view, lie),
        (Payload::DoViewChange(vote), Field::View) => view(&mut vote.view, lie),
        (Payload::DoViewChange(vote), Field::LastNormalView) => view(&mut vote.last_normal_view, lie),
        (Payload::DoViewChange(vote), field) => {
            log(&mut vote.op_number, &mut vote.commit_number, &mut vote.log_tail, &mut vote.log_tail_hash, field, lie)
        }
        (Payload::StartView(start), Field::View) => view(&mut start.view, lie),
        (Payload::StartView(start), field) => log(
            &mut start.op_number,
            &mut start.commit_number,
            &mut start.log_tail,
            &mut start.log_tail_hash,
            field,
            lie,
        ),
        (Payload::RepairRequest(asked), field @ (Field::RangeStart | Field::RangeEnd)) => {
            let bound = if field == Field::RangeStart { &mut asked.op_range_start } else { &mut asked.op_range_end };
            false_request(op(bound, lie))
        }
        (Payload::RepairResponse(answer), field) => tail(&mut answer.entries, field, lie),
        (Payload::WriteReorderGapRequest(asked), field @ (Field::RangeStart | Field::RangeEnd)) => {
            let asked = &mut asked.missing_ops;
            false_request(op(if field == Field::RangeStart { asked.first_mut() } else { asked.last_mut() }?, lie))
        }
        (Payload::WriteReorderGapResponse(answer), field) => tail(&mut answer.entries, field, lie),
        (Payload::RecoveryRequest(asked), Field::Op) => false_request(op(&mut asked.known_op_number, lie)),
        (Payload::StateTransferRequest(asked), Field::Op) => false_request(op(&mut asked.known_checkpoint, lie)),
        (Payload::RecoveryResponse(answer), Field::View) => view(&mut answer.view, lie),
        (Payload::RecoveryResponse(answer), Field::Op) => adopted_op(&mut answer.op_number, lie),
        (Payload::RecoveryResponse(answer), Field::Commit) => commit(&mut answer.commit_number, lie),
        (Payload::RecoveryResponse(answer), field) => tail(&mut answer.log_suffix, field, lie),
        (Payload::StateTransferResponse(answer), Field::View) => view(&mut answer.checkpoint_view, lie),
        (Payload::StateTransferResponse(answer), Field::Op) => adopted_op(&mut answer.checkpoint_op, lie),
        (Payload::StateTransferResponse(answer), Field::RangeStart) => op(&mut answer.tail_base_op, lie),
        (Payload::StateTransferResponse(answer), Field::State) => own_lies::state(answer, lie),
        (Payload::StateTransferResponse(answer), field) => tail(&mut answer.log_tail, field, lie),
        (Payload::Nack(answer), Field::Op) => op(&mut answer.highest_seen, lie),
        (Payload::Nack(answer), Field::Refusal) => own_lies::refusal(&mut answer.reason, lie),
        _ => None,
    }
}

/// An op number that the receiver adopts. A much larger one keeps the receiver's scrubber busy for ever
/// (docs/findings), and with it the run.
fn adopted_op(number: &mut OpNumber, lie: Lie) -> Option<LieClass> {
    let class = op(number, lie)?;
    *number = OpNumber::new(number.as_u64().min(LARGE));
    Some(class)
}

/// The class of a false request: only the liar itself gets a wrong answer.
fn false_request(class: Option<LieClass>) -> Option<LieClass> {
    class.map(|_| LieClass::Contradiction)
}

fn view(view: &mut ViewNumber, lie: Lie) -> Option<LieClass> {
    *view = ViewNumber::new(lie.number(view.as_u64())?);
    Some(BEYOND)
}

fn op(op: &mut OpNumber, lie: Lie) -> Option<LieClass> {
    *op = OpNumber::new(lie.number(op.as_u64())?);
    Some(BEYOND)
}

fn commit(commit: &mut CommitNumber, lie: Lie) -> Option<LieClass> {
    *commit = CommitNumber::new(OpNumber::new(lie.number(commit.as_u64())?));
    Some(BEYOND)
}

/// The log in a vote or at the start of a view. Its hash is computed anew, unless the lie is about the hash.
fn log(
    op_number: &mut OpNumber,
    commit_number: &mut CommitNumber,
    entries: &mut Vec<LogEntry>,
    hash: &mut Hash,
    field: Field,
    lie: Lie,
) -> Option<LieClass> {
    match field {
        Field::Op | Field::TailLength => {
            op(op_number, lie)?;
            // The length of the tail no longer matches.
            Some(LieClass::Contradiction)
        }
        Field::Commit => {
            commit(commit_number, lie)?;
            Some(LieClass::Contradiction)
        }
        Field::EntryHash if entries.is_empty() => {
            *hash = Hash::from_bytes([lie.amount; 32]);
            Some(LieClass::Contradiction)
        }
        _ => {
            let class = tail(entries, field, lie)?;
            if lie.how != How::Huge {
                *op_number = OpNumber::new(commit_number.as_u64() + entries.len() as u64);
            }
            *hash = hash_of(entries);
            Some(class)
        }
    }
}

/// The hash of a tail, as the crate computes it for a message.
fn hash_of(entries: &[LogEntry]) -> Hash {
    let op = OpNumber::new(entries.len() as u64);
    StartView::new(ViewNumber::ZERO, op, CommitNumber::ZERO, entries.to_vec()).log_tail_hash
}

/// A list of entries changed by the lie: shorter, longer, with another end or a wrong checksum.
fn tail(entries: &mut Vec<LogEntry>, field: Field, lie: Lie) -> Option<LieClass> {
    let amount = usize::from(lie.amount.max(1));
    match (field, lie.how) {
        (Field::Tail, How::Truncate) if !entries.is_empty() => entries.truncate(entries.len().saturating_sub(amount)),
        (Field::Tail, How::Zero) if !entries.is_empty() => entries.clear(),
        (Field::Tail, How::Forge) => {
            let kept = entries.len().checked_sub(amount)?;
            for entry in &mut entries[kept..] {
                *entry = forged(entry, entry.op_number, entry.view);
            }
        }
        (Field::Tail, How::Extend) => {
            let last = entries.last()?.clone();
            for more in 1..=amount.min(8) as u64 {
                entries.push(forged(&last, OpNumber::new(last.op_number.as_u64() + more), last.view));
            }
        }
        (Field::Tail, How::Huge) => {
            let last = entries.last()?.clone();
            entries.resize(OVERSIZED, last);
            return Some(LieClass::Contradiction);
        }
        (Field::EntryHash, _) => {
            let index = entries.len().checked_sub(amount)?;
            entries[index].checksum ^= 1;
            // The crate checks the hash of the tail. It checks checksums of entries only where they arrive one by one.
            return Some(BEYOND);
        }
        _ => return None,
    }
    Some(BEYOND)
}

fn entry(entry: &mut LogEntry, field: Field, lie: Lie) -> Option<LieClass> {
    match field {
        Field::EntryHash => {
            entry.checksum ^= 1 << (lie.amount % 32);
            return Some(LieClass::Contradiction);
        }
        Field::EntryView => *entry = same(entry, entry.op_number, ViewNumber::new(lie.number(entry.view.as_u64())?)),
        Field::Command => *entry = forged(entry, entry.op_number, entry.view),
        _ => return None,
    }
    Some(BEYOND)
}

fn same(entry: &LogEntry, op: OpNumber, view: ViewNumber) -> LogEntry {
    LogEntry::new(op, view, entry.command.clone(), entry.idempotency_id, entry.client_id, entry.request_number)
}

/// An entry with a command that no client requested. It must be one that the kernel accepts: a rejected command keeps a
/// leader in an endless loop (docs/findings), and with it the run.
fn forged(entry: &LogEntry, op: OpNumber, view: ViewNumber) -> LogEntry {
    let mut forged = same(entry, op, view);
    forged.command = Command::CreateStreamWithAutoId {
        stream_name: StreamName::new("a lie"),
        data_class: DataClass::Public,
        placement: Placement::Global,
    };
    same(&forged, op, view)
}

#[cfg(test)]
mod tests {
    use kimberlite_vsr::{Commit, ReplicaId};
    use sim::MessageKind;

    use super::*;

    #[test]
    fn a_lie_is_signed_with_the_liars_own_key_and_no_other() {
        let told = Commit::new(ViewNumber::new(3), CommitNumber::new(OpNumber::new(5)));
        let message = Message::broadcast(ReplicaId::new(2), Payload::Commit(told)).sign(&key(2));
        let liar = &mut Liar { id: sim::ReplicaId(2), replicas: 5, key: [0; 32], views_led: vec![], forged: vec![] };
        let lie = |field, how| Lie { kind: MessageKind::Commit, field, how, amount: 1, to: None, count: 1 };
        let (lied, class) = tamper(&message, lie(Field::Commit, How::Increase), liar).unwrap();
        assert_eq!(class, BEYOND);
        assert!(lied.verify(&key(2).verifying_key()).is_ok());
        assert!(matches!(&lied.payload, Payload::Commit(told) if told.commit_number.as_u64() == 6));
        for (field, how) in
            [(Field::Sender, How::Forge), (Field::Signature, How::Corrupt), (Field::Signature, How::Zero)]
        {
            let (lied, class) = tamper(&message, lie(field, how), liar).unwrap();
            assert_eq!(class, LieClass::Contradiction);
            assert!(lied.verify(&key(lied.from.as_u8()).verifying_key()).is_err(), "{field:?} {how:?}");
        }
        assert!(tamper(&message, lie(Field::Tail, How::Truncate), liar).is_none(), "a Commit has no tail");
    }
}
