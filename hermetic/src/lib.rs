//! Makes code that is not pure a pure function of a seed: inside a run, clocks and random numbers come from the simulator.
//!
//! For a system under test that reads the time and draws random numbers by itself, unmodified:
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
//! Inside [`run`], on the run's thread, these are served from [`set_clocks`] and the seed: `Instant::now`, `SystemTime::now`,
//! the keys of the standard library's hash maps, `getrandom` 0.2, 0.3 and 0.4, and what is seeded by it, as `thread_rng`.
//! On other threads and outside of a run everything behaves as usual.
//!
//! How: this crate defines the C functions `clock_gettime`, `getrandom` and `syscall`. A program that it is linked into
//! calls these instead of the C library's. They look at a thread local whether a run is under way, and hand all else on to
//! the C library. Hash keys and `thread_rng` are kept per thread and drawn once, so each run has a thread of its own.
//!
//! What it leaves out: time stands still unless it is set, so who waits for it to pass waits for ever; threads that the run
//! itself starts; random instructions of the processor; files, such as `/dev/urandom`; what a crate keeps in a `static`
//! from one run to the next. And other targets than Linux with the GNU C library on x86-64 and aarch64 (see [`supported`]).

#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod functions;
mod state;

use std::panic::resume_unwind;

pub use state::{inside, set_clocks};

/// Whether runs can be hermetic on this target.
///
/// # Errors
/// The one line that says why not.
pub fn supported() -> Result<(), &'static str> {
    if cfg!(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        Ok(())
    } else {
        Err("clocks and random numbers can be taken over on Linux (glibc, x86-64 or aarch64) only")
    }
}

/// Runs `body` on a new thread, where the clocks stand at 0 until they are set and random numbers follow from `seed`.
///
/// # Panics
/// When `body` does, with its payload; and where runs cannot be hermetic ([`supported`]).
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
