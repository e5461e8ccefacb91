//! The state of a run, in its thread: two clocks and a stream of random bytes.
//!
//! C functions that the standard library calls read it, so nothing here allocates, locks, or has a destructor.

use std::cell::Cell;

#[derive(Clone, Copy)]
struct Run {
    monotonic: u64,
    realtime: u64,
    /// The position in the stream of random numbers.
    random: u64,
}

thread_local! {
    static RUN: Cell<Option<Run>> = const { Cell::new(None) };
}

/// Ends the run of this thread when it is dropped, including by a panic.
pub(crate) struct End;

impl Drop for End {
    fn drop(&mut self) {
        RUN.set(None);
    }
}

/// Starts a run on this thread.
pub(crate) fn begin(seed: u64) -> End {
    RUN.set(Some(Run { monotonic: 0, realtime: 0, random: seed }));
    End
}

/// Whether this thread is inside a run.
pub fn inside() -> bool {
    RUN.get().is_some()
}

/// Sets the clocks of the run, in nanoseconds: since an arbitrary start, and since 1970. Has no effect outside of a
/// run.
pub fn set_clocks(monotonic: u64, realtime: u64) {
    if let Some(run) = RUN.get() {
        RUN.set(Some(Run { monotonic, realtime, ..run }));
    }
}

/// The monotonic and the wall clock of the run, in nanoseconds.
#[allow(dead_code, reason = "nobody asks on targets without functions.rs")]
pub(crate) fn clocks() -> Option<(u64, u64)> {
    RUN.get().map(|run| (run.monotonic, run.realtime))
}

/// Eight random bytes of the run.
#[allow(dead_code, reason = "nobody asks on targets without functions.rs")]
pub(crate) fn random() -> Option<[u8; 8]> {
    let run = RUN.get()?;
    let random = run.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    RUN.set(Some(Run { random, ..run }));
    // SplitMix64: uniformly distributed and portable. It need not be unpredictable in a simulation.
    let mixed = (random ^ random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    Some((mixed ^ mixed >> 31).to_le_bytes())
}
