//! The background scrubber: reads the whole disk again and again, and checks whether it still holds what it should. So
//! damage is found while other replicas can still help, and not only at the next restart.
//!
//! A tour reads everything that is durable when it begins (superblocks, headers, entries): a few records per read, in a
//! circle from a random position on. One read is pending at a time, and between two reads there is at least a fixed
//! interval, so that the budget of reads holds in any second, across restarts as well.
//!
//! Where memory holds the record, the scrubber compares it byte by byte, and rewrites it with the journal's next sync
//! if it differs. Where memory has a hole (an entry that was damaged before the last restart), the content comes from
//! the disk, if a read of it succeeds now, or from the other replicas. They are asked by the entry's hash, which
//! identifies it in any view and status. A replica that never held the entry answers with a `Nack`. A replica that held
//! it and can no longer read it does not answer, since that proves nothing (Protocol-Aware Recovery, Alagappan et al.
//! 2018, section 3.4).
//!
//! A tour starts anew when a view change replaces a part of the log that it covers. Left out: fewer reads while clients
//! are busy; the budget is small enough.

use std::rc::Rc;

use sim::base::time::SECOND;
use sim::config::spec::Cluster;
use sim::{EntryHash, Env, IoId, IoResult, Observation, RejectReason, ReplicaId, ReplicaSet, Status, Time, TimerId};

use crate::Vsr;
use crate::bugs::{Bugs, PlantedBug};
use crate::log::entry::Entry;
use crate::replica::Handled;
use crate::storage::layout::{Record, SUPERBLOCK_BYTES, SUPERBLOCK_COPIES};

/// Timer: the next read.
pub(crate) const SCRUB_TIMER: TimerId = TimerId(8);
/// The maximum number of records per read.
const RECORDS_PER_READ: u64 = 4;
/// The number of reads after which a tour of the planted bug ends.
const SHORT_TOUR: u64 = 6;

/// The scrubber of a replica.
#[derive(Debug)]
pub(crate) struct Scrubber {
    /// The time between two reads; 0 if there is no scrubbing.
    interval: Time,
    bugs: Bugs,
    tour: Option<Tour>,
    reading: Option<(IoId, Piece)>,
    /// When the content of a hole was last requested, and how many times in a row.
    asked: Time,
    asked_times: u64,
    buffer: Vec<u8>,
}

/// A tour: what it covers, and its progress. Its pieces are the two halves of the copies of the superblock, then the
/// headers, then the entries.
#[derive(Clone, Copy, Debug)]
struct Tour {
    began: Time,
    entries: u64,
    headers: u64,
    /// The piece that it began with.
    origin: u64,
    /// The number of pieces done.
    done: u64,
    reads: u32,
}

/// The records of one read: the first one, and their number.
#[derive(Clone, Copy, Debug)]
struct Piece {
    first: Record,
    records: u64,
}

impl Tour {
    fn header_pieces(&self) -> u64 {
        self.headers.div_ceil(RECORDS_PER_READ)
    }

    fn pieces(&self) -> u64 {
        2 + self.header_pieces() + self.entries.div_ceil(RECORDS_PER_READ)
    }

    fn next(&self) -> Piece {
        const HALF: u64 = SUPERBLOCK_COPIES / 2;
        let number = (self.origin + self.done) % self.pieces();
        let span = |index: u64, total: u64| {
            (index * RECORDS_PER_READ + 1, RECORDS_PER_READ.min(total - index * RECORDS_PER_READ))
        };
        if number < 2 {
            Piece { first: Record::Superblock(number * HALF), records: HALF }
        } else if number - 2 < self.header_pieces() {
            let (op, records) = span(number - 2, self.headers);
            Piece { first: Record::Header(op), records }
        } else {
            let (op, records) = span(number - 2 - self.header_pieces(), self.entries);
            Piece { first: Record::Entry(op), records }
        }
    }
}

impl Scrubber {
    /// The scrubber of a replica that starts.
    pub fn begin(env: &mut Env<'_, Vsr>, cluster: &Cluster, bugs: Bugs) -> Self {
        let interval = if cluster.scrub_iops == 0 { 0 } else { SECOND.div_ceil(cluster.scrub_iops.into()) };
        if interval > 0 {
            env.set_timer(SCRUB_TIMER, interval);
        }
        Scrubber { interval, bugs, tour: None, reading: None, asked: 0, asked_times: 0, buffer: Vec::new() }
    }

    /// Whether `io` is the scrubber's read.
    pub fn is_reading(&self, io: IoId) -> bool {
        self.reading.is_some_and(|(reading, _)| reading == io)
    }
}

impl Vsr {
    /// Starts the next read.
    pub(crate) fn on_scrub_timer(&mut self, env: &mut Env<'_, Self>) {
        let over_budget = Time::from(self.bugs.on(PlantedBug::ScrubOverBudget));
        env.set_timer(SCRUB_TIMER, self.scrubber.interval / (1 + over_budget));
        if self.loader.is_some() || self.fresh || self.scrubber.reading.is_some() {
            return;
        }
        self.ask_for_content(env);
        let tour = match self.scrubber.tour {
            Some(tour) if self.still_stands(&tour) => tour,
            _ => self.begin_tour(env),
        };
        let piece = tour.next();
        let (zone, record) = piece.first.place();
        let layout = self.journal.layout();
        let (offset, bytes) = match piece.first {
            Record::Entry(op) => layout.entry(op),
            Record::Header(op) => layout.header(op),
            Record::Superblock(copy) => (copy * SUPERBLOCK_BYTES, SUPERBLOCK_BYTES),
        };
        env.observe(Observation::ScrubRead { zone, record, records: piece.records as u32, clock: env.monotonic() });
        let io = env.read(offset, (bytes * piece.records) as usize);
        self.scrubber.tour = Some(Tour { reads: tour.reads + 1, ..tour });
        self.scrubber.reading = Some((io, piece));
    }

    /// Whether everything that the tour covers is still durable.
    fn still_stands(&self, tour: &Tour) -> bool {
        let (entries, headers) = self.journal.zones_durable();
        tour.entries <= entries && tour.headers <= headers
    }

    fn begin_tour(&mut self, env: &mut Env<'_, Self>) -> Tour {
        let (entries, headers) = self.journal.zones_durable();
        let entries = entries.saturating_sub(u64::from(self.bugs.on(PlantedBug::ScrubberSkipsTail)));
        let mut tour = Tour { began: env.monotonic(), entries, headers, origin: 0, done: 0, reads: 0 };
        if !self.bugs.on(PlantedBug::ScrubTourShort) {
            tour.origin = env.random() % tour.pieces();
        }
        env.observe(Observation::ScrubTourStarted);
        let half = SUPERBLOCK_COPIES / 2;
        for (zone, records) in (0..).zip([entries, headers, half, half]) {
            env.observe(Observation::ScrubTourCovers { zone, records: records as u32 });
        }
        tour
    }

    /// Handles the end of a read.
    pub(crate) fn on_scrubbed(&mut self, env: &mut Env<'_, Self>, result: &IoResult<'_>) {
        let (Some((_, piece)), Some(mut tour)) = (self.scrubber.reading.take(), self.scrubber.tour) else { return };
        let judged = match result {
            IoResult::Read(bytes) if self.still_stands(&tour) => self.check_piece(env, piece, bytes),
            _ => false,
        };
        env.observe(Observation::ScrubReadDone { judged });
        if judged {
            tour.done += 1;
            let short = self.bugs.on(PlantedBug::ScrubTourShort) && tour.done == SHORT_TOUR;
            self.scrubber.tour = Some(tour);
            if tour.done == tour.pieces() || short {
                let duration = env.monotonic() - tour.began;
                env.observe(Observation::ScrubTourCompleted { duration, reads: tour.reads });
                self.scrubber.tour = None;
            }
        }
        self.write_disk(env);
    }

    /// Compares the bytes read with the expected ones. Returns false if those are not known at present.
    fn check_piece(&mut self, env: &mut Env<'_, Self>, piece: Piece, bytes: &[u8]) -> bool {
        let place = bytes.len() / piece.records as usize;
        for (number, found) in (0..).zip(bytes.chunks_exact(place)) {
            let (record, sound) = match piece.first {
                Record::Entry(op) => (Record::Entry(op + number), self.entry_is_sound(env, op + number, found)),
                Record::Header(op) => (Record::Header(op + number), self.header_is_sound(op + number, found)),
                Record::Superblock(copy) => match self.journal.superblock_is_sound(copy + number, found) {
                    Some(sound) => (Record::Superblock(copy + number), sound),
                    None => return false,
                },
            };
            if !sound {
                let (zone, place) = record.place();
                env.observe(Observation::ScrubFound { zone, record: place });
                if !self.scrubber.bugs.on(PlantedBug::ScrubFindingIgnored) {
                    self.journal.repair(record);
                }
            }
        }
        true
    }

    fn entry_is_sound(&mut self, env: &mut Env<'_, Self>, op: u64, found: &[u8]) -> bool {
        if self.bugs.on(PlantedBug::ScrubChecksumOnly) {
            return Entry::decode(found).is_some();
        }
        let Some(entry) = self.log.get(op).cloned() else { return true };
        if entry.is_hole() {
            // The read at the start of the replica was wrong, or the damage was overwritten since.
            let read = Entry::decode(found).filter(|read| read.hash == entry.hash).map(Rc::new);
            if read.is_none_or(|read| self.fill_hole(env, read).is_err()) {
                return false;
            }
        }
        let Some(entry) = self.log.get(op) else { return true };
        self.journal.layout().encode_entry(entry, &mut self.scrubber.buffer);
        found == self.scrubber.buffer
    }

    fn header_is_sound(&mut self, op: u64, found: &[u8]) -> bool {
        let Some(entry) = self.log.get(op) else { return true };
        entry.encode_header(&mut self.scrubber.buffer);
        found.starts_with(&self.scrubber.buffer)
    }

    /// Fills a hole with its content.
    fn fill_hole(&mut self, env: &mut Env<'_, Self>, entry: Rc<Entry>) -> Handled {
        let hole = self.log.get(entry.op).filter(|hole| hole.is_hole()).ok_or(RejectReason::Duplicate)?;
        if hole.hash != entry.hash || entry.is_hole() || !entry.verify(self.cluster.replicas, &self.keys) {
            return Err(RejectReason::BadHash);
        }
        let op = entry.op;
        self.log.fill(entry);
        self.scrubber.asked_times = 0;
        env.observe(Observation::Repaired { op });
        if self.status == Status::ViewChange {
            // The new primary has to learn that this replica can now read the entry.
            self.own_do_view_change = None;
            self.send_do_view_change(env);
        }
        Ok(())
    }

    /// Requests the content of the first hole from the other members in turn.
    fn ask_for_content(&mut self, env: &mut Env<'_, Self>) {
        let now = env.monotonic();
        if self.amnesia || now < self.scrubber.asked + self.cluster.heartbeat / 4 {
            return;
        }
        let Some(op) = self.log.first_hole() else { return };
        let turn = self.scrubber.asked_times % self.other_members().max(1);
        let (n, members) = (self.cluster.replicas, self.configuration().members());
        let mut peers = (1..n).map(|step| ReplicaId((self.id.0 + step) % n)).filter(|peer| members.has(*peer));
        let Some(peer) = peers.nth(turn as usize) else { return };
        self.scrubber.asked = now;
        self.scrubber.asked_times += 1;
        env.observe(Observation::ContentRequested { peer, op });
        self.send(env, peer, crate::messages::message::Body::RequestContent { op, hash: self.log.hash_at(op) });
    }

    /// The number of other members.
    fn other_members(&self) -> u64 {
        self.configuration().members().without(ReplicaSet(1 << self.id.0)).len().into()
    }

    /// Handles a request for the content of an entry.
    pub(crate) fn on_request_content(
        &mut self,
        env: &mut Env<'_, Self>,
        from: ReplicaId,
        op: u64,
        hash: EntryHash,
    ) -> Handled {
        if op == 0 || op > self.journal.layout().slots {
            return Err(RejectReason::BadRange);
        }
        match self.log.get(op) {
            Some(entry) if entry.hash == hash && entry.is_hole() => {}
            Some(entry) if entry.hash == hash => {
                let entry = entry.clone();
                self.send(env, from, crate::messages::message::Body::Content { entry });
            }
            // This replica may have held what its disk has lost.
            _ if self.amnesia => {}
            _ => self.send(env, from, crate::messages::message::Body::Nack { op, hash }),
        }
        Ok(())
    }

    /// Handles the content of an entry.
    pub(crate) fn on_content(&mut self, env: &mut Env<'_, Self>, entry: &Rc<Entry>) -> Handled {
        let op = entry.op;
        self.fill_hole(env, entry.clone())?;
        self.journal.repair(Record::Entry(op));
        self.write_disk(env);
        Ok(())
    }

    /// Handles the answer of a replica that never held an entry: requests it from the next one at once.
    pub(crate) fn on_nack(&mut self, env: &mut Env<'_, Self>, op: u64, hash: EntryHash) -> Handled {
        if self.log.first_hole() != Some(op) || self.log.hash_at(op) != hash {
            return Err(RejectReason::Duplicate);
        }
        // After one round over all members, the next request waits for the timer.
        if self.scrubber.interval > 0 && !self.scrubber.asked_times.is_multiple_of(self.other_members()) {
            self.scrubber.asked = 0;
            self.ask_for_content(env);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tour_covers_every_record_once_wherever_it_begins() {
        for (entries, headers) in [(0, 0), (1, 0), (4, 4), (9, 6), (13, 13)] {
            let mut tour = Tour { began: 0, entries, headers, origin: 0, done: 0, reads: 0 };
            for origin in 0..tour.pieces() {
                tour.origin = origin;
                let mut read = Vec::new();
                for done in 0..tour.pieces() {
                    let Piece { first, records } = Tour { done, ..tour }.next();
                    let (zone, record) = first.place();
                    read.extend((0..records as u32).map(|more| (zone, record + more)));
                }
                read.sort_unstable();
                let zone = |zone: u8, records: u64| (0..records as u32).map(move |record| (zone, record));
                let all: Vec<_> =
                    zone(0, entries).chain(zone(1, headers)).chain(zone(2, 2)).chain(zone(3, 2)).collect();
                assert_eq!(read, all, "{entries} entries, {headers} headers, from {origin}");
            }
        }
    }
}
