//! The model of the store: every answer is compared with it.
//!
//! It is as simple as possible and shares no code with the reference protocol, which has its own store. (A system that
//! is tested only for its log may execute this one.) It keeps every write, so a read as of any position is a look-up.
//! A place is a tenant together with a key or a stream, so tenants never share one.

use crate::config::workload::{Answer, Operation, OperationKind};

/// Places with the versions that were written there, each place in the order of its versions.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Each place with the index of its versions, sorted by place.
    places: Vec<(u32, usize)>,
    /// (version, value) of each place; those past `places.len()` are empty and wait to be used again.
    versions: Vec<Vec<(u64, u64)>>,
}

fn place(tenant: u16, number: u16) -> u32 {
    u32::from(tenant) << 16 | u32::from(number)
}

impl Shelf {
    /// Forgets everything; keeps the allocations.
    pub fn reset(&mut self) {
        for versions in &mut self.versions[..self.places.len()] {
            versions.clear();
        }
        self.places.clear();
    }

    fn at(&self, tenant: u16, number: u16) -> &[(u64, u64)] {
        match self.places.binary_search_by_key(&place(tenant, number), |known| known.0) {
            Ok(found) => &self.versions[self.places[found].1],
            Err(_) => &[],
        }
    }

    /// How many versions the place has.
    pub fn count(&self, tenant: u16, number: u16) -> u64 {
        self.at(tenant, number).len() as u64
    }

    /// The newest (version, value) of the place that is not above `bound`.
    pub fn newest(&self, tenant: u16, number: u16, bound: u64) -> Option<(u64, u64)> {
        let versions = self.at(tenant, number);
        let older = versions.partition_point(|version| version.0 <= bound);
        older.checked_sub(1).map(|last| versions[last])
    }

    /// Writes a version that is newer than all others of the place.
    pub fn push(&mut self, tenant: u16, number: u16, version: u64, value: u64) {
        let place = place(tenant, number);
        let index = match self.places.binary_search_by_key(&place, |known| known.0) {
            Ok(found) => self.places[found].1,
            Err(new) => {
                let index = self.places.len();
                self.places.insert(new, (place, index));
                if self.versions.len() == index {
                    self.versions.push(Vec::new());
                }
                index
            }
        };
        debug_assert!(self.versions[index].last().is_none_or(|last| last.0 < version), "versions go up");
        self.versions[index].push((version, value));
    }
}

/// The store: keys with versions, and streams, whose elements are versions 1, 2, 3, ...
#[derive(Debug, Default)]
pub struct Store {
    keys: Shelf,
    streams: Shelf,
}

impl Store {
    /// Forgets everything; keeps the allocations.
    pub fn reset(&mut self) {
        self.keys.reset();
        self.streams.reset();
    }

    /// Executes an operation at a position; positions go up.
    pub fn execute(&mut self, position: u64, operation: &Operation) -> Answer {
        let tenant = operation.tenant;
        let before = position.saturating_sub(1);
        let (version, value) = match operation.kind {
            OperationKind::Put { key, value } => {
                self.keys.push(tenant, key, position, value);
                (position, value)
            }
            OperationKind::Get { key } => self.keys.newest(tenant, key, before).unwrap_or_default(),
            OperationKind::GetAsOf { key, position: asked } => {
                self.keys.newest(tenant, key, asked.min(before)).unwrap_or_default()
            }
            OperationKind::Append { stream, value } => {
                let index = self.streams.count(tenant, stream) + 1;
                self.streams.push(tenant, stream, index, value);
                (index, value)
            }
            OperationKind::Read { stream, index } => {
                let newest = self.streams.newest(tenant, stream, index);
                newest.filter(|element| element.0 == index).unwrap_or_default()
            }
        };
        Answer { position, version, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OperationKind as K;

    /// Executes the operations of tenant 1 at positions 1, 2, 3, ... and gives (version, value) of each.
    fn execute(store: &mut Store, kinds: &[OperationKind]) -> Vec<(u64, u64)> {
        let operations = kinds.iter().map(|kind| Operation { tenant: 1, kind: *kind });
        let answers = (1..).zip(operations).map(|(position, operation)| store.execute(position, &operation));
        answers.map(|answer| (answer.version, answer.value)).collect()
    }

    #[test]
    fn reads_see_the_newest_version_up_to_their_bound() {
        let answers = execute(
            &mut Store::default(),
            &[
                K::Get { key: 5 },
                K::Put { key: 5, value: 50 },
                K::Put { key: 6, value: 60 },
                K::Put { key: 5, value: 51 },
                K::Get { key: 5 },
                K::GetAsOf { key: 5, position: 3 },
                K::GetAsOf { key: 5, position: 1 },
                K::GetAsOf { key: 5, position: 99 },
            ],
        );
        assert_eq!(answers, [(0, 0), (2, 50), (3, 60), (4, 51), (4, 51), (2, 50), (0, 0), (4, 51)]);
    }

    #[test]
    fn streams_count_from_one() {
        let answers = execute(
            &mut Store::default(),
            &[
                K::Read { stream: 5, index: 1 },
                K::Append { stream: 5, value: 50 },
                K::Append { stream: 5, value: 51 },
                K::Read { stream: 5, index: 1 },
                K::Read { stream: 5, index: 2 },
                K::Read { stream: 5, index: 3 },
                K::Read { stream: 5, index: 0 },
            ],
        );
        assert_eq!(answers, [(0, 0), (1, 50), (2, 51), (1, 50), (2, 51), (0, 0), (0, 0)]);
    }

    #[test]
    fn tenants_do_not_meet_and_a_reset_forgets() {
        let mut store = Store::default();
        store.execute(1, &Operation { tenant: 1, kind: K::Put { key: 5, value: 50 } });
        let read = Operation { tenant: 2, kind: K::Get { key: 5 } };
        assert_eq!(store.execute(2, &read), Answer { position: 2, version: 0, value: 0 });
        store.reset();
        assert_eq!(execute(&mut store, &[K::Get { key: 5 }]), [(0, 0)]);
    }
}
