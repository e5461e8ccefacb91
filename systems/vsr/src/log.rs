//! The log in memory: the entries from op 1 on, by op number.

use std::rc::Rc;

use sim::{EntryHash, Time};

use crate::entry::Entry;

/// A replica's log.
#[derive(Debug, Default)]
pub struct Log(Vec<Rc<Entry>>);

impl Log {
    /// The op of the last entry; 0 when there is none.
    pub fn last_op(&self) -> u64 {
        self.0.len() as u64
    }

    /// The hash of the last entry; 0 when there is none.
    pub fn last_hash(&self) -> EntryHash {
        self.0.last().map_or(0, |entry| entry.hash)
    }

    /// The last entry.
    pub fn last(&self) -> Option<&Entry> {
        self.0.last().map(Rc::as_ref)
    }

    /// The timestamp of the last entry; 0 when there is none.
    pub fn last_timestamp(&self) -> Time {
        self.0.last().map_or(0, |entry| entry.timestamp)
    }

    /// The entry at `op`.
    pub fn get(&self, op: u64) -> Option<&Rc<Entry>> {
        self.0.get(usize::try_from(op.checked_sub(1)?).ok()?)
    }

    /// The hash of the entry at `op`; 0 when there is none.
    pub fn hash_at(&self, op: u64) -> EntryHash {
        self.get(op).map_or(0, |entry| entry.hash)
    }

    /// The entries from op `from` on.
    pub fn since(&self, from: u64) -> &[Rc<Entry>] {
        let first = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.get(first..).unwrap_or(&[])
    }

    /// The entries at the ops `from..=to`, as far as there are any.
    pub fn span(&self, from: u64, to: u64) -> &[Rc<Entry>] {
        let entries = self.since(from);
        let count = usize::try_from((to + 1).saturating_sub(from)).unwrap_or(usize::MAX);
        &entries[..count.min(entries.len())]
    }

    /// All entries.
    pub fn entries(&self) -> &[Rc<Entry>] {
        &self.0
    }

    /// Appends an entry; its op is the next one.
    pub fn push(&mut self, entry: Rc<Entry>) {
        debug_assert_eq!(entry.op, self.last_op() + 1);
        self.0.push(entry);
    }

    /// Puts the content in the place of a hole.
    pub fn fill(&mut self, entry: Rc<Entry>) {
        let index = entry.op as usize - 1;
        debug_assert_eq!(self.0[index].hash, entry.hash);
        self.0[index] = entry;
    }

    /// Drops what comes after `op`.
    pub fn truncate(&mut self, op: u64) {
        self.0.truncate(op as usize);
    }

    /// The op of the first hole.
    pub fn first_hole(&self) -> Option<u64> {
        self.0.iter().find(|entry| entry.is_hole()).map(|entry| entry.op)
    }
}
