//! Coverage-guided fuzzing: a campaign in the parent process, and libFuzzer in worker processes.
//!
//! The campaign survives the death of a worker (out of memory, a hang, a bug of vopr itself). Only the parent handles
//! Ctrl-C. A worker sends JSON lines to the parent on its standard output. It exits when its standard input closes, so
//! no worker survives the parent.

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

/// What libFuzzer does after an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Continue.
    Continue,
    /// End the process with this exit code.
    Leave(i32),
}

/// The callbacks of libFuzzer.
pub trait Harness {
    /// Runs an input.
    fn test(&mut self, input: &[u8]) -> Next;

    /// Mutates the first `size` bytes of `data` to at most `max_size` bytes, and returns the new length. `bytes` runs
    /// libFuzzer's own mutations.
    fn mutate(&mut self, data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: MutateBytes) -> usize;

    /// Writes a cross of two inputs to `out` and returns its length; 0 if it makes none.
    fn cross_over(&mut self, first: &[u8], second: &[u8], out: &mut [u8], seed: u32) -> usize;
}

/// Runs libFuzzer. Takes its command-line arguments and its callbacks, and returns an exit code unless libFuzzer ends
/// the process.
pub type Driver = fn(&[String], Box<dyn Harness>) -> i32;

/// A message from a worker to its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// The progress of the worker.
    Status {
        /// The number of inputs run.
        runs: u64,
        /// How many of them broke an invariant.
        violated: u64,
        /// The coverage slots reached since the last status. A slot is reported only by the first few runs that reach
        /// it, see [`HITS_MAX`](crate::campaigns::reached::HITS_MAX).
        slots: Vec<u32>,
        /// The slots reached by inputs that were in the corpus before. An earlier campaign has already counted their
        /// runs.
        slots_of_corpus: Vec<u32>,
        /// How often each invariant was checked since the last status, in the order of `sim::invariants::NAMES`: both are
        /// processes of the same binary.
        checks: Vec<u64>,
    },
    /// A violation that is saved on the disk.
    Found(Finding),
    /// A violation that was known before. It is sent the first time that this worker finds it.
    Again(BrokenRule),
    /// A violation that could not be saved.
    NotSaved {
        /// The error, in one line.
        error: String,
    },
    /// The worker is done. No message follows.
    Done,
}

/// The number of violations saved for one rule, each of another scenario, because one rule may be broken for several
/// reasons.
pub const SAVED_OF_A_RULE: usize = 3;

/// A worker that died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Death {
    /// The fuzz target.
    pub target: String,
    /// The exit status.
    pub status: String,
    /// The input that killed it, if libFuzzer was able to save it.
    pub input: Option<PathBuf>,
    /// The same input as a `.kmb` file.
    pub file: Option<PathBuf>,
}
