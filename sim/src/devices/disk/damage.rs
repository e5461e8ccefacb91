//! Damage to durable records, reads that return wrong content, and the record of both: which records differ from their
//! last write.
//!
//! Damage affects one record of a zone, within the bytes of its last write: flipped bits, a truncated end, bytes that
//! were shifted, the loss of the last write, and a write to the wrong place. A wrong read is not damage: the disk
//! holds the right content, and returns a record's older content or another record.
//!
//! For each damaged record the right content is kept. There are few of them, and none in most runs.

use std::ops::Range;

use super::{Disk, Links, NONE, NothingWritten, Write};

/// From one flipped bit of a record to the next.
const BITS_APART: usize = 37;
/// What stands where bytes were pushed in.
const PUSHED_IN: u8 = 0xA5;

/// A record that does not hold what was written there last.
#[derive(Clone, Debug)]
pub(super) struct WrongRecord {
    zone: usize,
    record: u32,
    /// What was written there last.
    right: Vec<u8>,
}

impl Disk {
    /// Flips `count` bits of the durable record that lies `back` before the one written last in the zone (modulo their
    /// number), from `bit` on.
    pub fn flip_bits(&mut self, zone: usize, back: u16, bit: u16, count: u8) -> Result<(), NothingWritten> {
        self.alter(zone, back, |bytes| {
            for bit in (0..count.max(1)).map(|i| usize::from(bit) + usize::from(i) * BITS_APART) {
                bytes[bit / 8 % bytes.len()] ^= 1 << (bit % 8);
            }
        })
    }

    /// Sets the end of a durable record to 0, so that fewer bytes are left than were written.
    pub fn cut_off(&mut self, zone: usize, back: u16, keep: u16) -> Result<(), NothingWritten> {
        self.alter(zone, back, |bytes| {
            let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            let keep = usize::from(keep).checked_rem(length).unwrap_or(0);
            bytes[keep..].fill(0);
        })
    }

    /// Pushes `by` bytes into a durable record: what follows moves on, and its end is lost.
    pub fn push_in(&mut self, zone: usize, back: u16, from: u16, by: u8) -> Result<(), NothingWritten> {
        self.alter(zone, back, |bytes| {
            let length = bytes.len();
            let from = usize::from(from) % length;
            let by = usize::from(by.max(1)).min(length - from);
            bytes.copy_within(from..length - by, from + by);
            bytes[from..from + by].fill(PUSHED_IN);
        })
    }

    /// Gives a durable record the content that it had before its last write, if that was synced.
    pub fn lose_write(&mut self, zone: usize, back: u16) -> Result<(), NothingWritten> {
        let (zone, record) = self.find_synced(zone, back)?;
        let right = self.content(zone, record);
        self.restore(zone, record);
        self.compare(zone, record, right);
        Ok(())
    }

    /// Moves the last write of a durable record, if that was synced, to the place of the record `away` before it (modulo
    /// their number); its own place gets its earlier content back.
    ///
    /// Where that is the record itself it goes to the next one back; and where no other record has been written, to the
    /// place after its own.
    pub fn misdirect(&mut self, zone: usize, back: u16, away: u16) -> Result<(), NothingWritten> {
        let (zone, record) = self.find_synced(zone, back)?;
        let records = &self.zones[zone];
        let other = if records.written > 1 {
            let away = u32::from(away) % records.written;
            records.older_than(record, if away == 0 { 1 } else { away })
        } else {
            (record + 1) % records.count()
        };
        if other == record {
            return Err(NothingWritten);
        }
        let (content, other_content) = (self.content(zone, record), self.content(zone, other));
        self.durable.write(self.zones[zone].offset(other), &content);
        self.restore(zone, record);
        self.compare(zone, record, content);
        self.compare(zone, other, other_content);
        Ok(())
    }

    /// Puts older or other content in the place of some records that a read of `range` found: where `chance` says so, a
    /// record's content from before its last write (`away` 0; not if that was never synced), or the one `away` before it in
    /// the order of last writes.
    /// Tells each record that differs now. What is in the cache only is read right.
    pub fn misread(
        &self,
        zone: usize,
        away: u8,
        range: &Range<u64>,
        found: &mut [u8],
        mut chance: impl FnMut(u32) -> bool,
        mut tell: impl FnMut(usize, u32),
    ) {
        let Some(zone) = zone.checked_rem(self.zones.len()) else { return };
        let records = &self.zones[zone];
        let bytes = records.record as u64;
        if records.written == 0 || range.end <= records.start {
            return;
        }
        let first = range.start.saturating_sub(records.start).div_ceil(bytes);
        let end = ((range.end - records.start) / bytes).min(records.count().into());
        for record in (first..end).map(|record| record as u32) {
            let place = records.offset(record)..records.offset(record) + bytes;
            let cached = |write: &Write| write.offset < place.end && place.start < write.offset + write.len as u64;
            if !records.links[record as usize].written || self.cache.pending().iter().any(cached) || !chance(record) {
                continue;
            }
            let Links { synced, before, .. } = records.links[record as usize];
            let answer = match before {
                _ if away == 0 && !synced => continue,
                _ if away > 0 => self.content(zone, records.older_than(record, u32::from(away) % records.written)),
                NONE => vec![0; records.record],
                start => records.before[start as usize..start as usize + records.record].to_vec(),
            };
            let found = &mut found[(place.start - range.start) as usize..(place.end - range.start) as usize];
            if *found != answer[..] {
                found.copy_from_slice(&answer);
                tell(zone, record);
            }
        }
    }

    /// Whether the durable record is not what was written there last.
    pub fn is_wrong(&self, zone: usize, record: u32) -> bool {
        self.wrong.iter().any(|wrong| wrong.zone == zone && wrong.record == record)
    }

    /// Tells each damaged record of which a read of `range` that found `found` has not found what was written there last.
    pub fn differences(&self, range: &Range<u64>, found: &[u8], mut tell: impl FnMut(usize, u32)) {
        for WrongRecord { zone, record, right } in &self.wrong {
            let offset = self.zones[*zone].offset(*record);
            let (start, end) = (offset.max(range.start), (offset + right.len() as u64).min(range.end));
            if start < end {
                let mut right = right[(start - offset) as usize..(end - offset) as usize].to_vec();
                self.overlay(&(start..end), &mut right);
                if right != found[(start - range.start) as usize..(end - range.start) as usize] {
                    tell(*zone, *record);
                }
            }
        }
    }

    /// A write became durable: what it covers is right again.
    pub(super) fn written_over(&mut self, write: Write) {
        let bytes = self.cache.bytes(write);
        for WrongRecord { zone, record, right } in &mut self.wrong {
            let offset = self.zones[*zone].offset(*record);
            let start = offset.max(write.offset);
            let end = (offset + right.len() as u64).min(write.offset + write.len as u64);
            if start < end {
                let written = &bytes[(start - write.offset) as usize..(end - write.offset) as usize];
                right[(start - offset) as usize..(end - offset) as usize].copy_from_slice(written);
            }
        }
        let mut wrong = std::mem::take(&mut self.wrong);
        wrong.retain(|wrong| self.content(wrong.zone, wrong.record) != wrong.right);
        self.wrong = wrong;
    }

    /// The zone, and its written record that lies `back` before the one written last.
    fn find(&self, zone: usize, back: u16) -> Result<(usize, u32), NothingWritten> {
        let zone = zone.checked_rem(self.zones.len()).ok_or(NothingWritten)?;
        let records = &self.zones[zone];
        let back = u32::from(back).checked_rem(records.written).ok_or(NothingWritten)?;
        Ok((zone, records.older_than(records.newest, back)))
    }

    /// The same, if its last write was synced.
    fn find_synced(&self, zone: usize, back: u16) -> Result<(usize, u32), NothingWritten> {
        let (zone, record) = self.find(zone, back)?;
        if self.zones[zone].links[record as usize].synced { Ok((zone, record)) } else { Err(NothingWritten) }
    }

    /// The durable content of a record.
    fn content(&self, zone: usize, record: u32) -> Vec<u8> {
        let records = &self.zones[zone];
        let mut content = vec![0; records.record];
        self.durable.read(records.offset(record), &mut content);
        content
    }

    /// Changes a durable record as far as its last write reached; nothing is done where that changes nothing.
    fn alter(&mut self, zone: usize, back: u16, change: impl FnOnce(&mut [u8])) -> Result<(), NothingWritten> {
        let (zone, record) = self.find(zone, back)?;
        let right = self.content(zone, record);
        let mut content = right.clone();
        change(&mut content[..self.zones[zone].links[record as usize].end as usize]);
        if content == right {
            return Err(NothingWritten);
        }
        self.durable.write(self.zones[zone].offset(record), &content);
        self.compare(zone, record, right);
        Ok(())
    }

    /// Puts a record's content from before its last write back.
    fn restore(&mut self, zone: usize, record: u32) {
        let records = &self.zones[zone];
        let (offset, bytes) = (records.offset(record), records.record);
        match records.links[record as usize].before {
            NONE => self.durable.write(offset, &vec![0; bytes]),
            start => self.durable.write(offset, &records.before[start as usize..start as usize + bytes]),
        }
    }

    /// A record was changed that held `before`: it is wrong now, unless that was wrong and it is right again.
    fn compare(&mut self, zone: usize, record: u32, before: Vec<u8>) {
        let content = self.content(zone, record);
        if let Some(index) = self.wrong.iter().position(|wrong| wrong.zone == zone && wrong.record == record) {
            if self.wrong[index].right == content {
                self.wrong.swap_remove(index);
            }
        } else if content != before {
            self.wrong.push(WrongRecord { zone, record, right: before });
        }
    }
}
