//! A simulated disk: sparse, copy on write, with a volatile cache in front of the durable content.
//!
//! A write enters the cache, in order. A sync makes the oldest writes of the cache durable. A crash keeps, loses or
//! tears each cached write independently, so later writes may survive earlier ones. Durable content stays, except for
//! the damage that faults do to single records of the system's zones, all of it silent (`disk/damage.rs`). Not
//! modelled: sectors, damage outside the zones, and damage that the disk itself detects (the world models failing
//! reads and syncs).
//!
//! In the steady state nothing is allocated: pages, the cache's arena and the tables of records are reused from run to
//! run.

use std::ops::Range;
use std::rc::Rc;

use crate::base::storage::Zone;

mod damage;

const PAGE_BYTES: usize = 1024;
/// Offsets at or past this are a bug of the system under test.
const DISK_BYTES_MAX: u64 = 1 << 30;
/// Drained bytes at the front of the cache's arena are given back when they are more than this.
const CACHE_DRAINED_MAX: usize = 64 * 1024;
/// No record, no place in the arena.
const NONE: u32 = u32::MAX;

type Page = [u8; PAGE_BYTES];

/// A replica's disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    durable: Pages,
    cache: Cache,
    zones: Vec<ZoneRecords>,
    /// The records that do not hold what was written there last.
    wrong: Vec<damage::WrongRecord>,
}

/// What becomes of one unsynced write in a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It reached the disk.
    Kept,
    /// It did not.
    Lost,
    /// Only its first bytes did.
    Torn {
        /// How many bytes, per thousand of its length.
        per_mille: u16,
    },
}

/// Why a disk cannot be damaged at the wanted place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingWritten;

impl Disk {
    /// An empty disk with these zones; keeps its allocations.
    pub fn reset(&mut self, zones: &[Zone]) {
        self.durable.clear();
        self.cache.clear();
        self.wrong.clear();
        self.zones.resize_with(zones.len(), ZoneRecords::default);
        for (records, zone) in self.zones.iter_mut().zip(zones) {
            records.reset(zone);
        }
    }

    /// Puts bytes into the cache.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        assert!(offset + bytes.len() as u64 <= DISK_BYTES_MAX, "a write at {offset} lies past the end of the disk");
        self.cache.push(offset, bytes);
    }

    /// How many writes are in the cache: a sync that is issued now makes this many durable when it is done.
    pub fn pending(&self) -> usize {
        self.cache.pending().len()
    }

    /// Makes the oldest `count` writes of the cache durable (a sync ended well).
    pub fn sync(&mut self, count: usize) {
        for i in 0..count.min(self.pending()) {
            self.persist(self.cache.pending()[i], true);
        }
        self.cache.drop_oldest(count);
    }

    /// Forgets the oldest `count` writes of the cache (a sync failed, or the disk was full).
    pub fn discard(&mut self, count: usize) {
        self.cache.drop_oldest(count);
    }

    /// The replica crashed: each write of the cache meets the fate that `fate(i)` decides, in order of issue.
    pub fn crash(&mut self, mut fate: impl FnMut(usize) -> Fate) {
        for i in 0..self.pending() {
            let mut write = self.cache.pending()[i];
            write.len = match fate(i) {
                Fate::Kept => write.len,
                Fate::Lost => 0,
                Fate::Torn { per_mille } => write.len * usize::from(per_mille.min(1000)) / 1000,
            };
            self.persist(write, false);
        }
        self.cache.clear();
    }

    /// Appends to `into` what a read finds: the cache over the durable bytes; never written bytes are 0.
    pub fn read(&self, range: Range<u64>, into: &mut Vec<u8>) {
        assert!(range.end <= DISK_BYTES_MAX, "a read up to {} lies past the end of the disk", range.end);
        let base = into.len();
        into.resize(base + range.end.saturating_sub(range.start) as usize, 0);
        let found = &mut into[base..];
        self.durable.read(range.start, found);
        self.overlay(&range, found);
    }

    /// Puts what the cache holds of the range over `found`.
    fn overlay(&self, range: &Range<u64>, found: &mut [u8]) {
        for write in self.cache.pending() {
            let start = write.offset.max(range.start);
            let end = (write.offset + write.len as u64).min(range.end);
            if start < end {
                let bytes = &self.cache.bytes(*write)[(start - write.offset) as usize..(end - write.offset) as usize];
                found[(start - range.start) as usize..(end - range.start) as usize].copy_from_slice(bytes);
            }
        }
    }

    /// Makes one write durable, as far as its length says; because it was `synced`, or by chance in a crash.
    fn persist(&mut self, write: Write, synced: bool) {
        if write.len == 0 {
            return;
        }
        for zone in &mut self.zones {
            zone.note(write.offset, write.len as u64, synced, &self.durable);
        }
        self.durable.write(write.offset, self.cache.bytes(write));
        if !self.wrong.is_empty() {
            self.written_over(write);
        }
    }
}

/// Bytes in pages that exist from their first write on.
#[derive(Clone, Debug, Default)]
struct Pages {
    pages: Vec<Option<Rc<Page>>>,
    /// Pages of earlier runs that nobody else holds.
    free: Vec<Rc<Page>>,
}

impl Pages {
    fn clear(&mut self) {
        for page in &mut self.pages {
            if let Some(mut page) = page.take()
                && Rc::get_mut(&mut page).is_some()
            {
                self.free.push(page);
            }
        }
    }

    fn read(&self, mut offset: u64, mut into: &mut [u8]) {
        while !into.is_empty() {
            let (number, start) = (offset as usize / PAGE_BYTES, offset as usize % PAGE_BYTES);
            let (part, rest) = into.split_at_mut(into.len().min(PAGE_BYTES - start));
            match self.pages.get(number) {
                Some(Some(page)) => part.copy_from_slice(&page[start..start + part.len()]),
                _ => part.fill(0),
            }
            offset += part.len() as u64;
            into = rest;
        }
    }

    fn write(&mut self, mut offset: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (number, start) = (offset as usize / PAGE_BYTES, offset as usize % PAGE_BYTES);
            let (part, rest) = bytes.split_at(bytes.len().min(PAGE_BYTES - start));
            if self.pages.len() <= number {
                self.pages.resize(number + 1, None);
            }
            let free = &mut self.free;
            let page = self.pages[number].get_or_insert_with(|| match free.pop() {
                Some(mut page) => {
                    Rc::make_mut(&mut page).fill(0);
                    page
                }
                None => Rc::new([0; PAGE_BYTES]),
            });
            Rc::make_mut(page)[start..start + part.len()].copy_from_slice(part);
            offset += part.len() as u64;
            bytes = rest;
        }
    }
}

/// A write in the cache: where it goes, and where its bytes are in the arena.
#[derive(Clone, Copy, Debug)]
struct Write {
    offset: u64,
    start: usize,
    len: usize,
}

/// The writes that are not durable yet, oldest first.
#[derive(Clone, Debug, Default)]
struct Cache {
    arena: Vec<u8>,
    writes: Vec<Write>,
    /// So many of the writes are gone already.
    drained: usize,
}

impl Cache {
    fn push(&mut self, offset: u64, bytes: &[u8]) {
        self.writes.push(Write { offset, start: self.arena.len(), len: bytes.len() });
        self.arena.extend_from_slice(bytes);
    }

    fn pending(&self) -> &[Write] {
        &self.writes[self.drained..]
    }

    fn bytes(&self, write: Write) -> &[u8] {
        &self.arena[write.start..write.start + write.len]
    }

    fn clear(&mut self) {
        self.arena.clear();
        self.writes.clear();
        self.drained = 0;
    }

    fn drop_oldest(&mut self, count: usize) {
        self.drained = self.writes.len().min(self.drained + count);
        let Some(first) = self.pending().first().copied() else { return self.clear() };
        if first.start > CACHE_DRAINED_MAX {
            self.arena.drain(..first.start);
            self.writes.drain(..self.drained);
            self.drained = 0;
            for write in &mut self.writes {
                write.start -= first.start;
            }
        }
    }
}

/// What is known of a zone's records: which were written durably, in which order, and what they held before.
#[derive(Clone, Debug, Default)]
struct ZoneRecords {
    start: u64,
    length: u64,
    record: usize,
    links: Vec<Links>,
    /// The record that was written last.
    newest: u32,
    /// How many records were written.
    written: u32,
    /// Contents of records before their last writes.
    before: Vec<u8>,
}

/// A record's place in the order of last writes.
#[derive(Clone, Copy, Debug)]
struct Links {
    written: bool,
    /// Whether the last write was synced. What a crash let through unsynced was promised to nobody: that it is gone later is
    /// what the crash might have done as well.
    synced: bool,
    newer: u32,
    older: u32,
    /// Where in the record the last write ended: what lies behind it means nothing.
    end: u32,
    /// Where in the arena its content from before its last write is; zeros if nowhere.
    before: u32,
}

const UNWRITTEN: Links = Links { written: false, synced: false, newer: NONE, older: NONE, end: 0, before: NONE };

impl ZoneRecords {
    fn reset(&mut self, zone: &Zone) {
        let count = zone.length.checked_div(zone.record).unwrap_or(0) as usize;
        if self.links.len() == count {
            let mut record = self.newest;
            for _ in 0..self.written {
                let older = self.links[record as usize].older;
                self.links[record as usize] = UNWRITTEN;
                record = older;
            }
        } else {
            self.links.clear();
            self.links.resize(count, UNWRITTEN);
        }
        self.before.clear();
        (self.start, self.length, self.record) = (zone.start, zone.record * count as u64, zone.record as usize);
        (self.newest, self.written) = (NONE, 0);
    }

    fn count(&self) -> u32 {
        self.links.len() as u32
    }

    fn offset(&self, record: u32) -> u64 {
        self.start + u64::from(record) * self.record as u64
    }

    /// The record `steps` before `record` in the order of last writes, round and round.
    fn older_than(&self, mut record: u32, steps: u32) -> u32 {
        for _ in 0..steps {
            record = match self.links[record as usize].older {
                NONE => self.newest,
                older => older,
            };
        }
        record
    }

    /// A write is about to become durable.
    fn note(&mut self, offset: u64, len: u64, synced: bool, durable: &Pages) {
        let first = offset.max(self.start);
        let last = (offset + len).min(self.start + self.length);
        if first >= last {
            return;
        }
        let record = self.record as u64;
        for touched in (first - self.start) / record..=(last - 1 - self.start) / record {
            let end = (last - self.start - touched * record).min(record);
            self.note_record(touched as u32, end as u32, durable);
            self.links[touched as usize].synced = synced;
        }
    }

    fn note_record(&mut self, record: u32, end: u32, durable: &Pages) {
        let offset = self.offset(record);
        let Links { written, newer, older, mut before, .. } = self.links[record as usize];
        if written {
            if before == NONE {
                before = self.before.len() as u32;
                self.before.resize(self.before.len() + self.record, 0);
            }
            durable.read(offset, &mut self.before[before as usize..before as usize + self.record]);
            if record == self.newest {
                (self.links[record as usize].before, self.links[record as usize].end) = (before, end);
                return;
            }
            self.links[newer as usize].older = older;
            if older != NONE {
                self.links[older as usize].newer = newer;
            }
        } else {
            self.written += 1;
        }
        if self.newest != NONE {
            self.links[self.newest as usize].newer = record;
        }
        self.links[record as usize] =
            Links { written: true, synced: true, newer: NONE, older: self.newest, end, before };
        self.newest = record;
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
