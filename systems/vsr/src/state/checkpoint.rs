//! Checkpoints (Viewstamped Replication Revisited, section 5.1): the state after an op, on disk, so that the log before
//! it can be dropped.
//!
//! A replica encodes its state (the store and the client table) when it has executed an op that the checkpoint interval
//! divides. So equal logs produce equal bytes. A checkpoint becomes durable in three steps, and a crash at any point
//! leaves the previous checkpoint intact:
//!
//! 1. The bytes are written to the one of two places that the superblock does not name, and synced.
//! 2. The superblock names them: op, entry, hash, place. This makes them a checkpoint.
//! 3. Only then may the log before the checkpoint be dropped, and its positions on the disk be overwritten.
//!
//! A state from a peer takes the same steps. The hash in the superblock detects a damaged checkpoint. The replica then
//! gets a state from a peer.

use std::rc::Rc;

use sim::EntryHash;

use crate::log::Base;
use crate::log::entry::Reader;
use crate::log::signature::hash;
use crate::state::sessions::Sessions;
use crate::state::store::Store;

/// The size of a place for a checkpoint on disk. No checkpoint is created of a larger state.
pub const PLACE_BYTES: u64 = 512 * 1024;

/// The description of a checkpoint in the superblock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The last entry that the state includes; op 0 when there is no checkpoint.
    pub last: Base,
    /// The hash of the bytes.
    pub state: EntryHash,
    /// The number of bytes.
    pub length: u64,
    /// The place of the bytes, 0 or 1.
    pub place: u64,
}

/// A checkpoint in memory.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The last entry that the state includes.
    pub last: Base,
    /// The hash of the bytes.
    pub state: EntryHash,
    /// The encoded state.
    pub bytes: Rc<[u8]>,
}

impl Checkpoint {
    /// The checkpoint of an encoded state.
    pub fn new(last: Base, bytes: Vec<u8>) -> Self {
        Checkpoint { last, state: hash(&bytes), bytes: bytes.into() }
    }

    /// Decodes the store and the client table (of the same kind as `sessions`); `None` if the bytes are not the
    /// encoding of them.
    pub fn decode(&self, sessions: &Sessions) -> Option<(Store, Sessions)> {
        let mut at = Reader::new(&self.bytes);
        let (store, sessions) = (Store::decode(&mut at)?, sessions.decode(&mut at)?);
        (at.left() == 0).then_some((store, sessions))
    }
}

/// The steps of a checkpoint to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has to be written.
    Waits,
    /// It was written, and the sync is pending.
    Written,
    /// It is durable, but the superblock does not name it yet.
    Durable,
    /// The superblock that names it is being written.
    Named,
}

/// The checkpoint that is being written, and the next one.
#[derive(Debug, Default)]
pub struct Pipeline {
    under_way: Option<(Checkpoint, Stage)>,
    next: Option<Checkpoint>,
    /// The newest checkpoint that the superblock durably names.
    newest: Option<Checkpoint>,
}

impl Pipeline {
    /// Adds a checkpoint. If several wait, only the newest is kept.
    pub fn put(&mut self, checkpoint: Checkpoint) {
        if self.next.as_ref().is_none_or(|next| next.last.op < checkpoint.last.op) {
            self.next = Some(checkpoint);
        }
        self.advance();
    }

    fn advance(&mut self) {
        if self.under_way.is_none() {
            self.under_way = self.next.take().map(|next| (next, Stage::Waits));
        }
    }

    /// The newest durable checkpoint.
    pub fn newest(&self) -> Option<&Checkpoint> {
        self.newest.as_ref()
    }

    /// Sets the checkpoint that a restarted replica has read.
    pub fn found(&mut self, checkpoint: Checkpoint) {
        self.newest = Some(checkpoint);
    }

    /// Whether no checkpoint is being written.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// The bytes that have to be written now, if any.
    pub fn write(&mut self) -> Option<Rc<[u8]>> {
        let (checkpoint, stage) = self.under_way.as_mut().filter(|(_, stage)| *stage == Stage::Waits)?;
        *stage = Stage::Written;
        Some(checkpoint.bytes.clone())
    }

    /// The checkpoint that the superblock may name now. With `early` (a planted bug), even before it is durable.
    pub fn name(&mut self, place: u64, early: bool) -> Option<Name> {
        let ready = |stage: &Stage| *stage == Stage::Durable || early && *stage == Stage::Written;
        let (checkpoint, stage) = self.under_way.as_mut().filter(|(_, stage)| ready(stage))?;
        *stage = Stage::Named;
        let Checkpoint { last, state, ref bytes } = *checkpoint;
        Some(Name { last, state, length: bytes.len() as u64, place })
    }

    /// Handles the end of a sync. Returns the checkpoint that the superblock durably names from now on, if it is new.
    pub fn synced(&mut self, well: bool) -> Option<Checkpoint> {
        let (_, stage) = self.under_way.as_mut()?;
        *stage = match (*stage, well) {
            (Stage::Written, true) | (Stage::Named, false) => Stage::Durable,
            (Stage::Written, false) => Stage::Waits,
            (Stage::Named, true) => {
                self.newest = self.under_way.take().map(|(checkpoint, _)| checkpoint);
                self.advance();
                return self.newest.clone();
            }
            (stage, _) => stage,
        };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(op: u64) -> Checkpoint {
        Checkpoint::new(Base { op, hash: op.into(), timestamp: op }, vec![op as u8; 10])
    }

    #[test]
    fn a_checkpoint_is_named_only_when_it_is_durable_and_the_newest_waits() {
        let mut pipeline = Pipeline::default();
        pipeline.put(checkpoint(8));
        assert!(pipeline.name(1, false).is_none());
        assert_eq!(pipeline.write().as_deref(), Some(&[8; 10][..]));
        (16..20).for_each(|op| pipeline.put(checkpoint(op)));
        assert!(pipeline.write().is_none() && pipeline.name(1, false).is_none());
        assert!(pipeline.synced(false).is_none());
        assert!(pipeline.write().is_some(), "once more after a failed sync");
        assert!(pipeline.synced(true).is_none());
        assert_eq!(pipeline.name(1, false).map(|name| (name.last.op, name.length, name.place)), Some((8, 10, 1)));
        assert!(pipeline.newest().is_none());
        assert_eq!(pipeline.synced(true).map(|named| named.last.op), Some(8));
        assert_eq!(pipeline.newest().map(|newest| newest.last.op), Some(8));
        assert_eq!(pipeline.write().as_deref(), Some(&[19; 10][..]));
    }
}
