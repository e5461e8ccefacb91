//! Where things are on a replica's disk, and which of it the damage ledger tells apart.

use sim::Zone;
use sim::spec::Cluster;

use super::{HEADER_PLACE, SUPERBLOCK_BYTES, SUPERBLOCK_COPIES};
use crate::checkpoint::PLACE_BYTES;
use crate::entry::{Entry, entry_bytes};

/// The damage ledger and the faults deal with checkpoints in records of this size.
const CHECKPOINT_RECORD: u64 = 1024;

/// Where things are on the disk.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How many entries fit.
    pub slots: u64,
    /// The bytes of a place in the log zone.
    pub entry_place: u64,
    /// Whether there are checkpoints.
    pub checkpoints: bool,
}

impl Layout {
    /// The layout of a cluster's disks.
    pub fn new(cluster: &Cluster) -> Self {
        Layout {
            slots: cluster.log_slots.into(),
            entry_place: entry_bytes(cluster.request_bytes_max) as u64,
            checkpoints: cluster.checkpoint_interval > 0,
        }
    }

    /// Where the header of `op` stands, and how long it is.
    pub fn header(&self, op: u64) -> (u64, u64) {
        (SUPERBLOCK_COPIES * SUPERBLOCK_BYTES + self.slot(op) * HEADER_PLACE, HEADER_PLACE)
    }

    /// Where the entry of `op` stands, and how long its place is.
    pub fn entry(&self, op: u64) -> (u64, u64) {
        (self.log_start() + self.slot(op) * self.entry_place, self.entry_place)
    }

    /// The place of `op` in the ring.
    pub fn slot(&self, op: u64) -> u64 {
        (op - 1) % self.slots
    }

    /// Where a place for a checkpoint begins.
    pub fn checkpoint(&self, place: u64) -> u64 {
        self.log_start() + self.slots * self.entry_place + place * PLACE_BYTES
    }

    fn log_start(&self) -> u64 {
        SUPERBLOCK_COPIES * SUPERBLOCK_BYTES + self.slots * HEADER_PLACE
    }

    /// Writes the entry as it fills its place: what is left of a longer one before it must not stay behind it.
    pub fn encode_entry(&self, entry: &Entry, into: &mut Vec<u8>) {
        entry.encode(into);
        into.resize(self.entry_place as usize, 0);
    }

    /// The zones, for the damage ledger. The two superblock zones never hold both copies of one superblock.
    pub fn zones(&self) -> Vec<Zone> {
        let half = SUPERBLOCK_COPIES / 2 * SUPERBLOCK_BYTES;
        let headers = self.header(1).0;
        let log = self.entry(1).0;
        let mut zones = vec![
            Zone { name: "log", start: log, length: self.slots * self.entry_place, record: self.entry_place },
            Zone { name: "headers", start: headers, length: log - headers, record: HEADER_PLACE },
            Zone { name: "superblocks, first half", start: 0, length: half, record: SUPERBLOCK_BYTES },
            Zone { name: "superblocks, second half", start: half, length: half, record: SUPERBLOCK_BYTES },
        ];
        if self.checkpoints {
            let start = self.checkpoint(0);
            zones.push(Zone { name: "checkpoints", start, length: 2 * PLACE_BYTES, record: CHECKPOINT_RECORD });
        }
        zones
    }
}
