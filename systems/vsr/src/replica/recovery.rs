//! Recovery from the disk alone, after a restart.
//!
//! The replica reads its superblock, the checkpoint that the superblock names, and then the log after it in chunks. It
//! keeps what the superblock vouches for (up to `start_op`) and, after that, consecutive entries of its last normal
//! view. The log ends at the first position with neither an entry nor a header: what a crash interrupted was not
//! acknowledged. A header without its entry is an entry that was durable and got damaged. It stays in the log as a
//! hole, and is never truncated (Protocol-Aware Recovery, section 3).
//!
//! If the checkpoint is damaged, the log has nothing to follow from. The replica has then lost everything, and its
//! superblock says so until a view has started with it. It gets a state from a peer (`state_transfer.rs`).
//!
//! Then the replica requests a StartView from its primary. A restarted primary may have told backups of a start, or of
//! entries, that its disk has lost. So it never leads that view again, even if it has not led it yet to its knowledge,
//! and votes for the next view.

use std::rc::Rc;

use sim::config::membership::Configuration;
use sim::{Env, IoId, IoResult, Observation, Status};

use crate::bugs::{Bugs, PlantedBug};
use crate::log::entry::Entry;
use crate::log::{Base, Log};
use crate::replica::{HEARTBEAT_TIMER, RESEND_TIMER, VIEW_CHANGE_TIMER, Vsr};
use crate::state::checkpoint::Checkpoint;
use crate::storage::journal::Journal;
use crate::storage::layout::{Record, SUPERBLOCK_BYTES, SUPERBLOCK_COPIES, Superblock};

/// How many positions of the log are read at a time.
const CHUNK: u64 = 64;
/// Timer: retry a read that failed.
const LOAD_RETRY_TIMER: sim::TimerId = sim::TimerId(5);
const LOAD_RETRY_AFTER: sim::Time = 20 * sim::base::time::MILLISECOND;

/// The planted bug `crash-loop-wipes-disk` wipes the disk after this many crashes in a row.
const CRASHES_MAX: u8 = 7;

/// The reads of a restart.
#[derive(Debug)]
pub struct Loader {
    io: IoId,
    bugs: Bugs,
    stage: Stage,
    superblock: Superblock,
    /// The superblock before it.
    before: Superblock,
    /// The copies that should hold `superblock` and do not.
    missing: Vec<u64>,
    /// The other copies whose content is not the expected one.
    unlike: Vec<u64>,
    /// The encoded headers of the chunk.
    headers: Vec<u8>,
    /// The first op of the chunk.
    first: u64,
    log: Log,
    checkpoint: Option<Checkpoint>,
    /// Up to this op, every entry has its header.
    headers_to: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Superblock,
    Checkpoint,
    Headers,
    Entries,
}

/// The content of one position of the log.
enum Found {
    /// An entry, or a hole if only the header is left; and whether the header is intact too.
    Entry(Entry, bool),
    End,
    /// The superblock vouches for an entry here, but neither it nor its header is left.
    Lost,
}

impl Loader {
    /// Starts with the superblocks.
    pub fn begin(env: &mut Env<'_, Vsr>, bugs: Bugs) -> Self {
        let io = env.read(0, (SUPERBLOCK_COPIES * SUPERBLOCK_BYTES) as usize);
        Loader {
            io,
            bugs,
            stage: Stage::Superblock,
            superblock: Superblock::default(),
            before: Superblock::default(),
            missing: Vec::new(),
            unlike: Vec::new(),
            headers: Vec::new(),
            first: 1,
            log: Log::default(),
            checkpoint: None,
            headers_to: 0,
        }
    }

    /// Decides what the header and the entry at one position amount to.
    fn judge(&self, op: u64, header: Option<Entry>, entry: Option<Entry>) -> Found {
        let Superblock { last_normal, start_op, start_hash, installing, .. } = self.superblock;
        if installing != 0 && op >= installing {
            return Found::End;
        }
        let fits = |found: &Entry| {
            if self.bugs.on(PlantedBug::HashChainNotChecked) {
                return true;
            }
            found.op == op
                && found.parent == self.log.last_hash()
                && (op != start_op || found.hash == start_hash)
                && if op <= start_op { found.view <= last_normal } else { found.view == last_normal }
        };
        let (header, entry) = (header.filter(fits), entry.filter(fits));
        match (header, entry) {
            // Two different entries: one of them is left from an earlier one at this position.
            (Some(header), Some(entry)) if header.view > entry.view => Found::Entry(header, true),
            (header, Some(entry)) => {
                let both = header.is_some_and(|header| header.hash == entry.hash);
                Found::Entry(entry, both)
            }
            (Some(_), None) if self.bugs.on(PlantedBug::DamagedEntryTruncated) => Found::End,
            (Some(header), None) => Found::Entry(header, true),
            (None, None) if op <= start_op => Found::Lost,
            (None, None) => Found::End,
        }
    }
}

impl Vsr {
    /// Handles the end of a read.
    pub(crate) fn on_loaded(&mut self, env: &mut Env<'_, Self>, io: IoId, result: &IoResult<'_>) {
        let layout = self.journal.layout();
        let loader = self.loader.as_mut().expect("only called while loading");
        if io != loader.io {
            return;
        }
        let IoResult::Read(bytes) = result else {
            env.set_timer(LOAD_RETRY_TIMER, LOAD_RETRY_AFTER);
            return;
        };
        match loader.stage {
            Stage::Superblock if self.crashes >= CRASHES_MAX && self.bugs.on(PlantedBug::CrashLoopWipesDisk) => {
                return self.finish_loading(env, false);
            }
            Stage::Superblock => {
                loader.superblock = Superblock::newest(bytes);
                loader.before = Superblock::before(loader.superblock, bytes);
                loader.missing.extend(Superblock::missing(loader.superblock, bytes));
                loader.unlike = Superblock::unlike(loader.superblock, loader.before, bytes);
                if loader.superblock.sequence == 0 {
                    self.loader = None;
                    self.fresh = true;
                    self.write_disk(env);
                    return;
                }
                let named = loader.superblock.checkpoint.last.op > 0;
                loader.stage = if named { Stage::Checkpoint } else { Stage::Headers };
            }
            Stage::Checkpoint => {
                let name = loader.superblock.checkpoint;
                let found = Checkpoint::new(name.last, bytes.to_vec());
                let intact = found.state == name.state || self.bugs.on(PlantedBug::CheckpointUnverified);
                if !intact || found.decode(&self.sessions).is_none() {
                    return self.finish_loading(env, true);
                }
                loader.checkpoint = Some(found);
                loader.log = Log::after(name.last);
                loader.first = name.last.op + 1;
                loader.headers_to = name.last.op;
                loader.stage = Stage::Headers;
            }
            Stage::Headers => {
                loader.headers.clear();
                loader.headers.extend_from_slice(bytes);
                loader.stage = Stage::Entries;
            }
            Stage::Entries => {
                let places = bytes
                    .chunks_exact(layout.entry_place as usize)
                    .zip(loader.headers.chunks_exact(layout.header(1).1 as usize));
                let checked = !self.bugs.on(PlantedBug::ChecksumNotChecked);
                for (op, (entry, header)) in (loader.first..).zip(places) {
                    match loader.judge(op, Entry::decode_header(header), Entry::read(entry, checked)) {
                        Found::Entry(entry, has_header) => {
                            if has_header && loader.headers_to + 1 == op {
                                loader.headers_to = op;
                            }
                            loader.log.push(Rc::new(entry));
                        }
                        Found::End => return self.finish_loading(env, false),
                        Found::Lost => return self.finish_loading(env, true),
                    }
                }
                loader.first = loader.log.last_op() + 1;
                if loader.first > loader.superblock.checkpoint.last.op + layout.slots {
                    return self.finish_loading(env, false);
                }
                loader.stage = Stage::Headers;
            }
        }
        self.read_next(env);
    }

    /// Retries a read.
    pub(crate) fn on_load_timer(&mut self, env: &mut Env<'_, Self>) {
        if self.loader.is_some() {
            self.read_next(env);
        }
    }

    fn read_next(&mut self, env: &mut Env<'_, Self>) {
        let layout = self.journal.layout();
        let Some(loader) = &mut self.loader else { return };
        // Reads up to the end of the ring at most, and one lap in total at most.
        let lap = loader.superblock.checkpoint.last.op + layout.slots + 1 - loader.first;
        let count = CHUNK.min(layout.slots - layout.slot(loader.first)).min(lap);
        let (offset, bytes) = match loader.stage {
            Stage::Superblock => (0, SUPERBLOCK_COPIES * SUPERBLOCK_BYTES),
            Stage::Checkpoint => {
                let name = loader.superblock.checkpoint;
                (layout.checkpoint(name.place), name.length)
            }
            Stage::Headers => (layout.header(loader.first).0, layout.header(1).1 * count),
            Stage::Entries => (layout.entry(loader.first).0, layout.entry_place * count),
        };
        loader.io = env.read(offset, bytes as usize);
    }

    fn finish_loading(&mut self, env: &mut Env<'_, Self>, amnesia: bool) {
        let Some(loader) = self.loader.take() else { return };
        let Superblock { view, last_normal, start_op, .. } = loader.superblock;
        let (layout, last_op) = (self.journal.layout(), loader.log.last_op());
        self.journal = Journal::new(layout, self.bugs, [loader.superblock, loader.before], last_op, loader.headers_to);
        let redundant = loader.missing.is_empty();
        for copy in loader.missing {
            self.journal.repair(Record::Superblock(copy));
        }
        self.journal.distrust(loader.unlike);
        self.log = loader.log;
        self.last_normal = last_normal;
        self.start_op = start_op;
        let checkpoint_lost = loader.superblock.checkpoint.last.op > 0 && loader.checkpoint.is_none();
        let amnesia = amnesia || loader.superblock.amnesia;
        self.amnesia = amnesia;
        if amnesia {
            self.journal.lost(checkpoint_lost);
        }
        self.sessions.found(last_op);
        env.observe(Observation::Loading);
        if let Some(checkpoint) = loader.checkpoint {
            self.restore(env, checkpoint);
        }
        for entry in self.log.entries() {
            env.observe(Observation::Appended {
                op: entry.op,
                view: entry.view,
                entry: entry.hash,
                parent: entry.parent,
            });
            if let Some(Configuration { op, old, new }) = self.membership.appended(entry) {
                env.observe(Observation::ConfigurationAppended { op, old, new });
            }
            match entry.content() {
                Some(content) => env.observe(Observation::Loaded { op: entry.op, content }),
                None => env.observe(Observation::Damaged { op: entry.op }),
            }
        }
        self.membership.loaded();
        if amnesia {
            env.observe(Observation::Damaged { op: self.log.last_op() + 1 });
        }
        env.observe(Observation::Recovered { view, last_normal, op: self.log.last_op() });
        let in_view_change = view > last_normal && !amnesia;
        self.set_status(env, if in_view_change { Status::ViewChange } else { Status::Recovering }, view);
        env.set_timer(VIEW_CHANGE_TIMER, self.cluster.view_change_timeout + self.jitter);
        env.set_timer(RESEND_TIMER, self.cluster.heartbeat);
        if !redundant {
            self.write_disk(env);
        }
        if self.is_primary() && !self.is_outsider() {
            self.may_have_led = Some(view);
            self.vote(env);
        } else if in_view_change {
            self.send_do_view_change(env);
        } else {
            self.ask_for_start_view(env, view);
        }
    }

    /// Restores the state from the checkpoint that the superblock names.
    fn restore(&mut self, env: &mut Env<'_, Self>, checkpoint: Checkpoint) {
        let Some((store, sessions)) = checkpoint.decode(&self.sessions) else { return };
        (self.store, self.sessions) = (store, sessions);
        let Checkpoint { last: Base { op, hash: entry, .. }, state, .. } = checkpoint;
        (self.commit, self.executed) = (op, op);
        env.observe(Observation::StateInstalled { op, entry, state, last: op });
        self.journal.checkpoints.found(checkpoint);
    }

    /// Starts view 0, once the first superblock of an unused disk is durable.
    pub(crate) fn start_first_view(&mut self, env: &mut Env<'_, Self>) {
        self.primary_timeouts.begin(env.monotonic());
        self.set_status(env, Status::Normal, 0);
        if self.is_primary() {
            env.set_timer(HEARTBEAT_TIMER, self.cluster.heartbeat);
        } else {
            env.set_timer(VIEW_CHANGE_TIMER, self.cluster.view_change_timeout + self.jitter);
        }
    }
}
