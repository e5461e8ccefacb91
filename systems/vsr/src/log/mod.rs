//! The log in memory, indexed by op number. It contains the entries after `base`; a checkpoint replaces those up to the
//! base. Without checkpoints the base is op 0 and the log is complete.

pub mod configuration;
pub mod entry;
pub mod signature;

use std::rc::Rc;

use sim::{EntryHash, Time};

use crate::log::entry::Entry;

/// What is needed of an entry to verify the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// Its op; 0 for the position before the first entry.
    pub op: u64,
    /// Its hash; 0 for op 0.
    pub hash: EntryHash,
    /// Its timestamp.
    pub timestamp: Time,
}

impl From<&Entry> for Base {
    fn from(entry: &Entry) -> Base {
        Base { op: entry.op, hash: entry.hash, timestamp: entry.timestamp }
    }
}

/// A replica's log.
#[derive(Debug, Default)]
pub struct Log {
    base: Base,
    entries: Vec<Rc<Entry>>,
}

/// A log in a message.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a> {
    /// The entry before the first one of `entries`.
    pub base: Base,
    /// The entries.
    pub entries: &'a [Rc<Entry>],
}

impl<'a> Tail<'a> {
    /// The op of the last entry.
    pub fn last_op(&self) -> u64 {
        self.base.op + self.entries.len() as u64
    }

    /// The entry at `op`.
    pub fn get(&self, op: u64) -> Option<&'a Rc<Entry>> {
        self.entries.get(usize::try_from(op.checked_sub(self.base.op + 1)?).ok()?)
    }

    /// The entry at `op`, or the base; `None` if it is unknown.
    pub fn at(&self, op: u64) -> Option<Base> {
        if op == self.base.op { Some(self.base) } else { self.get(op).map(|entry| entry.as_ref().into()) }
    }

    /// The hash of the entry at `op`, or of the base; `None` if it is unknown.
    pub fn hash_at(&self, op: u64) -> Option<EntryHash> {
        self.at(op).map(|base| base.hash)
    }
}

impl Log {
    /// An empty log that begins after `base`.
    pub fn after(base: Base) -> Self {
        Log { base, entries: Vec::new() }
    }

    /// A copy of a log in a message.
    pub fn copy(tail: Tail<'_>) -> Self {
        Log { base: tail.base, entries: tail.entries.to_vec() }
    }

    /// The log in the form for messages.
    pub fn tail(&self) -> Tail<'_> {
        Tail { base: self.base, entries: &self.entries }
    }

    /// The op of the base.
    pub fn base(&self) -> u64 {
        self.base.op
    }

    /// The op of the last entry, or of the base if there is no entry.
    pub fn last_op(&self) -> u64 {
        self.tail().last_op()
    }

    /// The last entry, or the base if there is no entry.
    pub fn last(&self) -> Base {
        self.entries.last().map_or(self.base, |entry| entry.as_ref().into())
    }

    /// The timestamp of the last entry.
    pub fn last_timestamp(&self) -> Time {
        self.last().timestamp
    }

    /// The hash of the last entry, or of the base if there is no entry.
    pub fn last_hash(&self) -> EntryHash {
        self.last().hash
    }

    /// The entry at `op`.
    pub fn get(&self, op: u64) -> Option<&Rc<Entry>> {
        self.tail().get(op)
    }

    /// The hash of the entry at `op`, or of the base; 0 if it is unknown.
    pub fn hash_at(&self, op: u64) -> EntryHash {
        self.tail().hash_at(op).unwrap_or(0)
    }

    /// The entries from op `from` on; empty if the log begins later.
    pub fn since(&self, from: u64) -> &[Rc<Entry>] {
        let Some(first) = from.max(1).checked_sub(self.base.op + 1) else { return &[] };
        self.entries.get(usize::try_from(first).unwrap_or(usize::MAX)..).unwrap_or(&[])
    }

    /// The entries at the ops `from..=to` that exist; empty if the log begins later.
    pub fn span(&self, from: u64, to: u64) -> &[Rc<Entry>] {
        let entries = self.since(from);
        let count = usize::try_from((to + 1).saturating_sub(from)).unwrap_or(usize::MAX);
        &entries[..count.min(entries.len())]
    }

    /// All entries.
    pub fn entries(&self) -> &[Rc<Entry>] {
        &self.entries
    }

    /// Appends an entry, whose op must be the next one.
    pub fn push(&mut self, entry: Rc<Entry>) {
        debug_assert_eq!(entry.op, self.last_op() + 1);
        self.entries.push(entry);
    }

    /// Replaces a hole by the complete entry.
    pub fn fill(&mut self, entry: Rc<Entry>) {
        let index = (entry.op - self.base.op) as usize - 1;
        debug_assert_eq!(self.entries[index].hash, entry.hash);
        self.entries[index] = entry;
    }

    /// Removes the entries after `op`, which is not below the base.
    pub fn truncate(&mut self, op: u64) {
        self.entries.truncate(op.saturating_sub(self.base.op) as usize);
    }

    /// Removes the entries up to `op`, which must be in the log or its base.
    pub fn drop_front(&mut self, op: u64) {
        let Some(base) = self.tail().at(op) else { return };
        self.entries.drain(..(op - self.base.op) as usize);
        self.base = base;
    }

    /// The op of the first hole.
    pub fn first_hole(&self) -> Option<u64> {
        self.entries.iter().find(|entry| entry.is_hole()).map(|entry| entry.op)
    }

    /// The last op before the first hole.
    pub fn solid_to(&self) -> u64 {
        self.first_hole().map_or(self.last_op(), |hole| hole - 1)
    }

    /// Whether `tail` can extend this log: no entry between the two is missing, and both have the same entry at the
    /// first op that both contain.
    pub fn takes(&self, tail: Tail<'_>) -> bool {
        let common = self.base.op.max(tail.base.op);
        common <= self.solid_to() && tail.hash_at(common) == self.tail().hash_at(common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::entry::Place;
    use crate::log::signature::Keyring;
    use sim::{ClientId, ReplicaId, Request};

    fn log(ops: u64) -> Log {
        let keys = Keyring::new([[0; 32]; 8], false);
        let mut log = Log::default();
        for op in 1..=ops {
            let request = Request { client: ClientId(0), session: 0, number: op as u32, payload: Rc::from(&[][..]) };
            let place = Place { view: 0, op, parent: log.last_hash() };
            log.push(Rc::new(Entry::new(place, op, request, ReplicaId(0), &keys)));
        }
        log
    }

    #[test]
    fn a_log_that_begins_later_keeps_its_op_numbers() {
        let (whole, mut cut) = (log(6), log(6));
        cut.drop_front(4);
        assert_eq!((cut.base(), cut.last_op(), cut.last_hash()), (4, 6, whole.last_hash()));
        assert!((4..=6).all(|op| cut.hash_at(op) == whole.hash_at(op)));
        assert_eq!((cut.hash_at(3), cut.get(4).is_none(), cut.get(5).unwrap().op), (0, true, 5));
        assert!(cut.span(4, 6).is_empty() && cut.span(5, 9).len() == 2 && cut.since(7).is_empty());
        cut.truncate(5);
        assert_eq!(cut.last_op(), 5);
        cut.truncate(4);
        assert_eq!((cut.last_op(), cut.last_hash()), (4, whole.hash_at(4)));
    }

    #[test]
    fn a_log_can_be_extended_by_what_follows_without_a_gap() {
        let (whole, mut later) = (log(6), log(8));
        later.drop_front(5);
        assert!(whole.takes(later.tail()) && later.takes(whole.tail()));
        later.drop_front(7);
        assert!(!whole.takes(later.tail()), "op 7 is missing");
        assert!(
            !log(9).takes(Log::after(Base { op: 5, hash: 77, timestamp: 5 }).tail()),
            "another entry stands at op 5"
        );
    }
}
