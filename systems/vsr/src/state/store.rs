//! The state machine: a small multi-tenant store with versioned keys and streams. An operation sees only the data of
//! its own tenant. Reads can name an earlier position (multi-version concurrency control).

use std::collections::BTreeMap;

use sim::{Answer, Operation, OperationKind};

use crate::log::entry::Reader;

/// The store. Positions are op numbers of the log.
#[derive(Debug, Default)]
pub struct Store {
    /// (tenant, key) to its versions: (position, value), oldest first.
    keys: BTreeMap<(u16, u16), Vec<(u64, u64)>>,
    /// (tenant, stream) to its elements.
    streams: BTreeMap<(u16, u16), Vec<u64>>,
}

impl Store {
    /// Executes `operation` at `position`; positions only grow.
    pub fn execute(&mut self, position: u64, operation: &Operation) -> Answer {
        let tenant = operation.tenant;
        let (version, value) = match operation.kind {
            OperationKind::Put { key, value } => {
                self.keys.entry((tenant, key)).or_default().push((position, value));
                (position, value)
            }
            OperationKind::Get { key } => self.newest(tenant, key, position),
            OperationKind::GetAsOf { key, position: asked } => self.newest(tenant, key, asked.min(position)),
            OperationKind::Append { stream, value } => {
                let elements = self.streams.entry((tenant, stream)).or_default();
                elements.push(value);
                (elements.len() as u64, value)
            }
            OperationKind::Read { stream, index } => {
                let found =
                    usize::try_from(index - 1).ok().and_then(|index| self.streams.get(&(tenant, stream))?.get(index));
                found.map_or((0, 0), |value| (index, *value))
            }
        };
        Answer { position, version, value }
    }

    /// Appends the whole content to `into`. Equal content has equal bytes.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&(self.keys.len() as u32).to_le_bytes());
        for ((tenant, key), versions) in &self.keys {
            encode_head(into, *tenant, *key, versions.len());
            for (position, value) in versions {
                into.extend_from_slice(&position.to_le_bytes());
                into.extend_from_slice(&value.to_le_bytes());
            }
        }
        into.extend_from_slice(&(self.streams.len() as u32).to_le_bytes());
        for ((tenant, stream), elements) in &self.streams {
            encode_head(into, *tenant, *stream, elements.len());
            for value in elements {
                into.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    /// Decodes a store; `None` if the bytes are not one.
    pub fn decode(from: &mut Reader<'_>) -> Option<Store> {
        let mut store = Store::default();
        for _ in 0..from.try_u32()? {
            let (tenant, key, count) = decode_head(from)?;
            let versions = (0..count).map(|_| Some((from.try_u64()?, from.try_u64()?))).collect::<Option<_>>()?;
            store.keys.insert((tenant, key), versions);
        }
        for _ in 0..from.try_u32()? {
            let (tenant, stream, count) = decode_head(from)?;
            let elements = (0..count).map(|_| from.try_u64()).collect::<Option<_>>()?;
            store.streams.insert((tenant, stream), elements);
        }
        Some(store)
    }

    /// The newest version of a key at or before `position`; zeros if there is none.
    fn newest(&self, tenant: u16, key: u16, position: u64) -> (u64, u64) {
        let Some(versions) = self.keys.get(&(tenant, key)) else { return (0, 0) };
        match versions.partition_point(|(version, _)| *version <= position) {
            0 => (0, 0),
            n => versions[n - 1],
        }
    }
}

fn encode_head(into: &mut Vec<u8>, tenant: u16, place: u16, count: usize) {
    into.extend_from_slice(&tenant.to_le_bytes());
    into.extend_from_slice(&place.to_le_bytes());
    into.extend_from_slice(&(count as u32).to_le_bytes());
}

/// Tenant, key or stream, and the number of elements that follow.
fn decode_head(from: &mut Reader<'_>) -> Option<(u16, u16, u32)> {
    let head = from.try_u64()?;
    Some((head as u16, (head >> 16) as u16, (head >> 32) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_decoded_to_itself_and_a_truncated_one_is_rejected() {
        let mut store = Store::default();
        for position in 1..=20 {
            let place = position as u16 % 3;
            let kind = if position % 2 == 0 {
                OperationKind::Put { key: place, value: position * 7 }
            } else {
                OperationKind::Append { stream: place, value: position * 7 }
            };
            store.execute(position, &Operation { tenant: place % 2, kind });
        }
        let mut bytes = Vec::new();
        store.encode(&mut bytes);
        let back = Store::decode(&mut Reader::new(&bytes)).expect("it is whole");
        assert_eq!((back.keys, back.streams), (store.keys, store.streams));
        assert!((0..bytes.len()).all(|end| Store::decode(&mut Reader::new(&bytes[..end])).is_none()));
    }

    #[test]
    fn reads_see_their_tenant_and_their_position() {
        let mut store = Store::default();
        let mut at = |position, tenant, kind| {
            let answer = store.execute(position, &Operation { tenant, kind });
            (answer.version, answer.value)
        };
        assert_eq!(at(1, 1, OperationKind::Put { key: 5, value: 10 }), (1, 10));
        assert_eq!(at(2, 2, OperationKind::Get { key: 5 }), (0, 0));
        assert_eq!(at(3, 1, OperationKind::Put { key: 5, value: 30 }), (3, 30));
        assert_eq!(at(4, 1, OperationKind::Get { key: 5 }), (3, 30));
        assert_eq!(at(5, 1, OperationKind::GetAsOf { key: 5, position: 2 }), (1, 10));
        assert_eq!(at(6, 1, OperationKind::GetAsOf { key: 5, position: 0 }), (0, 0));
        assert_eq!(at(7, 1, OperationKind::Append { stream: 1, value: 70 }), (1, 70));
        assert_eq!(at(8, 1, OperationKind::Read { stream: 1, index: 1 }), (1, 70));
        assert_eq!(at(9, 1, OperationKind::Read { stream: 1, index: u64::MAX }), (0, 0));
        assert_eq!(at(10, 2, OperationKind::Read { stream: 1, index: 1 }), (0, 0));
    }
}
