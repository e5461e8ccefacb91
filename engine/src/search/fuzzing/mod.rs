//! Coverage-guided exploration: a campaign in the parent process, libFuzzer in worker processes.
//!
//! A worker may die (out of memory, a hang, a bug of vopr's own), and the campaign survives it; Ctrl-C is the parent's
//! affair alone. They talk in lines of JSON on the worker's standard output; the worker leaves when its standard input
//! closes, so none is left behind when the parent dies.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::campaigns::finding::Finding;
use crate::cases::violation::BrokenRule;
use crate::search::mutator::MutateBytes;

pub mod campaign;
pub mod process;
mod schedule;
pub mod seed_corpus;
pub mod turn;
pub mod worker;

/// What libFuzzer is to do after an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Continue,
    /// End the process with this exit code.
    Leave(i32),
}

/// What libFuzzer calls.
pub trait Harness {
    /// Runs an input.
    fn test(&mut self, input: &[u8]) -> Next;

    /// Changes the first `size` bytes of `data` to at most `max_size`, and returns the new length; `bytes` are
    /// libFuzzer's own mutations.
    fn mutate(&mut self, data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: MutateBytes) -> usize;

    /// Writes a cross of two inputs to `out`, and returns its length; 0 if it makes none.
    fn cross_over(&mut self, first: &[u8], second: &[u8], out: &mut [u8], seed: u32) -> usize;
}

/// libFuzzer: takes its command-line arguments and what to call, and returns an exit code if it does not end the process.
pub type Driver = fn(&[String], Box<dyn Harness>) -> i32;

/// What a worker tells its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// How far it is.
    Status {
        /// How many inputs it ran.
        runs: u64,
        /// How many of them broke an invariant.
        violated: u64,
        /// The coverage slots reached since the last status, for the first few runs that did each: see
        /// [`states::HITS_MAX`].
        slots: Vec<u32>,
        /// Those that inputs reached which were in the corpus before: their runs have been counted already.
        slots_of_corpus: Vec<u32>,
        /// How often each invariant was checked since the last status, in the order of `sim::invariants::NAMES`: both are
        /// processes of the same binary.
        checks: Vec<u64>,
    },
    /// A violation, already on the disk.
    Found(Finding),
    /// A violation that was known before; the first time that this worker sees it.
    Again(BrokenRule),
    /// A violation that could not be saved.
    NotSaved {
        /// One line.
        error: String,
    },
    /// All is done; nothing follows.
    Done,
}

/// Of the violations of one rule so many are saved, each of another scenario: one rule may have several causes.
pub const SAVED_OF_A_RULE: usize = 3;

/// A worker that died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Death {
    /// The fuzz target.
    pub target: String,
    /// How.
    pub status: String,
    /// The input at which it did, if libFuzzer could leave it.
    pub input: Option<PathBuf>,
    /// The same as a `.kmb` file.
    pub file: Option<PathBuf>,
}
