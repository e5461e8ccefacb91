//! The operations that clients ask for on a small multi-tenant store, their encoding, and the answers.
//!
//! A system under test executes these operations in the order of its log, at positions 1, 2, 3, ... (the op number).
//! Every answer is compared with the model in `config/model.rs`; the system has an implementation of its own.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::base::ids::ClientId;

/// The bytes of an encoded operation; a payload may be longer, and the rest is filler that counts for hashes.
pub const OPERATION_BYTES: usize = 24;

/// What a client asks of the store. Every operation belongs to one tenant and sees that tenant's data alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Whose data it touches.
    pub tenant: u16,
    /// What it does.
    pub kind: OperationKind,
}

/// The operations of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationKind {
    /// Writes a new version of `key`; the version is the position at which it is executed.
    Put {
        /// The key.
        key: u16,
        /// The value; unique in a run, and it carries its tenant (see `value`).
        value: u64,
    },
    /// Reads the newest version of `key`.
    Get {
        /// The key.
        key: u16,
    },
    /// Reads the newest version of `key` that is not newer than `position`.
    GetAsOf {
        /// The key.
        key: u16,
        /// The position in the log that the reader wants to see.
        position: u64,
    },
    /// Appends to `stream`; the version in the answer is the index of the new element, from 1.
    Append {
        /// The stream.
        stream: u16,
        /// The value; unique in a run.
        value: u64,
    },
    /// Reads element `index` (from 1) of `stream`.
    Read {
        /// The stream.
        stream: u16,
        /// Which element, from 1.
        index: u64,
    },
}

/// What the store answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The position (op number) at which the operation was executed.
    pub position: u64,
    /// The version written or found: a position for keys, an index for streams; 0 when nothing was found.
    pub version: u64,
    /// The value written or found; 0 when nothing was found.
    pub value: u64,
}

/// A value that nobody else writes: it carries its tenant, so a leak between tenants shows in the value itself.
pub fn value(tenant: u16, client: ClientId, number: u32) -> u64 {
    u64::from(tenant) << 48 | u64::from(client.0 + 1) << 32 | u64::from(number)
}

/// The tenant that a value was written for.
pub fn tenant_of(value: u64) -> u16 {
    (value >> 48) as u16
}

/// A client's request as a replica receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub client: ClientId,
    /// The session: where clients name their own, it grows each time that the client crashes and forgets. Where the
    /// cluster keeps sessions (`Cluster::sessions_max`), 0 asks for one, and then it is the one that was handed out.
    pub session: u32,
    /// The client's request number within the session, from 1; in a registration, the number of the client's lives.
    pub number: u32,
    /// The encoded operation, padded to the configured size; empty in a registration.
    pub payload: Rc<[u8]>,
}

/// A replica's reply to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whom it is for.
    pub client: ClientId,
    /// The session of the request.
    pub session: u32,
    /// The number of the request.
    pub number: u32,
    /// The view in which the replica is, so that the client finds the primary.
    pub view: u64,
    /// The result of the operation. For a registration, the position is the session: sessions handed out later are higher.
    pub answer: Answer,
}

const PUT: u8 = 1;
const GET: u8 = 2;
const GET_AS_OF: u8 = 3;
const APPEND: u8 = 4;
const READ: u8 = 5;

impl Operation {
    /// Whether it changes the store.
    pub fn writes(&self) -> bool {
        matches!(self.kind, OperationKind::Put { .. } | OperationKind::Append { .. })
    }

    /// Writes the operation into the first `OPERATION_BYTES` of `payload`, little endian:
    /// tag, 3 zero bytes, tenant, key or stream, value or position or index, 8 zero bytes.
    pub fn encode(&self, payload: &mut [u8]) {
        let (tag, place, number) = match self.kind {
            OperationKind::Put { key, value } => (PUT, key, value),
            OperationKind::Get { key } => (GET, key, 0),
            OperationKind::GetAsOf { key, position } => (GET_AS_OF, key, position),
            OperationKind::Append { stream, value } => (APPEND, stream, value),
            OperationKind::Read { stream, index } => (READ, stream, index),
        };
        payload[..OPERATION_BYTES].fill(0);
        payload[0] = tag;
        payload[4..6].copy_from_slice(&self.tenant.to_le_bytes());
        payload[6..8].copy_from_slice(&place.to_le_bytes());
        payload[8..16].copy_from_slice(&number.to_le_bytes());
    }

    /// The operation in `payload`, or `None` where it is malformed: too short, an unknown tag, a reserved byte set, a
    /// number where none belongs, a read at index 0, or a write of a value that names another tenant.
    pub fn decode(payload: &[u8]) -> Option<Operation> {
        let head = payload.get(..OPERATION_BYTES)?;
        if head[1..4] != [0; 3] || head[16..] != [0; 8] {
            return None;
        }
        let tenant = u16::from_le_bytes([head[4], head[5]]);
        let place = u16::from_le_bytes([head[6], head[7]]);
        let number = u64::from_le_bytes(head[8..16].try_into().ok()?);
        let kind = match head[0] {
            PUT if tenant_of(number) == tenant => OperationKind::Put { key: place, value: number },
            GET if number == 0 => OperationKind::Get { key: place },
            GET_AS_OF => OperationKind::GetAsOf { key: place, position: number },
            APPEND if tenant_of(number) == tenant => OperationKind::Append { stream: place, value: number },
            READ if number > 0 => OperationKind::Read { stream: place, index: number },
            _ => return None,
        };
        Some(Operation { tenant, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_survive_their_encoding_and_malformed_ones_are_refused() {
        let v = value(7, ClientId(2), 9);
        for kind in [
            OperationKind::Put { key: 3, value: v },
            OperationKind::Get { key: 3 },
            OperationKind::GetAsOf { key: 3, position: 11 },
            OperationKind::Append { stream: 4, value: v },
            OperationKind::Read { stream: 4, index: 1 },
        ] {
            let operation = Operation { tenant: 7, kind };
            let mut payload = [0xAA; 64];
            operation.encode(&mut payload);
            assert_eq!(Operation::decode(&payload), Some(operation));
            payload[2] = 1;
            assert_eq!(Operation::decode(&payload), None, "a reserved byte is set");
        }
        let foreign = Operation { tenant: 6, kind: OperationKind::Put { key: 3, value: v } };
        let mut payload = [0; OPERATION_BYTES];
        foreign.encode(&mut payload);
        assert_eq!(Operation::decode(&payload), None, "the value belongs to tenant 7");
        assert_eq!(Operation::decode(&payload[1..]), None, "too short");
    }
}
