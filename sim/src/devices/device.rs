//! A replica's disk in operation: the writes that a sync covers, and the latencies and failures of reads and syncs.
//!
//! A write enters the disk's cache at once. A sync covers the writes before it and takes time; syncs may overtake each
//! other. A failed sync discards the writes that it covers, and so do syncs in progress that cover one of these
//! writes. A full disk makes the next sync fail. Each latency and each failure is drawn from (replica, number of the
//! read or sync).
//!
//! A disk that reads wrong returns older content or another record; this is drawn for each record from (replica,
//! number of the read, record). Left out: partial reads.

use std::ops::Range;

use crate::base::ids::ReplicaId;
use crate::base::random::{Domain, Keys, below};
use crate::base::storage::{IoId, Zone};
use crate::base::time::Time;
use crate::config::spec::{self};
use crate::devices::disk::{Disk, Fate};
use crate::faults::active::{Effects, Misread};

/// A disk with what is under way on it.
#[derive(Debug, Default)]
pub struct Device {
    /// The disk itself.
    pub disk: Disk,
    /// How many writes were issued in the run, lost ones included.
    writes: u64,
    /// How many syncs and reads.
    ios: u32,
    /// How many syncs failed.
    failures: u32,
    /// Whether a write since the last sync found the disk full.
    met_full: bool,
    /// When the last of the syncs and reads ends that a slow disk has held up.
    slow_until: Time,
}

/// A sync that is under way.
#[derive(Clone, Copy, Debug)]
pub struct Sync {
    /// It makes all writes up to this number durable.
    upto: u64,
    /// How many syncs had failed when it was issued.
    failures: u32,
    /// Whether it meets a full disk.
    full: bool,
}

impl Device {
    /// Forgets everything; a run with these zones begins.
    pub fn reset(&mut self, zones: &[Zone]) {
        let disk = std::mem::take(&mut self.disk);
        *self = Device { disk, ..Device::default() };
        self.disk.reset(zones);
    }

    /// Writes to the cache of a disk that is full or not.
    pub fn write(&mut self, full: bool, offset: u64, bytes: &[u8]) {
        self.met_full |= full;
        self.writes += 1;
        self.disk.write(offset, bytes);
    }

    /// Begins a sync of all writes so far.
    pub fn sync(&mut self) -> Sync {
        Sync { upto: self.writes, failures: self.failures, full: std::mem::take(&mut self.met_full) }
    }

    /// Ends a sync; whether it succeeds unless it is to fail.
    pub fn synced(&mut self, sync: Sync, fails: bool) -> bool {
        let is_quiescent = self.writes - self.disk.pending() as u64;
        let count = sync.upto.saturating_sub(is_quiescent) as usize;
        let fails = fails || sync.full || sync.failures != self.failures;
        if fails {
            self.disk.discard(count);
            self.failures += u32::from(count > 0);
        } else {
            self.disk.sync(count);
        }
        !fails
    }

    /// What a read finds.
    pub fn read(&self, range: Range<u64>, into: &mut Vec<u8>) {
        into.clear();
        self.disk.read(range, into);
    }

    /// Spoils what a read found where the disk reads wrong now, and tells each record that came out other than it was
    /// written: for that, or because it is damaged.
    pub fn corrupt(
        &self,
        (keys, misread): (&Keys, Option<Misread>),
        (id, io): (ReplicaId, IoId),
        range: &Range<u64>,
        found: &mut [u8],
        wrong: &mut Vec<(usize, u32)>,
    ) {
        wrong.clear();
        if let Some(Misread { zone, away, share }) = misread {
            let chance = |record| keys.chance(Domain::Misread, (id.0.into(), io.0.into(), u64::from(record)), share);
            self.disk.misread(zone, away, range, found, chance, |zone, record| {
                if !self.disk.is_wrong(zone, record) {
                    wrong.push((zone, record));
                }
            });
        }
        self.disk.differences(range, found, |zone, record| wrong.push((zone, record)));
    }

    /// The next read or sync, which begins `now`, and when it ends.
    pub fn begin(
        &mut self,
        (keys, effects): (&Keys, &Effects),
        spec: &spec::Disk,
        id: ReplicaId,
        now: Time,
    ) -> (IoId, Time) {
        self.ios += 1;
        let what = (id.0.into(), self.ios.into(), 0);
        let mut end = now + keys.uniform(Domain::DiskLatency, what, spec.latency_min, spec.latency_max);
        let extra = effects.disk_slow[id.index()];
        if extra > 0 {
            end += keys.uniform(Domain::DiskExtra, what, 0, extra);
            self.slow_until = self.slow_until.max(end);
        }
        (IoId(self.ios), end)
    }

    /// Whether a read or sync that began on a slow disk is still under way.
    pub fn held_up(&self, now: Time) -> bool {
        now < self.slow_until
    }

    /// Whether the disk lets this read or sync fail, which ends now.
    pub fn fails(keys: &Keys, effects: &Effects, id: ReplicaId, io: IoId) -> bool {
        keys.chance(Domain::DiskError, (id.0.into(), io.0.into(), 0), effects.disk_error[id.index()])
    }

    /// The replica crashed: of its unsynced writes, one half is kept, and one quarter each is lost or torn.
    pub fn crash(&mut self, keys: &Keys, id: ReplicaId) {
        let is_quiescent = self.writes - self.disk.pending() as u64;
        self.met_full = false;
        self.slow_until = 0;
        self.disk.crash(|place| {
            let draw = |detail| keys.draw(Domain::DiskFate, id.0.into(), is_quiescent + place as u64, detail);
            match below(draw(0), 4) {
                0 => Fate::Lost,
                1 => Fate::Torn { per_mille: below(draw(1), 1000) as u16 },
                _ => Fate::Kept,
            }
        });
    }

    /// The disk has room again.
    pub fn heal(&mut self) {
        self.met_full = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(writes: &[u8]) -> Device {
        let mut device = Device::default();
        device.reset(&[Zone { name: "all", start: 0, length: 64, record: 8 }]);
        for byte in writes {
            device.write(false, u64::from(*byte), &[*byte]);
        }
        device
    }

    fn durable(device: &mut Device) -> Vec<u8> {
        device.disk.crash(|_| Fate::Lost);
        let mut bytes = Vec::new();
        device.read(0..4, &mut bytes);
        bytes
    }

    #[test]
    fn a_sync_covers_the_writes_before_it_in_whatever_order_syncs_end() {
        let mut device = device(&[1]);
        let first = device.sync();
        device.write(false, 2, &[2]);
        let second = device.sync();
        device.write(false, 3, &[3]);
        assert!(device.synced(second, false));
        assert!(device.synced(first, false));
        assert_eq!(durable(&mut device), [0, 1, 2, 0]);
    }

    #[test]
    fn a_failed_sync_takes_along_those_that_cover_its_writes() {
        let mut device = device(&[1]);
        let first = device.sync();
        device.write(false, 2, &[2]);
        let second = device.sync();
        assert!(!device.synced(first, true));
        assert!(!device.synced(second, false));
        device.write(false, 3, &[3]);
        let third = device.sync();
        assert!(device.synced(third, false), "written and synced after the failure");
        assert_eq!(durable(&mut device), [0, 0, 0, 3]);
    }

    #[test]
    fn what_began_on_a_slow_disk_holds_it_up_until_it_ends_or_a_crash_ends_it() {
        let (keys, spec, id) = (Keys::new(1), spec::Config::default().disk, ReplicaId(0));
        let mut slow = Effects::default();
        slow.disk_slow[0] = 1_000_000_000;
        let mut device = device(&[1]);
        let (_, end) = device.begin((&keys, &Effects::default()), &spec, id, 5);
        assert!(!device.held_up(5) && end <= 5 + spec.latency_max);
        let (_, end) = device.begin((&keys, &slow), &spec, id, 5);
        device.begin((&keys, &Effects::default()), &spec, id, 6);
        assert!(device.held_up(end - 1) && !device.held_up(end));
        device.crash(&keys, id);
        assert!(!device.held_up(5));
    }

    #[test]
    fn a_full_disk_fails_the_next_sync_only() {
        let mut device = device(&[1]);
        device.write(true, 2, &[2]);
        let (first, nothing) = (device.sync(), device.sync());
        assert!(!device.synced(first, false));
        assert!(!device.synced(nothing, false), "it covers what the first one lost");
        device.write(false, 3, &[3]);
        let third = device.sync();
        assert!(device.synced(third, false));
    }
}
