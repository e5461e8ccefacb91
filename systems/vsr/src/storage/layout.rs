//! The layout of a replica's disk, and the superblock. `journal.rs` decides the order in which writes become durable.

use sim::{EntryHash, Zone, config::spec::Cluster};

use crate::log::Base;
use crate::log::entry::{Entry, HEADER_BYTES, entry_bytes};
use crate::state::checkpoint::{Name, PLACE_BYTES};

/// The size of one copy of the superblock on disk.
pub const SUPERBLOCK_BYTES: u64 = 256;
/// The size of the used part of a copy.
const ENCODED_BYTES: usize = 8 * SUPERBLOCK_WORDS + 4;
/// The number of copies of the superblock.
pub const SUPERBLOCK_COPIES: u64 = 4;
/// The number of words of a superblock; its checksum follows them.
const SUPERBLOCK_WORDS: usize = 16;
/// The record size of checkpoints for the damage budget and the faults.
const CHECKPOINT_RECORD: u64 = 1024;
/// The size of the position of a header on disk.
const HEADER_PLACE: u64 = (HEADER_BYTES as u64).next_multiple_of(8);

/// The layout of a disk.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The number of entries that fit.
    pub slots: u64,
    /// The size of a position in the log zone.
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

    /// The offset and size of the header of `op`.
    pub fn header(&self, op: u64) -> (u64, u64) {
        (SUPERBLOCK_COPIES * SUPERBLOCK_BYTES + self.slot(op) * HEADER_PLACE, HEADER_PLACE)
    }

    /// The offset and size of the position of the entry of `op`.
    pub fn entry(&self, op: u64) -> (u64, u64) {
        (self.log_start() + self.slot(op) * self.entry_place, self.entry_place)
    }

    /// The position of `op` in the ring.
    pub fn slot(&self, op: u64) -> u64 {
        (op - 1) % self.slots
    }

    /// The offset of a place for a checkpoint.
    pub fn checkpoint(&self, place: u64) -> u64 {
        self.log_start() + self.slots * self.entry_place + place * PLACE_BYTES
    }

    fn log_start(&self) -> u64 {
        SUPERBLOCK_COPIES * SUPERBLOCK_BYTES + self.slots * HEADER_PLACE
    }

    /// Encodes the entry padded to the size of its position, so that no bytes of a longer previous entry remain.
    pub fn encode_entry(&self, entry: &Entry, into: &mut Vec<u8>) {
        entry.encode(into);
        into.resize(self.entry_place as usize, 0);
    }

    /// The zones, for the damage budget. Neither superblock zone ever holds both copies of one superblock.
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

/// What a replica must keep durably besides its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Superblock {
    /// Increases with each superblock; 0 on an unused disk.
    pub sequence: u64,
    /// The view that the replica has entered. It promises nothing in lower views.
    pub view: u64,
    /// The last view in which it was normal.
    pub last_normal: u64,
    /// The op that this view started from. Up to it, the log on the disk is complete.
    pub start_op: u64,
    /// The hash of the entry at `start_op`.
    pub start_hash: EntryHash,
    /// The log on the disk is being replaced from this op on; 0 if it is not.
    pub installing: u64,
    /// The disk has lost something that the replica may have promised, and no view has started since.
    pub amnesia: bool,
    /// The newest checkpoint. The log on the disk begins after it.
    pub checkpoint: Name,
}

impl Superblock {
    /// Encodes one copy. A superblock that was never written is encoded as zeros.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.clear();
        if self.sequence == 0 {
            into.resize(ENCODED_BYTES, 0);
            return;
        }
        for word in [self.sequence, self.view, self.last_normal, self.start_op, self.installing] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        into.extend_from_slice(&self.start_hash.to_le_bytes());
        let Name { last: Base { op, hash, timestamp }, state, length, place } = self.checkpoint;
        for word in [self.amnesia.into(), op, length, place, timestamp] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        into.extend_from_slice(&hash.to_le_bytes());
        into.extend_from_slice(&state.to_le_bytes());
        let checksum = crc32fast::hash(into);
        into.extend_from_slice(&checksum.to_le_bytes());
    }

    /// Decodes one copy, if it is intact.
    pub fn decode(copy: &[u8]) -> Option<Superblock> {
        let word = |i: usize| u64::from_le_bytes(copy[8 * i..8 * i + 8].try_into().expect("eight bytes"));
        let wide = |i: usize| u128::from(word(i)) | u128::from(word(i + 1)) << 64;
        let (body, rest) = copy.split_at(8 * SUPERBLOCK_WORDS);
        let checksum = u32::from_le_bytes(rest[..4].try_into().expect("four bytes"));
        (word(0) > 0 && crc32fast::hash(body) == checksum).then(|| Superblock {
            sequence: word(0),
            view: word(1),
            last_normal: word(2),
            start_op: word(3),
            installing: word(4),
            start_hash: wide(5),
            amnesia: word(7) != 0,
            checkpoint: Name {
                last: Base { op: word(8), hash: wide(12), timestamp: word(11) },
                state: wide(14),
                length: word(9),
                place: word(10),
            },
        })
    }

    /// The newest intact copy in `bytes`; the default if there is none.
    pub fn newest(bytes: &[u8]) -> Superblock {
        let copies = bytes.chunks_exact(SUPERBLOCK_BYTES as usize).filter_map(Superblock::decode);
        copies.max_by_key(|copy| copy.sequence).unwrap_or_default()
    }

    /// The copies that should hold the newest superblock and do not: a crash tore or lost their write, or they are
    /// damaged.
    pub fn missing(newest: Superblock, bytes: &[u8]) -> impl Iterator<Item = u64> {
        let in_turn = move |copy: &u64| (copy ^ newest.sequence).is_multiple_of(SUPERBLOCK_COPIES / 2);
        let copies = (0..).zip(bytes.chunks_exact(SUPERBLOCK_BYTES as usize));
        let missing = copies.filter(move |(_, copy)| Superblock::decode(copy) != Some(newest));
        missing.map(|(copy, _)| copy).filter(in_turn)
    }

    /// The copies of the other pair that do not hold the superblock before the newest. If that superblock cannot be
    /// read from any copy, these are all copies of the pair, even if one looks like the superblock found as `before` (a
    /// misdirected write of another copy).
    pub fn unlike(newest: Superblock, before: Superblock, bytes: &[u8]) -> Vec<u64> {
        let mut wanted = Vec::new();
        before.encode(&mut wanted);
        let out_of_turn = |copy: &u64| !(copy ^ newest.sequence).is_multiple_of(SUPERBLOCK_COPIES / 2);
        let copies = (0..).zip(bytes.chunks_exact(SUPERBLOCK_BYTES as usize));
        let unlike = copies.filter(|(_, copy)| before.sequence + 1 != newest.sequence || !copy.starts_with(&wanted));
        unlike.map(|(copy, _)| copy).filter(out_of_turn).collect()
    }

    /// The expected content of the other pair of copies: the superblock before the newest. If that cannot be read from
    /// any copy, the newest, which will be written there.
    pub fn before(newest: Superblock, bytes: &[u8]) -> Superblock {
        let copies = bytes.chunks_exact(SUPERBLOCK_BYTES as usize).filter_map(Superblock::decode);
        match copies.filter(|copy| copy.sequence < newest.sequence).max_by_key(|copy| copy.sequence) {
            Some(before) => before,
            None if newest.sequence <= 1 => Superblock::default(),
            None => newest,
        }
    }
}

/// A record on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// The entry at this op.
    Entry(u64),
    /// The header of this op.
    Header(u64),
    /// This copy of the superblock.
    Superblock(u64),
}

impl Record {
    /// The zone, as an index into [`Layout::zones`], and the record's number in it.
    pub fn place(self) -> (u8, u32) {
        const HALF: u64 = SUPERBLOCK_COPIES / 2;
        match self {
            Record::Entry(op) => (0, (op - 1) as u32),
            Record::Header(op) => (1, (op - 1) as u32),
            Record::Superblock(copy) => (2 + (copy / HALF) as u8, (copy % HALF) as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_superblock_survives_the_loss_of_either_zone_and_of_the_write_under_way() {
        let superblock = |sequence| Superblock {
            sequence,
            view: sequence,
            last_normal: 3,
            start_op: 9,
            start_hash: 5 << 70,
            installing: 0,
            amnesia: sequence == 3,
            checkpoint: Name { last: Base { op: 8, hash: 3 << 90, timestamp: 7 }, state: 4 << 80, length: 5, place: 1 },
        };
        let mut bytes = vec![0; (SUPERBLOCK_COPIES * SUPERBLOCK_BYTES) as usize];
        let place = |copy: u64, superblock: Superblock, bytes: &mut Vec<u8>| {
            let mut buffer = Vec::new();
            superblock.encode(&mut buffer);
            let at = (copy * SUPERBLOCK_BYTES) as usize;
            bytes[at..at + buffer.len()].copy_from_slice(&buffer);
        };
        assert_eq!(Superblock::newest(&bytes), Superblock::default());
        for sequence in 1..=4 {
            for copy in [sequence % 2, 2 + sequence % 2] {
                place(copy, superblock(sequence), &mut bytes);
            }
        }
        assert_eq!(Superblock::newest(&bytes), superblock(4));
        assert_eq!(Superblock::before(superblock(4), &bytes), superblock(3));
        assert_eq!(Superblock::missing(superblock(4), &bytes).count(), 0);
        assert_eq!(Superblock::missing(superblock(5), &bytes).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(Superblock::before(superblock(1), &bytes), Superblock::default(), "nothing was before the first");
        for bit in 0..ENCODED_BYTES * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Superblock::newest(&damaged), superblock(4), "the third copy is intact");
        }
        let mut torn = bytes.clone();
        torn[0..20].fill(9);
        torn[512..556].fill(9);
        assert_eq!(Superblock::newest(&torn), superblock(3), "the write of 4 was torn in both places");
    }
}
