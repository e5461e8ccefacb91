//! The order in which a replica's state becomes durable.
//!
//! The zones of the disk are: a superblock in four copies, a header for each entry, the entries, and, with checkpoints,
//! two places for them. A superblock is written to two copies at a time, alternately to the first and third and to the
//! second and fourth. So neither a torn write nor one damaged copy loses the newest superblock. A header is written
//! only when its entry is durable, together with the next entries. So a header without its entry means that the entry
//! was damaged, never that a crash tore it, and a torn write stops no replica.
//!
//! The log is a ring: op o is at position (o - 1) modulo the number of slots. A position is overwritten only when a
//! durable checkpoint (`state/checkpoint.rs`) covers the op there. Entries of an earlier lap are recognized by their
//! op.
//!
//! At most one sync is pending. What it makes durable determines what the replica may promise:
//!
//! - a PrepareOk up to `durable()`, and only in the view that is the last normal one in the durable superblock;
//! - a DoViewChange for a view that the durable superblock names.
//!
//! Both require that superblock in both of its copies: after a crash only one may have been written, and that one may
//! be damaged later.
//!
//! The start of a view replaces the log in this order, so that the disk is consistent after a crash at any point:
//!
//! 1. If entries would be overwritten that the superblock vouches for (up to `start_op`), the superblock records this
//!    first (`installing`): from that op on, the old log is not trusted any more. It is not needed, since it was not
//!    committed.
//! 2. The new entries are written and synced.
//! 3. The superblock names the view as the last normal one, with the op and hash that the view started from. An entry
//!    after `start_op` counts only if it was prepared in exactly that view, so entries left from older views do not
//!    count.

use sim::{EntryHash, Env, IoId, IoResult, Observation, System, TimerId};

use crate::bugs::{Bugs, PlantedBug};
use crate::log::Log;
use crate::state::checkpoint::{Checkpoint, Name, Pipeline};
use crate::storage::layout::{Layout, Record, SUPERBLOCK_BYTES, SUPERBLOCK_COPIES, Superblock};

/// The pending sync, and what it makes durable.
#[derive(Debug)]
struct InFlight {
    io: IoId,
    /// The entries that were written.
    entries: Span,
    /// The headers that were written.
    headers: Span,
    /// The superblock, if a new one was written.
    superblock: Option<Box<Superblock>>,
    /// The damaged records that were rewritten.
    repairs: Vec<Record>,
}

/// The ops `from..=to`.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    to: u64,
}

impl Span {
    fn is_empty(self) -> bool {
        self.to < self.from
    }
}

/// The progress of one of the two zones of the log.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// The first op whose content in memory has not been written.
    dirty_from: u64,
    /// Up to this op, the zone durably holds the content in memory.
    durable: u64,
}

impl Progress {
    fn up_to(op: u64) -> Self {
        Progress { dirty_from: op + 1, durable: op }
    }

    /// A checkpoint covers everything up to `op`.
    fn covered(&mut self, op: u64) {
        self.dirty_from = self.dirty_from.max(op + 1);
        self.durable = self.durable.max(op);
    }

    fn replaced(&mut self, from: u64) {
        self.dirty_from = self.dirty_from.min(from);
        self.durable = self.durable.min(from - 1);
    }

    /// The ops to write, if those up to `to` may be written.
    fn write(&mut self, to: u64) -> Span {
        let span = Span { from: self.dirty_from, to };
        self.dirty_from = self.dirty_from.max(to + 1);
        span
    }

    /// A sync that covered `span` succeeded. What was replaced in memory since then does not count.
    fn synced(&mut self, span: Span) {
        self.durable = self.durable.max(span.to.min(self.dirty_from - 1));
    }

    fn failed(&mut self, span: Span) {
        self.dirty_from = self.dirty_from.min(span.from);
    }
}

/// The replica's knowledge of its disk.
#[derive(Debug)]
pub struct Journal {
    layout: Layout,
    bugs: Bugs,
    /// The superblock to write (its sequence number is ignored).
    wanted: Superblock,
    /// The durable superblock.
    on_disk: Superblock,
    /// The content of the copies that the next superblock is written to.
    before: Superblock,
    entries: Progress,
    headers: Progress,
    /// The first op at which the log in memory differs from the one that the superblock vouches for; 0 if there is
    /// none.
    conflict_from: u64,
    in_flight: Option<InFlight>,
    /// The damaged records that have to be rewritten.
    damaged: Vec<Record>,
    /// Copies of the superblock whose content at the start was not the expected one, and that have not been written
    /// since. The scrubber has them rewritten whatever it reads, since damage may look intact by chance.
    distrusted: Vec<u64>,
    /// Whether a sync has failed and the retry is still to come.
    failed: bool,
    /// The checkpoints that are being written.
    pub checkpoints: Pipeline,
    /// The checkpoint that the last sync made the superblock name, until the replica has processed it.
    pub named: Option<Checkpoint>,
    buffer: Vec<u8>,
}

/// Timer: retry a failed sync.
pub const RETRY_TIMER: TimerId = TimerId(4);
const RETRY_AFTER: sim::Time = 20 * sim::base::time::MILLISECOND;

impl Journal {
    /// The journal of a replica that read the superblock `on_disk` (and `before`, the previous one), the entries up to
    /// `entries` and their headers up to `headers`.
    pub fn new(layout: Layout, bugs: Bugs, [on_disk, before]: [Superblock; 2], entries: u64, headers: u64) -> Self {
        Journal {
            layout,
            bugs,
            wanted: on_disk,
            on_disk,
            before,
            entries: Progress::up_to(entries),
            headers: Progress::up_to(headers),
            conflict_from: 0,
            in_flight: None,
            damaged: Vec::new(),
            distrusted: Vec::new(),
            failed: false,
            checkpoints: Pipeline::default(),
            named: None,
            buffer: Vec::new(),
        }
    }

    /// The layout of the disk.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Up to this op, the disk durably holds the log in memory, including headers.
    pub fn durable(&self) -> u64 {
        self.headers.durable
    }

    /// Up to these ops, the disk durably holds the entries and the headers of the log in memory.
    pub fn zones_durable(&self) -> (u64, u64) {
        (self.entries.durable, self.headers.durable)
    }

    /// The superblock that this copy should hold.
    fn copy(&self, copy: u64) -> Superblock {
        let in_turn = copy % (SUPERBLOCK_COPIES / 2) == self.on_disk.sequence % (SUPERBLOCK_COPIES / 2);
        if in_turn { self.on_disk } else { self.before }
    }

    /// Whether the content of this copy of the superblock is the expected one; `None` while a superblock is being
    /// written.
    pub fn superblock_is_sound(&mut self, copy: u64, bytes: &[u8]) -> Option<bool> {
        if self.in_flight.as_ref().is_some_and(|in_flight| in_flight.superblock.is_some()) {
            return None;
        }
        self.copy(copy).encode(&mut self.buffer);
        Some(bytes.starts_with(&self.buffer) && !self.distrusted.contains(&copy))
    }

    /// Marks copies of the superblock whose content at the start was not the expected one.
    pub fn distrust(&mut self, copies: Vec<u64>) {
        self.distrusted = copies;
    }

    /// Whether both copies of the durable superblock are intact, as far as is known. Otherwise the loss of one zone of
    /// the disk may lose it, and nothing may be promised that depends on it.
    pub fn is_redundant(&self) -> bool {
        let repairs = self.in_flight.as_ref().map_or(&[][..], |in_flight| &in_flight.repairs);
        !self.damaged.iter().chain(repairs).any(|record| matches!(record, Record::Superblock(_)))
    }

    /// Marks a damaged record. It is rewritten as soon as its content is known and the journal may write it.
    pub fn repair(&mut self, record: Record) {
        if !self.damaged.contains(&record) {
            self.damaged.push(record);
        }
    }

    /// The durable superblock.
    pub fn superblock(&self) -> &Superblock {
        &self.on_disk
    }

    /// The highest op that fits into the ring. A higher one would overwrite a position that no durable checkpoint
    /// covers.
    pub fn last_place(&self) -> u64 {
        if self.bugs.on(PlantedBug::LogWrapsOverUncheckpointed) {
            return u64::MAX;
        }
        self.wanted.checkpoint.last.op + self.layout.slots
    }

    /// Resets the log on disk to begin after `op`, without entries.
    pub fn begins_after(&mut self, op: u64) {
        (self.entries, self.headers) = (Progress::up_to(op), Progress::up_to(op));
        self.conflict_from = 0;
    }

    /// Records that the disk has lost something that this replica may have promised, and, if `checkpoint`, its
    /// checkpoint.
    pub fn lost(&mut self, checkpoint: bool) {
        self.wanted.amnesia = true;
        if checkpoint {
            self.wanted.checkpoint = Name::default();
        }
    }

    /// Records that the replica enters `view`.
    pub fn enter(&mut self, view: u64) {
        self.wanted.view = view;
    }

    /// Records that the replica is normal in `view`, whose log started with `start_op` entries, the last of which has
    /// the hash `start_hash`.
    pub fn start_view(&mut self, view: u64, start_op: u64, start_hash: EntryHash) {
        let started = Superblock { view, last_normal: view, start_op, start_hash, ..self.wanted };
        self.wanted = Superblock { installing: 0, amnesia: false, ..started };
    }

    /// Records that the log in memory has changed from `from` on: holes were filled, or, if `conflict`, entries were
    /// replaced by others.
    pub fn replaced(&mut self, from: u64, conflict: bool) {
        self.entries.replaced(from);
        self.headers.replaced(from);
        if conflict && (self.conflict_from == 0 || from < self.conflict_from) {
            self.conflict_from = from;
        }
    }

    /// Writes what has to be written next, and syncs. Returns whether something became durable at once, which only a
    /// planted bug makes happen.
    pub fn pump<S: System>(&mut self, env: &mut Env<'_, S>, log: &Log) -> bool {
        if self.in_flight.is_some() || self.failed {
            return false;
        }
        let written = self.write_checkpoint(env);
        let (next, log_may_be_written) = self.next_superblock(log);
        let entries = self.entries.write(if log_may_be_written { log.last_op() } else { 0 });
        self.write_entries(env, log, entries);
        let skip_sync = self.bugs.on(PlantedBug::SkippedFsync);
        let headers =
            self.headers.write(match (log_may_be_written, skip_sync || self.bugs.on(PlantedBug::HeaderBeforeEntry)) {
                (false, _) => 0,
                (true, false) => self.entries.durable,
                (true, true) => log.last_op(),
            });
        self.write_headers(env, log, headers);
        let repairs = if log_may_be_written { self.write_repairs(env, log) } else { Vec::new() };
        if let Some(next) = &next {
            self.write_superblock(env, next);
        } else if skip_sync && !headers.is_empty() {
            self.entries.synced(entries);
            self.headers.synced(headers);
            return true;
        }
        if written || next.is_some() || !entries.is_empty() || !headers.is_empty() || !repairs.is_empty() {
            self.in_flight = Some(InFlight { io: env.sync(), entries, headers, superblock: next, repairs });
        }
        false
    }

    /// The superblock that has to be written next, if it differs from the durable one, and whether the log may be
    /// written with it.
    fn next_superblock(&mut self, log: &Log) -> (Option<Box<Superblock>>, bool) {
        let (wanted, on_disk) = (&self.wanted, &self.on_disk);
        let same_view = wanted.view == on_disk.view && wanted.last_normal <= on_disk.last_normal;
        if same_view && (on_disk.amnesia || !wanted.amnesia) && on_disk.sequence > 0 && self.checkpoints.is_idle() {
            return (None, true);
        }
        // The record of a loss remains until a view has started since.
        let amnesia = self.wanted.amnesia || self.on_disk.amnesia;
        let mut next = Superblock { view: self.wanted.view, amnesia, ..self.on_disk };
        let mut log_may_be_written = true;
        if self.wanted.last_normal > self.on_disk.last_normal {
            let vouched = self.conflict_from != 0 && self.conflict_from <= self.on_disk.start_op;
            let warned = self.on_disk.installing != 0 && self.on_disk.installing <= self.conflict_from;
            if vouched && !warned {
                next.installing = self.conflict_from;
                log_may_be_written = false;
            } else if self.durable() >= self.wanted.start_op {
                next = Superblock { sequence: self.on_disk.sequence, ..self.wanted };
                self.conflict_from = 0;
            }
        }
        if next.last_normal == self.wanted.last_normal {
            self.name_checkpoint(&mut next, log);
        }
        if next == self.on_disk && next.sequence > 0 {
            return (None, log_may_be_written);
        }
        next.sequence += 1;
        (Some(Box::new(next)), log_may_be_written)
    }

    /// Writes a waiting checkpoint to the place that the superblock does not name.
    fn write_checkpoint<S: System>(&mut self, env: &mut Env<'_, S>) -> bool {
        let Some(bytes) = self.checkpoints.write() else { return false };
        env.write(self.layout.checkpoint(1 - self.on_disk.checkpoint.place), &bytes);
        true
    }

    /// Makes the superblock name a durable checkpoint. If the log does not contain its op, the log on the disk ends
    /// there too.
    fn name_checkpoint(&mut self, next: &mut Superblock, log: &Log) {
        let early = self.bugs.on(PlantedBug::CheckpointNamedBeforeWritten);
        let Some(name) = self.checkpoints.name(1 - self.on_disk.checkpoint.place, early) else { return };
        next.checkpoint = name;
        if log.hash_at(name.last.op) != name.last.hash {
            (next.start_op, next.start_hash) = (name.last.op, name.last.hash);
        }
    }

    fn write_entries<S: System>(&mut self, env: &mut Env<'_, S>, log: &Log, span: Span) {
        for entry in log.span(span.from, span.to).iter().filter(|entry| !entry.is_hole()) {
            self.layout.encode_entry(entry, &mut self.buffer);
            env.write(self.layout.entry(entry.op).0, &self.buffer);
        }
    }

    fn write_headers<S: System>(&mut self, env: &mut Env<'_, S>, log: &Log, span: Span) {
        for entry in log.span(span.from, span.to) {
            entry.encode_header(&mut self.buffer);
            env.write(self.layout.header(entry.op).0, &self.buffer);
        }
    }

    fn write_superblock<S: System>(&mut self, env: &mut Env<'_, S>, superblock: &Superblock) {
        superblock.encode(&mut self.buffer);
        let half = SUPERBLOCK_COPIES / 2;
        let copies = [superblock.sequence % half, half + superblock.sequence % half];
        for copy in &copies[usize::from(self.bugs.on(PlantedBug::SuperblockSingleCopy))..] {
            env.write(copy * SUPERBLOCK_BYTES, &self.buffer);
        }
    }

    /// Rewrites the damaged records that the journal vouches for now; the others wait. A superblock that is about to be
    /// replaced is rewritten as well, before its successor is written.
    fn write_repairs<S: System>(&mut self, env: &mut Env<'_, S>, log: &Log) -> Vec<Record> {
        let mut repairs = Vec::new();
        if self.damaged.is_empty() {
            return repairs;
        }
        let mut damaged = std::mem::take(&mut self.damaged);
        damaged.retain(|record| match record {
            Record::Entry(op) | Record::Header(op) if *op > log.last_op() => false,
            _ if self.write_repair(env, log, *record) => {
                repairs.push(*record);
                false
            }
            _ => true,
        });
        self.damaged = damaged;
        repairs
    }

    /// Rewrites one damaged record, if that is possible now.
    fn write_repair<S: System>(&mut self, env: &mut Env<'_, S>, log: &Log, record: Record) -> bool {
        let offset = match record {
            Record::Entry(op) => {
                let Some(entry) = log.get(op).filter(|entry| !entry.is_hole() && op <= self.entries.durable) else {
                    return false;
                };
                self.layout.encode_entry(entry, &mut self.buffer);
                self.layout.entry(op).0
            }
            Record::Header(op) => {
                let Some(entry) = log.get(op).filter(|_| op <= self.headers.durable) else { return false };
                entry.encode_header(&mut self.buffer);
                self.layout.header(op).0
            }
            Record::Superblock(copy) => {
                self.copy(copy).encode(&mut self.buffer);
                copy * SUPERBLOCK_BYTES
            }
        };
        // The planted bug repairs from the disk's own copy: it writes the content that is already there.
        if !self.bugs.on(PlantedBug::ScrubRepairFromSelf) {
            env.write(offset, &self.buffer);
        }
        true
    }

    /// Handles the end of a sync. Returns whether something became durable.
    pub fn done<S: System>(&mut self, env: &mut Env<'_, S>, io: IoId, result: &IoResult<'_>) -> bool {
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.io == io) else { return false };
        if *result == IoResult::Synced {
            self.entries.synced(in_flight.entries);
            self.headers.synced(in_flight.headers);
            if let Some(superblock) = in_flight.superblock {
                // The superblock was just written to these copies.
                self.distrusted.clear();
                self.before = std::mem::replace(&mut self.on_disk, *superblock);
            }
            self.distrusted.retain(|copy| !in_flight.repairs.contains(&Record::Superblock(*copy)));
            for (zone, record) in in_flight.repairs.into_iter().map(Record::place) {
                env.observe(Observation::ScrubRepaired { zone, record });
            }
            if let Some(named) = self.checkpoints.synced(true) {
                self.wanted.checkpoint = self.on_disk.checkpoint;
                self.entries.covered(named.last.op);
                self.headers.covered(named.last.op);
                self.named = Some(named);
            }
            true
        } else {
            self.entries.failed(in_flight.entries);
            self.headers.failed(in_flight.headers);
            self.checkpoints.synced(false);
            self.damaged.extend(in_flight.repairs);
            self.failed = true;
            env.set_timer(RETRY_TIMER, RETRY_AFTER);
            false
        }
    }

    /// Allows `pump` to retry after a failed sync.
    pub fn retry(&mut self) {
        self.failed = false;
    }
}
