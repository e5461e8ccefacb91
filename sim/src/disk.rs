//! A simulated disk: sparse, copy on write, with a volatile cache in front of what is durable.

use std::ops::Range;

use crate::system::Zone;

/// A replica's disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {}

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
        let _ = zones;
        todo!()
    }

    /// Puts bytes into the cache.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let _ = (offset, bytes);
        todo!()
    }

    /// How many writes are in the cache: a sync that is issued now makes this many durable when it is done.
    pub fn pending(&self) -> usize {
        todo!()
    }

    /// Makes the oldest `count` writes of the cache durable (a sync ended well).
    pub fn sync(&mut self, count: usize) {
        let _ = count;
        todo!()
    }

    /// Forgets the oldest `count` writes of the cache (a sync failed, or the disk was full).
    pub fn discard(&mut self, count: usize) {
        let _ = count;
        todo!()
    }

    /// The replica crashed: each write of the cache meets the fate that `fate(i)` decides, in order of issue.
    pub fn crash(&mut self, fate: impl FnMut(usize) -> Fate) {
        let _ = fate;
        todo!()
    }

    /// Appends to `into` what a read finds: the cache over the durable bytes; never written bytes are 0.
    pub fn read(&self, range: Range<u64>, into: &mut Vec<u8>) {
        let _ = (range, into);
        todo!()
    }

    /// Flips a bit of the durable record that lies `back` before the one written last in the zone (modulo their number).
    pub fn flip_bit(&mut self, zone: usize, back: u16, bit: u16) -> Result<(), NothingWritten> {
        let _ = (zone, back, bit);
        todo!()
    }

    /// Gives a durable record the content that it had before its last synced write.
    pub fn lose_write(&mut self, zone: usize, back: u16) -> Result<(), NothingWritten> {
        let _ = (zone, back);
        todo!()
    }

    /// Moves the last synced write of a durable record to the place of the record `away` before it (modulo their number);
    /// its own place gets its earlier content back.
    pub fn misdirect(&mut self, zone: usize, back: u16, away: u16) -> Result<(), NothingWritten> {
        let _ = (zone, back, away);
        todo!()
    }
}
