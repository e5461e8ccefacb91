//! Tests of the disk: the damage of records by hand, everything else against a naive model.

use proptest::prelude::*;

use super::*;

const ZONES: [Zone; 2] = [
    Zone { name: "first", start: 0, length: 64, record: 16 },
    Zone { name: "second", start: 1000, length: 3 * 40 + 7, record: 40 },
];

fn disk() -> Disk {
    let mut disk = Disk::default();
    disk.reset(&ZONES);
    disk
}

fn put(disk: &mut Disk, offset: u64, bytes: &[u8]) {
    disk.write(offset, bytes);
    disk.sync(disk.pending());
}

fn read(disk: &Disk, range: Range<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    disk.read(range, &mut bytes);
    bytes
}

#[test]
fn reads_see_the_cache_and_a_crash_forgets_it() {
    let mut disk = disk();
    put(&mut disk, 1022, b"abcd");
    disk.write(1023, b"XY");
    assert_eq!(read(&disk, 1021..1027), b"\0aXYd\0");
    disk.crash(|_| Fate::Lost);
    assert_eq!(read(&disk, 1021..1027), b"\0abcd\0");
}

#[test]
fn a_torn_write_keeps_its_first_bytes() {
    let mut disk = disk();
    disk.write(0, b"abcd");
    disk.write(4, b"efgh");
    disk.crash(|i| if i == 0 { Fate::Torn { per_mille: 500 } } else { Fate::Kept });
    assert_eq!(read(&disk, 0..8), b"ab\0\0efgh");
}

#[test]
fn back_counts_from_the_record_written_last() {
    let mut disk = disk();
    for record in [2, 0, 1, 0] {
        put(&mut disk, record * 16, &[0xF0; 16]);
    }
    // The order of last writes is 0, 1, 2.
    for (back, offset) in [(0, 0), (1, 16), (2, 32), (3, 0)] {
        disk.flip_bits(0, back, 1, 1).unwrap();
        let expected = if back == 3 { 0xF0 } else { 0xF2 };
        assert_eq!(read(&disk, offset..offset + 1), [expected], "back {back}");
    }
    assert_eq!(disk.flip_bits(1, 0, 0, 1), Err(NothingWritten), "nothing in the second zone");
    assert_eq!(disk.flip_bits(2, 0, 128, 1), Ok(()), "zones and bits are taken modulo their number");
    assert_eq!(read(&disk, 0..1), [0xF1]);
}

#[test]
fn a_lost_write_gives_the_older_content_back() {
    let mut disk = disk();
    put(&mut disk, 0, b"first content...");
    put(&mut disk, 16, b"another record..");
    disk.lose_write(0, 0).unwrap();
    assert_eq!(read(&disk, 16..32), [0; 16], "it was its first write");
    put(&mut disk, 0, b"second content..");
    disk.lose_write(0, 0).unwrap();
    assert_eq!(read(&disk, 0..16), b"first content...");
    put(&mut disk, 8, b"half");
    put(&mut disk, 12, b"quarter and past the record");
    disk.lose_write(0, 2).unwrap();
    assert_eq!(read(&disk, 0..16), b"first cohalft...", "the last write ended two records later");
}

/// A record is written twice; the replica crashes before the second sync, and the second write happens to reach the disk. That
/// it is gone later is what the crash might have done as well, and no damage.
#[test]
fn what_a_crash_let_through_unsynced_is_not_there_to_be_lost() {
    let mut disk = disk();
    put(&mut disk, 0, &[1; 16]);
    disk.write(0, &[2; 16]);
    disk.crash(|_| Fate::Kept);
    assert_eq!(read(&disk, 0..16), [2; 16]);
    assert_eq!(disk.lose_write(0, 0), Err(NothingWritten));
    assert_eq!(disk.misdirect(0, 0, 1), Err(NothingWritten));
    let stale = |disk: &Disk| {
        let mut found = read(disk, 0..16);
        disk.misread(0, 0, &(0..16), &mut found, |_| true, |_, _| ());
        found
    };
    assert_eq!(stale(&disk), [2; 16], "nor is the older content an answer");
    put(&mut disk, 0, &[3; 16]);
    assert_eq!(stale(&disk), [2; 16]);
    disk.lose_write(0, 0).unwrap();
    assert_eq!(read(&disk, 0..16), [2; 16]);
}

#[test]
fn a_misdirected_write_hits_another_record() {
    let mut disk = disk();
    put(&mut disk, 0, &[1; 16]);
    disk.misdirect(0, 0, 5).unwrap();
    assert_eq!(read(&disk, 0..32), [[0; 16], [1; 16]].concat(), "no other record was written");
    put(&mut disk, 16, &[2; 16]);
    put(&mut disk, 32, &[3; 16]);
    disk.misdirect(0, 0, 2).unwrap();
    assert_eq!(read(&disk, 0..48), [[3; 16], [2; 16], [0; 16]].concat());
    let mut single = Disk::default();
    single.reset(&[Zone { name: "single", start: 0, length: 8, record: 8 }]);
    put(&mut single, 0, &[1; 8]);
    assert_eq!(single.misdirect(0, 0, 0), Err(NothingWritten));
}

#[test]
fn records_lose_their_end_or_their_place() {
    let mut disk = disk();
    put(&mut disk, 0, b"abcdefgh");
    disk.cut_off(0, 0, 13).unwrap();
    assert_eq!(read(&disk, 0..16), b"abcde\0\0\0\0\0\0\0\0\0\0\0", "5 of 8 are kept");
    put(&mut disk, 0, b"abcdefgh");
    disk.push_in(0, 0, 2, 3).unwrap();
    assert_eq!(read(&disk, 0..16), b"ab\xA5\xA5\xA5cde\0\0\0\0\0\0\0\0");
    put(&mut disk, 16, &[0; 16]);
    assert_eq!(disk.cut_off(0, 0, 1), Err(NothingWritten), "there is nothing to lose");
}

fn wrong(disk: &Disk, range: Range<u64>) -> Vec<(usize, u32)> {
    let (mut told, found) = (Vec::new(), read(disk, range.clone()));
    disk.differences(&range, &found, |zone, record| told.push((zone, record)));
    told
}

#[test]
fn a_damaged_record_is_wrong_until_it_is_written_anew() {
    let mut disk = disk();
    put(&mut disk, 0, &[1; 16]);
    put(&mut disk, 16, &[2; 16]);
    disk.flip_bits(0, 1, 77, 3).unwrap();
    assert_eq!((wrong(&disk, 0..32), wrong(&disk, 16..32)), (vec![(0, 0)], vec![]));
    disk.flip_bits(0, 1, 77, 3).unwrap();
    assert_eq!(wrong(&disk, 0..32), [], "the same bits once more");
    disk.misdirect(0, 0, 1).unwrap();
    assert_eq!(wrong(&disk, 0..32).len(), 2);
    disk.write(0, &[3; 16]);
    assert_eq!(wrong(&disk, 0..32), [(0, 1)], "the cache answers for the first one");
    disk.crash(|_| Fate::Lost);
    assert_eq!(wrong(&disk, 0..32).len(), 2);
    put(&mut disk, 0, &[4; 32]);
    assert!(!disk.is_wrong(0, 0) && !disk.is_wrong(0, 1));
}

#[test]
fn a_misread_answers_with_something_else_and_leaves_the_disk_alone() {
    let mut disk = disk();
    put(&mut disk, 0, &[1; 16]);
    put(&mut disk, 0, &[2; 16]);
    put(&mut disk, 16, &[3; 16]);
    let misread = |disk: &Disk, away: u8, range: Range<u64>| {
        let (mut found, mut told) = (read(disk, range.clone()), Vec::new());
        disk.misread(0, away, &range, &mut found, |_| true, |_, record| told.push(record));
        (found, told)
    };
    assert_eq!(misread(&disk, 0, 0..32), ([[1; 16], [0; 16]].concat(), vec![0, 1]), "as they were before");
    assert_eq!(misread(&disk, 1, 0..32), ([[3; 16], [2; 16]].concat(), vec![0, 1]), "as the other one is");
    assert_eq!(misread(&disk, 1, 1..32), ([&[2; 15][..], &[2; 16]].concat(), vec![1]), "whole records only");
    assert_eq!(misread(&disk, 1, 600..900).1, [0; 0], "outside the zone");
    disk.write(16, &[9; 16]);
    assert_eq!(misread(&disk, 0, 16..32), (vec![9; 16], vec![]), "the cache is right");
    assert_eq!(read(&disk, 0..16), [2; 16]);
}

#[test]
fn a_clone_is_independent_and_a_reset_forgets() {
    let mut disk = disk();
    put(&mut disk, 1000, &[7; 127]);
    let mut other = disk.clone();
    put(&mut other, 1000, &[8; 40]);
    assert_eq!(read(&disk, 1000..1001), [7]);
    disk.reset(&ZONES);
    assert_eq!(read(&disk, 0..2048), [0; 2048]);
    assert_eq!(disk.lose_write(1, 0), Err(NothingWritten));
    assert_eq!(read(&other, 1000..1041), [[8; 40].as_slice(), &[7]].concat());
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>),
    Sync(usize),
    Discard(usize),
    Crash(u64),
    Read(u64, u64),
    FlipBit(usize, u16, u16),
    LoseWrite(usize, u16),
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..1300_u64, prop::collection::vec(any::<u8>(), 0..70)).prop_map(|(at, bytes)| Step::Write(at, bytes)),
        3 => (0..6_usize).prop_map(Step::Sync),
        1 => (0..3_usize).prop_map(Step::Discard),
        1 => any::<u64>().prop_map(Step::Crash),
        3 => (0..1400_u64, 0..100_u64).prop_map(|(at, len)| Step::Read(at, len)),
        1 => (0..2_usize, 0..8_u16, any::<u16>()).prop_map(|(zone, back, bit)| Step::FlipBit(zone, back, bit)),
        1 => (0..2_usize, 0..8_u16).prop_map(|(zone, back)| Step::LoseWrite(zone, back)),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 0..60)
}

/// The naive model: flat bytes, a list of pending writes, and a list of the records with their earlier contents.
struct Model {
    bytes: Vec<u8>,
    pending: Vec<(usize, Vec<u8>)>,
    /// Per zone, oldest first.
    order: [Vec<Written>; 2],
}

/// A record that was written: what it held before, where its last write ended, and whether that was synced.
#[derive(Clone)]
struct Written {
    record: usize,
    before: Vec<u8>,
    end: usize,
    synced: bool,
}

impl Model {
    fn new() -> Model {
        Model { bytes: vec![0; 2048], pending: Vec::new(), order: Default::default() }
    }

    fn record(zone: usize, record: usize) -> Range<usize> {
        let Zone { start, record: len, .. } = ZONES[zone];
        start as usize + record * len as usize..start as usize + (record + 1) * len as usize
    }

    fn persist(&mut self, at: usize, bytes: &[u8], synced: bool) {
        for (zone, order) in self.order.iter_mut().enumerate() {
            for record in 0..(ZONES[zone].length / ZONES[zone].record) as usize {
                let range = Model::record(zone, record);
                if !bytes.is_empty() && range.start < at + bytes.len() && at < range.end {
                    order.retain(|other| other.record != record);
                    let end = (at + bytes.len()).min(range.end) - range.start;
                    order.push(Written { record, before: self.bytes[range].to_vec(), end, synced });
                }
            }
        }
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn find(&self, zone: usize, back: u16) -> Option<(Range<usize>, Written)> {
        let order = &self.order[zone];
        let written = order.get(order.len().checked_sub(1 + usize::from(back) % order.len().max(1))?)?;
        Some((Model::record(zone, written.record), written.clone()))
    }
}

proptest! {
    #[test]
    fn the_disk_does_what_the_naive_model_does(steps in steps()) {
        let (mut disk, mut model) = (disk(), Model::new());
        for step in steps {
            match step {
                Step::Write(at, bytes) => {
                    disk.write(at, &bytes);
                    model.pending.push((at as usize, bytes));
                }
                Step::Sync(count) => {
                    disk.sync(count);
                    for (at, bytes) in model.pending.drain(..count.min(model.pending.len())).collect::<Vec<_>>() {
                        model.persist(at, &bytes, true);
                    }
                }
                Step::Discard(count) => {
                    disk.discard(count);
                    model.pending.drain(..count.min(model.pending.len()));
                }
                Step::Crash(outcomes) => {
                    let fate = |i: usize| match outcomes >> (2 * i % 64) & 3 {
                        0 => Fate::Lost,
                        1 => Fate::Torn { per_mille: (outcomes >> (i % 32) & 0x3FF) as u16 },
                        _ => Fate::Kept,
                    };
                    disk.crash(fate);
                    for (i, (at, bytes)) in std::mem::take(&mut model.pending).into_iter().enumerate() {
                        let kept = match fate(i) {
                            Fate::Lost => 0,
                            Fate::Torn { per_mille } => bytes.len() * usize::from(per_mille.min(1000)) / 1000,
                            Fate::Kept => bytes.len(),
                        };
                        model.persist(at, &bytes[..kept], false);
                    }
                }
                Step::Read(at, len) => {
                    let mut expected = model.bytes.clone();
                    for (at, bytes) in &model.pending {
                        expected[*at..at + bytes.len()].copy_from_slice(bytes);
                    }
                    prop_assert_eq!(read(&disk, at..at + len), &expected[at as usize..(at + len) as usize]);
                }
                Step::FlipBit(zone, back, bit) => {
                    let found = model.find(zone, back);
                    prop_assert_eq!(disk.flip_bits(zone, back, bit, 1).is_ok(), found.is_some());
                    if let Some((range, Written { end, .. })) = found {
                        let bit = usize::from(bit) % (end * 8);
                        model.bytes[range.start + bit / 8] ^= 1 << (bit % 8);
                    }
                }
                Step::LoseWrite(zone, back) => {
                    let found = model.find(zone, back).filter(|(_, written)| written.synced);
                    prop_assert_eq!(disk.lose_write(zone, back).is_ok(), found.is_some());
                    if let Some((range, Written { before, .. })) = found {
                        model.bytes[range].copy_from_slice(&before);
                    }
                }
                Step::Reset => {
                    disk.reset(&ZONES);
                    model = Model::new();
                }
            }
            prop_assert_eq!(disk.pending(), model.pending.len());
        }
        disk.crash(|_| Fate::Lost);
        prop_assert_eq!(read(&disk, 0..2048), model.bytes);
    }
}
