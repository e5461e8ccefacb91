//! Makes impure code a pure function of a seed: inside a run, clocks and random numbers come from the simulator.
//!
//! This is for an unmodified system under test that reads the time and draws random numbers itself:
//!
//! ```
//! let twice: Vec<_> = (0..2)
//!     .map(|_| {
//!         hermetic::run(7, || {
//!             hermetic::set_clocks(1_000, 2_000);
//!             let map: std::collections::HashMap<u8, u8> = (0..9).map(|key| (key, key)).collect();
//!             (std::time::SystemTime::now(), map.into_keys().collect::<Vec<_>>())
//!         })
//!     })
//!     .collect();
//! assert_eq!(twice[0], twice[1]);
//! ```
//!
//! Inside [`run`], on the run's thread, these return values from [`set_clocks`] and the seed: `Instant::now`,
//! `SystemTime::now`, the keys of the standard library's hash maps, `getrandom` 0.2, 0.3 and 0.4, and generators that
//! it seeds, such as `thread_rng`. On other threads and outside of a run everything behaves as usual.
//!
//! The crate defines the C functions `clock_gettime`, `getrandom` and `syscall`. A program that links it calls these
//! instead of the C library's. They check a thread-local variable for a run, and otherwise call the C library. Hash
//! keys and `thread_rng` are stored per thread and drawn once, so each run has a thread of its own.
//!
//! Left out: time advances only when it is set, so code that waits for time to pass waits for ever; threads that the
//! run itself starts; random instructions of the processor; files, such as `/dev/urandom`; state that a crate keeps in
//! a `static` from one run to the next; and targets other than Linux with the GNU C library on x86-64 and aarch64 (see
//! [`supported`]).

#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod functions;
mod state;

use std::panic::resume_unwind;

pub use state::{inside, set_clocks};

/// Checks whether runs can be hermetic on this target.
///
/// # Errors
/// The reason why not, in one line.
pub fn supported() -> Result<(), &'static str> {
    if cfg!(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        Ok(())
    } else {
        Err("clocks and random numbers can be taken over on Linux (glibc, x86-64 or aarch64) only")
    }
}

/// Runs `body` on a new thread. The clocks are at 0 until they are set, and random numbers follow from `seed`.
///
/// # Panics
/// If `body` panics, with its payload; and on targets where runs cannot be hermetic ([`supported`]).
pub fn run<T: Send>(seed: u64, body: impl FnOnce() -> T + Send) -> T {
    if let Err(why) = supported() {
        panic!("{why}");
    }
    #[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
    functions::link();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let _end = state::begin(seed);
            body()
        });
        thread.join().unwrap_or_else(|payload| resume_unwind(payload))
    })
}
