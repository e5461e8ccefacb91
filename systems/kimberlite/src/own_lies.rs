//! The lies that only this crate has: about messages and fields that the reference protocol does not have.

use kimberlite_types::Hash;
use kimberlite_vsr::upgrade::VersionInfo;
use kimberlite_vsr::{
    ClusterConfig, MessagePayload as Payload, NackReason, Nonce, OpNumber, ReconfigCommand, ReconfigState, ReplicaId,
    StateTransferResponse,
};
use sim::protocol::lie::LieRule;
use sim::{Field, How, Liar, Lie, LieClass, MessageKind};

use MessageKind::{
    Commit, DoViewChange, Nack, Prepare, PrepareOk, Repair, RequestRepair, RequestStartView, RequestState, StartView,
    StartViewChange, State,
};

/// The class of lies that the crate does not promise to survive.
pub const BEYOND: LieClass = LieClass::Equivocation;

/// The lies that a liar may tell in addition to those of its scenario.
pub const LIES: &[LieRule] = &[
    (PrepareOk, Field::Identity, How::Forge),
    (PrepareOk, Field::Clock, How::Increase),
    (PrepareOk, Field::Clock, How::Decrease),
    (PrepareOk, Field::Clock, How::Huge),
    (PrepareOk, Field::Version, How::Huge),
    (PrepareOk, Field::Version, How::Zero),
    (Commit, Field::Clock, How::Increase),
    (Commit, Field::Clock, How::Decrease),
    (Commit, Field::Clock, How::Huge),
    (Commit, Field::Version, How::Huge),
    (Commit, Field::Version, How::Zero),
    (StartViewChange, Field::Identity, How::Forge),
    (DoViewChange, Field::Identity, How::Forge),
    (Prepare, Field::Members, How::Forge),
    (DoViewChange, Field::Members, How::Forge),
    (StartView, Field::Members, How::Forge),
    (RequestStartView, Field::Op, How::Decrease),
    (RequestStartView, Field::Op, How::Increase),
    (RequestStartView, Field::Op, How::Huge),
    (RequestStartView, Field::Op, How::Zero),
    (RequestStartView, Field::Nonce, How::Corrupt),
    (RequestStartView, Field::Identity, How::Forge),
    (RequestStartView, Field::Signature, How::Corrupt),
    (RequestState, Field::Op, How::Decrease),
    (RequestState, Field::Op, How::Increase),
    (RequestState, Field::Op, How::Huge),
    (RequestState, Field::Op, How::Zero),
    (RequestState, Field::Nonce, How::Corrupt),
    (RequestState, Field::Identity, How::Forge),
    (RequestState, Field::Signature, How::Corrupt),
    (State, Field::View, How::Increase),
    (State, Field::View, How::Decrease),
    (State, Field::View, How::Huge),
    (State, Field::Op, How::Increase),
    (State, Field::Op, How::Decrease),
    (State, Field::Op, How::Huge),
    (State, Field::Op, How::Zero),
    (State, Field::Commit, How::Increase),
    (State, Field::Commit, How::Decrease),
    (State, Field::Commit, How::Huge),
    (State, Field::Commit, How::Zero),
    (State, Field::RangeStart, How::Increase),
    (State, Field::RangeStart, How::Decrease),
    (State, Field::Tail, How::Truncate),
    (State, Field::Tail, How::Extend),
    (State, Field::Tail, How::Forge),
    (State, Field::Tail, How::Zero),
    (State, Field::Tail, How::Huge),
    (State, Field::EntryHash, How::Corrupt),
    (State, Field::State, How::Corrupt),
    (State, Field::State, How::Zero),
    (State, Field::State, How::Forge),
    (State, Field::Nonce, How::Corrupt),
    (State, Field::Identity, How::Forge),
    (State, Field::Signature, How::Corrupt),
    (Nack, Field::Refusal, How::Forge),
    (Nack, Field::Op, How::Increase),
    (Nack, Field::Op, How::Decrease),
    (Nack, Field::Op, How::Huge),
    (Nack, Field::Op, How::Zero),
    (Nack, Field::Nonce, How::Corrupt),
    (Nack, Field::Identity, How::Forge),
    (Nack, Field::Signature, How::Corrupt),
    (RequestRepair, Field::Nonce, How::Corrupt),
    (RequestRepair, Field::Identity, How::Forge),
    (Repair, Field::Nonce, How::Corrupt),
    (Repair, Field::Identity, How::Forge),
    (Prepare, Field::Sender, How::Forge),
    (PrepareOk, Field::Sender, How::Forge),
    (StartViewChange, Field::Sender, How::Forge),
    (DoViewChange, Field::Sender, How::Forge),
    (RequestStartView, Field::Sender, How::Forge),
    (State, Field::Sender, How::Forge),
    (RequestState, Field::Sender, How::Forge),
    (Nack, Field::Sender, How::Forge),
    (RequestRepair, Field::Sender, How::Forge),
    (Repair, Field::Sender, How::Forge),
    (Prepare, Field::Signature, How::Corrupt),
    (Prepare, Field::Signature, How::Zero),
    (PrepareOk, Field::Signature, How::Corrupt),
    (PrepareOk, Field::Signature, How::Zero),
    (Commit, Field::Signature, How::Corrupt),
    (Commit, Field::Signature, How::Zero),
    (StartViewChange, Field::Signature, How::Corrupt),
    (StartViewChange, Field::Signature, How::Zero),
    (DoViewChange, Field::Signature, How::Corrupt),
    (DoViewChange, Field::Signature, How::Zero),
    (StartView, Field::Signature, How::Corrupt),
    (StartView, Field::Signature, How::Zero),
    (RequestRepair, Field::Signature, How::Corrupt),
    (RequestRepair, Field::Signature, How::Zero),
    (Repair, Field::Signature, How::Corrupt),
    (Repair, Field::Signature, How::Zero),
    (PrepareOk, Field::View, How::Increase),
    (PrepareOk, Field::View, How::Decrease),
    (DoViewChange, Field::View, How::Increase),
    (DoViewChange, Field::View, How::Decrease),
];

/// The content names a replica other than the sender. The signature, which covers all of it, is made with the liar's
/// own key.
pub fn identity(payload: &mut Payload, lie: Lie, liar: &Liar) -> Option<LieClass> {
    let named = match payload {
        Payload::PrepareOk(content) => &mut content.replica,
        Payload::StartViewChange(content) => &mut content.replica,
        Payload::DoViewChange(content) => &mut content.replica,
        Payload::RecoveryRequest(content) => &mut content.replica,
        Payload::RecoveryResponse(content) => &mut content.replica,
        Payload::RepairRequest(content) => &mut content.replica,
        Payload::RepairResponse(content) => &mut content.replica,
        Payload::Nack(content) => &mut content.replica,
        Payload::StateTransferRequest(content) => &mut content.replica,
        Payload::StateTransferResponse(content) => &mut content.replica,
        Payload::WriteReorderGapRequest(content) => &mut content.from,
        Payload::WriteReorderGapResponse(content) => &mut content.from,
        _ => return None,
    };
    let other = (u16::from(liar.id.0) + u16::from(lie.amount.max(1))) % u16::from(liar.replicas);
    let other = ReplicaId::new(other as u8);
    (*named != other).then(|| *named = other)?;
    Some(BEYOND)
}

/// An answer to no request, or a request to which no answer can match. For a careful receiver, this is a lost message.
pub fn nonce(payload: &mut Payload, lie: Lie) -> Option<LieClass> {
    let nonce = match payload {
        Payload::RecoveryRequest(content) => &mut content.nonce,
        Payload::RecoveryResponse(content) => &mut content.nonce,
        Payload::RepairRequest(content) => &mut content.nonce,
        Payload::RepairResponse(content) => &mut content.nonce,
        Payload::Nack(content) => &mut content.nonce,
        Payload::StateTransferRequest(content) => &mut content.nonce,
        Payload::StateTransferResponse(content) => &mut content.nonce,
        Payload::WriteReorderGapRequest(content) => &mut content.nonce,
        Payload::WriteReorderGapResponse(content) => &mut content.nonce,
        _ => return None,
    };
    let mut bytes = *nonce.as_bytes();
    bytes[usize::from(lie.amount) % bytes.len()] ^= 1;
    *nonce = Nonce::from_bytes(bytes);
    Some(LieClass::Contradiction)
}

/// A clock value that is wrong by the amount in units of 100 ms, or by centuries.
pub fn clock(payload: &mut Payload, lie: Lie) -> Option<LieClass> {
    let reading = match payload {
        Payload::PrepareOk(content) => &mut content.wall_clock_timestamp,
        Payload::Heartbeat(content) => &mut content.wall_clock_timestamp,
        _ => return None,
    };
    let amount = i64::from(lie.amount.max(1)) * 100_000_000;
    *reading = match lie.how {
        How::Increase => reading.saturating_add(amount),
        How::Decrease => reading.saturating_sub(amount),
        How::Huge => i64::MAX,
        How::Zero => 0,
        _ => return None,
    };
    // The crate uses the interval that most clocks agree on, so it promises to tolerate wrong clocks of a minority.
    Some(LieClass::Contradiction)
}

/// A version that no replica has.
pub fn version(payload: &mut Payload, lie: Lie) -> Option<LieClass> {
    let version = match payload {
        Payload::PrepareOk(content) => &mut content.version,
        Payload::Heartbeat(content) => &mut content.version,
        _ => return None,
    };
    let number = if lie.how == How::Zero { 0 } else { u16::MAX };
    *version = VersionInfo { major: number, minor: number, patch: number };
    Some(BEYOND)
}

/// A membership change that no administrator requested: the highest replica leaves, and another one with it, so that
/// the number of members stays odd.
pub fn members(payload: &mut Payload, lie: Lie, liar: &Liar) -> Option<LieClass> {
    let highest = liar.replicas.checked_sub(1).filter(|highest| *highest > 1)?;
    let leaving = [ReplicaId::new(highest), ReplicaId::new(lie.amount % highest)];
    let all = || (0..liar.replicas).map(ReplicaId::new);
    let joint = |op: OpNumber| {
        let left = all().filter(|id| !leaving.contains(id)).collect();
        ReconfigState::new_joint(ClusterConfig::new(all().collect()), ClusterConfig::new(left), op)
    };
    match payload {
        Payload::Prepare(content) => {
            content.reconfig = Some(ReconfigCommand::Replace { add: Vec::new(), remove: leaving.to_vec() });
        }
        Payload::DoViewChange(content) => content.reconfig_state = Some(joint(content.op_number)),
        Payload::StartView(content) => content.reconfig_state = Some(joint(content.op_number)),
        _ => return None,
    }
    Some(BEYOND)
}

/// A state that is damaged, missing, or does not match its hash.
pub fn state(answer: &mut StateTransferResponse, lie: Lie) -> Option<LieClass> {
    match lie.how {
        How::Corrupt => {
            let length = answer.checkpoint_data.len().max(1);
            *answer.checkpoint_data.get_mut(usize::from(lie.amount) % length)? ^= 1;
        }
        How::Zero => answer.checkpoint_data.clear(),
        How::Forge => answer.merkle_root = Hash::from_bytes([lie.amount; 32]),
        _ => return None,
    }
    // The crate accepts a state only if a quorum names the same root, and the data must match that root.
    Some(LieClass::Contradiction)
}

/// A false statement about an entry: the replica denies that it ever had one that it had, or the reverse.
pub fn refusal(reason: &mut NackReason, lie: Lie) -> Option<LieClass> {
    let reasons = [NackReason::NotSeen, NackReason::SeenButCorrupt, NackReason::Recovering];
    let lied = reasons[usize::from(lie.amount) % reasons.len()];
    (lied != *reason).then(|| *reason = lied)?;
    Some(BEYOND)
}
